/* What EC2 says ahead: a spot notice, two minutes before the end, of which the last seconds are for
 * giving back; and the softer advice that the instance had better be replaced. */
#include "base/clock.h"
#include "base/log.h"
#include "worker/inside.h"

#define SPOT_MARGIN_S 20 /* of the two minutes, kept for giving back */
/* Advice comes early and may be followed by nothing: after so long jobs are received again. */
#define AVOID_S 600

static void spot_come(const char *text, const struct err *e, void *arg)
{
	struct worker *w = arg;
	struct imds_spot notice;
	struct err why = { 0 };
	struct now now = clock_now();

	(void)e;
	w->life.spot_get = NULL;
	if (!text || w->life.spot)
		return;
	w->life.spot = true;
	if (imds_spot_read(text, &notice, &why) < 0) {
		LOG_WARN("a spot notice that cannot be understood is taken as two minutes",
			 LOG_E(&why));
		notice.at = instant_add(now.wall, span_s(120));
	}
	w->life.spot_ends = tick_add(
		now.mono, span_ms(instant_since(notice.at, now.wall).ms - SPOT_MARGIN_S * 1000));
	LOG_WARN("the spot instance goes: no new job, and only what fits is finished",
		 LOG_S("instance", w->life.id),
		 LOG_I("seconds", tick_since(w->life.spot_ends, now.mono).ms / 1000));
	for (struct claim *c = w->claims, *next; c; c = next) {
		struct span left = worker_claim_estimate(c, now.mono);

		next = c->next;
		if (c->state != CLAIM_ENDING &&
		    (left.ms < 0 || tick_add(now.mono, left).ms > w->life.spot_ends.ms))
			worker_crew_kill(c, CLAIM_INTERRUPTED);
	}
	loop_timer_start(w->life.heartbeat, tick_since(w->life.spot_ends, now.mono));
}

static void advice_come(const char *text, const struct err *e, void *arg)
{
	struct worker *w = arg;
	struct life *l = &w->life;

	(void)e; /* 404, as a rule */
	l->advice_get = NULL;
	if (!text || l->advised)
		return;
	l->advised = true;
	l->avoid_until = tick_add(clock_mono(), span_s(AVOID_S));
	LOG_WARN("the instance had better be replaced, says EC2: no new job for a while, and no "
		 "protection once idle",
		 LOG_S("instance", l->id), LOG_I("seconds", AVOID_S));
	worker_supervise_turn(w);
}

void worker_spot_look(struct worker *w)
{
	struct life *l = &w->life;

	if (!l->spot_get && !l->spot)
		l->spot_get = imds_get(l->imds, IMDS_SPOT_ACTION, spot_come, w);
	if (!l->advice_get && !l->advised)
		l->advice_get = imds_get(l->imds, IMDS_REBALANCE, advice_come, w);
}

bool worker_spot_avoids(const struct worker *w)
{
	return w->life.advised && clock_mono().ms < w->life.avoid_until.ms;
}
