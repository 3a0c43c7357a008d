/* What a tuning found, as text and JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/tune.h"

#define CHART_WIDTH 60
#define CHART_HEIGHT 14
#define CELL_MAX 64

const char *cli_tune_quantile(const struct cli_tune *t)
{
	return t->percentile <= 50   ? "p50"
	       : t->percentile <= 95 ? "p95"
	       : t->percentile <= 99 ? "p99"
				     : "max";
}

static int by_cost(const void *a, const void *b)
{
	const struct tune_point *x = *(const struct tune_point *const *)a;
	const struct tune_point *y = *(const struct tune_point *const *)b;
	double c = tune_mean(x, TUNE_COST).mean, d = tune_mean(y, TUNE_COST).mean;

	return c != d ? (c > d) - (c < d) : (x > y) - (x < y);
}

/* Those that nothing beats, cheapest first. Owned by the caller. */
static const struct tune_point **front(const struct cli_tune *t, size_t *ret_n)
{
	const struct tune_point **list = own_array(t->search.count + 1, sizeof(*list));

	*ret_n = 0;
	for (size_t i = 0; i < t->search.count; i++)
		if (tune_on_front(&t->search, &t->search.points[i]))
			list[(*ret_n)++] = &t->search.points[i];
	qsort(list, *ret_n, sizeof(*list), by_cost);
	return list;
}

static void say_mean(struct tune_mean m, const char *before, const char *after, double scale,
		     int digits, char out[static CELL_MAX])
{
	if (isnan(m.half))
		snprintf(out, CELL_MAX, "%s%.*f%s", before, digits, m.mean * scale, after);
	else
		snprintf(out, CELL_MAX, "%s%.*f%s ± %.*f", before, digits, m.mean * scale, after,
			 digits, m.half * scale);
}

static const char *verdict(const struct cli_tune *t, const struct tune_point *p)
{
	struct tune_mean late = tune_mean(p, TUNE_LATE);

	if (late.mean > t->search.limit + 1e-12)
		return "no";
	return late.mean + (isnan(late.half) ? 0 : late.half) > t->search.limit + 1e-12
		       ? "on average"
		       : "yes";
}

static void row(const struct cli_tune *t, struct table *table, const char *name,
		const struct tune_point *p)
{
	char cost[CELL_MAX], wait[CELL_MAX], late[CELL_MAX];
	const char *cells[TUNE_AXES_MAX + 5] = { name };
	size_t n = 1;

	say_mean(tune_mean(p, TUNE_COST), "$", "", 1, 4, cost);
	say_mean(tune_mean(p, TUNE_WAIT), "", " s", 1, 1, wait);
	say_mean(tune_mean(p, TUNE_LATE), "", " %", 100, 2, late);
	for (size_t a = 0; a < t->axes; a++)
		cells[n++] = cli_tune_level(&t->axis[a], p->at[a]);
	cells[n++] = cost;
	cells[n++] = wait;
	cells[n++] = late;
	cells[n++] = verdict(t, p);
	table_row(table, cells);
}

static void settings(const struct cli_tune *t, const struct tune_point *best, struct buf *out)
{
	enum table_align align[TUNE_AXES_MAX + 5] = { TABLE_LEFT };
	const char *titles[TUNE_AXES_MAX + 5] = { "" };
	AUTO(own_freep) const struct tune_point **list = NULL;
	AUTO(table_freep) struct table *table = NULL;
	/* The search begins with the file's own settings. */
	const struct tune_point *now = t->search.count > 0 && !t->search.grid &&
						       t->search.points[0].seeds == t->search.seeds
					       ? &t->search.points[0]
					       : NULL;
	char wait[16];
	size_t n = 1, count;

	snprintf(wait, sizeof(wait), "wait %s", cli_tune_quantile(t));
	for (size_t a = 0; a < t->axes; a++)
		titles[n++] = t->axis[a].path;
	titles[n++] = "cost";
	titles[n++] = wait;
	titles[n++] = "late";
	titles[n++] = "kept";
	for (size_t i = 1; i < n; i++)
		align[i] = TABLE_RIGHT;
	table = table_new(titles, align, n);
	list = front(t, &count);
	if (now && !tune_on_front(&t->search, now))
		row(t, table, "now", now);
	for (size_t i = 0; i < count; i++)
		row(t, table,
		    list[i] == best  ? list[i] == now ? "now, best" : "best"
		    : list[i] == now ? "now"
				     : "",
		    list[i]);
	table_print(table, out);
}

/* Cost to the right, late jobs upwards; the line is the promise. */
static void chart(const struct cli_tune *t, const struct tune_point *best, struct buf *out)
{
	char cell[CHART_HEIGHT][CHART_WIDTH];
	double low = INFINITY, high = 0, top = 3 * t->search.limit;
	int line;

	for (size_t i = 0; i < t->search.count; i++) {
		const struct tune_point *p = &t->search.points[i];
		double cost = p->seeds == t->search.seeds ? tune_mean(p, TUNE_COST).mean : NAN;

		low = fmin(low, cost);
		high = fmax(high, cost);
	}
	if (!(high > low))
		return;
	top = top > 0 ? top : 0.01;
	memset(cell, ' ', sizeof(cell));
	line = CHART_HEIGHT - 1 - (int)lround(t->search.limit / top * (CHART_HEIGHT - 1));
	memset(cell[line], '-', CHART_WIDTH);
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < t->search.count; i++) {
			const struct tune_point *p = &t->search.points[i];
			int what = p == best ? 2 : tune_on_front(&t->search, p);
			int x, y;

			if (p->seeds < t->search.seeds || what != pass)
				continue;
			x = (int)lround((tune_mean(p, TUNE_COST).mean - low) / (high - low) *
					(CHART_WIDTH - 1));
			y = CHART_HEIGHT - 1 -
			    (int)lround(fmin(tune_mean(p, TUNE_LATE).mean / top, 1) *
					(CHART_HEIGHT - 1));
			cell[y][x] = ".o*"[pass];
		}
	buf_addf(out,
		 "\nlate jobs (to %.1f %% and more) against cost; - is the promise, o what nothing "
		 "beats, * the best\n",
		 100 * top);
	for (int y = 0; y < CHART_HEIGHT; y++)
		buf_addf(out, "|%.*s\n", CHART_WIDTH, cell[y]);
	buf_addf(out, "+");
	for (int x = 0; x < CHART_WIDTH; x++)
		buf_addc(out, '-');
	buf_addf(out, "\n $%.4f%*s$%.4f\n", low, CHART_WIDTH - 16, "", high);
}

static void head(const struct cli_tune *t, struct buf *out)
{
	char wait[CLOCK_TEXT_MAX];

	buf_addf(out,
		 "promise: p%g wait < %s; load %s; %zu plays of %zu settings, of %.0f on the "
		 "grid; seeds %lld to %lld\n",
		 t->percentile, clock_print_span(t->promise, wait), t->load_name, t->search.runs,
		 t->search.count, tune_grid(&t->search), (long long)t->seed,
		 (long long)(t->seed + t->seeds - 1));
	if (t->resumed > 0)
		buf_addf(out, "resumed: %lld plays of an earlier call were not played again\n",
			 (long long)t->resumed);
	buf_adds(out, t->chosen ? "varied (chosen from the policy's rules):" : "varied:");
	for (size_t a = 0; a < t->axes; a++) {
		const struct cli_tune_axis *x = &t->axis[a];

		buf_addf(out, "\n  %s:", x->path);
		for (size_t i = 0; i < x->levels; i++)
			buf_addf(out, " %s", cli_tune_level(x, i));
	}
	buf_adds(out, "\n\n");
}

static void changed(const struct cli_tune *t, const struct tune_point *best, struct buf *out)
{
	AUTO(buf_done) struct buf diff = BUF(4 * YAML_BYTES_MAX);

	if (!cli_tune_diff(t, best, &diff)) {
		buf_addf(out, "\n%s is laid out so that it must be edited by hand:\n", t->path);
		for (size_t a = 0; a < t->axes; a++)
			if (best->at[a] != t->axis[a].now)
				buf_addf(out, "  %s: %s\n", t->axis[a].path,
					 cli_tune_level(&t->axis[a], best->at[a]));
		return;
	}
	if (diff.len == 0)
		buf_addf(out, "\n%s is at its best already: nothing to change\n", t->path);
	else
		buf_addf(out, "\n%s", buf_str(&diff));
}

void cli_tune_text(struct cli_tune *t)
{
	const struct tune_point *best = tune_best(&t->search), *near = tune_nearest(&t->search);

	head(t, &t->out);
	if (!near) {
		buf_adds(&t->out, "no setting was played on every seed yet\n");
		return;
	}
	settings(t, best, &t->out);
	if (table_is_tty(stdout))
		chart(t, best, &t->out);
	if (best)
		changed(t, best, &t->out);
	else
		buf_addf(&t->out,
			 "\nno setting within these ranges keeps the promise; %.2f %% are late at "
			 "the nearest, %.2f %% may be\n",
			 100 * tune_mean(near, TUNE_LATE).mean, 100 * t->search.limit);
	if (t->interrupted)
		buf_addf(&t->out,
			 "\ninterrupted: the best so far; the same command goes on from %s\n",
			 t->state);
}

/* --- JSON */

static struct json *mean_json(struct tune_mean m)
{
	struct json *o = json_object();

	json_set_real(o, "mean", m.mean);
	json_set_real(o, "half_width_95", m.half); /* null for one seed */
	return o;
}

static struct json *point_json(const struct cli_tune *t, const struct tune_point *p)
{
	struct json *o = json_object(), *s = json_object();

	for (size_t a = 0; a < t->axes; a++) {
		const char *level = t->axis[a].level[p->at[a]];

		json_set(s, t->axis[a].path, level ? json_new_str(level) : json_new_null());
	}
	json_set(o, "settings", s);
	json_set_int(o, "seeds", (int64_t)p->seeds);
	json_set(o, "cost_usd", mean_json(tune_mean(p, TUNE_COST)));
	json_set(o, "late_share", mean_json(tune_mean(p, TUNE_LATE)));
	json_set(o, "wait_seconds", mean_json(tune_mean(p, TUNE_WAIT)));
	json_set_bool(o, "kept", strcmp(verdict(t, p), "no") != 0);
	json_set_bool(o, "kept_surely", strcmp(verdict(t, p), "yes") == 0);
	json_set_bool(o, "front", tune_on_front(&t->search, p));
	return o;
}

static void varied_json(const struct cli_tune *t, struct json *o)
{
	struct json *varied = json_object();

	for (size_t a = 0; a < t->axes; a++) {
		struct json *levels = json_array();

		for (size_t i = 0; i < t->axis[a].levels; i++)
			json_add(levels, t->axis[a].level[i] ? json_new_str(t->axis[a].level[i])
							     : json_new_null());
		json_set(varied, t->axis[a].path, levels);
	}
	json_set(o, "varied", varied);
	json_set_bool(o, "varied_chosen", t->chosen);
}

void cli_tune_json(struct cli_tune *t)
{
	const struct tune_point *best = tune_best(&t->search);
	AUTO(buf_done) struct buf diff = BUF(4 * YAML_BYTES_MAX);
	AUTO(json_freep) struct json *o = json_object();
	struct json *list = json_array();

	json_set_str(o, "policy", t->path);
	json_set_str(o, "load", t->load_name);
	json_set_real(o, "promise_percentile", t->percentile);
	json_set_real(o, "promise_seconds", (double)t->promise.ms / 1000);
	json_set_str(o, "wait_quantile", cli_tune_quantile(t));
	json_set_int(o, "seed", t->seed);
	json_set_int(o, "seeds", t->seeds);
	varied_json(t, o);
	json_set_real(o, "grid", tune_grid(&t->search));
	json_set_int(o, "plays", (int64_t)t->search.runs);
	json_set_int(o, "plays_resumed", t->resumed);
	json_set_bool(o, "interrupted", t->interrupted);
	for (size_t i = 0; i < t->search.count; i++)
		if (t->search.points[i].seeds > 0)
			json_add(list, point_json(t, &t->search.points[i]));
	json_set(o, "settings", list);
	json_set(o, "best", best ? point_json(t, best) : json_new_null());
	if (best && cli_tune_diff(t, best, &diff))
		json_set_str(o, "diff", buf_str(&diff));
	json_write_pretty(o, &t->out);
}
