#include "produce/batch.h"

#include <stdio.h>
#include <string.h>

#include "aws/sqs.h"
#include "base/clock.h"
#include "produce/message.h"

#define CALL_S 30
#define TRY_S 4
#define AGAIN_MS 250
#define AGAIN_MOST_MS 4000
#define CALLS_MOST (PRODUCE_WINDOW / SQS_BATCH_MAX)

/* Worth another try: the service was not there, was busy, or its answer got lost. */
static bool passing(const struct err *e)
{
	return e->kind == ERR_UNREACHABLE || e->kind == ERR_THROTTLED;
}

static void refused(struct produce_entry *t, const struct err *e)
{
	t->err = *e;
	t->over = !passing(e);
}

static void taken(struct produce_entry *t, const char *message_id)
{
	t->sent = t->over = true;
	snprintf(t->message_id, sizeof(t->message_id), "%s", message_id);
	err_clear(&t->err);
}

size_t produce_batch_fit(const size_t *bytes, size_t n)
{
	size_t sum = 0, fit = 0;

	while (fit < n && fit < SQS_BATCH_MAX && sum + bytes[fit] <= PRODUCE_BATCH_BYTES)
		sum += bytes[fit++];
	return fit || !n ? fit : 1;
}

/* --- SQS: one batch, and those that are under way together */

struct parcel {
	struct aws_call call;
	struct produce_entry *entry[SQS_BATCH_MAX];
	size_t count;
};

static void parcel_write(struct parcel *p, const char *url)
{
	struct produce_message m[SQS_BATCH_MAX];
	struct sqs_send send[SQS_BATCH_MAX];
	size_t bytes[SQS_BATCH_MAX] = { 0 }, n = 0, fit;

	for (size_t i = 0; i < p->count; i++) {
		struct err e = { 0 };

		if (produce_message_write(&m[n], &p->entry[i]->job, &e) < 0) {
			refused(p->entry[i], &e);
			continue;
		}
		send[n] = m[n].send;
		bytes[n] = m[n].bytes;
		p->entry[n++] = p->entry[i];
	}
	fit = produce_batch_fit(bytes, n); /* what does not go with this one goes with the next */
	p->count = fit;
	if (fit)
		aws_sqs_send_batch_ask(&p->call.request, url, send, fit);
	for (size_t i = 0; i < n; i++)
		produce_message_done(&m[i]);
}

static void parcel_failed(struct parcel *p, const struct err *e)
{
	/* A service that refuses a whole batch for one of its messages does not say which. */
	bool apart = p->count > 1 && (e->kind == ERR_PROTOCOL || e->kind == ERR_POLICY);

	for (size_t i = 0; i < p->count; i++) {
		refused(p->entry[i], e);
		if (apart) {
			p->entry[i]->alone = true;
			p->entry[i]->over = false;
		}
	}
}

static void parcel_read(struct parcel *p)
{
	struct sqs_batch_result result = { 0 };
	struct err e = { 0 };

	if (aws_sqs_batch_read(&p->call.reply, p->count, &result, &e) < 0) {
		parcel_failed(p, &e);
		return;
	}
	for (size_t i = 0; i < p->count; i++) {
		if (result.item[i].told && result.item[i].ok) {
			taken(p->entry[i], result.item[i].message_id);
			continue;
		}
		err_set(&e, result.item[i].sender_fault ? ERR_POLICY : ERR_UNREACHABLE,
			"SQS SendMessageBatch: %s%s%s",
			result.item[i].told ? result.item[i].code : "this job was not answered",
			result.item[i].message[0] ? ": " : "", result.item[i].message);
		refused(p->entry[i], &e);
	}
}

/* The next entries that are not over; *at moves on. */
static void parcel_fill(struct parcel *p, struct produce_entry *list, size_t n, size_t *at)
{
	for (; *at < n && p->count < SQS_BATCH_MAX; (*at)++) {
		if (list[*at].over)
			continue;
		if (list[*at].alone && p->count)
			return;
		p->entry[p->count++] = &list[*at];
		if (list[*at].alone) {
			(*at)++;
			return;
		}
	}
}

static void round_sqs(const struct produce_way *w, struct produce_entry *list, size_t n,
		      struct span deadline)
{
	struct parcel *parcels = own_array(CALLS_MOST, sizeof(*parcels));
	struct aws_call *calls[CALLS_MOST];
	size_t count = 0, at = 0;

	while (at < n && count < CALLS_MOST) {
		struct parcel *p = &parcels[count];

		p->count = 0;
		parcel_fill(p, list, n, &at);
		if (p->count)
			parcel_write(p, w->queue_url);
		if (p->count)
			calls[count++] = &p->call;
	}
	aws_run(w->lane, calls, count, deadline);
	for (size_t i = 0; i < count; i++) {
		parcel_read(&parcels[i]);
		aws_call_done(&parcels[i].call);
	}
	own_free(parcels);
}

/* --- Celery */

static void pushed(const struct err *e, void *arg)
{
	struct produce_entry *t = arg;

	if (e->kind == ERR_NONE)
		taken(t, t->job.task_id);
	else
		refused(t, e);
}

static void round_celery(const struct produce_way *w, struct produce_entry *list, size_t n,
			 struct span deadline)
{
	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };

		if (!list[i].over && produce_celery_start(w->celery, &list[i].job, deadline, pushed,
							  &list[i], &e) < 0)
			refused(&list[i], &e);
	}
	produce_celery_wait(w->celery);
}

/* --- until all are over, or the time is */

static size_t open_count(const struct produce_entry *list, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		left += !list[i].over;
	return left;
}

static struct span shorter(struct span a, int64_t seconds)
{
	return a.ms < seconds * 1000 ? a : span_s(seconds);
}

static void until(const struct produce_way *w, struct produce_entry *list, size_t n,
		  struct span deadline)
{
	struct tick ends = tick_add(clock_mono(), deadline);
	int64_t again_ms = AGAIN_MS;

	for (size_t before = n, left; (left = open_count(list, n)) > 0; before = left) {
		struct span time = tick_since(ends, clock_mono());

		if (left == before && before != n) { /* nothing moved: give it time */
			if (time.ms <= again_ms)
				return;
			clock_sleep(span_ms(again_ms));
			again_ms = again_ms * 2 < AGAIN_MOST_MS ? again_ms * 2 : AGAIN_MOST_MS;
			time = tick_since(ends, clock_mono());
		}
		if (time.ms <= 0)
			return;
		if (w->path == PRODUCE_SQS)
			round_sqs(w, list, n, shorter(time, CALL_S));
		else
			round_celery(w, list, n, shorter(time, TRY_S));
	}
}

void produce_batch(const struct produce_way *w, struct produce_entry *list, size_t n,
		   struct span deadline)
{
	until(w, list, n, deadline);
	for (size_t i = 0; i < n; i++)
		if (!list[i].over && list[i].err.kind == ERR_NONE)
			err_set(&list[i].err, ERR_UNREACHABLE, "there was no time left to send it");
}
