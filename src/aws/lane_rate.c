#include "aws/lane_rate.h"

#include <math.h>

#define BETA 0.7
#define SCALE 0.4
#define SMOOTH 0.8
#define LEAST 0.5 /* calls a second */
#define GROW 2.0  /* of what is really sent */

static double seconds(struct tick later, struct tick earlier)
{
	return (double)tick_since(later, earlier).ms / 1000;
}

static void measure(struct lane_rate *r, struct tick now)
{
	int64_t half = now.ms / 500;
	double sent;

	r->counted++;
	if (r->half_second == 0)
		r->half_second = half;
	if (half <= r->half_second)
		return;
	sent = (double)r->counted / ((double)(half - r->half_second) / 2);
	r->measured = sent * SMOOTH + r->measured * (1 - SMOOTH);
	r->counted = 0;
	r->half_second = half;
}

static void fill(struct lane_rate *r, struct tick now)
{
	r->tokens += seconds(now, r->filled_at) * r->rate;
	if (r->tokens > r->room)
		r->tokens = r->room;
	r->filled_at = now;
}

static void set(struct lane_rate *r, double rate, struct tick now)
{
	fill(r, now); /* at the old rate */
	r->rate = rate > LEAST ? rate : LEAST;
	r->room = rate > 1 ? rate : 1;
	if (r->tokens > r->room)
		r->tokens = r->room;
}

/* As TCP's window after a loss: flat around the rate at which it was throttled, then steep. */
static double curve(const struct lane_rate *r, struct tick now)
{
	double t = seconds(now, r->throttled_at) - r->flat_s;

	return SCALE * t * t * t + r->most;
}

static double slow_down(struct lane_rate *r, struct tick now)
{
	r->most = r->on && r->rate < r->measured ? r->rate : r->measured;
	r->flat_s = cbrt(r->most * (1 - BETA) / SCALE);
	r->throttled_at = now;
	if (!r->on)
		r->filled_at = now;
	r->on = true;
	return r->most * BETA;
}

void lane_rate_answered(struct lane_rate *r, bool throttled, struct tick now)
{
	double rate, most;

	measure(r, now);
	if (!throttled && !r->on)
		return;
	rate = throttled ? slow_down(r, now) : curve(r, now);
	most = GROW * r->measured;
	set(r, rate < most ? rate : most, now);
}

struct span lane_rate_take(struct lane_rate *r, struct tick now)
{
	if (!r->on)
		return span_ms(0);
	fill(r, now);
	if (r->tokens < 1)
		return span_ms((int64_t)ceil((1 - r->tokens) / r->rate * 1000));
	r->tokens -= 1;
	return span_ms(0);
}
