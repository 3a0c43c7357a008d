/* What the charts of a report are drawn from. */
#include <string.h>

#include "cli/simulate.h"

enum series {
	ARRIVALS,
	BACKLOG_LEAST,
	BACKLOG_MOST,
	WAIT_MEAN,
	WAIT_MOST,
	DESIRED_LEAST,
	DESIRED_MOST,
	READY_LEAST,
	READY_MOST,
	CHANGES,
	SERIES
};

static const char *const names[] = {
	[ARRIVALS] = "arrivals",         [BACKLOG_LEAST] = "backlog_least",
	[BACKLOG_MOST] = "backlog_most", [WAIT_MEAN] = "wait_mean_ms",
	[WAIT_MOST] = "wait_most_ms",    [DESIRED_LEAST] = "desired_least",
	[DESIRED_MOST] = "desired_most", [READY_LEAST] = "ready_least",
	[READY_MOST] = "ready_most",     [CHANGES] = "changes",
};

static int64_t number(const struct trace_bin *b, enum series which)
{
	switch (which) {
	case ARRIVALS:
		return b->arrivals;
	case BACKLOG_LEAST:
		return b->least.backlog;
	case BACKLOG_MOST:
		return b->most.backlog;
	case WAIT_MEAN:
		return b->starts ? (int64_t)(b->wait_sum_us / (double)b->starts / 1000) : 0;
	case WAIT_MOST:
		return b->wait_most_us / 1000;
	case DESIRED_LEAST:
		return b->least.desired;
	case DESIRED_MOST:
		return b->most.desired;
	case READY_LEAST:
		return b->least.ready;
	case READY_MOST:
		return b->most.ready;
	case CHANGES:
		return b->changes;
	case SERIES:
		break;
	}
	return 0;
}

/* Reasons repeat: what is new goes into the list, and each bin has its place there, -1 for none.
 * A policy has few that differ in a row, so looking back a little finds most. */
static void reasons(const struct trace *t, struct json *row)
{
	enum { BACK = 32 };
	struct json *words = json_array(), *place = json_array();
	const char *seen[BACK] = { 0 };
	int64_t at[BACK] = { 0 }, count = 0;

	for (size_t i = 0; i < t->count; i++) {
		const char *why = t->bin[i].why;
		int64_t found = -1;

		for (int k = 0; why && k < BACK && found < 0; k++)
			if (seen[k] && strcmp(seen[k], why) == 0)
				found = at[k];
		if (why && found < 0) {
			found = count++;
			seen[found % BACK] = why;
			at[found % BACK] = found;
			json_add(words, json_new_str(why));
		}
		json_add(place, json_new_int(found));
	}
	json_set(row, "reasons", words);
	json_set(row, "reason", place);
}

struct json *cli_simulate_course(const struct cli_simulate_report *r)
{
	struct json *o = json_object(), *rows = json_array();

	json_set_int(o, "start_ms", r->load->start.ms);
	for (size_t i = 0; i < r->count; i++) {
		const struct trace *t = &r->row[i].trace;
		struct json *row = json_object();

		json_set_str(row, "name", r->row[i].name);
		json_set_int(row, "step_ms", t->width_us / 1000);
		json_set_int(row, "promise_ms", r->row[i].promise.ms);
		for (int s = 0; s < SERIES; s++) {
			struct json *list = json_array();

			for (size_t b = 0; b < t->count; b++)
				json_add(list, json_new_int(number(&t->bin[b], (enum series)s)));
			json_set(row, names[s], list);
		}
		reasons(t, row);
		json_add(rows, row);
	}
	json_set(o, "rows", rows);
	return o;
}
