#include "simulate/tune.h"

#include <math.h>
#include <string.h>

#include "base/own.h"
#include "simulate/tune_own.h"

#define MARGIN 1.01 /* on one seed: what is dearer by more is not played on the others */

void tune_init(struct tune *t)
{
	memset(t, 0, sizeof(*t));
}

void tune_done(struct tune *t)
{
	for (size_t i = 0; i < t->count; i++)
		own_free(t->points[i].seen);
	own_free(t->points);
	own_free(t->places);
	memset(t, 0, sizeof(*t));
}

double tune_grid(const struct tune *t)
{
	double n = 1;

	for (size_t i = 0; i < t->axes; i++)
		n *= t->levels[i];
	return n;
}

/* --- points by their levels */

static size_t slot_of(const struct tune *t, const uint8_t *at)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */
	size_t i;

	for (size_t a = 0; a < t->axes; a++)
		h = (h ^ at[a]) * 1099511628211u;
	for (i = (size_t)h % t->place_size; t->places[i] > 0; i = (i + 1) % t->place_size)
		if (memcmp(t->points[t->places[i] - 1].at, at, t->axes) == 0)
			break;
	return i;
}

static void rehash(struct tune *t)
{
	own_free(t->places);
	t->place_size = t->place_size ? 2 * t->place_size + 1 : 1021;
	t->places = own_array(t->place_size, sizeof(*t->places));
	memset(t->places, 0, t->place_size * sizeof(*t->places));
	for (size_t i = 0; i < t->count; i++)
		t->places[slot_of(t, t->points[i].at)] = i + 1;
}

/* Its index; *ret_new: it was not known. */
size_t tune_point_of(struct tune *t, const uint8_t *at, bool *ret_new)
{
	struct tune_point *p;
	size_t slot;

	if (2 * t->count >= t->place_size)
		rehash(t);
	slot = slot_of(t, at);
	*ret_new = t->places[slot] == 0;
	if (!*ret_new)
		return t->places[slot] - 1;
	if (t->count == t->size) {
		t->size = t->size ? 2 * t->size : 64;
		t->points = own_grow(t->points, t->size, sizeof(*t->points));
	}
	p = &t->points[t->count];
	memset(p, 0, sizeof(*p));
	memcpy(p->at, at, t->axes);
	p->seen = own_array(t->seeds, sizeof(*p->seen));
	t->places[slot] = ++t->count;
	return t->count - 1;
}

/* --- what is known of one */

static double value(const struct tune_seen *s, enum tune_what what)
{
	return what == TUNE_COST ? s->cost : what == TUNE_LATE ? s->late : s->wait_s;
}

struct tune_mean tune_mean(const struct tune_point *p, enum tune_what what)
{
	/* Two-sided 95 % quantiles of Student's t. */
	static const double t[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
				    2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
				    2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
				    2.060,  2.056, 2.052, 2.048, 2.045, 2.042, 2.040 };
	struct tune_mean m = { 0, NAN };
	double square = 0, n = (double)p->seeds;

	for (size_t i = 0; i < p->seeds; i++)
		m.mean += value(&p->seen[i], what) / n;
	for (size_t i = 0; i < p->seeds; i++)
		square += pow(value(&p->seen[i], what) - m.mean, 2);
	if (p->seeds > 1)
		m.half = t[p->seeds - 2] * sqrt(square / (n - 1) / n);
	return m;
}

bool tune_full(const struct tune *t, const struct tune_point *p)
{
	return !p->impossible && p->seeds == t->seeds;
}

bool tune_keeps(const struct tune *t, const struct tune_point *p)
{
	return tune_mean(p, TUNE_LATE).mean <= t->limit + 1e-12;
}

static size_t moved(const struct tune *t, const struct tune_point *p)
{
	size_t n = 0;

	for (size_t a = 0; a < t->axes; a++)
		n += p->at[a] != t->start[a];
	return n;
}

/* Cheaper; as cheap and less late; or the same with fewer keys changed. */
bool tune_better(const struct tune *t, const struct tune_point *a, const struct tune_point *b)
{
	double x = tune_mean(a, TUNE_COST).mean, y = tune_mean(b, TUNE_COST).mean;

	if (fabs(x - y) > 1e-9 * fabs(y))
		return x < y;
	x = tune_mean(a, TUNE_LATE).mean;
	y = tune_mean(b, TUNE_LATE).mean;
	if (fabs(x - y) > 1e-12)
		return x < y;
	return moved(t, a) < moved(t, b);
}

const struct tune_point *tune_best(const struct tune *t)
{
	const struct tune_point *best = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct tune_point *p = &t->points[i];

		if (tune_full(t, p) && tune_keeps(t, p) && (!best || tune_better(t, p, best)))
			best = p;
	}
	return best;
}

const struct tune_point *tune_nearest(const struct tune *t)
{
	const struct tune_point *best = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct tune_point *p = &t->points[i];

		if (tune_full(t, p) && (!best || tune_mean(p, TUNE_LATE).mean <
							 tune_mean(best, TUNE_LATE).mean - 1e-12))
			best = p;
	}
	return best;
}

bool tune_on_front(const struct tune *t, const struct tune_point *p)
{
	double cost, late;

	if (!tune_full(t, p))
		return false;
	cost = tune_mean(p, TUNE_COST).mean;
	late = tune_mean(p, TUNE_LATE).mean;
	for (size_t i = 0; i < t->count; i++) {
		const struct tune_point *o = &t->points[i];
		double c, l;

		if (o == p || !tune_full(t, o))
			continue;
		c = tune_mean(o, TUNE_COST).mean;
		l = tune_mean(o, TUNE_LATE).mean;
		if (c <= cost && l <= late && (c < cost || l < late || tune_better(t, o, p)))
			return false;
	}
	return true;
}

/* --- playing */

/* Of points, on seeds first … t->seeds or one only. */
int tune_play(struct tune *t, const size_t *points, size_t n, bool one)
{
	struct tune_run *runs = own_array(n * t->seeds + 1, sizeof(*runs));
	size_t count = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		const struct tune_point *p = &t->points[points[i]];

		for (size_t s = p->seeds; s < (one ? 1 : t->seeds) && !p->impossible; s++)
			runs[count++] = (struct tune_run){ .point = points[i], .seed = s };
	}
	if (count > 0)
		rc = t->play(t->arg, t, runs, count);
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct tune_point *p = &t->points[runs[i].point];

		if (runs[i].impossible) {
			p->impossible = true;
			continue;
		}
		p->seen[runs[i].seed] = runs[i].seen;
		p->seeds = runs[i].seed + 1;
		t->runs++;
	}
	own_free(runs);
	return rc;
}

/* Worth the other seeds: by the first it may be the best, or lie just beyond the promise and so
 * show the way. */
static bool promising(const struct tune *t, const struct tune_point *p,
		      const struct tune_point *best, const struct tune_point *nearest)
{
	const struct tune_seen *s = p->seen;

	if (p->impossible || p->seeds == t->seeds)
		return false;
	if (best)
		return s->cost <= best->seen->cost * MARGIN && s->late <= 1.5 * t->limit + 0.005;
	return !nearest || s->late <= nearest->seen->late * MARGIN;
}

bool tune_spent(const struct tune *t)
{
	return t->runs_max > 0 && t->runs >= t->runs_max;
}

/* Plays those of @p at that are new: all on one seed, then what is promising on all. */
int tune_look(struct tune *t, uint8_t (*at)[TUNE_AXES_MAX], size_t n)
{
	size_t *list = own_array(n + 1, sizeof(*list)), count = 0, kept = 0;
	const struct tune_point *best, *nearest;
	int rc;

	for (size_t i = 0; i < n; i++) {
		bool fresh;
		size_t p = tune_point_of(t, at[i], &fresh);

		if (fresh)
			list[count++] = p;
	}
	rc = tune_play(t, list, count, true);
	best = tune_best(t);
	nearest = tune_nearest(t);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (promising(t, &t->points[list[i]], best, nearest))
			list[kept++] = list[i];
	if (rc == 0)
		rc = tune_play(t, list, kept, false);
	own_free(list);
	return rc;
}
