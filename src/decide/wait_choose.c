/* Which setting keeps the promise at the lowest cost.
 *
 * The cheapest imagined fleet whose late jobs stay within what the promise lets miss. Two
 * corrections: imagined lateness is corrected by how the real one compares so far, and what the
 * real fleet has missed is made up for, what it has left over is spent (a budget, as in online
 * optimisation with a long-term constraint: Mahdavi, Jin, Yang, 2012). Until enough jobs are seen
 * each setting has some late jobs to its name, the cautious ones few.
 *
 * The constants were chosen by the least geometric mean of the cost, over the best of other
 * autoscalers with the target that is best in hindsight, of many series: recorded and made ones,
 * steady, daily, in bursts, in batches, near idle, at several loads and boot times, with and
 * without kills. Around them the mean is flat. */
#include <math.h>

#include "decide/wait.h"

#define AIM 0.92    /* of what may miss: rare bursts are yet to come */
#define MAKE_UP 2.0 /* how hard what was missed is made up for */
#define AIM_FEW 0.8 /* less where few jobs may miss: one more or less is much then */
#define AIM_LEAST 0.15
#define AIM_MOST 0.95
#define AIM_MORE 0.5
#define PRIOR_LATE 2.0 /* jobs, at what the promise lets miss */
#define TRUST_LATE 8.0 /* late jobs before the real fleet's lateness counts as much */
#define STAY 0.98      /* another setting must be this much cheaper */

static double clip(double v, double least, double most)
{
	return v < least ? least : v > most ? most : v;
}

/* Before anything is seen: a promise near the boot time wants a slot for every job and some hold;
 * a loose one may spend most of the wait. */
static double prior_late(const struct wait_view *v, unsigned i)
{
	unsigned urge = i / WAIT_HOLDS, hold = i % WAIT_HOLDS;
	bool tight = v->promise < v->boot + 90;

	if (tight ? urge >= 4 && hold >= 2 : urge >= (v->share < 0.02 ? 4 : 3) && urge <= 5)
		return 0.5;
	return tight && urge < 4 && hold < 2 ? 2 : 1.5;
}

/* The share of late jobs to aim at. Where so many may be late that chance alone decides little,
 * what was left over so far may be spent beyond what the promise lets miss in the long run. */
static double aim(const struct wait_view *v, const struct wait *w, double prior_jobs)
{
	double real = (double)w->late_milli / 1000 /
		      ((double)w->started_milli / 1000 + prior_jobs) / v->share;
	double error = 1 / sqrt(v->share * (double)w->jobs + 1);
	double few = AIM - AIM_FEW * error;
	double most = AIM_MOST + AIM_MORE * clip(1 - 4 * error, 0, 1);

	return v->share * clip(few + MAKE_UP * (few - real), AIM_LEAST, most);
}

/* What the real fleet has late over what its setting had as imagined: a part of it lies in what is
 * not imagined and would be the same at any setting, a part grows with what is. Half way, by ratio,
 * between adding it and multiplying. */
static double corrected(const struct wait *w, double imagined)
{
	double real = (double)w->late_milli / 1000, chosen = (double)w->chosen_halves / 2;
	double scale = clip((real + TRUST_LATE) / (chosen + TRUST_LATE), 0.5, 4);
	double sum = imagined + real - chosen;

	return sqrt(imagined * scale * (sum > imagined / 2 ? sum : imagined / 2));
}

unsigned decide_wait_choose(const struct wait_view *v, const struct wait *w)
{
	double prior = PRIOR_LATE / v->share, most = aim(v, w, prior);
	double best = INFINITY, safest = INFINITY;
	unsigned at = WAIT_FLEETS, safe = 0;

	for (unsigned i = 0; i < WAIT_FLEETS; i++) {
		const struct wait_fleet *f = &w->fleet[i];
		double late = (corrected(w, f->late / 2.0) + prior_late(v, i) * PRIOR_LATE) /
			      ((double)w->jobs + prior);
		double cost = i == w->setting ? f->cost * STAY : f->cost;

		if (late < safest || (late <= safest && cost < w->fleet[safe].cost)) {
			safest = late;
			safe = i;
		}
		if (late <= most && cost < best) {
			best = cost;
			at = i;
		}
	}
	return at < WAIT_FLEETS ? at : safe;
}
