#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/simulate.h"

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
	char text[CLI_SIMULATE_MAX][CLI_SIMULATE_TEXT_MAX];
	AUTO(table_freep) struct table *t = NULL;

	for (size_t c = 0; c < r->count; c++) {
		align[c + 1] = TABLE_RIGHT;
		cells[c + 1] = r->row[c].name;
	}
	head(r, out);
	t = table_new(cells, align, r->count + 1);
	for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
		struct cli_simulate_measure m;

		for (size_t c = 0; c < r->count; c++) {
			cli_simulate_measure(r, &r->row[c], (enum cli_simulate_what)i, &m);
			cells[0] = m.title;
			cells[c + 1] = cli_simulate_say(&m, text[c]);
		}
		table_row(t, cells);
	}
	cells[0] = "promise kept";
	for (size_t c = 0; c < r->count; c++) {
		char promise[CLI_SIMULATE_TEXT_MAX];

		snprintf(text[c], sizeof(text[c]), "%s (%.40s)",
			 cli_simulate_kept(&r->row[c]) ? "yes" : "no",
			 cli_simulate_promise(&r->row[c], promise));
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

		json_set_str(item, "name", row->name);
		for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
			struct cli_simulate_measure m;

			cli_simulate_measure(r, row, (enum cli_simulate_what)i, &m);
			if (m.unit == CLI_SIMULATE_UNIT_COUNT)
				json_set_int(item, m.key, llround(m.value));
			else
				json_set_real(item, m.key, m.value);
		}
		json_set_real(item, "promise_percentile", row->percentile);
		json_set_real(item, "promise_seconds", (double)row->promise.ms / 1000);
		json_set_bool(item, "promise_kept", cli_simulate_kept(row));
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
	struct cli_simulate_measure m;

	buf_adds(out, "name");
	for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
		cli_simulate_measure(NULL, NULL, (enum cli_simulate_what)i, &m);
		buf_addf(out, ",%s", m.key);
	}
	buf_adds(out, ",promise_percentile,promise_seconds,promise_kept\n");
	for (size_t c = 0; c < r->count; c++) {
		csv_name(r->row[c].name, out);
		for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
			cli_simulate_measure(r, &r->row[c], (enum cli_simulate_what)i, &m);
			buf_addc(out, ',');
			if (m.unit == CLI_SIMULATE_UNIT_COUNT)
				buf_addf(out, "%lld", llround(m.value));
			else if (isfinite(m.value))
				json_number(out, m.value);
		}
		buf_addc(out, ',');
		json_number(out, r->row[c].percentile);
		buf_addc(out, ',');
		json_number(out, (double)r->row[c].promise.ms / 1000);
		buf_addf(out, ",%s\n", cli_simulate_kept(&r->row[c]) ? "true" : "false");
	}
}
