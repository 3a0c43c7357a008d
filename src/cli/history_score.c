#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/history.h"
#include "cli/simulate.h"
#include "model/say.h"

static double price(const struct cli_history_comparing *c, const struct cli_history_side *s)
{
	struct plant_case k = { 0 };

	cli_simulate_ask_case(s->policy, &c->knobs, &k);
	return k.hour_price;
}

/* By Little's law: jobs that wait, times time, over jobs that came. */
static double recorded_wait(const struct cli_history_comparing *c)
{
	return c->load.jobs > 0 ? c->side[0].waiting_s / (double)c->load.jobs : NAN;
}

static void cell(char out[static 48], const char *before, double v, const char *after, int digits)
{
	if (isfinite(v))
		snprintf(out, 48, "%s%.*f%s", before, digits, v, after);
	else
		snprintf(out, 48, "-");
}

struct score {
	const char *key, *title, *before, *after;
	int digits;
	double recorded, played[CLI_HISTORY_SIDES_MAX];
};

static size_t scores(const struct cli_history_comparing *c, struct score *ret)
{
	const struct cli_history_side *lead = &c->side[0];
	struct score all[] = {
		{ "instance_hours", "instance-hours", "", " h", 2, lead->fleet_s / 3600, { 0 } },
		{ "cost_usd", "money", "$", "", 4, lead->fleet_s / 3600 * price(c, lead), { 0 } },
		{ "wait_mean_seconds", "wait mean", "", " s", 1, recorded_wait(c), { 0 } },
		{ "wait_p95_seconds", "wait p95", "", " s", 1, NAN, { 0 } },
		{ "late_share", "jobs over the promise", "", "", 4, NAN, { 0 } },
		{ "actions", "scale actions", "", "", 0, (double)lead->writes, { 0 } },
		{ "wanted_mean", "instances wanted, mean", "", "", 2, NAN, { 0 } },
	};

	for (size_t i = 0; i < c->count; i++) {
		const struct plant_result *r = &c->side[i].played;
		const double v[] = { r->hours,
				     r->hours * price(c, &c->side[i]),
				     r->mean_us / LOAD_US,
				     (double)r->p95_us / LOAD_US,
				     r->late,
				     (double)r->actions,
				     c->side[i].wanted_s / c->side[i].span_s };

		for (size_t k = 0; k < COUNT_OF(all); k++)
			all[k].played[i] = v[k];
	}
	memcpy(ret, all, sizeof(all));
	return COUNT_OF(all);
}

#define SCORES_MAX 8

void cli_history_text(const struct cli_history_comparing *c, struct buf *out)
{
	struct score score[SCORES_MAX];
	size_t n = scores(c, score);
	const char *cells[CLI_HISTORY_SIDES_MAX + 2] = { "", "recorded" };
	enum table_align align[CLI_HISTORY_SIDES_MAX + 2] = { TABLE_LEFT, TABLE_RIGHT };
	char text[CLI_HISTORY_SIDES_MAX + 1][48], names[CLI_HISTORY_SIDES_MAX][96],
		from[CLOCK_TEXT_MAX], lasts[CLOCK_TEXT_MAX];
	AUTO(table_freep) struct table *t = NULL;

	buf_addf(out, "%s from %s, as %s enforced; %lld jobs, guessed from the counts\n\n",
		 clock_print_span(span_ms(c->to.ms - c->from.ms), lasts),
		 clock_print(c->from, from), c->side[0].policy->name, (long long)c->load.jobs);
	for (size_t i = 0; i < c->count; i++) {
		snprintf(names[i], sizeof(names[i]), "%.60s (%s)", c->side[i].policy->name,
			 i == 0 ? "played" : "shadow, played");
		cells[i + 2] = names[i];
		align[i + 2] = TABLE_RIGHT;
	}
	t = table_new(cells, align, c->count + 2);
	for (size_t k = 0; k < n; k++) {
		cells[0] = score[k].title;
		cell(text[0], score[k].before, score[k].recorded, score[k].after, score[k].digits);
		cells[1] = text[0];
		for (size_t i = 0; i < c->count; i++) {
			cell(text[i + 1], score[k].before, score[k].played[i], score[k].after,
			     score[k].digits);
			cells[i + 2] = text[i + 1];
		}
		table_row(t, cells);
	}
	table_print(t, out);
	buf_addf(out,
		 "\nrecorded: what the group had, and the wait by Little's law over the guessed "
		 "jobs. "
		 "played: simulated on those jobs, each of %.0f s (--plant service=… says better); "
		 "how far %s is off from what was recorded is how far a shadow may be. wanted: as "
		 "recorded, beside a fleet that %s steered.\n",
		 dist_mean_us(&c->knobs.service) / LOAD_US, c->side[0].policy->name,
		 c->side[0].policy->name);
	if (c->side[0].gap_s > 0)
		buf_addf(out, "not counted: gaps of %s in the record\n",
			 clock_print_span(span_s(llround(c->side[0].gap_s)), lasts));
}

void cli_history_json(const struct cli_history_comparing *c, struct buf *out)
{
	AUTO(json_freep) struct json *o = json_object();
	struct json *list = json_array(), *recorded = json_object();
	struct score score[SCORES_MAX];
	size_t n = scores(c, score);
	char at[CLOCK_TEXT_MAX];

	json_set_str(o, "from", clock_print(c->from, at));
	json_set_str(o, "to", clock_print(c->to, at));
	json_set_real(o, "gap_seconds", c->side[0].gap_s);
	json_set_int(o, "jobs_guessed", c->load.jobs);
	json_set_real(o, "service_seconds_assumed", dist_mean_us(&c->knobs.service) / LOAD_US);
	json_set_real(o, "promise_percentile", c->percentile);
	json_set_real(o, "promise_seconds", (double)c->promise.ms / 1000);
	for (size_t k = 0; k < n; k++)
		json_set_real(recorded, score[k].key, score[k].recorded);
	json_set(o, "recorded", recorded);
	for (size_t i = 0; i < c->count; i++) {
		struct json *one = json_object();

		json_set_str(one, "policy", c->side[i].policy->name);
		json_set_str(one, "mode", say_mode_word(c->side[i].mode));
		json_set_int(one, "turns", c->side[i].turns);
		json_set_bool(one, "estimated", true);
		for (size_t k = 0; k < n; k++)
			json_set_real(one, score[k].key, score[k].played[i]);
		json_add(list, one);
	}
	json_set(o, "played", list);
	json_write_pretty(o, out);
}
