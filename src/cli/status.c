/* windlass status: what the controller last saw and did, from its journal; works beside a running
 * daemon. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/status_endpoints.h"
#include "control/cost.h"
#include "control/lease.h"
#include "journal/journal.h"
#include "model/say.h"

#define STATUS_BYTES_MAX (4u << 20)
#define STATUS_POLICIES_MAX 1024

struct status_row {
	char *policy;
	struct instant last;
	struct journal_sample sample; /* the newest; its name is ours */
	bool sampled;
	char *why, *outcome;
	/* Of the last hour: what its turns but the first took, in the time between them. */
	struct facts_spent spent;
	struct instant from, to;
};

struct status {
	struct journal *journal;
	struct status_row row[STATUS_POLICIES_MAX];
	size_t count;
	struct status_row *reading;
	struct err err;
};

static int on_policy(const char *name, struct instant last, void *arg)
{
	struct status *s = arg;

	if (s->count == STATUS_POLICIES_MAX)
		return 1;
	s->row[s->count++] = (struct status_row){ .policy = own_strdup(name), .last = last };
	return 0;
}

static int on_sample(const struct journal_sample *sample, void *arg)
{
	struct status *s = arg;

	s->reading->sample = *sample;
	s->reading->sampled = true;
	return 0;
}

static int on_facts(struct instant at, const struct json *facts, void *arg)
{
	struct status_row *r = ((struct status *)arg)->reading;
	struct facts_spent s;

	say_spent_read(facts, &s);
	r->to = at;
	if (instant_is_never(r->from)) {
		r->from = at;
		return 0;
	}
	r->spent.sqs += s.sqs;
	r->spent.autoscaling += s.autoscaling;
	r->spent.cloudwatch += s.cloudwatch;
	r->spent.metrics += s.metrics;
	return 0;
}

/* How many times what was counted makes a month; 0: too little was seen. */
static double months_of(const struct status_row *r)
{
	int64_t ms = instant_is_never(r->from) ? 0 : instant_since(r->to, r->from).ms;

	return ms > 0 ? COST_MONTH_S * 1000 / (double)ms : 0;
}

static double calls_of(const struct status_row *r)
{
	return months_of(r) * (double)(r->spent.sqs + r->spent.autoscaling + r->spent.cloudwatch) /
	       FACTS_MICRO;
}

static double dollars_of(const struct status_row *r)
{
	return months_of(r) * control_cost_dollars(&r->spent);
}

static int on_stairs(const struct journal_stairs *stairs, void *arg)
{
	struct status *s = arg;
	const char *why = json_get_str(stairs->plan, "why");

	s->reading->why = own_strdup(why ? why : "");
	s->reading->outcome = own_strdup(!stairs->wrote    ? ""
					 : stairs->settled ? stairs->outcome
							   : "no answer yet");
	return 1;
}

static int read_all(struct status *s, const char *path)
{
	s->journal = journal_open_read(path, &s->err);
	if (!s->journal || journal_read_policies(s->journal, on_policy, s, &s->err) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		s->reading = &s->row[i];
		s->reading->from = INSTANT_NEVER;
		if (journal_read_samples(s->journal, s->row[i].policy, s->row[i].last, on_sample, s,
					 &s->err) < 0 ||
		    journal_read_stairs(s->journal, s->row[i].policy, INSTANT_NEVER, 1, on_stairs,
					s, &s->err) < 0 ||
		    journal_read_facts(s->journal, s->row[i].policy,
				       instant_add(s->row[i].last, span_s(-3600)), on_facts, s,
				       &s->err) < 0)
			return -1;
	}
	return 0;
}

static const char *number(int64_t v, char *buf, size_t size)
{
	if (v == JOURNAL_UNKNOWN)
		return "?";
	snprintf(buf, size, "%lld", (long long)v);
	return buf;
}

static int64_t backlog_of(const struct journal_sample *s)
{
	return s->visible == JOURNAL_UNKNOWN || s->in_flight == JOURNAL_UNKNOWN
		       ? JOURNAL_UNKNOWN
		       : s->visible + s->in_flight;
}

static int print_text(struct status *s, pid_t holder, struct buf *out)
{
	static const char *const titles[] = { "policy",      "backlog", "desired",   "wanted",
					      "in service",  "pending", "busy",      "draining",
					      "calls/month", "$/month", "last turn", "why",
					      "written" };
	static const enum table_align align[] = { TABLE_LEFT,  TABLE_RIGHT, TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_RIGHT, TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_RIGHT, TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_LEFT,  TABLE_LEFT,
						  TABLE_LEFT };
	AUTO(table_freep) struct table *t = table_new(titles, align, COUNT_OF(titles));

	for (size_t i = 0; i < s->count; i++) {
		const struct status_row *r = &s->row[i];
		char n[9][32], when[CLOCK_TEXT_MAX];
		const char *cells[] = {
			r->policy,
			number(r->sampled ? backlog_of(&r->sample) : JOURNAL_UNKNOWN, n[0],
			       sizeof(n[0])),
			number(r->sampled ? r->sample.desired : JOURNAL_UNKNOWN, n[1],
			       sizeof(n[1])),
			number(r->sampled ? r->sample.wanted : JOURNAL_UNKNOWN, n[2], sizeof(n[2])),
			number(r->sampled ? r->sample.in_service : JOURNAL_UNKNOWN, n[3],
			       sizeof(n[3])),
			number(r->sampled ? r->sample.pending : JOURNAL_UNKNOWN, n[4],
			       sizeof(n[4])),
			number(r->sampled ? r->sample.busy : JOURNAL_UNKNOWN, n[5], sizeof(n[5])),
			number(r->sampled ? r->sample.draining : JOURNAL_UNKNOWN, n[6],
			       sizeof(n[6])),
			n[7],
			n[8],
			clock_print(r->last, when),
			r->why,
			r->outcome
		};

		snprintf(n[7], sizeof(n[7]), months_of(r) > 0 ? "%.0f" : "?", calls_of(r));
		snprintf(n[8], sizeof(n[8]), months_of(r) > 0 ? "%.4f" : "?", dollars_of(r));
		table_row(t, cells);
	}
	table_print(t, out);
	if (journal_is_short(s->journal))
		buf_adds(out, "the journal's disk is full: scale-in waits -> free some room\n");
	if (holder)
		buf_addf(out, "process %ld holds the lease and acts\n", (long)holder);
	else
		buf_adds(out, "nobody holds the lease: no windlassd runs on this journal\n");
	return cli_status_endpoints_text(s->journal, out, &s->err);
}

static void set_number(struct json *j, const char *key, int64_t v)
{
	if (v == JOURNAL_UNKNOWN)
		json_set(j, key, json_new_null());
	else
		json_set_int(j, key, v);
}

static struct json *row_json(const struct status_row *r)
{
	struct json *j = json_object();
	char when[CLOCK_TEXT_MAX];

	json_set_str(j, "policy", r->policy);
	json_set_str(j, "last_turn", clock_print(r->last, when));
	if (r->sampled) {
		set_number(j, "visible", r->sample.visible);
		set_number(j, "in_flight", r->sample.in_flight);
		set_number(j, "desired", r->sample.desired);
		set_number(j, "wanted", r->sample.wanted);
		set_number(j, "in_service", r->sample.in_service);
		set_number(j, "pending", r->sample.pending);
		set_number(j, "busy", r->sample.busy);
		set_number(j, "draining", r->sample.draining);
	}
	if (months_of(r) > 0) {
		json_set_real(j, "calls_per_month", calls_of(r));
		json_set_real(j, "dollars_per_month", dollars_of(r));
		json_set_real(j, "cost_seen_seconds",
			      (double)instant_since(r->to, r->from).ms / 1000);
	}
	json_set_str(j, "why", r->why);
	if (r->outcome && r->outcome[0])
		json_set_str(j, "written", r->outcome);
	return j;
}

static int print_json(struct status *s, pid_t holder, struct buf *out)
{
	AUTO(json_freep) struct json *top = json_object();
	struct json *list = json_array(), *endpoints;

	if (holder)
		json_set_int(top, "lease_holder", holder);
	else
		json_set(top, "lease_holder", json_new_null());
	for (size_t i = 0; i < s->count; i++)
		json_add(list, row_json(&s->row[i]));
	json_set(top, "policies", list);
	json_set_bool(top, "journal_short", journal_is_short(s->journal));
	if (cli_status_endpoints_json(s->journal, &endpoints, &s->err) < 0)
		return -1;
	json_set(top, "endpoints", endpoints);
	json_write_pretty(top, out);
	return 0;
}

int cli_status(int argc, char **argv)
{
	AUTO(own_freep) struct status *s = NULL;
	AUTO(buf_done) struct buf out = BUF(STATUS_BYTES_MAX);
	const char *output, *journal;
	const struct option table[] = {
		CLI_ROW_JOURNAL(&journal, "the journal to read"),
		CLI_ROW_OUTPUT(&output, "text", "text|json"),
	};
	const struct options opts = {
		.program = "windlass status",
		.summary = "What the controller last saw and did, a line a policy.",
		.table = table,
		.count = COUNT_OF(table),
		.details = "A \"?\" is a number that could not be read; it is never shown as zero. "
			   "Calls "
			   "and dollars a month are those counted in the last hour's turns; "
			   "windlass plan --cost says what they should be. Below stands "
			   "what is called: whether its circuit breaker is closed, the rate "
			   "that throttles have left, and attempts since the controller's "
			   "start.",
	};
	char **operands;
	struct err e;
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("status", &e) : CLI_DONE;
	s = own_alloc(sizeof(*s));
	if (read_all(s, journal) < 0) {
		status = cli_fail("status", &s->err);
	} else {
		bool is_json = strcmp(output, "json") == 0;

		if ((is_json ? print_json : print_text)(s, control_lease_holder(journal), &out) < 0)
			status = cli_fail("status", &s->err);
		else
			status = cli_print(&out, CLI_DONE);
	}
	for (size_t i = 0; i < s->count; i++) {
		own_free(s->row[i].policy);
		own_free(s->row[i].why);
		own_free(s->row[i].outcome);
	}
	journal_free(s->journal);
	return status;
}
