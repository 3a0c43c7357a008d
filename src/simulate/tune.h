/* The cheapest settings that keep a promise: a search without derivatives over levels of a few
 * keys.
 *
 * Costs and waits come from a simulation, so they are noisy, have flat parts and steps, and no
 * slope. Every setting is played on the same seeds (common random numbers), so that two differ by
 * what they are and not by what they met. The method is a filter pattern search (Audet and Dennis,
 * A pattern search filter method for nonlinear programming without derivatives, 2004): beside the
 * cheapest setting that keeps the promise it goes on from the cheapest that just fails it, since
 * the optimum lies between them. Polls are complete and their results are taken in order, so that
 * what is found does not depend on how many are played at once.
 */
#ifndef SIMULATE_TUNE_H
#define SIMULATE_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUNE_AXES_MAX 8
#define TUNE_LEVELS_MAX 64
#define TUNE_SEEDS_MAX 32

struct tune_seen { /* one setting on one seed */
	double cost, late,
		wait_s; /* money; share of jobs over the promise; the promise's quantile */
};

struct tune_point {
	uint8_t at[TUNE_AXES_MAX]; /* levels */
	bool impossible;           /* no valid policy */
	size_t seeds;              /* played: the first so many */
	struct tune_seen *seen;    /* room for all */
};

/* One play that the search asks for. */
struct tune_run {
	size_t point, seed;
	struct tune_seen seen; /* the answer */
	bool impossible;       /* or this */
};

struct tune {
	size_t axes, seeds;
	uint8_t levels[TUNE_AXES_MAX], start[TUNE_AXES_MAX];
	double limit;    /* share of jobs that may be late */
	size_t runs_max; /* about so many plays; 0: until nothing is found any more */
	bool grid;       /* every setting on every seed instead */
	/* Answers them all, or -1 to end the search with what is known. */
	int (*play)(void *arg, const struct tune *t, struct tune_run *runs, size_t n);
	void *arg;

	struct tune_point *points;
	size_t count, size;
	size_t runs;    /* plays so far */
	size_t *places; /* hash of settings to points */
	size_t place_size;
};

void tune_init(struct tune *t);
void tune_done(struct tune *t);
/* Returns -1 when it was ended by play(). */
int tune_search(struct tune *t);

/* Settings on the grid. */
double tune_grid(const struct tune *t);
/* The cheapest that was played on all seeds and keeps the promise; NULL: none. */
const struct tune_point *tune_best(const struct tune *t);
/* The one that misses it by least; NULL: nothing was played on all seeds. */
const struct tune_point *tune_nearest(const struct tune *t);
/* Whether nothing that was played on all seeds is both cheaper (or as cheap) and less late. */
bool tune_on_front(const struct tune *t, const struct tune_point *p);

/* The mean over its seeds, and half the width of its 95 % confidence interval (Student's t; NAN for
 * one seed). */
struct tune_mean {
	double mean, half;
};
enum tune_what { TUNE_COST, TUNE_LATE, TUNE_WAIT };
struct tune_mean tune_mean(const struct tune_point *p, enum tune_what what);

#endif
