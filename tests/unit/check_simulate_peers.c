/* The other autoscalers, by the worked examples of their documentation. */
#include "check_simulate.h"

#include "simulate/peer.h"

START_TEST(hpa_keeps_what_is_within_a_tenth)
{
	static const struct {
		double metric, target;
		int64_t replicas, wish;
	} table[] = {
		{ 50, 5, 10, 10 }, { 55, 5, 10, 10 }, { 56, 5, 10, 12 }, { 45, 5, 10, 10 },
		{ 44, 5, 10, 9 },  { 0, 5, 10, 0 },   { 1, 5, 1, 1 },    { 200, 5, 1, 40 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++)
		ck_assert_int_eq(
			peer_hpa_propose(table[i].metric, table[i].target, table[i].replicas),
			table[i].wish);
}
END_TEST

/* As AWS's guide on SQS: 1500 messages on 10 instances are 150 each; at 100 each, 5 more. */
START_TEST(target_tracking_rounds_away_from_harm)
{
	ck_assert_int_eq(peer_aws_proportion(10, 150, 100), 15);
	/* "1.5 to add" adds 2, "1.5 to remove" removes 1. */
	ck_assert_int_eq(peer_aws_proportion(3, 150, 100), 5);
	ck_assert_int_eq(peer_aws_proportion(3, 50, 100), 2);
	ck_assert_int_eq(peer_aws_proportion(4, 100, 100), 4);
}
END_TEST

/* The guide's example: 10 % of 10 is 1; 30 % of 11 is 3.3; 10 % of 14 is 1.4; 30 % of 13 is 3.9. */
START_TEST(step_scaling_cuts_fractions)
{
	ck_assert_int_eq(peer_aws_percent(10, 10), 11);
	ck_assert_int_eq(peer_aws_percent(11, 30), 14);
	ck_assert_int_eq(peer_aws_percent(14, -10), 13);
	ck_assert_int_eq(peer_aws_percent(13, -30), 10);
	ck_assert_int_eq(peer_aws_percent(3, 10), 4);
	ck_assert_int_eq(peer_aws_percent(3, -10), 2);
}
END_TEST

START_TEST(nomad_rounds_up_past_a_hundredth)
{
	ck_assert_int_eq(peer_nomad_count(0, 12, 5), 3);
	ck_assert_int_eq(peer_nomad_count(0, 0, 5), 0);
	ck_assert_int_eq(peer_nomad_count(10, 5.04, 5), 10);
	ck_assert_int_eq(peer_nomad_count(10, 5.1, 5), 11);
	ck_assert_int_eq(peer_nomad_count(10, 4.9, 5), 10);
	ck_assert_int_eq(peer_nomad_count(10, 2.5, 5), 5);
}
END_TEST

START_TEST(buildkite_adds_one_while_agents_are_missing)
{
	ck_assert_int_eq(peer_buildkite_desired(7, 3, 8, 4, 2, 2, 0, 100), 3);
	ck_assert_int_eq(peer_buildkite_desired(0, 0, 8, 4, 2, 2, 0, 100), 0);
	ck_assert_int_eq(peer_buildkite_desired(0, 0, 8, 4, 2, 2, 1, 100), 1);
	ck_assert_int_eq(peer_buildkite_desired(500, 0, 8, 4, 2, 2, 0, 100), 100);
	ck_assert_int_eq(peer_buildkite_desired(1, 0, 1, 4, 2, 2, 0, 100), 3);
	ck_assert_int_eq(peer_buildkite_desired(1, 0, 4, 4, 2, 2, 0, 100), 1);
}
END_TEST

static struct plant_view view(int64_t at_s, int64_t visible, int64_t in_flight, int64_t desired)
{
	return (struct plant_view){ .now_us = at_s * LOAD_US,
				    .visible = visible,
				    .in_flight = in_flight,
				    .desired = desired,
				    .in_service = desired,
				    .max = 100 };
}

static int64_t ask(struct peer *p, struct plant_view v)
{
	struct plant_scaler s = peer_plant(p);
	struct span next;

	return s.decide(s.self, &v, &next);
}

START_TEST(keda_wakes_at_a_poll_and_sleeps_after_its_cooldown)
{
	struct peer p;

	ck_assert_int_eq(peer_init(&p, "keda", 1, NULL), 0);
	ck_assert_int_eq(ask(&p, view(0, 0, 0, 0)), -1);
	ck_assert_int_eq(ask(&p, view(15, 3, 0, 0)), -1); /* not polled yet */
	ck_assert_int_eq(ask(&p, view(30, 3, 0, 0)), 1);
	ck_assert_int_eq(ask(&p, view(45, 100, 0, 1)), 5);  /* four more in 15 s */
	ck_assert_int_eq(ask(&p, view(60, 100, 0, 5)), 10); /* twice */
	ck_assert_int_eq(ask(&p, view(75, 100, 0, 10)), 20);
	ck_assert_int_eq(ask(&p, view(90, 0, 0, 20)), 20); /* the window */
	ck_assert_int_eq(ask(&p, view(360, 0, 0, 20)), 20);
	ck_assert_int_eq(ask(&p, view(375, 0, 0, 20)), 1);
	ck_assert_int_eq(ask(&p, view(390, 0, 0, 1)), 0);
	ck_assert_int_eq(ask(&p, view(420, 0, 0, 0)), 0);
}
END_TEST

START_TEST(nomad_and_buildkite_wait_for_their_cooldowns)
{
	struct peer p;

	ck_assert_int_eq(peer_init(&p, "nomad:5", 1, NULL), 0);
	ck_assert_int_eq(ask(&p, view(0, 50, 0, 2)), 10);
	ck_assert_int_eq(ask(&p, view(10, 500, 0, 10)), -1);
	ck_assert_int_eq(ask(&p, view(300, 500, 0, 10)), 100);
	ck_assert_int_eq(peer_init(&p, "buildkite", 2, NULL), 0);
	ck_assert_int_eq(ask(&p, view(0, 5, 5, 9)), 5);
	ck_assert_int_eq(ask(&p, view(10, 2, 2, 5)), -1); /* in, an hour later at the soonest */
	ck_assert_int_eq(ask(&p, view(20, 20, 0, 5)), 10);
	ck_assert_int_eq(ask(&p, view(3600, 0, 2, 5)), 1);
}
END_TEST

START_TEST(unknown_peers_are_refused)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "kedo", "did you mean 'keda'" },
		{ "fixed", "say how many" },
		{ "naive:0", "not a number from" },
		{ "naive:x", "not a number from" },
		{ "a-name-that-is-much-too-long-to-be-one", "there is no peer" },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct peer p;
		struct err e;

		ck_assert_int_lt(peer_init(&p, table[i].text, 1, &e), 0);
		ck_assert_msg(strstr(e.text, table[i].says), "%s", e.text);
	}
}
END_TEST

Suite *suite_peers(void)
{
	Suite *s = suite_create("simulate: peers");
	TCase *t = tcase_create("peers");

	tcase_add_test(t, hpa_keeps_what_is_within_a_tenth);
	tcase_add_test(t, target_tracking_rounds_away_from_harm);
	tcase_add_test(t, step_scaling_cuts_fractions);
	tcase_add_test(t, nomad_rounds_up_past_a_hundredth);
	tcase_add_test(t, buildkite_adds_one_while_agents_are_missing);
	tcase_add_test(t, keda_wakes_at_a_poll_and_sleeps_after_its_cooldown);
	tcase_add_test(t, nomad_and_buildkite_wait_for_their_cooldowns);
	tcase_add_test(t, unknown_peers_are_refused);
	suite_add_tcase(s, t);
	return s;
}
