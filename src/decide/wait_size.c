/* The size that one setting asks for.
 *
 * With x jobs in the system, waiting and running, c = a*x + b*sqrt(x) instances are asked for. For
 * a = s / (s + w) of jobs that take s, a queue in balance waits w: the wait that is promised is
 * spent (plain backlog over target, with in-flight counted). As the wait that may be spent goes to
 * nothing a goes to 1, every job has its slot, and b*sqrt(x) is the spare for chance: the
 * square-root rule (Erlang; Halfin, Whitt: Heavy-traffic limits for queues with many exponential
 * servers, 1981).
 *
 * A fleet larger than that is kept while it is less than half as large again, or half way (by
 * ratio) to an instance for each job: between the two it neither grows nor shrinks, as an inventory
 * between s and S (Scarf, 1960). While jobs wait no instance idles, so keeping it costs nothing.
 *
 * Spare and band are for jobs that run less long than an instance takes to start. Of longer ones
 * only a part ends meanwhile, and the number of jobs moves by as much less. The last setting has
 * all of the spare: for what comes at once.
 *
 * Where scale-in takes any instance and kills its job, it waits until most are idle: to let go of n
 * kills n times the share of the busy ones. It is limited to what the promise still lets miss.
 * Until it is seen whether it kills it may, and only what would do little harm if it did is tried.
 */
#include <math.h>

#include "decide/wait.h"

#define BAND 1.5
#define ROOT 0.7
#define SLACK_MILLI 150
#define KILLS_SOME 0.25 /* so likely, scale-in counts as killing: */
#define IDLE_SHARE 3    /* it is done when so many times the jobs' instances are there, */
#define KILL_SHARE 0.6  /* and makes late no more than this much of what may miss, */
#define KILL_FIRST 0.5  /* and so many jobs before any are seen */
#define TRY_SHARE 0.02  /* of those may be lost by trying whether it kills */
#define VISIBILITY_S 300

/* From all of the promised wait to none of it, and then more spare. */
static const struct {
	double spent, spare;
} urges[WAIT_URGES] = {
	{ 1, 0 },    { 0.85, 0 }, { 0.65, 0 }, { 0.4, 0 },
	{ 0.15, 0 }, { 0, 0 },    { 0, 0.3 },  { 0, 0.6 },
};

/* In boot times: what is let go too early costs one. Of at least so many seconds: where instances
 * start at once the hold saves changes of direction. */
static const double holds[WAIT_HOLDS] = { 0, 1, 3, 5 };
#define HOLD_LEAST_S 100
#define ASKED_S 45 /* from a job that comes to a launch */

struct wait_setting decide_wait_size_setting(const struct wait_view *v, unsigned index)
{
	unsigned u = index / WAIT_HOLDS % WAIT_URGES, h = index % WAIT_HOLDS;
	double boot = v->boot > HOLD_LEAST_S ? v->boot : HOLD_LEAST_S;
	double meanwhile = fmin((boot + ASKED_S) / v->service, 1);
	double band = 1 + (BAND - 1) * meanwhile, root = u == WAIT_URGES - 1 ? 1 : sqrt(meanwhile);
	double a = v->service / (v->service + urges[u].spent * v->promise) + urges[u].spare * root;

	return (struct wait_setting){ .jobs = a,
				      .root = ROOT * a * root,
				      .band = a < 1 / (band * band) ? 1 / sqrt(a) : band,
				      .hold_ms = (int64_t)(holds[h] * boot * 1000 + 0.5) };
}

/* Thousandths, rounded, so that no compiler's last bit decides. */
static int64_t need_milli(const struct wait_view *v, const struct wait_setting *s, int64_t jobs)
{
	double x = (double)jobs / v->slots;

	return (int64_t)floor((s->jobs * x + s->root * (x > 1 ? sqrt(x) - 1 : 0)) * 1000 + 0.5);
}

static int64_t whole(int64_t milli)
{
	return milli / 1000 + (milli % 1000 > 0);
}

static int64_t most_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

double decide_wait_size_killable(const struct wait_view *v, double jobs, double late)
{
	double most = KILL_SHARE * (v->share * jobs + KILL_FIRST);

	if (!v->killing)
		return most;
	return most > late ? most - late : 0;
}

/* The most that is kept of @p have where scale-in kills, or may. */
static int64_t most_where_killed(const struct wait_view *v, const struct wait_setting *s,
				 const struct wait_need *n, int64_t have, int64_t most)
{
	double busy = fmin((double)n->jobs / v->slots, (double)have);
	double lost = v->kills * busy / (double)have * v->slots * decide_wait_size_killed(v, s);

	if (!v->killing && lost * (double)(have - most) <= TRY_SHARE * n->killable)
		return most;
	most = most_of(most, (int64_t)((double)n->high / v->slots * IDLE_SHARE + 0.5));
	if (lost * (double)(have - most) > n->killable)
		most = have - (int64_t)(n->killable / lost);
	return most;
}

int64_t decide_wait_size(const struct wait_view *v, const struct wait_setting *s,
			 const struct wait_need *n, int64_t have)
{
	int64_t least = whole(need_milli(v, s, n->jobs) - SLACK_MILLI);
	int64_t most = whole((int64_t)(s->band * (double)need_milli(v, s, n->high) + 0.5));

	if (least < 1 && (n->jobs > 0 || v->keep_ms == WAIT_FOREVER_MS))
		least = 1; /* no fleet at zero does a job, or keeps a promise below its boot time */
	if (most < 1 && n->idle_ms < v->keep_ms)
		most = 1;
	if (v->kills > KILLS_SOME && have > most)
		most = most_where_killed(v, s, n, have, most);
	if (most < least)
		most = least;
	if (n->may_wait && have == 0)
		least = 0;
	return have < least ? least : have > most ? most : have;
}

/* A killed job is invisible until its visibility timeout has passed since it started, and starts
 * anew then: one that had started at once is in time where so much is promised. With an instance
 * for each job all of them start at once. */
double decide_wait_size_killed(const struct wait_view *v, const struct wait_setting *s)
{
	if (v->promise < VISIBILITY_S)
		return 1;
	return s->jobs > 1 ? 0 : 1 - s->jobs;
}
