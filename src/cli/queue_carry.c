#include "cli/queue_carry.h"

#include <string.h>

#include "base/own.h"

#define CALL_S 30
#define WAIT_S 1 /* a short poll asks only a part of SQS's servers */
#define ATTRS_MAX 10

int cli_queue_receive(struct lane *l, const char *url, int max, int visibility_s,
		      struct sqs_messages *ret, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_receive_ask(&c.request, url, max, WAIT_S, visibility_s);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_receive_read(&c.reply, ret, e);
}

static int first_failure(const struct sqs_batch_result *r, const char *what, struct err *e)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->item[i].ok)
			return err_set(e, ERR_CONFLICT, "%s: %s %s", what,
				       r->item[i].told ? r->item[i].code : "no answer",
				       r->item[i].message);
	return 0;
}

int cli_queue_return(struct lane *l, const char *url, const struct sqs_messages *m, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	const char *receipts[SQS_BATCH_MAX];
	int seconds[SQS_BATCH_MAX] = { 0 };
	struct sqs_batch_result done;
	size_t n = m->count < SQS_BATCH_MAX ? m->count : SQS_BATCH_MAX;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		receipts[i] = m->list[i].receipt;
	aws_sqs_visibility_batch_ask(&c.request, url, receipts, seconds, n);
	aws_run_one(l, &c, span_s(CALL_S));
	if (aws_sqs_batch_read(&c.reply, n, &done, e) < 0)
		return -1;
	return first_failure(&done, "a message stays hidden until its timeout", e);
}

static size_t attrs_of(const struct sqs_message *m, const char *without, struct sqs_send_attr *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < m->attr_count && n < ATTRS_MAX; i++)
		if (!without || strcmp(m->attrs[i].name, without) != 0)
			ret[n++] = (struct sqs_send_attr){ .name = m->attrs[i].name,
							   .value = m->attrs[i].value,
							   .type = m->attrs[i].type,
							   .value_len = m->attrs[i].value_len };
	return n;
}

/* Ten large messages do not fit into one batch, so each goes alone. */
static int send_one(struct lane *l, const char *to, const struct sqs_message *m,
		    const char *without, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	struct sqs_send_attr attrs[ATTRS_MAX];
	struct sqs_send send = {
		.body = m->body, .body_len = m->body_len, .delay_s = -1, .attrs = attrs
	};

	send.attr_count = attrs_of(m, without, attrs);
	aws_sqs_send_ask(&c.request, to, &send);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_send_read(&c.reply, NULL, e);
}

int cli_queue_carry(struct lane *l, const char *from, const char *to, const struct sqs_messages *m,
		    const char *without, size_t *ret_moved, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	const char *receipts[SQS_BATCH_MAX];
	struct sqs_batch_result done;
	struct err why = { 0 };
	size_t n = 0;

	for (; n < m->count && n < SQS_BATCH_MAX; n++) {
		if (send_one(l, to, &m->list[n], without, &why) < 0)
			break;
		receipts[n] = m->list[n].receipt;
	}
	*ret_moved = n;
	if (n > 0) {
		aws_sqs_delete_batch_ask(&c.request, from, receipts, n);
		aws_run_one(l, &c, span_s(CALL_S));
		if (aws_sqs_batch_read(&c.reply, n, &done, e) < 0 ||
		    first_failure(&done, "sent, and not deleted", e) < 0)
			return err_wrap(e, "messages that were sent may be in both queues");
	}
	if (why.kind == ERR_NONE)
		return 0;
	*e = why;
	return -1;
}
