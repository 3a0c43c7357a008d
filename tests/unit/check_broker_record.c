/* Writing a record while others do: against a store of one object that keeps S3's conditions. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/httpd.h"
#include "broker/record.h"
#include "check_main.h"

#define FAILURE "<Error><Code>%s</Code><Message>m</Message></Error>"

struct store {
	struct loop *loop;
	struct httpd *server;
	struct lane *lane;
	struct buf object; /* empty: none */
	int version, gets, puts;
	const struct record *rival; /* stored just before the first put is judged */
	int lose;                   /* puts that are done and whose answer is a 500 */
	int refuse;                 /* puts that meet a 409 first */
	struct err e;
	bool wrote, ended;
	enum record_state now;
	struct loop_timer *guard;
};

static struct job job(void)
{
	return (struct job){ .video_id = "v",
			     .task_id = "t",
			     .bucket = "videos",
			     .key = "u/v.mp4",
			     .created_at = { 1000 } };
}

static struct record record_in(enum record_state s, int64_t began)
{
	struct record r;
	struct job j = job();

	record_init(&r, &j, s, (struct instant){ 2000 });
	r.began_at.ms = began;
	return r;
}

static void keep(struct store *s, const struct record *r)
{
	AUTO(json_freep) struct json *j = record_json(r);

	buf_clear(&s->object);
	json_write(j, &s->object);
	s->version++;
}

static void say_no(struct httpd_exchange *x, int status, const char *code)
{
	AUTO(own_freep) char *text = own_printf(FAILURE, code);

	httpd_answer(x, status, NULL, 0, text, strlen(text));
}

static void put(struct store *s, struct httpd_exchange *x)
{
	const char *match = httpd_header(x, "If-Match"), *none = httpd_header(x, "If-None-Match");
	char etag[32];
	size_t len;
	const char *body = httpd_body(x, &len);

	s->puts++;
	if (s->refuse-- > 0) {
		say_no(x, 409, "ConditionalRequestConflict");
		return;
	}
	if (s->rival) {
		keep(s, s->rival);
		s->rival = NULL;
	}
	ck_assert(match || none); /* never without a condition */
	snprintf(etag, sizeof(etag), "\"%d\"", s->version);
	if ((none && s->object.len) || (match && strcmp(match, etag) != 0)) {
		say_no(x, 412, "PreconditionFailed");
		return;
	}
	buf_clear(&s->object);
	buf_add(&s->object, body, len);
	snprintf(etag, sizeof(etag), "\"%d\"", ++s->version);
	if (s->lose-- > 0)
		say_no(x, 500, "InternalError");
	else
		httpd_answer(x, 200, (struct httpd_header[]){ { "ETag", etag } }, 1, NULL, 0);
}

static void asked(struct httpd_exchange *x, void *arg)
{
	struct store *s = arg;
	char etag[32];

	if (strcmp(httpd_method(x), "PUT") == 0) {
		put(s, x);
		return;
	}
	s->gets++;
	snprintf(etag, sizeof(etag), "\"%d\"", s->version);
	if (!s->object.len)
		say_no(x, 404, "NoSuchKey");
	else
		httpd_answer(x, 200, (struct httpd_header[]){ { "ETag", etag } }, 1, s->object.data,
			     s->object.len);
}

static void too_long(void *arg)
{
	ck_abort_msg("the write did not end after %d gets and %d puts", ((struct store *)arg)->gets,
		     ((struct store *)arg)->puts);
}

static void up(struct store *s)
{
	const struct httpd_handler handler = { .on_request = asked, .arg = s };
	AUTO(own_freep) char *url = NULL;
	char access[] = "AKIDEXAMPLE", secret[] = "secret";
	struct cred keys = { .access_key = access, .secret_key = secret, .expires = INSTANT_NEVER };
	struct err e = { 0 };

	s->object = BUF(RECORD_BYTES_MAX);
	s->loop = loop_new();
	s->server = httpd_new(s->loop, "127.0.0.1", 0, NULL, &handler, &e);
	ck_assert_msg(s->server != NULL, "%s", e.text);
	url = own_printf("http://127.0.0.1:%d", httpd_port(s->server));
	s->lane = lane_new(
		s->loop,
		&(struct lane_options){ .region = "us-east-1", .endpoint = url, .keys = &keys },
		&e);
	ck_assert_msg(s->lane != NULL, "%s", e.text);
	s->guard = loop_timer_new(s->loop, too_long, s);
	loop_timer_start(s->guard, span_s(30));
}

static void down(struct store *s)
{
	lane_free(s->lane);
	httpd_free(s->server);
	loop_timer_free(s->guard);
	loop_free(s->loop);
	buf_done(&s->object);
}

static void ended(const struct err *e, bool wrote, const struct record *now, void *arg)
{
	struct store *s = arg;

	s->e = *e;
	s->wrote = wrote;
	s->ended = true;
	s->now = now ? now->state : RECORD_UPLOADED;
	loop_stop(s->loop);
}

static const struct {
	const char *name;
	enum record_state have; /* with began */
	int64_t had_began;      /* 0: nothing is there */
	enum record_state rival;
	int64_t rival_began; /* 0: none */
	int lose, refuse;
	enum record_state want;
	int64_t began;
	enum broker_record_if when;
	enum err_kind kind;
	bool wrote;
	enum record_state stored;
} writes[] = {
	{ .name = "a new one",
	  .want = RECORD_UPLOADED,
	  .began = INT64_MIN,
	  .when = BROKER_RECORD_NEW,
	  .wrote = true,
	  .stored = RECORD_UPLOADED },
	{ .name = "a new one whose answer is lost",
	  .want = RECORD_UPLOADED,
	  .began = INT64_MIN,
	  .lose = 1,
	  .when = BROKER_RECORD_NEW,
	  .wrote = true,
	  .stored = RECORD_UPLOADED },
	{ .name = "a new one where there is one",
	  .have = RECORD_QUEUED,
	  .had_began = 7,
	  .want = RECORD_UPLOADED,
	  .began = INT64_MIN,
	  .when = BROKER_RECORD_NEW,
	  .kind = ERR_CONFLICT,
	  .stored = RECORD_QUEUED },
	{ .name = "one where there is none",
	  .want = RECORD_PROCESSING,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .kind = ERR_NOT_FOUND },
	{ .name = "one that need not be there",
	  .want = RECORD_PROCESSING,
	  .began = 5,
	  .when = BROKER_RECORD_ANY,
	  .wrote = true,
	  .stored = RECORD_PROCESSING },
	{ .name = "the next one",
	  .have = RECORD_QUEUED,
	  .had_began = 4,
	  .want = RECORD_PROCESSING,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .wrote = true,
	  .stored = RECORD_PROCESSING },
	{ .name = "a late one",
	  .have = RECORD_DONE,
	  .had_began = 5,
	  .want = RECORD_PROCESSING,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .stored = RECORD_DONE },
	{ .name = "done comes between reading and writing",
	  .have = RECORD_PROCESSING,
	  .had_began = 5,
	  .rival = RECORD_DONE,
	  .rival_began = 5,
	  .want = RECORD_PARKED,
	  .began = 6,
	  .when = BROKER_RECORD_THERE,
	  .stored = RECORD_DONE },
	{ .name = "an earlier one comes between",
	  .have = RECORD_QUEUED,
	  .had_began = 4,
	  .rival = RECORD_PROCESSING,
	  .rival_began = 5,
	  .want = RECORD_DONE,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .wrote = true,
	  .stored = RECORD_DONE },
	{ .name = "two at once, as S3 says it",
	  .have = RECORD_QUEUED,
	  .had_began = 4,
	  .refuse = 2,
	  .want = RECORD_PROCESSING,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .wrote = true,
	  .stored = RECORD_PROCESSING },
	{ .name = "the answer is lost",
	  .have = RECORD_QUEUED,
	  .had_began = 4,
	  .lose = 1,
	  .want = RECORD_DONE,
	  .began = 5,
	  .when = BROKER_RECORD_THERE,
	  .wrote = true,
	  .stored = RECORD_DONE },
};

START_TEST(a_write_ends_right_whoever_else_writes)
{
	struct store s = { .lose = writes[_i].lose, .refuse = writes[_i].refuse };
	struct record have = record_in(writes[_i].have, writes[_i].had_began);
	struct record rival = record_in(writes[_i].rival, writes[_i].rival_began);
	struct record want = record_in(writes[_i].want, writes[_i].began);
	AUTO(record_done) struct record back = { 0 };
	const struct broker_record_place place = { "videos", RECORD_PREFIX };
	struct err e = { 0 };

	up(&s);
	record_text(&have.title, "kept", RECORD_TITLE_MAX);
	if (writes[_i].had_began)
		keep(&s, &have);
	if (writes[_i].rival_began)
		s.rival = &rival;
	broker_record_put(s.loop, s.lane, &place, &want, writes[_i].when, span_s(20), ended, &s);
	loop_run(s.loop);
	ck_assert_msg(s.e.kind == writes[_i].kind, "%s: %s", writes[_i].name, s.e.text);
	ck_assert_msg(s.wrote == writes[_i].wrote, "%s", writes[_i].name);
	if (s.object.len) {
		ck_assert_int_eq(record_read(s.object.data, s.object.len, &back, &e), 0);
		ck_assert_msg(back.state == writes[_i].stored, "%s: %s", writes[_i].name,
			      record_state_word(back.state));
		ck_assert_int_eq(s.now, writes[_i].stored);
		if (writes[_i].had_began && !writes[_i].rival_began)
			ck_assert_str_eq(back.title, "kept");
	}
	record_done(&have);
	down(&s);
}
END_TEST

START_TEST(a_write_that_is_given_up_does_not_end)
{
	struct store s = { 0 };
	struct record want = record_in(RECORD_QUEUED, INT64_MIN);
	const struct broker_record_place place = { "videos", RECORD_PREFIX };

	up(&s);
	broker_record_cancel(broker_record_put(s.loop, s.lane, &place, &want, BROKER_RECORD_ANY,
					       span_s(20), ended, &s));
	down(&s);
	ck_assert(!s.ended);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("broker record");
	TCase *t = tcase_create("write");

	tcase_add_loop_test(t, a_write_ends_right_whoever_else_writes, 0, COUNT_OF(writes));
	tcase_add_test(t, a_write_that_is_given_up_does_not_end);
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
