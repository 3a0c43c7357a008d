/* How claims end, against a broker that does as it is told. */
#include "check_worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/inside.h"
#include "worker/note.h"

#define ANSWERS_MAX 8

struct scripted {
	struct broker broker;
	struct loop *loop;
	enum err_kind answers[ANSWERS_MAX]; /* in the order of the calls; past them: done */
	size_t asked;
	char calls[256]; /* what was asked, in words */
	char note[512];  /* "name=value" of the last copy */
	broker_done_fn *fn;
	broker_extended_fn *extended;
	void *arg, *extend_arg;
};

static void answer(void *arg)
{
	struct scripted *s = arg;
	struct err e = { 0 };

	if (s->asked <= ANSWERS_MAX && s->answers[s->asked - 1] != ERR_NONE)
		err_set(&e, s->answers[s->asked - 1], "as told");
	s->fn(&e, s->arg);
}

static void ask(struct scripted *s, broker_done_fn *fn, void *arg, const char *word)
{
	size_t len = strlen(s->calls);

	snprintf(s->calls + len, sizeof(s->calls) - len, "%s ", word);
	s->asked++;
	s->fn = fn;
	s->arg = arg;
	loop_soon(s->loop, answer, s);
}

static void give_back(struct broker *b, const struct broker_message *m, struct span delay,
		      struct span deadline, broker_done_fn *fn, void *arg)
{
	char word[32];

	(void)m;
	(void)deadline;
	snprintf(word, sizeof(word), "return:%lld", (long long)delay.ms / 1000);
	ask((struct scripted *)b, fn, arg, word);
}

static void ack(struct broker *b, const struct broker_message *m, const char *result,
		struct span deadline, broker_done_fn *fn, void *arg)
{
	(void)result;
	ck_assert_str_eq(m->handle, "h");
	ck_assert_int_gt(deadline.ms, 0);
	ask((struct scripted *)b, fn, arg, "ack");
}

static int copy(struct broker *b, enum broker_place place, const struct broker_message *m,
		const struct broker_note *notes, size_t n, struct span deadline, broker_done_fn *fn,
		void *arg, struct err *e)
{
	struct scripted *s = (struct scripted *)b;

	(void)m;
	(void)deadline;
	if (n)
		snprintf(s->note, sizeof(s->note), "%s=%s", notes[0].name, notes[0].value);
	if (s->answers[s->asked] == ERR_NOT_FOUND) { /* nowhere to copy to */
		s->asked++;
		return err_set(e, ERR_NOT_FOUND, "as told");
	}
	ask(s, fn, arg, place == BROKER_DEAD_LETTERS ? "dead" : "same");
	return 0;
}

/* Renewals are never answered well: the deadman has to do it. */
static void unsure(void *arg)
{
	struct scripted *s = arg;
	enum broker_held held[] = { BROKER_UNSURE };
	struct err e = { 0 };

	err_set(&e, ERR_UNREACHABLE, "as told");
	s->extended(held, 1, &e, s->extend_arg);
}

static void extend(struct broker *b, const char *const *handles, const struct span *holds, size_t n,
		   struct span deadline, broker_extended_fn *fn, void *arg)
{
	struct scripted *s = (struct scripted *)b;

	(void)handles;
	(void)holds;
	(void)deadline;
	ck_assert_uint_eq(n, 1);
	s->extended = fn;
	s->extend_arg = arg;
	loop_soon(s->loop, unsure, s);
}

static const struct broker_ops scripted_ops = {
	.word = "scripted", .give_back = give_back, .ack = ack, .copy = copy, .extend = extend
};

struct bench {
	struct worker_options o;
	struct worker w;
	struct scripted b;
};

static void stop(void *arg)
{
	loop_stop(arg);
}

static struct claim *begin(struct bench *t, int64_t receives, int64_t receive_max, int64_t age_ms)
{
	struct broker_message m = { .id = own_strdup("m"),
				    .handle = own_strdup("h"),
				    .body = own_strdup("{}"),
				    .body_len = 2,
				    .receives = receives,
				    .attrs = own_array(1, sizeof(*m.attrs)) };
	struct lane_options where = { .region = "us-east-1" };

	*t = (struct bench){ .o = { .retry = { 10000 } } };
	t->w.o = &t->o;
	t->w.loop = t->b.loop = loop_new();
	t->w.turns = loop_timer_new(t->w.loop, stop, t->w.loop);
	t->w.lane = lane_new(t->w.loop, &where, NULL);
	ck_assert_ptr_nonnull(t->w.lane);
	t->w.broker = &t->b.broker;
	t->b.broker.ops = &scripted_ops;
	t->w.rule = worker_lease_rule(span_s(60));
	t->w.receive_max = (size_t)receive_max;
	memcpy(t->w.host, "host", 5);
	rng_seed(&t->w.rng, 1);
	worker_claim_start(&t->w);
	log_setup("check", LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
	return worker_claim_new(&t->w, &m, tick_add(clock_mono(), span_ms(-age_ms)));
}

static void end(struct bench *t)
{
	if (t->w.claims)
		loop_run(t->w.loop); /* until the claim is gone: its end asks for a turn */
	worker_claim_stop_all(&t->w);
	loop_timer_free(t->w.turns);
	lane_free(t->w.lane);
	loop_free(t->w.loop);
}

enum how { STORED, FAILED, CRASHED, INTERRUPTED, LOST, PARKED };

static const struct {
	const char *name;
	enum how how;
	int64_t receives, receive_max, age_ms;
	enum err_kind answers[ANSWERS_MAX];
	const char *calls, *note; /* note: how it begins */
} ends[] = {
	{ "stored is acked", STORED, 1, 3, 0, { 0 }, "ack ", "" },
	{ "an ack that fails is sent again",
	  STORED,
	  1,
	  3,
	  0,
	  { ERR_UNREACHABLE, ERR_THROTTLED },
	  "ack ack ack ",
	  "" },
	{ "a message that is gone needs no ack", STORED, 1, 3, 0, { ERR_CONFLICT }, "ack ", "" },
	{ "no ack after the claim", STORED, 1, 3, 60000, { 0 }, "", "" },
	{ "a failure comes back later", FAILED, 1, 3, 0, { 0 }, "return:", "" },
	{ "at its last receive it is parked with its reason",
	  FAILED,
	  3,
	  3,
	  0,
	  { 0 },
	  "dead ack ",
	  NOTE_PARKED "={\"reason\":\"why\",\"stage\":\"fetch\",\"stderr\":\"words\"" },
	{ "past it too", FAILED, 4, 3, 0, { 0 }, "dead ack ", NOTE_PARKED "={\"reason\":\"why\"" },
	{ "a crash comes back at once", CRASHED, 2, 3, 0, { 0 }, "return:0 ", "" },
	{ "a crash at its last receive is parked",
	  CRASHED,
	  3,
	  3,
	  0,
	  { 0 },
	  "dead ack ",
	  NOTE_PARKED "={\"reason\":\"its slot was killed\"" },
	{ "interrupted comes back at once", INTERRUPTED, 1, 3, 0, { 0 }, "return:0 ", "" },
	{ "at its last receive it is sent again",
	  INTERRUPTED,
	  3,
	  3,
	  0,
	  { 0 },
	  "same ack ",
	  NOTE_INTERRUPTED "=1" },
	{ "past it too", INTERRUPTED, 5, 3, 0, { 0 }, "same ack ", NOTE_INTERRUPTED "=1" },
	{ "without a redrive policy there is no last receive",
	  INTERRUPTED,
	  9,
	  0,
	  0,
	  { 0 },
	  "return:0 ",
	  "" },
	{ "a copy that does not fit comes back instead",
	  INTERRUPTED,
	  3,
	  3,
	  0,
	  { ERR_POLICY },
	  "same return:0 ",
	  NULL },
	{ "lost is left alone", LOST, 1, 3, 0, { 0 }, "", "" },
	{ "parked is copied, then acked",
	  PARKED,
	  1,
	  3,
	  0,
	  { 0 },
	  "dead ack ",
	  NOTE_PARKED "={\"reason\":\"why\"" },
	{ "an ack that fails does not copy again",
	  PARKED,
	  1,
	  3,
	  0,
	  { ERR_NONE, ERR_UNREACHABLE },
	  "dead ack ack ",
	  NULL },
	{ "a copy that fails is not acked",
	  PARKED,
	  1,
	  3,
	  0,
	  { ERR_UNREACHABLE },
	  "dead dead ack ",
	  NULL },
	{ "nowhere to park: left to its time-out",
	  PARKED,
	  1,
	  3,
	  0,
	  { ERR_NOT_FOUND },
	  "return:60 ",
	  NULL },
	{ "a copy that does not fit: left to its time-out",
	  PARKED,
	  1,
	  3,
	  0,
	  { ERR_POLICY },
	  "dead return:60 ",
	  NULL },
	{ "nothing is parked after the claim", PARKED, 1, 3, 60000, { 0 }, "", NULL },
};

static void end_it(struct claim *c, enum how how)
{
	static const enum job_state way[] = { JOB_FETCHED, JOB_TRANSCODED, JOB_STORED };

	for (size_t i = 0; how == STORED && i < COUNT_OF(way); i++)
		job_move(&c->job, way[i]);
	switch (how) {
	case STORED:
		worker_finish_stored(c, "k", 1, false);
		break;
	case FAILED:
		worker_finish_failed(c, "fetch", "why", "words");
		break;
	case CRASHED:
		worker_finish_crashed(c, "was killed");
		break;
	case INTERRUPTED:
		worker_finish_interrupted(c, "why");
		break;
	case LOST:
		worker_finish_lost(c);
		break;
	case PARKED:
		worker_finish_parked(c, "probe", "why", "words");
		break;
	}
}

START_TEST(a_claim_ends_as_it_should)
{
	struct bench t;
	struct claim *c = begin(&t, ends[_i].receives, ends[_i].receive_max, ends[_i].age_ms);
	bool begins = ends[_i].how == FAILED; /* its delay is by chance */

	memcpy(t.b.answers, ends[_i].answers, sizeof(t.b.answers));
	end_it(c, ends[_i].how);
	end(&t);
	ck_assert_msg(begins ? strncmp(t.b.calls, ends[_i].calls, strlen(ends[_i].calls)) == 0
			     : strcmp(t.b.calls, ends[_i].calls) == 0,
		      "%s: %s", ends[_i].name, t.b.calls);
	if (ends[_i].note)
		ck_assert_msg(strncmp(t.b.note, ends[_i].note, strlen(ends[_i].note)) == 0,
			      "%s: %s", ends[_i].name, t.b.note);
	ck_assert_ptr_null(t.w.claims);
	ck_assert_int_eq(t.w.jobs_ended, 1);
}
END_TEST

START_TEST(delays_grow_to_a_quarter_of_an_hour)
{
	static const int64_t most[] = { 10, 20, 40, 80, 160, 320, 640, 900, 900 };

	for (size_t i = 0; i < COUNT_OF(most); i++) {
		struct bench t;
		struct claim *c = begin(&t, (int64_t)i + 1, 1000, 0);
		long long delay;

		worker_finish_failed(c, "fetch", "why", "words");
		end(&t);
		ck_assert_int_eq(sscanf(t.b.calls, "return:%lld", &delay), 1);
		ck_assert_int_le(delay, most[i]);
		ck_assert_int_ge(delay, most[i] / 2);
	}
}
END_TEST

START_TEST(an_end_waits_for_the_renewal_under_way)
{
	struct bench t;
	struct claim *c = begin(&t, 1, 3, 0);

	worker_lease_ask(&c->lease, clock_mono(), span_s(60));
	end_it(c, STORED);
	ck_assert_str_eq(t.b.calls, ""); /* a renewal must not race a delete */
	worker_lease_answer(&t.w.rule, &c->lease, BROKER_HELD, clock_mono(), 0.5);
	worker_finish_step(c);
	worker_finish_step(c); /* and is sent once */
	end(&t);
	ck_assert_str_eq(t.b.calls, "ack ");
}
END_TEST

START_TEST(a_claim_that_waits_for_a_slot_ends_with_its_lease)
{
	struct bench t;
	struct claim *c = begin(&t, 1, 3, 0);

	worker_crew_kill(c, CLAIM_LOST); /* frees it */
	end(&t);
	ck_assert_str_eq(t.b.calls, "");
	c = begin(&t, 1, 3, 0);
	worker_crew_kill(c, CLAIM_INTERRUPTED);
	end(&t);
	ck_assert_str_eq(t.b.calls, "return:0 ");
	c = begin(&t, 1, 3, 60000 - 6000 - 50); /* the deadman does it, 50 ms from now */
	ck_assert_ptr_eq(t.w.claims, c);
	end(&t);
	ck_assert_str_eq(t.b.calls, "");
}
END_TEST

TCase *check_worker_ends(void)
{
	TCase *t = tcase_create("ends");

	tcase_add_loop_test(t, a_claim_ends_as_it_should, 0, COUNT_OF(ends));
	tcase_add_test(t, delays_grow_to_a_quarter_of_an_hour);
	tcase_add_test(t, an_end_waits_for_the_renewal_under_way);
	tcase_add_test(t, a_claim_that_waits_for_a_slot_ends_with_its_lease);
	return t;
}
