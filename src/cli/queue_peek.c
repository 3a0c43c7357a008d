/* windlass queue peek: shows messages of a queue and puts them back. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/queue.h"
#include "cli/queue_carry.h"

#define HIDDEN_S 30 /* should we die in between, they come back soon */
#define BODY_TOLD 65536
#define OUT_MAX (16u << 20)

struct peek {
	const char *what, *region, *output;
	int64_t count;
	bool spend;
	struct lane *lane;
	char *url;
	struct sqs_attributes at;
	struct sqs_messages seen, last; /* last: at their last receive, borrowed from seen */
};

static void peek_done(struct peek *p)
{
	lane_free(p->lane);
	own_free(p->url);
	sqs_attributes_done(&p->at);
	sqs_messages_done(&p->seen);
	own_free(p->last.list);
}

/* SQS has no peek: a look is a receive, and a redrive policy counts receives. */
static int may_look(const struct peek *p, struct err *e)
{
	const char *dead = p->at.dead_letter_arn ? aws_sqs_name(p->at.dead_letter_arn) : "";
	long long most = p->at.max_receive_count;

	if (most == 0)
		return 0;
	if (most == 1)
		return err_set(e, ERR_POLICY,
			       "SQS has no peek, and the one receive that a message of this queue "
			       "has would be spent: the next one moves it to %s -> raise "
			       "maxReceiveCount",
			       dead);
	if (!p->spend)
		return err_set(e, ERR_POLICY,
			       "SQS has no peek: a look is one of the %lld receives after which a "
			       "message goes to %s -> say --spend-a-receive",
			       most, dead);
	if (p->at.fifo)
		return err_set(e, ERR_POLICY,
			       "a message of a FIFO queue at its last receive could not be put "
			       "back in its place -> look into %s, or stop the workers and take "
			       "the redrive policy away for the look",
			       dead);
	return 0;
}

/* Those whose next receive would move them to the dead-letter queue; of the rest the receipts
 * stay. */
static void part_last(struct peek *p, struct sqs_messages *ret_rest)
{
	int64_t most = p->at.max_receive_count;

	p->last.list = own_array(p->seen.count + 1, sizeof(*p->last.list));
	ret_rest->list = own_array(p->seen.count + 1, sizeof(*ret_rest->list));
	for (size_t i = 0; i < p->seen.count; i++) {
		bool is_last = most > 0 && p->seen.list[i].receive_count >= most;
		struct sqs_messages *to = is_last ? &p->last : ret_rest;

		to->list[to->count++] = p->seen.list[i];
	}
}

/* A message that has no receive left is sent anew: its receives begin again, and it is worked on as
 * if nobody had looked. */
static int put_back(struct peek *p, struct err *e)
{
	struct sqs_messages rest = { 0 };
	size_t moved = 0;
	int rc;

	part_last(p, &rest);
	rc = cli_queue_return(p->lane, p->url, &rest, e);
	own_free(rest.list);
	if (rc == 0 && p->last.count > 0)
		rc = cli_queue_carry(p->lane, p->url, p->url, &p->last, NULL, &moved, e);
	return rc;
}

static int look(struct peek *p, struct err *e)
{
	p->lane = lane_new(NULL, &(struct lane_options){ .region = p->region }, e);
	if (!p->lane)
		return -1;
	if (cli_queue_url(p->lane, p->what, &p->url, e) < 0 ||
	    cli_queue_attributes(p->lane, p->url, &p->at, e) < 0 || may_look(p, e) < 0 ||
	    cli_queue_receive(p->lane, p->url, (int)p->count, HIDDEN_S, &p->seen, e) < 0)
		return err_wrap(e, "queue '%.200s'", p->what);
	return 0;
}

static void add_body(const struct sqs_message *m, struct buf *out)
{
	size_t n = m->body_len < BODY_TOLD ? m->body_len : BODY_TOLD;

	buf_adds(out, "  ");
	for (size_t i = 0; i < n; i++) /* what a terminal would obey is not for a body to say */
		buf_addc(out,
			 (unsigned char)m->body[i] < ' ' || m->body[i] == 127 ? ' ' : m->body[i]);
	buf_addf(out, "%s\n", n < m->body_len ? " …" : "");
}

static void tell_text(const struct peek *p, struct buf *out)
{
	char when[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < p->seen.count; i++) {
		const struct sqs_message *m = &p->seen.list[i];

		buf_addf(out, "%s  sent %s, received %lld times with this look\n", m->id,
			 clock_print(m->sent, when), (long long)m->receive_count);
		for (size_t k = 0; k < m->attr_count; k++)
			buf_addf(out, "  %s (%s): %.2000s\n", m->attrs[k].name, m->attrs[k].type,
				 strncmp(m->attrs[k].type, "Binary", 6) == 0 ? "…"
									     : m->attrs[k].value);
		add_body(m, out);
	}
	if (p->seen.count == 0)
		buf_adds(out, "no message came\n");
	else
		buf_addf(out, "%zu received and put back at once%s\n", p->seen.count,
			 p->at.max_receive_count ? ": each has spent a receive" : "");
	if (p->last.count > 0)
		buf_addf(out,
			 "%zu of them had no receive left and were sent anew, so that none goes to "
			 "%s for this look\n",
			 p->last.count, aws_sqs_name(p->at.dead_letter_arn));
}

static void tell_json(const struct peek *p, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();
	struct json *list = json_array();
	char when[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < p->seen.count; i++) {
		const struct sqs_message *m = &p->seen.list[i];
		struct json *one = json_object(), *attrs = json_object();

		json_set_str(one, "id", m->id);
		json_set_str(one, "sent", clock_print(m->sent, when));
		json_set_int(one, "receives", m->receive_count);
		for (size_t k = 0; k < m->attr_count; k++)
			if (strncmp(m->attrs[k].type, "Binary", 6) != 0)
				json_set_str(attrs, m->attrs[k].name, m->attrs[k].value);
		json_set(one, "attributes", attrs);
		json_set(one, "body", json_new_strn(m->body, m->body_len));
		json_add(list, one);
	}
	json_set_str(j, "queue_url", p->url);
	json_set(j, "messages", list);
	json_set_bool(j, "spent_a_receive", p->at.max_receive_count > 0 && p->seen.count > 0);
	json_set_int(j, "sent_anew", (int64_t)p->last.count);
	json_write_pretty(j, out);
}

static int run(struct peek *p)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct err e = { 0 };
	int status = CLI_DONE;

	if (look(p, &e) < 0)
		return cli_fail("queue peek", &e);
	if (put_back(p, &e) < 0) {
		err_ignore(err_wrap(&e,
				    "putting back what was seen -> it is hidden for %d s at "
				    "most",
				    HIDDEN_S));
		status = cli_fail("queue peek", &e);
	}
	if (strcmp(p->output, "json") == 0)
		tell_json(p, &out);
	else
		tell_text(p, &out);
	return cli_print(&out, status);
}

int cli_queue_peek(int argc, char **argv)
{
	AUTO(peek_done) struct peek p = { 0 };
	const struct option table[] = {
		{ .name = "count",
		  .type = OPTION_INT,
		  .value = &p.count,
		  .meta = "N",
		  .init = "1",
		  .least = 1,
		  .most = SQS_BATCH_MAX,
		  .doc = "messages at most" },
		{ .name = "spend-a-receive",
		  .type = OPTION_FLAG,
		  .value = &p.spend,
		  .doc = "look although the queue has a redrive policy, which counts the look" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &p.region,
		  .meta = "REGION",
		  .env = "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		CLI_ROW_OUTPUT(&p.output, "text", "text|json"),
	};
	const struct options o = {
		.program = "windlass queue peek",
		.summary = "Shows messages of a queue and puts them back at once.",
		.operands = "NAME|URL",
		.details = "SQS has no peek: the messages are received, shown, and made visible "
			   "again. A "
			   "queue with a redrive policy\nis refused without --spend-a-receive; a "
			   "message "
			   "that had no receive left then is sent anew, as a copy that\nstarts at "
			   "zero, "
			   "so that the look moves none to the dead-letter queue.\n"
			   "Exit status: 0 looked, 1 failed, 2 refused, or wrong arguments.\n",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1,
	};
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("queue peek", &e) : CLI_DONE;
	p.what = operands[0];
	return run(&p);
}
