#include "broker/sqs_acks.h"

#include <string.h>

#include "aws/sqs.h"
#include "base/clock.h"
#include "base/own.h"

#define PATIENCE_MS 200 /* behind a call that is slow */

struct ack {
	char *handle;
	struct tick asked, ends;
	broker_done_fn *fn;
	void *arg;
	struct ack *next;
};

struct ack_call {
	struct aws_call call;
	struct sqs_acks *of;
	struct ack *list[BROKER_BATCH_MAX];
	size_t n;
	struct ack_call *next, **at;
};

struct sqs_acks {
	struct lane *lane;
	char *url;
	struct loop_timer *flush;
	struct ack *waiting, **end;
	size_t count; /* of waiting */
	struct ack_call *calls;
};

static void ack_free(struct ack *k)
{
	own_free(k->handle);
	own_free(k);
}

static void ack_end(struct ack *k, const struct err *e)
{
	k->fn(e, k->arg);
	ack_free(k);
}

static void call_free(struct ack_call *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	aws_call_done(&c->call);
	own_free(c);
}

enum broker_held broker_sqs_held_of_code(const char *code)
{
	static const char *const lost[] = { "ReceiptHandleIsInvalid", "InvalidParameterValue",
					    "MessageNotInflight",
					    "AWS.SimpleQueueService.MessageNotInflight",
					    "InvalidParameterValueException" };

	for (size_t i = 0; i < COUNT_OF(lost); i++)
		if (strcmp(code, lost[i]) == 0)
			return BROKER_LOST;
	return BROKER_UNSURE;
}

enum broker_held broker_sqs_held_of(const struct err *e)
{
	if (e->kind == ERR_NONE)
		return BROKER_HELD;
	return e->kind == ERR_CONFLICT || e->kind == ERR_NOT_FOUND ? BROKER_LOST : BROKER_UNSURE;
}

/* When the next call is to be made, unless it waits for the end of one. */
static void plan(struct sqs_acks *a)
{
	if (!a->count)
		return;
	if (!a->calls || a->count >= BROKER_BATCH_MAX)
		loop_timer_start(a->flush, span_ms(0));
	else if (!loop_timer_active(a->flush))
		loop_timer_start(a->flush, span_ms(PATIENCE_MS));
}

/* --- answers */

/* How one entry of a batch ended. */
static void read_item(const struct sqs_batch_result *r, size_t i, struct err *e)
{
	bool told = r->item[i].told;
	enum err_kind kind = told && broker_sqs_held_of_code(r->item[i].code) == BROKER_LOST
				     ? ERR_CONFLICT
				     : ERR_UNREACHABLE;

	if (told && r->item[i].ok)
		return;
	err_set(e, kind, "SQS DeleteMessageBatch: %s: %s",
		told ? r->item[i].code : "an entry was not answered", r->item[i].message);
}

static void come(struct aws_call *call, void *arg)
{
	struct ack_call *c = arg;
	struct sqs_acks *a = c->of;
	struct sqs_batch_result r = { 0 };
	struct err e = { 0 };
	struct ack *list[BROKER_BATCH_MAX];
	size_t n = c->n;
	int rc = n == 1 ? aws_sqs_none_read(&call->reply, &e)
			: aws_sqs_batch_read(&call->reply, n, &r, &e);

	if (rc < 0 && broker_sqs_held_of(&e) == BROKER_LOST)
		e.kind = ERR_CONFLICT;
	memcpy(list, c->list, sizeof(list));
	call_free(c);
	plan(a);
	for (size_t i = 0; i < n; i++) {
		struct err one = e;

		if (rc == 0 && n > 1)
			read_item(&r, i, &one);
		ack_end(list[i], &one);
	}
}

/* --- calls */

static struct ack *take(struct sqs_acks *a)
{
	struct ack *k = a->waiting;

	a->waiting = k->next;
	if (!a->waiting)
		a->end = &a->waiting;
	a->count--;
	return k;
}

static void start(struct sqs_acks *a, struct ack_call *c, struct span deadline)
{
	const char *handles[BROKER_BATCH_MAX];

	for (size_t i = 0; i < c->n; i++)
		handles[i] = c->list[i]->handle;
	c->of = a;
	c->next = a->calls;
	c->at = &a->calls;
	if (c->next)
		c->next->at = &c->next;
	a->calls = c;
	if (c->n == 1)
		aws_sqs_delete_ask(&c->call.request, a->url, handles[0]);
	else
		aws_sqs_delete_batch_ask(&c->call.request, a->url, handles, c->n);
	lane_start(a->lane, &c->call, deadline, come, c);
}

/* One call with what waits and is still ours; of what is not its end is told. */
static void send_some(struct sqs_acks *a)
{
	struct ack_call *c = own_alloc(sizeof(*c));
	struct tick now = clock_mono();
	struct span deadline = span_ms(INT64_MAX);
	struct ack *late = NULL, **late_end = &late;

	while (a->count && c->n < BROKER_BATCH_MAX) {
		struct ack *k = take(a);
		struct span left = tick_since(k->ends, now);

		k->next = NULL;
		if (left.ms <= 0) {
			*late_end = k;
			late_end = &k->next;
			continue;
		}
		if (left.ms < deadline.ms)
			deadline = left;
		c->list[c->n++] = k;
	}
	if (c->n)
		start(a, c, deadline);
	else
		own_free(c);
	while (late) {
		struct ack *k = late;
		struct err e = { 0 };

		late = k->next;
		err_set(&e, ERR_CONFLICT, "the claim is over");
		ack_end(k, &e);
	}
}

static bool overdue(const struct sqs_acks *a)
{
	return tick_since(clock_mono(), a->waiting->asked).ms >= PATIENCE_MS;
}

static void flush(void *arg)
{
	struct sqs_acks *a = arg;

	while (a->count && (!a->calls || a->count >= BROKER_BATCH_MAX || overdue(a)))
		send_some(a);
	plan(a);
}

void broker_sqs_acks_add(struct sqs_acks *a, const char *handle, struct span deadline,
			 broker_done_fn *fn, void *arg)
{
	struct ack *k = own_alloc(sizeof(*k));

	k->handle = own_strdup(handle);
	k->asked = clock_mono();
	k->ends = tick_add(k->asked, deadline);
	k->fn = fn;
	k->arg = arg;
	*a->end = k;
	a->end = &k->next;
	a->count++;
	plan(a);
}

struct sqs_acks *broker_sqs_acks_new(struct lane *l, const char *url)
{
	struct sqs_acks *a = own_alloc(sizeof(*a));

	a->lane = l;
	a->url = own_strdup(url);
	a->end = &a->waiting;
	a->flush = loop_timer_new(lane_loop(l), flush, a);
	return a;
}

void broker_sqs_acks_free(struct sqs_acks *a)
{
	while (a->calls) {
		struct ack_call *c = a->calls;

		lane_cancel(a->lane, &c->call);
		for (size_t i = 0; i < c->n; i++)
			ack_free(c->list[i]);
		call_free(c);
	}
	while (a->count)
		ack_free(take(a));
	loop_timer_free(a->flush);
	own_free(a->url);
	own_free(a);
}
