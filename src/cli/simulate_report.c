#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/simulate.h"

enum unit { UNIT_COUNT, UNIT_HOURS, UNIT_MONEY, UNIT_CENTS, UNIT_SHARE, UNIT_WAIT, UNIT_RATE };

#define MEASURES_MAX 32

struct measure {
	const char *key, *title; /* of JSON and CSV; of the table */
	enum unit unit;
	double value;
};

static bool promise_kept(const struct cli_simulate_row *row)
{
	return row->result.unfinished == 0 && row->result.late <= 1 - row->percentile / 100 + 1e-12;
}

static size_t measures(const struct cli_simulate_row *row, struct measure ret[MEASURES_MAX])
{
	const struct plant_result *r = &row->result;
	const struct measure all[] = {
		{ "instance_hours", "instance-hours", UNIT_HOURS, r->hours },
		{ "cost_usd", "money", UNIT_MONEY, r->money },
		{ "utilisation", "utilisation", UNIT_SHARE, r->utilisation },
		{ "wait_p50_seconds", "wait p50", UNIT_WAIT, (double)r->p50_us / LOAD_US },
		{ "wait_p95_seconds", "wait p95", UNIT_WAIT, (double)r->p95_us / LOAD_US },
		{ "wait_p99_seconds", "wait p99", UNIT_WAIT, (double)r->p99_us / LOAD_US },
		{ "wait_max_seconds", "wait max", UNIT_WAIT, (double)r->most_us / LOAD_US },
		{ "wait_mean_seconds", "wait mean", UNIT_WAIT, r->mean_us / LOAD_US },
		{ "late_share", "jobs over the promise", UNIT_SHARE, r->late },
		{ "backlog_peak", "backlog peak", UNIT_COUNT, (double)r->backlog_peak },
		{ "capacity_peak", "instances peak", UNIT_COUNT, (double)r->capacity_peak },
		{ "actions", "scale actions", UNIT_COUNT, (double)r->actions },
		{ "flips_per_hour", "direction changes an hour", UNIT_RATE, r->flips_per_hour },
		{ "launches", "launches", UNIT_COUNT, (double)r->launches },
		{ "launches_failed", "launches failed", UNIT_COUNT, (double)r->failed_launches },
		{ "jobs", "jobs", UNIT_COUNT, (double)r->jobs },
		{ "jobs_killed", "jobs killed", UNIT_COUNT, (double)r->killed },
		{ "jobs_returned", "jobs given back", UNIT_COUNT, (double)r->returned },
		{ "jobs_dead", "jobs dead-lettered", UNIT_COUNT, (double)r->dead },
		{ "jobs_unfinished", "jobs unfinished", UNIT_COUNT, (double)r->unfinished },
		{ "api_calls", "API calls", UNIT_COUNT, (double)r->api_calls },
		{ "api_cost_usd", "price of API calls", UNIT_CENTS, r->api_money },
	};

	memcpy(ret, all, sizeof(all));
	return COUNT_OF(all);
}

static void print_wait(double seconds, char *out, size_t size)
{
	long long whole = llround(seconds);

	if (seconds < 10)
		snprintf(out, size, "%.1f s", seconds);
	else if (whole < 120)
		snprintf(out, size, "%lld s", whole);
	else if (whole < 7200)
		snprintf(out, size, "%lldm%02llds", whole / 60, whole % 60);
	else
		snprintf(out, size, "%lldh%02lldm", whole / 3600, whole % 3600 / 60);
}

static void print_value(const struct measure *m, char *out, size_t size)
{
	switch (m->unit) {
	case UNIT_COUNT:
		snprintf(out, size, "%.0f", m->value);
		break;
	case UNIT_HOURS:
		snprintf(out, size, "%.1f", m->value);
		break;
	case UNIT_MONEY:
		snprintf(out, size, "$%.2f", m->value);
		break;
	case UNIT_CENTS:
		snprintf(out, size, "$%.4f", m->value);
		break;
	case UNIT_SHARE:
		snprintf(out, size, "%.1f %%", 100 * m->value);
		break;
	case UNIT_WAIT:
		print_wait(m->value, out, size);
		break;
	case UNIT_RATE:
		snprintf(out, size, "%.2f", m->value);
		break;
	}
}

static void head(const struct cli_simulate_report *r, struct buf *out)
{
	char from[CLOCK_TEXT_MAX], lasts[CLOCK_TEXT_MAX];

	buf_addf(out, "load %s: %lld jobs in %s from %s, seed %lld\n\n", r->load_name,
		 (long long)r->row[0].result.jobs,
		 clock_print_span(span_ms(r->load->horizon_us / 1000), lasts),
		 clock_print(r->load->start, from), (long long)r->seed);
}

void cli_simulate_text(const struct cli_simulate_report *r, struct buf *out)
{
	enum table_align align[CLI_SIMULATE_MAX + 1] = { TABLE_LEFT };
	const char *cells[CLI_SIMULATE_MAX + 1] = { "" };
	char text[CLI_SIMULATE_MAX][48];
	struct measure m[CLI_SIMULATE_MAX][MEASURES_MAX];
	AUTO(table_freep) struct table *t = NULL;
	size_t n = 0;

	for (size_t c = 0; c < r->count; c++) {
		align[c + 1] = TABLE_RIGHT;
		cells[c + 1] = r->row[c].name;
		n = measures(&r->row[c], m[c]);
	}
	head(r, out);
	t = table_new(cells, align, r->count + 1);
	for (size_t i = 0; i < n; i++) {
		cells[0] = m[0][i].title;
		for (size_t c = 0; c < r->count; c++) {
			print_value(&m[c][i], text[c], sizeof(text[c]));
			cells[c + 1] = text[c];
		}
		table_row(t, cells);
	}
	cells[0] = "promise kept";
	for (size_t c = 0; c < r->count; c++) {
		char at[CLOCK_TEXT_MAX];

		snprintf(text[c], sizeof(text[c]), "%s (p%g < %s)",
			 promise_kept(&r->row[c]) ? "yes" : "no", r->row[c].percentile,
			 clock_print_span(r->row[c].promise, at));
	}
	table_row(t, cells);
	table_print(t, out);
}

void cli_simulate_json(const struct cli_simulate_report *r, struct buf *out)
{
	AUTO(json_freep) struct json *o = json_object();
	struct json *load = json_object(), *list = json_array();
	char from[CLOCK_TEXT_MAX];

	json_set_str(load, "name", r->load_name);
	json_set_str(load, "start", clock_print(r->load->start, from));
	json_set_real(load, "seconds", (double)r->load->horizon_us / LOAD_US);
	json_set(o, "load", load);
	json_set_int(o, "seed", r->seed);
	for (size_t c = 0; c < r->count; c++) {
		const struct cli_simulate_row *row = &r->row[c];
		struct json *item = json_object();
		struct measure m[MEASURES_MAX];
		size_t n = measures(row, m);

		json_set_str(item, "name", row->name);
		for (size_t i = 0; i < n; i++) {
			if (m[i].unit == UNIT_COUNT)
				json_set_int(item, m[i].key, llround(m[i].value));
			else
				json_set_real(item, m[i].key, m[i].value);
		}
		json_set_real(item, "promise_percentile", row->percentile);
		json_set_real(item, "promise_seconds", (double)row->promise.ms / 1000);
		json_set_bool(item, "promise_kept", promise_kept(row));
		json_add(list, item);
	}
	json_set(o, "results", list);
	json_write_pretty(o, out);
}

static void csv_name(const char *name, struct buf *out)
{
	bool quote = strpbrk(name, ",\"\r\n");

	if (quote)
		buf_addc(out, '"');
	for (; *name; name++) {
		if (*name == '"')
			buf_addc(out, '"');
		buf_addc(out, *name);
	}
	if (quote)
		buf_addc(out, '"');
}

void cli_simulate_csv(const struct cli_simulate_report *r, struct buf *out)
{
	struct measure m[MEASURES_MAX];

	for (size_t c = 0; c < r->count; c++) {
		size_t n = measures(&r->row[c], m);

		if (c == 0) {
			buf_adds(out, "name");
			for (size_t i = 0; i < n; i++)
				buf_addf(out, ",%s", m[i].key);
			buf_adds(out, ",promise_kept\n");
		}
		csv_name(r->row[c].name, out);
		for (size_t i = 0; i < n; i++) {
			buf_addc(out, ',');
			if (m[i].unit == UNIT_COUNT)
				buf_addf(out, "%lld", llround(m[i].value));
			else
				json_number(out, m[i].value);
		}
		buf_addf(out, ",%s\n", promise_kept(&r->row[c]) ? "true" : "false");
	}
}
