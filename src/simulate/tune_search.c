#include <math.h>
#include <string.h>

#include "base/own.h"
#include "simulate/tune_own.h"

#define BATCH_MAX 4096

/* --- where to look */

/* The i-th of a sequence that fills a range evenly (Halton, in base @p b). */
static double halton(size_t i, unsigned b)
{
	double f = 1, r = 0;

	for (; i > 0; i /= b) {
		f /= b;
		r += f * (double)(i % b);
	}
	return r;
}

static int look_around(struct tune *t)
{
	static const unsigned primes[TUNE_AXES_MAX] = { 2, 3, 5, 7, 11, 13, 17, 19 };
	uint8_t at[4 * TUNE_AXES_MAX][TUNE_AXES_MAX];
	size_t n = 2 * t->axes + 2;

	if ((double)n > tune_grid(t) / 20)
		n = (size_t)(tune_grid(t) / 20) + 1;
	for (size_t i = 0; i < n; i++)
		for (size_t a = 0; a < t->axes; a++)
			at[i][a] = (uint8_t)(halton(i + 1, primes[a]) * t->levels[a]);
	return tune_look(t, at, n);
}

struct poll {
	uint8_t at[2 * TUNE_AXES_MAX * TUNE_AXES_MAX + 2 * TUNE_AXES_MAX][TUNE_AXES_MAX];
	size_t n;
};

static int step_of(const struct tune *t, size_t axis, double mesh)
{
	int s = (int)lround(mesh * (t->levels[axis] - 1));

	return s > 1 ? s : 1;
}

/* Adds @p from moved by @p x along axis @p a and @p y along @p b, where that is on the grid. */
static void move(const struct tune *t, struct poll *p, const uint8_t *from, size_t a, int x,
		 size_t b, int y)
{
	int to_a = from[a] + x, to_b = a == b ? to_a : from[b] + y;

	if (to_a < 0 || to_a >= t->levels[a] || to_b < 0 || to_b >= t->levels[b])
		return;
	memcpy(p->at[p->n], from, t->axes);
	p->at[p->n][a] = (uint8_t)to_a;
	p->at[p->n][b] = (uint8_t)to_b;
	p->n++;
}

static int poll_axes(struct tune *t, const struct tune_point *centre, double mesh)
{
	struct poll p = { .n = 0 };
	uint8_t from[TUNE_AXES_MAX];

	memcpy(from, centre->at, sizeof(from));
	for (size_t a = 0; a < t->axes; a++) {
		move(t, &p, from, a, step_of(t, a, mesh), a, 0);
		move(t, &p, from, a, -step_of(t, a, mesh), a, 0);
	}
	return tune_look(t, p.at, p.n);
}

/* Two keys at once: along the edge of what keeps the promise no single key leads on. */
static int poll_pairs(struct tune *t, const struct tune_point *centre)
{
	struct poll p = { .n = 0 };
	uint8_t from[TUNE_AXES_MAX];

	memcpy(from, centre->at, sizeof(from));
	for (size_t a = 0; a < t->axes; a++)
		for (size_t b = a + 1; b < t->axes; b++)
			for (int way = 0; way < 4; way++)
				move(t, &p, from, a, way & 1 ? 1 : -1, b, way & 2 ? 1 : -1);
	return tune_look(t, p.at, p.n);
}

/* The least late of those that are cheaper than the best and fail: the other side of the edge. */
static const struct tune_point *beyond(const struct tune *t, const struct tune_point *best)
{
	const struct tune_point *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct tune_point *p = &t->points[i];

		if (!tune_full(t, p) || tune_keeps(t, p) ||
		    (best && tune_mean(p, TUNE_COST).mean >= tune_mean(best, TUNE_COST).mean))
			continue;
		if (!found || tune_mean(p, TUNE_LATE).mean < tune_mean(found, TUNE_LATE).mean)
			found = p;
	}
	return found;
}

/* The best, or where there is none the nearest: as an index, since points move as they grow. */
static size_t centre_of(const struct tune *t)
{
	const struct tune_point *c = tune_best(t);

	c = c ? c : tune_nearest(t);
	return c ? (size_t)(c - t->points) : SIZE_MAX;
}

/* One poll about the centre and about what lies beyond. *ret_moved: it found a better centre. */
static int poll_once(struct tune *t, double mesh, bool pairs, bool *ret_moved)
{
	size_t before = centre_of(t);
	const struct tune_point *other;

	*ret_moved = false;
	if (before == SIZE_MAX)
		return 0;
	if ((pairs ? poll_pairs(t, &t->points[before]) : poll_axes(t, &t->points[before], mesh)) <
	    0)
		return -1;
	*ret_moved = centre_of(t) != before;
	other = beyond(t, tune_best(t));
	if (*ret_moved || !other || tune_spent(t))
		return 0;
	if ((pairs ? poll_pairs(t, other) : poll_axes(t, other, mesh)) < 0)
		return -1;
	*ret_moved = centre_of(t) != before;
	return 0;
}

/* Every level of each axis through the centre: a valley that no small step leads to. */
static int poll_lines(struct tune *t, const struct tune_point *centre)
{
	uint8_t(*at)[TUNE_AXES_MAX] = own_array(TUNE_AXES_MAX * TUNE_LEVELS_MAX, sizeof(*at));
	size_t n = 0;
	int rc;

	for (size_t a = 0; a < t->axes; a++)
		for (uint8_t l = 0; l < t->levels[a]; l++) {
			memcpy(at[n], centre->at, sizeof(*at));
			at[n++][a] = l;
		}
	rc = tune_look(t, at, n);
	own_free(at);
	return rc;
}

/* The best but for those before it: the @p rank-th of what keeps the promise. */
static const struct tune_point *runner_up(const struct tune *t, size_t rank)
{
	const struct tune_point *last = tune_best(t);

	for (; last && rank > 0; rank--) {
		const struct tune_point *next = NULL;

		for (size_t i = 0; i < t->count; i++) {
			const struct tune_point *p = &t->points[i];

			if (p != last && tune_full(t, p) && tune_keeps(t, p) &&
			    !tune_better(t, p, last) && (!next || tune_better(t, p, next)))
				next = p;
		}
		last = next;
	}
	return last;
}

#define RUNNERS_UP 3

/* When no near setting is better: further along each key, and about those that are nearly as good,
 * since a valley may bend. */
static int last_look(struct tune *t, bool *ret_moved)
{
	size_t before = centre_of(t);
	const struct tune_point *p;

	*ret_moved = false;
	if (before == SIZE_MAX)
		return 0;
	if (poll_lines(t, &t->points[before]) < 0)
		return -1;
	for (size_t rank = 1; rank <= RUNNERS_UP && centre_of(t) == before && !tune_spent(t);
	     rank++) {
		p = runner_up(t, rank);
		if (p && poll_axes(t, p, 0) < 0)
			return -1;
		p = runner_up(t, rank); /* points have moved, and this one may be another */
		if (p && poll_pairs(t, p) < 0)
			return -1;
	}
	*ret_moved = centre_of(t) != before;
	return 0;
}

static double finest(const struct tune *t)
{
	uint8_t most = 2;

	for (size_t a = 0; a < t->axes; a++)
		most = t->levels[a] > most ? t->levels[a] : most;
	return 1.0 / (most - 1);
}

static int search_pattern(struct tune *t)
{
	double mesh = 0.25;
	bool moves;

	if (tune_look(t, &t->start, 1) < 0)
		return -1;
	if (t->points[0].seeds < t->seeds && tune_play(t, &(size_t){ 0 }, 1, false) < 0)
		return -1;
	if (look_around(t) < 0)
		return -1;
	while (!tune_spent(t)) {
		if (poll_once(t, mesh, false, &moves) < 0)
			return -1;
		if (moves)
			continue;
		if (mesh > finest(t)) {
			mesh /= 2;
			continue;
		}
		if (tune_spent(t))
			break;
		if (poll_once(t, mesh, true, &moves) < 0 ||
		    (!moves && !tune_spent(t) && last_look(t, &moves) < 0))
			return -1;
		if (!moves)
			break;
	}
	return 0;
}

static int search_grid(struct tune *t)
{
	uint8_t at[TUNE_AXES_MAX] = { 0 };
	size_t *list = own_array(BATCH_MAX, sizeof(*list)), n = 0, a = 0;
	bool fresh;
	int rc = 0;

	while (a < t->axes && rc == 0) {
		list[n++] = tune_point_of(t, at, &fresh);
		for (a = 0; a < t->axes && ++at[a] == t->levels[a]; a++)
			at[a] = 0;
		if (n == BATCH_MAX || a == t->axes) {
			rc = tune_play(t, list, n, false);
			n = 0;
		}
	}
	own_free(list);
	return rc;
}

int tune_search(struct tune *t)
{
	return t->grid ? search_grid(t) : search_pattern(t);
}
