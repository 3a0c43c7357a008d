#include "simulate/bound.h"

#include <math.h>
#include <string.h>

#include "base/own.h"

#define POINTS_MAX 1100000 /* a year of half minutes */
#define CELLS 3e8          /* what a bound may take to be chosen fine, */
#define CELLS_MOST 4e9     /* and at all */
#define LAYER_MAX 4e6      /* cells of one step: 32 MiB, twice */
#define REACH_US (600 * (int64_t)LOAD_US)

/* Seconds of the finest step: the first that has not too many points. */
static const int finest[] = { 5, 10, 15, 20, 30, 60, 120, 300 };
static const int coarser[] = { 1, 2, 3, 4, 6, 8, 12, 24 };

/* The tube that the work done has to stay in, at whole steps. */
struct tube {
	int64_t step_us;
	size_t points;      /* the last is the end */
	double *high, *low; /* seconds of work by then */
	int32_t *peak;      /* most jobs at once in the step that begins there, if none waits */
	double total;
};

/* One step of the grid that is solved. */
struct grid {
	double step;
	size_t steps;
	int64_t *low, *high; /* whole steps of work */
	int32_t *cap;        /* instances worth considering in the step that ends there */
	int64_t slots;
};

/* Ends of running jobs, earliest first. */
struct ends {
	int64_t *heap;
	size_t count, size;
};

static void ends_add(struct ends *q, int64_t at)
{
	size_t i = q->count++;

	if (i == q->size) {
		q->size = q->size ? 2 * q->size : 64;
		q->heap = own_grow(q->heap, q->size, sizeof(*q->heap));
	}
	for (; i > 0 && at < q->heap[(i - 1) / 2]; i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = at;
}

static int64_t ends_take(struct ends *q)
{
	int64_t first = q->heap[0], last = q->heap[--q->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->count) {
		if (child + 1 < q->count && q->heap[child + 1] < q->heap[child])
			child++;
		if (q->heap[child] >= last)
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	return first;
}

/* --- the tube */

/* From @p at on one more job is at work (+1), or one less. */
static void bend(const struct tube *t, double *work, int32_t *jobs, int64_t at, int way)
{
	int64_t k = (at + t->step_us - 1) / t->step_us;

	if ((uint64_t)k >= t->points)
		return;
	work[k] += way * (double)(k * t->step_us - at) / LOAD_US;
	jobs[k] += way;
}

static void add_up(const struct tube *t, double *work, const int32_t *jobs)
{
	double sum = 0, step = (double)t->step_us / LOAD_US;
	int64_t running = 0;

	for (size_t k = 0; k < t->points; k++) {
		sum += work[k] + (double)running * step;
		running += jobs[k];
		work[k] = sum;
	}
}

/* How many are at work, by step. */
struct level {
	int64_t now;
	size_t step; /* that the newest event was in */
};

static void level_at(const struct tube *t, struct level *l, int64_t at, int way)
{
	size_t k = (size_t)(at / t->step_us);

	k = k < t->points ? k : t->points - 1;
	for (; l->step < k; l->step++) /* the level of a step's begin is in it */
		if (t->peak[l->step + 1] < l->now)
			t->peak[l->step + 1] = (int32_t)l->now;
	l->now += way;
	if (t->peak[k] < l->now)
		t->peak[k] = (int32_t)l->now;
}

static void tube_fill(struct tube *t, const struct plant_case *c, int64_t wait_us)
{
	int32_t *more = own_array(t->points, sizeof(*more));
	int32_t *later = own_array(t->points, sizeof(*later));
	struct ends ends = { 0 };
	struct level level = { 0 };
	struct plant_jobs jobs;
	int64_t at, service;

	plant_jobs_begin(&jobs, c);
	while (plant_jobs_next(&jobs, &at, &service)) {
		t->total += (double)service / LOAD_US;
		bend(t, t->high, more, at, 1);
		bend(t, t->high, more, at + service, -1);
		bend(t, t->low, later, at + wait_us, 1);
		bend(t, t->low, later, at + wait_us + service, -1);
		while (ends.count > 0 && ends.heap[0] <= at)
			level_at(t, &level, ends_take(&ends), -1);
		level_at(t, &level, at, 1);
		ends_add(&ends, at + service);
	}
	while (ends.count > 0)
		level_at(t, &level, ends_take(&ends), -1);
	add_up(t, t->high, more);
	add_up(t, t->low, later);
	own_free(more);
	own_free(later);
	own_free(ends.heap);
}

static void tube_done(struct tube *t)
{
	own_free(t->high);
	own_free(t->low);
	own_free(t->peak);
}

/* --- the grid */

static void grid_done(struct grid *g)
{
	own_free(g->low);
	own_free(g->high);
	own_free(g->cap);
}

/* Not more than were busy at once anywhere near if no job waited: more could neither work faster
 * than jobs came nor be worth keeping for later. */
static void fill_caps(struct grid *g, const int32_t *peak, int64_t wait_us, double boot)
{
	double reach = fmax((double)REACH_US / LOAD_US, 2 * boot);
	size_t back = (size_t)(((double)wait_us / LOAD_US + reach) / g->step) + 1;
	size_t front = (size_t)(reach / g->step) + 1, next = 0, head = 0, tail = 0;
	size_t *window = own_array(g->steps + 1, sizeof(*window)); /* falling peaks */

	for (size_t k = 0; k <= g->steps; k++) {
		for (; next <= g->steps && next <= k + front; next++) {
			while (tail > head && peak[window[tail - 1]] <= peak[next])
				tail--;
			window[tail++] = next;
		}
		while (window[head] + back < k)
			head++;
		g->cap[k] = (int32_t)((peak[window[head]] + g->slots - 1) / g->slots) + 1;
	}
	own_free(window);
}

static void grid_make(struct grid *g, const struct tube *t, int every, int64_t wait_us, double boot)
{
	int32_t *peak;

	g->step = (double)t->step_us * every / LOAD_US;
	g->steps = (t->points - 1) / (size_t)every;
	g->low = own_array(g->steps + 1, sizeof(*g->low));
	g->high = own_array(g->steps + 1, sizeof(*g->high));
	g->cap = own_array(g->steps + 1, sizeof(*g->cap));
	peak = own_array(g->steps + 1, sizeof(*peak));
	for (size_t k = 0; k <= g->steps; k++) {
		size_t at = k * (size_t)every;

		g->high[k] = (int64_t)ceil(t->high[at] / g->step - 1e-6);
		g->low[k] = (int64_t)ceil(t->low[at] / g->step - 1e-6);
		g->low[k] = g->low[k] > 0 ? g->low[k] : 0;
		g->high[k] = g->high[k] > g->low[k] ? g->high[k] : g->low[k];
		for (size_t i = at; i < at + (size_t)every && i < t->points; i++)
			peak[k] = t->peak[i] > peak[k] ? t->peak[i] : peak[k];
	}
	fill_caps(g, peak, wait_us, boot);
	own_free(peak);
}

/* Work of solving it; INFINITY: a step has too many cells. */
static double grid_cells(const struct grid *g)
{
	double sum = 0;

	for (size_t k = 0; k <= g->steps; k++) {
		double cells = (double)(g->high[k] - g->low[k] + 1) * (g->cap[k] + 1);

		if (cells > LAYER_MAX)
			return INFINITY;
		sum += cells;
	}
	return sum;
}

/* --- the least bill, from the last step to the first */

struct layer { /* by instances, and by work done from `low` on */
	double *value;
	size_t rows, width;
};

static double *row_of(const struct layer *l, size_t c)
{
	return l->value + c * l->width;
}

/* The bill from this step on, by what was done before it: @p c instances work in it. */
static void cost_of(const struct grid *g, size_t k, const struct layer *after, size_t c,
		    double *out, size_t width)
{
	const double *value = row_of(after, c);
	int64_t from = g->low[k - 1] + g->slots * (int64_t)c - g->low[k];
	double price = g->step * (double)c;

	for (size_t s = 0; s < width; s++) {
		int64_t i = from + (int64_t)s;

		out[s] = i < 0 ? INFINITY
			       : price + value[(size_t)i < after->width ? (size_t)i
									: after->width - 1];
	}
}

/* One step back. More instances than before are launched at @p launch each, fewer cost nothing. */
static void back(const struct grid *g, size_t k, double launch, const struct layer *after,
		 struct layer *before)
{
	size_t width = (size_t)(g->high[k - 1] - g->low[k - 1]) + 1, rows = (size_t)g->cap[k] + 1;
	size_t wanted = (size_t)g->cap[k - 1] + 1, both = rows > wanted ? rows : wanted;

	before->width = width;
	before->rows = wanted;
	for (size_t c = 0; c < rows; c++)
		cost_of(g, k, after, c, row_of(before, c), width);
	/* Upwards first: min over more of cost + launch * difference. */
	for (size_t c = rows - 1; c-- > 0;) {
		double *here = row_of(before, c);
		const double *more = row_of(before, c + 1);

		for (size_t s = 0; s < width; s++)
			here[s] = here[s] < more[s] + launch ? here[s] : more[s] + launch;
	}
	for (size_t c = 1; c < both; c++) {
		double *here = row_of(before, c);
		const double *less = row_of(before, c - 1);

		for (size_t s = 0; s < width; s++) /* those that are too many go */
			here[s] = c < rows && here[s] < less[s] ? here[s] : less[s];
	}
}

static double solve(struct grid *g, double total, double boot, int64_t initial)
{
	double launch = boot - 2 * g->step, most = 0, ret;
	struct layer a = { 0 }, b = { 0 }, swap;

	if (g->cap[0] < initial)
		g->cap[0] = (int32_t)initial;
	for (size_t k = 0; k <= g->steps; k++) {
		int32_t rows =
			k < g->steps && g->cap[k + 1] > g->cap[k] ? g->cap[k + 1] : g->cap[k];

		most = fmax(most, (double)(g->high[k] - g->low[k] + 1) * (rows + 1));
	}
	a.value = own_array((size_t)most, sizeof(double));
	b.value = own_array((size_t)most, sizeof(double));
	a.rows = (size_t)g->cap[g->steps] + 1;
	a.width = (size_t)(g->high[g->steps] - g->low[g->steps]) + 1;
	for (size_t c = 0; c < a.rows; c++)
		for (size_t s = 0; s < a.width; s++) {
			double done = (double)(g->low[g->steps] + (int64_t)s) * g->step;

			row_of(&a, c)[s] = fmax((total - done) / (double)g->slots, 0);
		}
	for (size_t k = g->steps; k > 0; k--) {
		back(g, k, launch, &a, &b);
		swap = a;
		a = b;
		b = swap;
	}
	ret = row_of(&a, (size_t)initial)[0] - g->step * (double)initial;
	own_free(a.value);
	own_free(b.value);
	return ret;
}

/* The grid that is solved; false: none will do. */
static bool choose(const struct tube *t, double boot, int64_t wait_us, int64_t slots, bool given,
		   struct grid *ret)
{
	for (size_t i = 0; i < (given ? 1 : COUNT_OF(coarser)); i++) {
		double cells;
		bool last;

		memset(ret, 0, sizeof(*ret));
		ret->slots = slots;
		if (2 * (double)t->step_us * coarser[i] / LOAD_US > boot)
			return false;
		grid_make(ret, t, coarser[i], wait_us, boot);
		cells = grid_cells(ret);
		last = given || i + 1 == COUNT_OF(coarser) ||
		       2 * (double)t->step_us * coarser[i + 1] / LOAD_US > boot;
		if (ret->steps > 0 && (cells <= CELLS || (last && cells <= CELLS_MOST)))
			return true;
		grid_done(ret);
		if (last || ret->steps == 0)
			return false;
	}
	return false;
}

void bound_find(const struct plant_case *c, struct span wait, int64_t step_us, struct bound *ret)
{
	struct tube t = { .step_us = step_us };
	double boot = dist_mean_us(&c->knobs->boot) / LOAD_US;
	int64_t horizon = c->load->horizon_us, wait_us = wait.ms * 1000;
	struct grid g;

	memset(ret, 0, sizeof(*ret));
	if (wait.ms > horizon / 1000)
		wait_us = horizon; /* no job needs be done before the end */
	for (size_t i = 0; step_us <= 0 && i < COUNT_OF(finest); i++) {
		t.step_us = finest[i] * (int64_t)LOAD_US;
		if (horizon / t.step_us < POINTS_MAX)
			break;
	}
	while (horizon / t.step_us >= POINTS_MAX)
		t.step_us *= 2;                       /* also one that was asked for */
	t.points = (size_t)(horizon / t.step_us) + 1; /* what is left of a step is not billed */
	t.high = own_array(t.points, sizeof(*t.high));
	t.low = own_array(t.points, sizeof(*t.low));
	t.peak = own_array(t.points, sizeof(*t.peak));
	tube_fill(&t, c, wait_us);
	ret->seconds = ret->work_s = t.total / (double)c->slots;
	if (choose(&t, boot, wait_us, c->slots, step_us > 0, &g)) {
		ret->seconds = fmax(ret->seconds, solve(&g, t.total, boot, plant_initial(c)));
		ret->step_us = llround(g.step * LOAD_US);
		grid_done(&g);
	}
	tube_done(&t);
}
