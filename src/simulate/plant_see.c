#include <math.h>
#include <string.h>

#include "simulate/plant_own.h"

static int64_t oldest(const struct plant *p)
{
	return p->queue.count ? p->job[p->queue.item[p->queue.head].what].arrival : INT64_MAX;
}

void plant_note(struct plant *p)
{
	int64_t grain = p->k->stale.ms * 1000 / (PLANT_SEEN_MAX / 2);
	struct plant_seen *last;

	if (p->k->stale.ms == 0)
		return;
	last = &p->seen[(p->seen_head + p->seen_count - 1) % PLANT_SEEN_MAX];
	/* Changes that are close together share a place, so that the places last. */
	if (p->seen_count < 2 ||
	    p->now - p->seen[(p->seen_head + p->seen_count - 2) % PLANT_SEEN_MAX].at >= grain) {
		if (p->seen_count == PLANT_SEEN_MAX) {
			p->seen_head = (p->seen_head + 1) % PLANT_SEEN_MAX;
			p->seen_count--;
		}
		last = &p->seen[(p->seen_head + p->seen_count++) % PLANT_SEEN_MAX];
	}
	*last = (struct plant_seen){ p->now, (int64_t)p->queue.count, p->running + p->lost,
				     oldest(p) };
}

/* The counts as they were at @p then. */
static struct plant_seen recall(const struct plant *p, int64_t then)
{
	size_t low = 0, high = p->seen_count;

	if (p->k->stale.ms == 0 || p->seen_count == 0)
		return (struct plant_seen){ p->now, (int64_t)p->queue.count, p->running + p->lost,
					    oldest(p) };
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (p->seen[(p->seen_head + mid) % PLANT_SEEN_MAX].at <= then)
			low = mid;
		else
			high = mid;
	}
	return p->seen[(p->seen_head + low) % PLANT_SEEN_MAX];
}

static int64_t noisy(struct plant *p, int64_t n)
{
	double u, sum = 0;

	if (p->k->noise <= 0 || n == 0)
		return n;
	for (int i = 0; i < 12; i++) /* near enough to a normal for an error of counting */
		sum += rng_unit(&p->stale_rng);
	u = (double)n * (1 + (sum - 6) * p->k->noise);
	return u > 0 ? llround(u) : 0;
}

void plant_minute(struct plant *p)
{
	double least = (double)p->k->lag_least.ms * 1e3, most = (double)p->k->lag_most.ms * 1e3;
	int64_t at = p->now + (int64_t)(least + (most - least) * rng_unit(&p->lag_rng));

	p->available = at > p->available ? at : p->available; /* in order */
	if (p->point_count == PLANT_POINTS_MAX) {
		p->point_head = (p->point_head + 1) % PLANT_POINTS_MAX;
		p->point_count--;
	}
	p->point[(p->point_head + p->point_count++) % PLANT_POINTS_MAX] = (struct plant_point){
		.end_us = p->now,
		.available_us = p->available,
		.visible = (int64_t)p->queue.count,
		.in_flight = p->running + p->lost,
		.in_service = p->serving,
		.sent = p->sent_minute,
		.deleted = p->deleted_minute,
		.oldest_age_us = p->queue.count ? p->now - oldest(p) : 0,
	};
	p->sent_minute = p->deleted_minute = 0;
	events_add(&p->events, p->now + PLANT_MINUTE_US, PLANT_MINUTE, 0, 0);
}

static int64_t busy(const struct plant *p)
{
	int64_t n = 0, debounce = p->k->idle_debounce.ms * 1000;

	for (uint32_t i = p->first; i != PLANT_NONE; i = p->inst[i].next)
		n += p->inst[i].state == PLANT_SERVING &&
		     (p->inst[i].busy > 0 || p->now - p->inst[i].idle_since < debounce);
	return n;
}

static void see(struct plant *p, struct plant_view *ret)
{
	int64_t age = (int64_t)(rng_unit(&p->stale_rng) * (double)p->k->stale.ms * 1e3);
	struct plant_seen s = recall(p, p->now - age);
	size_t n = 0;

	while (p->point_count > 0 && p->point[p->point_head].available_us <= p->now) {
		p->newest = p->fresh[n++] = p->point[p->point_head];
		p->have_newest = true;
		p->point_head = (p->point_head + 1) % PLANT_POINTS_MAX;
		p->point_count--;
	}
	*ret = (struct plant_view){
		.now_us = p->now,
		.wall = { p->c->load->start.ms + p->now / 1000 },
		.visible = noisy(p, s.visible),
		.in_flight = noisy(p, s.in_flight),
		.oldest_age_us = s.oldest <= p->now - age ? p->now - age - s.oldest : 0,
		.desired = p->desired,
		.in_service = p->serving,
		.pending = p->pending,
		.busy = p->k->scale_in == KNOBS_PROTECT ? busy(p) : 0,
		.draining = p->draining,
		.min = p->c->min,
		.max = p->c->max,
		.points = p->fresh,
		.point_count = n,
		.newest = p->have_newest ? &p->newest : NULL,
	};
}

struct trace_state plant_state(const struct plant *p)
{
	return (struct trace_state){ .backlog = (int64_t)p->queue.count,
				     .desired = p->desired,
				     .ready = p->serving };
}

/* The words of a look, where the trace keeps them. @p wanted < 0: it left the size alone. */
static void trace_words(struct plant *p, int64_t from, int64_t wanted)
{
	const struct plant_scaler *s = p->c->scaler;
	int64_t to = wanted < 0 ? from : wanted > p->c->max ? p->c->max : wanted;
	AUTO(buf_done) struct buf words = BUF(TRACE_WHY_MAX);

	if (!trace_wants(p->c->trace, p->now, from, to))
		return;
	if (s->say)
		s->say(s->self, &words);
	else if (from != to)
		buf_addf(&words, "%lld -> %lld%s", (long long)from, (long long)to,
			 wanted > to ? ": all that the group may have" : "");
	if (words.len > 0)
		trace_look(p->c->trace, p->now, from, to, buf_str(&words));
}

void plant_look(struct plant *p)
{
	const struct plant_scaler *s = p->c->scaler;
	struct span next = span_s(30);
	struct plant_view v;
	bool done = true;
	int64_t wanted;

	see(p, &v);
	p->r->looks++;
	wanted = s->decide(s->self, &v, &next);
	if (p->c->trace)
		trace_words(p, v.desired, wanted);
	if (wanted >= 0) {
		done = p->k->write_throttle <= 0 || rng_unit(&p->fault_rng) >= p->k->write_throttle;
		if (done)
			plant_want(p, wanted);
		else
			p->r->throttled++;
		if (s->settle)
			s->settle(s->self, &v, done);
	}
	events_add(&p->events, p->now + (next.ms < 1000 ? 1000 : next.ms) * 1000, PLANT_LOOK, 0, 0);
}
