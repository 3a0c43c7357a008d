/* How long the last instance is kept without a job.
 *
 * The ski rental with the gaps' distribution learnt (Karlin, Manasse, McGeoch, Owicki: Competitive
 * randomized algorithms for nonuniform problems, 1994): keeping costs the time, letting go costs a
 * boot time when the next job comes, and the jobs that come meanwhile are late where the boot takes
 * longer than they may wait. The time that is cheapest while those stay within a part of what the
 * promise lets miss. Gaps are counted in classes, each half as long again as the last. */
#include <math.h>

#include "decide/wait.h"

#define FIRST_S 30.0
#define GROWTH 1.5
#define PART 0.7 /* of what may miss, for cold starts */
#define SPREAD                                                                                  \
	0.2936       /* of the logarithm of boot times: lognormal, their spread 0.3 of the mean \
		      */
#define MEDIAN 0.958 /* of such boot times, over their mean */
#define SEEN_S 25

static double class_s(unsigned k)
{
	return FIRST_S * pow(GROWTH, k);
}

static unsigned class_of(double seconds)
{
	unsigned k = 0;

	while (k + 1 < WAIT_GAPS && seconds > class_s(k))
		k++;
	return k;
}

/* Chance that a job which finds no instance waits too long. It is seen some time after it came. */
static double cold_late(const struct wait_view *v)
{
	double may = v->promise - SEEN_S;
	double x = log((may > 1 ? may : 1) / (v->boot * MEDIAN)) / SPREAD;

	return 0.5 * erfc(x / sqrt(2));
}

static void note(struct wait *w, int64_t jobs)
{
	uint64_t sum = (uint64_t)w->gap_late[w->gap_class] + (uint64_t)(jobs > 0 ? jobs : 0);

	w->gap_late[w->gap_class] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

void decide_wait_gap_learn(const struct wait_view *v, struct wait *w, int64_t empty_ms,
			   int64_t jobs, int64_t came, int64_t ms)
{
	if (empty_ms > 0 && jobs > 0) {
		double cold = v->boot + SEEN_S - v->promise;

		w->gap_class = (uint8_t)class_of((double)empty_ms / 1000);
		w->gap_left_ms = cold > 0 ? (int64_t)(cold * 1000) : 0;
		w->gaps[w->gap_class]++;
		note(w, jobs);
	} else if (w->gap_left_ms > 0) {
		note(w, came);
		w->gap_left_ms -= ms;
	}
}

/* Gaps of class @p k and longer are not bridged: what it costs, and how many jobs are late. */
static double price(const struct wait_view *v, const struct wait *w, unsigned k, double *ret_late)
{
	double cost = 0, p = cold_late(v);

	*ret_late = p; /* the gap to come may be the longest yet */
	for (unsigned i = 0; i < WAIT_GAPS; i++) {
		double n = w->gaps[i], long_s = i == 0 ? FIRST_S / 2 : class_s(i) * 0.8;

		if (i < k) {
			cost += n * long_s;
		} else {
			cost += n * (v->boot + (k == 0 ? 0 : class_s(k - 1)));
			*ret_late += p * w->gap_late[i];
		}
	}
	return cost;
}

int64_t decide_wait_gap_keep(const struct wait_view *v, const struct wait *w)
{
	double may = v->share * PART * (double)w->jobs, best = INFINITY;
	int64_t keep = WAIT_FOREVER_MS;

	if (cold_late(v) < v->share * 1.5)
		may = INFINITY;
	for (unsigned k = 0; k < WAIT_GAPS; k++) {
		double late, cost = price(v, w, k, &late);

		if (late > may || cost >= best)
			continue;
		best = cost;
		keep = k == 0 ? 0 : (int64_t)(class_s(k - 1) * 1000);
	}
	return keep;
}
