/* Keys of a lane: fetched by a call, waited for, renewed. */
#include <stdio.h>
#include <string.h>

#include "aws/autoscaling.h"
#include "aws/sqs.h"
#include "base/clock.h"
#include "check_aws_world.h"

static size_t fetches;
static struct span lasts; /* of the next keys */
static bool fails;        /* the next fetch */

static struct later {
	cred_fn *fn;
	void *arg;
	struct loop_timer *timer;
} later;

static void give(void *arg)
{
	char access[16];
	struct cred c = world_keys;
	struct err e = { 0 };

	(void)arg;
	snprintf(access, sizeof(access), "AKID%zu", ++fetches);
	c.access_key = access;
	c.expires = instant_add(clock_wall(), lasts);
	loop_timer_free(TAKE(later.timer));
	err_set(&e, ERR_UNREACHABLE, "nobody gives keys");
	later.fn(fails ? NULL : &c, &e, later.arg);
}

static enum cred_answer start_later(const struct cred_where *w, struct cred *ret, void **ret_handle,
				    struct err *e)
{
	(void)ret;
	(void)e;
	later = (struct later){ .fn = w->later, .arg = w->later_arg };
	later.timer = loop_timer_new(w->loop, give, NULL);
	loop_timer_start(later.timer, span_ms(50));
	*ret_handle = &later;
	return CRED_LATER;
}

static void cancel_later(void *handle)
{
	(void)handle;
	loop_timer_free(TAKE(later.timer));
}

static const struct cred_source slow_source = { .name = "slow",
						.start = start_later,
						.cancel = cancel_later };
static const struct cred_source *const slow_chain[] = { &slow_source, NULL };

static void world_with_fetched_keys(struct world *w)
{
	AUTO(own_freep) char *url = own_printf("http://127.0.0.1:%d", httpd_port(w->server));
	struct err e = { 0 };

	lane_free(w->lane);
	fetches = 0;
	lasts = span_s(3600);
	fails = false;
	w->lane = lane_new(w->loop,
			   &(struct lane_options){
				   .region = "eu-west-1", .endpoint = url, .chain = slow_chain },
			   &e);
	ck_assert_msg(w->lane != NULL, "%s", e.text);
}

static void ended_of_three(struct aws_call *c, void *arg)
{
	struct world *w = arg;

	ck_assert_int_eq(c->reply.status, 200);
	if (++w->ended == 3)
		loop_stop(w->loop);
}

START_TEST(calls_wait_for_keys_together)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	struct aws_call c[3] = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	ck_assert_ptr_null(lane_keys(w.lane));
	for (int i = 0; i < 3; i++) {
		aws_sqs_depth_ask(&c[i].request, URL);
		lane_start(w.lane, &c[i], span_s(10), ended_of_three, &w);
	}
	loop_run(w.loop);
	ck_assert_uint_eq(fetches, 1);
	ck_assert_str_eq(lane_keys(w.lane)->access_key, "AKID1");
	for (int i = 0; i < 3; i++)
		aws_call_done(&c[i]);
	world_down(&w);
}
END_TEST

START_TEST(expired_keys_are_fetched_anew)
{
	static const struct world_step steps[] = { { 403, XML_ERROR("ExpiredToken"), { 0 } },
						   { 200, SET_DESIRED, { 0 } } };
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 2);
	world_with_fetched_keys(&w);
	aws_autoscaling_set_desired_ask(&c.request, "g", 1);
	world_run(&w, &c, span_s(10));
	ck_assert_msg(aws_autoscaling_none_read(&c.reply, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(fetches, 2);
	ck_assert_str_eq(w.access_key, "AKID2");
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(keys_come_too_late)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_ms(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_str_eq(e.text, "SQS GetQueueAttributes: no credentials came in time");
	ck_assert_uint_eq(w.seen, 0);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(no_keys_at_all)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	AUTO(own_freep) char *url = NULL;
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	lane_free(w.lane);
	url = own_printf("http://127.0.0.1:%d", httpd_port(w.server));
	w.lane = lane_new(w.loop, &(struct lane_options){ .region = "eu-west-1", .endpoint = url },
			  &e);
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_DENIED);
	ck_assert_ptr_nonnull(strstr(e.text, "no AWS credentials -> set AWS_ACCESS_KEY_ID"));
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

static void depth_once(struct world *w, enum err_kind kind)
{
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };

	aws_sqs_depth_ask(&c.request, URL);
	world_run(w, &c, span_s(10));
	err_ignore(aws_sqs_depth_read(&c.reply, &d, &e));
	ck_assert_msg(e.kind == kind, "%s", e.text);
	aws_call_done(&c);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void let_pass(struct world *w, struct span d)
{
	struct loop_timer *t = loop_timer_new(w->loop, stop, w->loop);

	loop_timer_start(t, d);
	loop_run(w->loop);
	loop_timer_free(t);
}

START_TEST(keys_that_end_soon_are_renewed_beside)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	lasts = span_s(60);
	depth_once(&w, ERR_NONE);
	ck_assert_uint_eq(fetches, 1);
	fails = true;
	depth_once(&w, ERR_NONE); /* asks ahead, and does not wait for it */
	ck_assert_str_eq(w.access_key, "AKID1");
	let_pass(&w, span_ms(200));
	ck_assert_uint_eq(fetches, 2);
	depth_once(&w, ERR_NONE); /* the failure is none as long as the old keys last */
	let_pass(&w, span_ms(200));
	ck_assert_uint_eq(fetches, 2); /* and is not repeated at every call */
	world_down(&w);
}
END_TEST

START_TEST(keys_that_have_ended_are_not_used)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	lasts = span_s(5);
	fails = true;
	depth_once(&w, ERR_UNREACHABLE);
	ck_assert_uint_eq(w.seen, 0);
	fails = false;
	lasts = span_s(3600);
	depth_once(&w, ERR_NONE);
	ck_assert_str_eq(w.access_key, "AKID2");
	world_down(&w);
}
END_TEST

static void needed(const struct cred *c, const struct err *e, void *arg)
{
	struct world *w = arg;

	snprintf(w->access_key, sizeof(w->access_key), "%.100s", c ? c->access_key : e->text);
	loop_stop(w->loop);
}

START_TEST(keys_alone_can_be_asked_for)
{
	static const struct world_step steps[] = { { 200, DEPTH, { 0 } } };
	struct cred by_hand = world_keys;
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	lane_need_keys(w.lane, span_s(60), needed, &w);
	loop_run(w.loop);
	ck_assert_str_eq(w.access_key, "AKID1");
	lane_need_keys(w.lane, span_s(60), needed, &w);
	loop_run(w.loop);
	ck_assert_uint_eq(fetches, 1);
	fails = true;
	lane_need_keys(w.lane, span_s(7200), needed,
		       &w); /* longer than they last: tried, and kept */
	loop_run(w.loop);
	ck_assert_uint_eq(fetches, 2);
	ck_assert_str_eq(w.access_key, "AKID1");
	by_hand.access_key = (char *)"AKIDHAND";
	lane_set_keys(w.lane, &by_hand);
	depth_once(&w, ERR_NONE);
	ck_assert_str_eq(w.access_key, "AKIDHAND");
	lane_need_keys(w.lane, span_s(60), needed, &w); /* nobody will be told */
	world_down(&w);
}
END_TEST

Suite *check_aws_keys(void)
{
	Suite *s = suite_create("aws keys of a lane");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, calls_wait_for_keys_together);
	tcase_add_test(t, expired_keys_are_fetched_anew);
	tcase_add_test(t, keys_come_too_late);
	tcase_add_test(t, no_keys_at_all);
	tcase_add_test(t, keys_that_end_soon_are_renewed_beside);
	tcase_add_test(t, keys_that_have_ended_are_not_used);
	tcase_add_test(t, keys_alone_can_be_asked_for);
	suite_add_tcase(s, t);
	return s;
}
