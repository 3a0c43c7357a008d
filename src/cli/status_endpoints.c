#include "cli/status_endpoints.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/table.h"

struct text {
	struct table *table;
	size_t count;
};

/* "half-open, 12 failed in a row" or "closed". */
static void say_breaker(const struct journal_endpoint *p, char out[static 96])
{
	if (p->failures == 0)
		snprintf(out, 96, "%s", p->breaker);
	else if (p->open_for.ms > 0)
		snprintf(out, 96, "%s, %lld failed in a row, asked in %.1f s", p->breaker,
			 (long long)p->failures, (double)p->open_for.ms / 1000);
	else
		snprintf(out, 96, "%s, %lld failed in a row", p->breaker, (long long)p->failures);
}

static int add_row(const struct journal_endpoint *p, struct instant at, void *arg)
{
	struct text *t = arg;
	char breaker[96], rate[32], calls[32], retries[32], throttled[32], failed[32], waiting[32];
	char when[CLOCK_TEXT_MAX];
	const char *cells[] = { p->region[0] ? p->region : NULL,
				p->service,
				p->origin[0] ? p->origin : NULL,
				p->role[0] ? p->role : NULL,
				breaker,
				rate,
				waiting,
				calls,
				retries,
				throttled,
				failed,
				clock_print(at, when) };

	say_breaker(p, breaker);
	if (p->rate_milli > 0)
		snprintf(rate, sizeof(rate), "%.1f/s", (double)p->rate_milli / 1000);
	else
		snprintf(rate, sizeof(rate), "not limited");
	snprintf(waiting, sizeof(waiting), "%lld", (long long)p->queued);
	snprintf(calls, sizeof(calls), "%lld", (long long)p->calls);
	snprintf(retries, sizeof(retries), "%lld", (long long)p->retries);
	snprintf(throttled, sizeof(throttled), "%lld", (long long)p->throttled);
	snprintf(failed, sizeof(failed), "%lld", (long long)p->failed);
	table_row(t->table, cells);
	t->count++;
	return 0;
}

int cli_status_endpoints_text(struct journal *j, struct buf *out, struct err *e)
{
	static const char *const titles[] = { "region",  "service",   "endpoint", "role",
					      "breaker", "rate",      "waiting",  "calls",
					      "retries", "throttled", "failed",   "as of" };
	static const enum table_align align[] = { TABLE_LEFT,  TABLE_LEFT,  TABLE_LEFT,
						  TABLE_LEFT,  TABLE_LEFT,  TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_RIGHT, TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_RIGHT, TABLE_LEFT };
	AUTO(table_freep) struct table *table = table_new(titles, align, COUNT_OF(titles));
	struct text t = { .table = table };

	if (journal_read_endpoints(j, add_row, &t, e) < 0)
		return -1;
	if (t.count > 0) {
		buf_adds(out, "\n");
		table_print(table, out);
	}
	return 0;
}

static int add_json(const struct journal_endpoint *p, struct instant at, void *arg)
{
	struct json *list = arg, *o = json_object();
	char when[CLOCK_TEXT_MAX];

	json_set_str(o, "region", p->region);
	json_set_str(o, "service", p->service);
	if (p->origin[0])
		json_set_str(o, "endpoint", p->origin);
	if (p->role[0])
		json_set_str(o, "role", p->role);
	json_set_str(o, "breaker", p->breaker);
	json_set_int(o, "failures_in_a_row", p->failures);
	json_set_real(o, "asked_in_seconds", (double)p->open_for.ms / 1000);
	if (p->rate_milli > 0)
		json_set_real(o, "calls_per_second_most", (double)p->rate_milli / 1000);
	else
		json_set(o, "calls_per_second_most", json_new_null());
	json_set_int(o, "waiting", p->queued);
	json_set_int(o, "running", p->running);
	json_set_int(o, "calls", p->calls);
	json_set_int(o, "retries", p->retries);
	json_set_int(o, "throttled", p->throttled);
	json_set_int(o, "failed", p->failed);
	json_set_str(o, "as_of", clock_print(at, when));
	json_add(list, o);
	return 0;
}

int cli_status_endpoints_json(struct journal *j, struct json **ret, struct err *e)
{
	*ret = json_array();
	if (journal_read_endpoints(j, add_json, *ret, e) == 0)
		return 0;
	json_free(*ret);
	*ret = NULL;
	return -1;
}
