/* The numbers of a simulated policy: what they are called, what they mean, how they are shown. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/simulate.h"

bool cli_simulate_kept(const struct cli_simulate_row *row)
{
	return row->result.unfinished == 0 && row->result.late <= 1 - row->percentile / 100 + 1e-12;
}

static double total(const struct cli_simulate_row *row)
{
	return row->result.money + row->result.api_money;
}

const struct cli_simulate_row *cli_simulate_best(const struct cli_simulate_report *r)
{
	const struct cli_simulate_row *best = NULL;

	for (size_t i = 0; i < r->count; i++)
		if (cli_simulate_kept(&r->row[i]) && (!best || total(&r->row[i]) < total(best)))
			best = &r->row[i];
	return best;
}

static double to_best(const struct cli_simulate_report *r, const struct cli_simulate_row *row)
{
	const struct cli_simulate_row *best = cli_simulate_best(r);

	return best && total(best) > 0 ? total(row) / total(best) : NAN;
}

static double value_of(const struct cli_simulate_report *report, const struct cli_simulate_row *row,
		       enum cli_simulate_what what)
{
	const struct plant_result *r = &row->result;

	switch (what) {
#define MEASURE(name, key, title, unit, value, doc) \
	case CLI_SIMULATE_##name:                   \
		return (double)(value);
#include "cli/simulate_measures.def"
#undef MEASURE
	case CLI_SIMULATE_MEASURES:
		break;
	}
	return NAN;
}

void cli_simulate_measure(const struct cli_simulate_report *report,
			  const struct cli_simulate_row *row, enum cli_simulate_what what,
			  struct cli_simulate_measure *ret)
{
	static const struct cli_simulate_measure all[] = {
#define MEASURE(name, key_, title_, unit_, value_, doc_)                                     \
	[CLI_SIMULATE_##name] = {                                                            \
		.key = key_, .title = title_, .unit = CLI_SIMULATE_UNIT_##unit_, .doc = doc_ \
	},
#include "cli/simulate_measures.def"
#undef MEASURE
	};

	*ret = all[what];
	if (row)
		ret->value = value_of(report, row, what);
}

static void say_wait(double seconds, char *out, size_t size)
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

const char *cli_simulate_say(const struct cli_simulate_measure *m,
			     char out[static CLI_SIMULATE_TEXT_MAX])
{
	const size_t size = CLI_SIMULATE_TEXT_MAX;

	if (!isfinite(m->value)) {
		snprintf(out, size, "-");
		return out;
	}
	switch (m->unit) {
	case CLI_SIMULATE_UNIT_COUNT:
		snprintf(out, size, "%.0f", m->value);
		break;
	case CLI_SIMULATE_UNIT_HOURS:
		snprintf(out, size, "%.1f h", m->value);
		break;
	case CLI_SIMULATE_UNIT_MONEY:
		snprintf(out, size, "$%.2f", m->value);
		break;
	case CLI_SIMULATE_UNIT_CENTS:
		snprintf(out, size, "$%.4f", m->value);
		break;
	case CLI_SIMULATE_UNIT_SHARE:
		snprintf(out, size, "%.1f %%", 100 * m->value);
		break;
	case CLI_SIMULATE_UNIT_WAIT:
		say_wait(m->value, out, size);
		break;
	case CLI_SIMULATE_UNIT_RATE:
	case CLI_SIMULATE_UNIT_TIMES:
		snprintf(out, size, "%.2f", m->value);
		break;
	}
	return out;
}

const char *cli_simulate_promise(const struct cli_simulate_row *row,
				 char out[static CLI_SIMULATE_TEXT_MAX])
{
	char at[CLOCK_TEXT_MAX];

	snprintf(out, CLI_SIMULATE_TEXT_MAX, "p%g < %s", row->percentile,
		 clock_print_span(row->promise, at));
	return out;
}

void cli_simulate_columns(struct buf *out)
{
	static const char *const units[] = {
		[CLI_SIMULATE_UNIT_COUNT] = "",
		[CLI_SIMULATE_UNIT_HOURS] = ", hours",
		[CLI_SIMULATE_UNIT_MONEY] = ", dollars",
		[CLI_SIMULATE_UNIT_CENTS] = ", dollars",
		[CLI_SIMULATE_UNIT_SHARE] = ", from 0 to 1",
		[CLI_SIMULATE_UNIT_WAIT] = ", seconds",
		[CLI_SIMULATE_UNIT_RATE] = "",
		[CLI_SIMULATE_UNIT_TIMES] = "",
	};

	buf_adds(out, "Columns of --output csv, and keys of json:\n");
	buf_adds(out, "name: the policy's or the peer's\n");
	for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
		struct cli_simulate_measure m;

		cli_simulate_measure(NULL, NULL, (enum cli_simulate_what)i, &m);
		buf_addf(out, "%s: %s%s\n", m.key, m.doc, units[m.unit]);
	}
	buf_adds(out, "promise_percentile, promise_seconds: what is promised to which share\n");
	buf_adds(out, "promise_kept: whether late_share and jobs_unfinished keep it");
}
