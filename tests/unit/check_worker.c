/* What the worker decides without waiting for anybody. */
#include "check_worker.h"
#include "check_main.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "worker/lease.h"
#include "worker/note.h"
#include "worker/progress.h"
#include "worker/rank.h"
#include "worker/run.h"
#include "worker/size.h"

static const struct {
	const char *name;
	int64_t processors, memory_mib, slots;
} sizes[] = {
	{ "a t3.small", 2, 1900, 1 },
	{ "a c5.4xlarge", 16, 31000, 8 },
	{ "little memory for many processors", 16, 3900, 4 },
	{ "one processor, next to no memory", 1, 400, 1 },
	{ "a very large machine", 192, 1 << 20, 64 },
};

START_TEST(a_machine_has_as_many_slots_as_it_can_feed)
{
	ck_assert_int_eq(worker_size_slots(sizes[_i].processors, sizes[_i].memory_mib << 20),
			 sizes[_i].slots);
	ck_assert_int_ge(worker_size_here(), 1);
}
END_TEST

static struct tick at(int64_t ms)
{
	return (struct tick){ ms };
}

/* --- leases */

static const struct {
	const char *name;
	int64_t hold_s, margin_ms, wait_s, poll_s;
} rules[] = {
	{ "the migration's", 300, 15000, 20, 20 },
	{ "half a minute leaves a poll that spares half of it", 30, 3000, 20, 12 },
	{ "the shortest still polls a second", 2, 500, 20, 1 },
	{ "no wait stays no wait", 300, 15000, 0, 0 },
	{ "a margin has a ceiling", 43200, 15000, 20, 20 },
};

START_TEST(a_rule_leaves_a_margin)
{
	struct lease_rule r = worker_lease_rule(span_s(rules[_i].hold_s));

	ck_assert_int_eq(r.margin.ms, rules[_i].margin_ms);
	ck_assert_int_eq(worker_lease_poll_wait(&r, span_s(rules[_i].wait_s)).ms,
			 rules[_i].poll_s * 1000);
}
END_TEST

START_TEST(a_claim_counts_from_before_the_receive)
{
	struct lease_rule r = worker_lease_rule(span_s(300));
	struct lease l = worker_lease_take(&r, at(1000), 0.5);

	ck_assert_int_eq(l.ends.ms, 1000 + 285000);
	ck_assert_int_eq(l.renew.ms, 1000 + 100000);
	ck_assert(worker_lease_live(&l, at(285999)));
	ck_assert(!worker_lease_live(&l, at(286000)));
	ck_assert_int_eq(worker_lease_left(&l, at(999999)).ms, 0);
}
END_TEST

START_TEST(renewals_are_spread_around_a_third)
{
	struct lease_rule r = worker_lease_rule(span_s(30));
	struct lease early = worker_lease_take(&r, at(0), 0.0),
		     late = worker_lease_take(&r, at(0), 0.999999);

	ck_assert_int_eq(early.renew.ms, 9000);
	ck_assert_int_le(late.renew.ms, 11000);
	ck_assert_int_ge(late.renew.ms, 10990);
}
END_TEST

START_TEST(a_renewal_counts_from_before_it_was_sent)
{
	struct lease_rule r = worker_lease_rule(span_s(30));
	struct lease l = worker_lease_take(&r, at(0), 0.5);

	worker_lease_ask(&l, at(10000), worker_lease_next_hold(&r, &l, at(10000)));
	ck_assert(l.asking);
	ck_assert_int_eq(l.renew.ms, TICK_NEVER.ms);
	worker_lease_answer(&r, &l, BROKER_HELD, at(14000), 0.5);
	ck_assert_int_eq(l.ends.ms, 10000 + 27000);
	ck_assert_int_eq(l.renew.ms, 20000);
}
END_TEST

START_TEST(an_answer_after_the_end_revives_nothing)
{
	struct lease_rule r = worker_lease_rule(span_s(30));
	struct lease l = worker_lease_take(&r, at(0), 0.5);

	worker_lease_ask(&l, at(20000), span_s(30));
	worker_lease_answer(&r, &l, BROKER_HELD, at(27000), 0.5); /* the very end */
	ck_assert(!worker_lease_live(&l, at(27000)));
	ck_assert_int_eq(l.ends.ms, 27000);
}
END_TEST

START_TEST(a_lost_claim_ends_at_once_and_an_unsure_one_is_asked_again)
{
	struct lease_rule r = worker_lease_rule(span_s(30));
	struct lease l = worker_lease_take(&r, at(0), 0.5), m = l;

	worker_lease_ask(&l, at(10000), span_s(30));
	worker_lease_answer(&r, &l, BROKER_LOST, at(10100), 0.5);
	ck_assert(!worker_lease_live(&l, at(10100)));
	worker_lease_ask(&m, at(10000), span_s(30));
	worker_lease_answer(&r, &m, BROKER_UNSURE, at(11000), 0.5);
	ck_assert_int_eq(m.ends.ms, 27000);
	ck_assert_int_eq(m.renew.ms, 11000 + 2500);
}
END_TEST

START_TEST(a_retired_lease_is_not_renewed)
{
	struct lease_rule r = worker_lease_rule(span_s(30));
	struct lease l = worker_lease_take(&r, at(0), 0.5);

	worker_lease_ask(&l, at(10000), span_s(30));
	worker_lease_retire(&l);
	worker_lease_answer(&r, &l, BROKER_HELD, at(10100), 0.5);
	ck_assert_int_eq(l.renew.ms, TICK_NEVER.ms);
	ck_assert(worker_lease_live(&l, at(30000)));
}
END_TEST

START_TEST(renewals_end_at_twelve_hours_from_the_receive)
{
	struct lease_rule r = worker_lease_rule(span_s(300));
	struct lease l = worker_lease_take(&r, at(0), 0.5);
	int64_t now = 0, last = 0;

	for (int i = 0; i < 1000; i++) {
		struct span hold;

		now = l.renew.ms;
		hold = worker_lease_next_hold(&r, &l, at(now));
		if (hold.ms == 0)
			break;
		ck_assert_int_le(now + hold.ms, LEASE_MOST_S * 1000LL);
		worker_lease_ask(&l, at(now), hold);
		worker_lease_answer(&r, &l, BROKER_HELD, at(now), 0.5);
		last = l.ends.ms;
	}
	ck_assert_int_ge(last, LEASE_MOST_S * 1000LL - 30000);
	ck_assert_int_lt(last, LEASE_MOST_S * 1000LL);
}
END_TEST

/* --- progress */

static const struct {
	const char *name, *text;
	int64_t out_ms;
	uint64_t blocks, steps;
	bool ended;
} progresses[] = {
	{ "nothing yet", "frame=0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n", -1, 1, 0,
	  false },
	{ "microseconds, whatever out_time_ms says",
	  "frame=25\nout_time_us=1500000\nout_time_ms=1500000\nspeed=1.5x\nprogress=continue\n",
	  1500, 1, 1, false },
	{ "standing still is no step",
	  "frame=9\nout_time_us=5000\nprogress=continue\nframe=9\nout_time_us=5000\nprogress="
	  "continue\n",
	  5, 2, 1, false },
	{ "the end", "frame=9\nout_time_us=7000\nprogress=end\n", 7, 1, 1, true },
	{ "a negative time is not believed", "out_time_us=-5\nprogress=continue\n", -1, 1, 0,
	  false },
	{ "not a number", "out_time_us=12ab\nframe=\nprogress=continue\n", -1, 1, 0, false },
	{ "no block yet", "frame=3\nout_time_us=7000", -1, 0, 0, false },
	{ "words that nobody knows", "bitrate= 12kbits/s\n=\n\nnothing\nprogress=continue\n", -1, 1,
	  0, false },
};

START_TEST(progress_is_read_in_any_pieces)
{
	const char *text = progresses[_i].text;

	for (size_t piece = 1; piece <= strlen(text); piece += 7) {
		struct progress p = PROGRESS_INIT;

		for (size_t i = 0; i < strlen(text); i += piece)
			worker_progress_add(&p, text + i,
					    strlen(text) - i < piece ? strlen(text) - i : piece);
		ck_assert_msg(p.out_ms == progresses[_i].out_ms, "%s: %lld", progresses[_i].name,
			      (long long)p.out_ms);
		ck_assert_uint_eq(p.blocks, progresses[_i].blocks);
		ck_assert_uint_eq(p.steps, progresses[_i].steps);
		ck_assert(p.ended == progresses[_i].ended);
	}
}
END_TEST

START_TEST(a_line_without_end_is_skipped)
{
	struct progress p = PROGRESS_INIT;
	char junk[1000];

	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 100; i++)
		worker_progress_add(&p, junk, sizeof(junk));
	worker_progress_add(&p, "\nout_time_us=2000000\n", 21);
	ck_assert_int_eq(p.out_ms, 2000);
	ck_assert_int_eq(worker_progress_permille(&p, 4000), 500);
	ck_assert_int_eq(worker_progress_permille(&p, 1000), 1000);
	ck_assert_int_eq(worker_progress_permille(&p, 0), 0);
}
END_TEST

/* --- who yields */

#define GROUP_MOST 16

struct fleet {
	struct asg_instance list[GROUP_MOST];
	char ids[GROUP_MOST][24];
	struct asg_group group;
};

static void fleet_make(struct fleet *f, int guarded, int idle, int leaving, int64_t desired)
{
	int n = guarded + idle + leaving;

	*f = (struct fleet){
		.group = { .instances = f->list, .instance_count = (size_t)n, .desired = desired }
	};
	for (int i = 0; i < n; i++) {
		snprintf(f->ids[i], sizeof(f->ids[i]), "i-%017x", 0x1000 + i * 7);
		f->list[i] = (struct asg_instance){ .id = f->ids[i],
						    .state = i < guarded + idle ? ASG_IN_SERVICE
										: ASG_TERMINATING,
						    .protected = i < guarded,
						    .weight = 1 };
	}
}

static const struct {
	const char *name;
	int guarded, idle, leaving;
	int64_t desired;
	int yield;
} ranks[] = {
	{ "as many as wanted", 3, 0, 0, 3, 0 },
	{ "one too many", 3, 0, 0, 2, 1 },
	{ "the group takes the unprotected one by itself", 3, 1, 0, 3, 0 },
	{ "the unprotected one and one more", 3, 1, 0, 2, 1 },
	{ "those that leave are not counted", 3, 0, 4, 3, 0 },
	{ "to zero all yield", 5, 0, 0, 0, 5 },
	{ "more wanted than there are", 2, 0, 0, 9, 0 },
};

START_TEST(just_the_surplus_yields_and_all_agree)
{
	struct fleet f;
	int yielding = 0;

	fleet_make(&f, ranks[_i].guarded, ranks[_i].idle, ranks[_i].leaving, ranks[_i].desired);
	for (size_t i = 0; i < f.group.instance_count; i++)
		yielding += worker_rank(&f.group, f.list[i].id).yields;
	ck_assert_msg(yielding == ranks[_i].yield, "%s: %d", ranks[_i].name, yielding);
	ck_assert(!worker_rank(&f.group, "i-00000000000000000").yields);
}
END_TEST

START_TEST(places_do_not_depend_on_the_order_told)
{
	struct fleet f;

	fleet_make(&f, 6, 2, 1, 3);
	for (size_t i = 0; i < f.group.instance_count; i++) {
		struct rank here = worker_rank(&f.group, f.ids[i]), there;
		struct asg_instance first = f.list[0];

		memmove(&f.list[0], &f.list[1], (f.group.instance_count - 1) * sizeof(first));
		f.list[f.group.instance_count - 1] = first;
		there = worker_rank(&f.group, f.ids[i]);
		ck_assert_int_eq(here.place, there.place);
		ck_assert(here.yields == there.yields);
	}
}
END_TEST

/* Instances of 3, 2 and 1 units: together they give up as much as the surplus holds whole, never
 * more, and all agree on whom. */
START_TEST(heavy_instances_yield_by_their_weight)
{
	for (int64_t desired = 0; desired <= 24; desired++) {
		struct fleet f;
		int64_t units = 0, yielding = 0, lightest = INT64_MAX;

		fleet_make(&f, 12, 0, 0, desired);
		for (int i = 0; i < 12; i++)
			units += f.list[i].weight = 1 + i % 3;
		for (int i = 0; i < 12; i++)
			if (worker_rank(&f.group, f.ids[i]).yields)
				yielding += f.list[i].weight;
			else if (f.list[i].weight < lightest)
				lightest = f.list[i].weight;
		ck_assert_int_le(yielding, units - desired);
		ck_assert_int_lt(units - desired - yielding, lightest); /* nobody else fits */
	}
}
END_TEST

/* --- notes */

static struct broker_message message(size_t body_len, size_t attrs)
{
	struct broker_message m = { .id = own_strdup("m"),
				    .handle = own_strdup("h"),
				    .body_len = body_len };

	m.body = own_alloc(body_len + 1);
	memset(m.body, 'b', body_len);
	m.attrs = own_array(BROKER_ATTRS_MAX, sizeof(*m.attrs));
	m.attr_count = attrs;
	for (size_t i = 0; i < attrs; i++)
		m.attrs[i] = (struct broker_attr){ .name = own_printf("a%zu", i),
						   .type = own_strdup(i % 2 ? "Number" : "String"),
						   .value = own_strdup("1"),
						   .value_len = 1 };
	return m;
}

static const struct {
	const char *name;
	size_t body_len, attrs, attrs_after;
	bool fits, complains;
} notes[] = {
	{ "a usual message", 300, 2, 2, true, true },
	{ "no attribute", 300, 0, 0, true, true },
	{ "an eleventh has no place: the tenth moves", 300, 10, 9, true, true },
	{ "little room leaves the complaint out", BROKER_MESSAGE_MAX - 1300, 0, 0, true, false },
	{ "no room at all", BROKER_MESSAGE_MAX, 0, 0, false, false },
};

START_TEST(a_note_fits_or_is_left_out)
{
	AUTO(broker_message_done)
	struct broker_message m = message(notes[_i].body_len, notes[_i].attrs);
	char complaint[3000], reason[1100];
	struct note n = { .reason = reason,
			  .stage = "probe",
			  .complaint = complaint,
			  .host = "h\x01\xffst",
			  .attempt = 2 };
	AUTO(own_freep) char *text = NULL;
	AUTO(json_freep) struct json *j = NULL;
	struct broker_note note;
	size_t attrs;

	memset(complaint, 'c', sizeof(complaint) - 1);
	complaint[sizeof(complaint) - 1] = '\0';
	snprintf(reason, sizeof(reason), "line one\nline \x1b[31mtwo \xc3\xa9 \"quoted\"");
	text = worker_note_parked(&m, &n);
	ck_assert_msg(!!text == notes[_i].fits, "%s", notes[_i].name);
	if (!text)
		return;
	note = (struct broker_note){ NOTE_PARKED, text };
	ck_assert_uint_le(broker_message_size(&m, &note, 1, &attrs), BROKER_MESSAGE_MAX);
	ck_assert_uint_le(attrs, BROKER_ATTRS_MAX);
	ck_assert_uint_eq(m.attr_count, notes[_i].attrs_after);
	for (const char *c = text; *c; c++)
		ck_assert(*c >= ' ' && *c <= '~');
	j = json_parse(text, strlen(text), NULL);
	ck_assert_str_eq(json_get_str(j, "reason"), "line one line [31mtwo \"quoted\"");
	ck_assert_str_eq(json_get_str(j, "stage"), "probe");
	ck_assert(!!json_get_str(j, "stderr") == notes[_i].complains || notes[_i].body_len > 1000);
	ck_assert(!!json_get(j, "moved") == (notes[_i].attrs == BROKER_ATTRS_MAX));
}
END_TEST

START_TEST(interruptions_are_counted_on)
{
	AUTO(broker_message_done) struct broker_message m = message(10, 1);
	AUTO(own_freep) char *first = worker_note_interrupted(&m), *second = NULL;

	ck_assert_str_eq(first, "1");
	own_free(m.attrs[0].name);
	own_free(m.attrs[0].value);
	m.attrs[0].name = own_strdup(NOTE_INTERRUPTED);
	m.attrs[0].value = own_strdup("4");
	second = worker_note_interrupted(&m);
	ck_assert_str_eq(second, "5");
}
END_TEST

START_TEST(what_is_kept_of_text_is_its_printable_end)
{
	AUTO(buf_done) struct buf out = BUF(64), none = BUF(64);

	worker_run_clean("\x1b[0mone\r\n\ttwo\xff three ", 20, 9, &out);
	ck_assert_str_eq(buf_str(&out), "two three");
	worker_run_clean("\n\n", 2, 9, &none);
	ck_assert_str_eq(buf_str(&none), "");
}
END_TEST

struct profile check_worker_profile(const char *text)
{
	AUTO(buf_done) struct buf problems = BUF(65536);
	struct profile p;
	struct err e = { 0 };

	ck_assert_msg(worker_profile_read("t.yaml", text, strlen(text), &p, &problems, &e) == 0,
		      "%s: %s", e.text, buf_str(&problems));
	return p;
}

int main(void)
{
	Suite *s = suite_create("worker");
	TCase *lease = tcase_create("lease"), *progress = tcase_create("progress"),
	      *rank = tcase_create("rank"), *note = tcase_create("note");

	tcase_add_loop_test(lease, a_rule_leaves_a_margin, 0, COUNT_OF(rules));
	tcase_add_test(lease, a_claim_counts_from_before_the_receive);
	tcase_add_test(lease, renewals_are_spread_around_a_third);
	tcase_add_test(lease, a_renewal_counts_from_before_it_was_sent);
	tcase_add_test(lease, an_answer_after_the_end_revives_nothing);
	tcase_add_test(lease, a_lost_claim_ends_at_once_and_an_unsure_one_is_asked_again);
	tcase_add_test(lease, a_retired_lease_is_not_renewed);
	tcase_add_test(lease, renewals_end_at_twelve_hours_from_the_receive);
	tcase_add_loop_test(rank, a_machine_has_as_many_slots_as_it_can_feed, 0, COUNT_OF(sizes));
	tcase_add_loop_test(progress, progress_is_read_in_any_pieces, 0, COUNT_OF(progresses));
	tcase_add_test(progress, a_line_without_end_is_skipped);
	tcase_add_test(rank, heavy_instances_yield_by_their_weight);
	tcase_add_loop_test(rank, just_the_surplus_yields_and_all_agree, 0, COUNT_OF(ranks));
	tcase_add_test(rank, places_do_not_depend_on_the_order_told);
	tcase_add_loop_test(note, a_note_fits_or_is_left_out, 0, COUNT_OF(notes));
	tcase_add_test(note, interruptions_are_counted_on);
	tcase_add_test(note, what_is_kept_of_text_is_its_printable_end);
	suite_add_tcase(s, lease);
	suite_add_tcase(s, progress);
	suite_add_tcase(s, rank);
	suite_add_tcase(s, note);
	suite_add_tcase(s, check_worker_media());
	suite_add_tcase(s, check_worker_graph());
	suite_add_tcase(s, check_worker_children());
	suite_add_tcase(s, check_worker_mate());
	suite_add_tcase(s, check_worker_sandbox());
	suite_add_tcase(s, check_worker_ends());
	return check_main_run(srunner_create(s));
}
