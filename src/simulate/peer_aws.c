/* EC2 Auto Scaling's own policies, by its user guide.
 *
 * Target tracking ("classic"; as-scaling-target-tracking, and the backlog per instance of
 * as-using-sqs-queue by metric math): visible / in service, one datapoint a minute; 3 of 3 above
 * the target: ceil(capacity * metric / target); 15 of 15 below 90 %: the same downwards, not while
 * an instance warms up (300 s).
 * Step scaling (as-scaling-simple-step): 10 % and 30 % in the steps of the guide's example, at the
 * target and twice the target of visible messages, and at a quarter and an eighth of it downwards.
 * No cooldown: each minute that the alarm lasts; scale-in waits for what warms up.
 */
#include <math.h>
#include <string.h>

#include "simulate/peer.h"

#define WARM_UP_US (300 * (int64_t)LOAD_US)

int64_t peer_aws_proportion(int64_t capacity, double metric, double target)
{
	return (int64_t)ceil((double)capacity * metric / target - 1e-9);
}

int64_t peer_aws_percent(int64_t capacity, double percent)
{
	double x = (double)capacity * percent / 100;

	if (x > 0 && x < 1)
		x = 1;
	else if (x < 0 && x > -1)
		x = -1;
	return capacity + (int64_t)x; /* toward zero, both ways */
}

/* Notes instances that came into service since the last look. */
static void watch_warming(struct peer *p, const struct plant_view *v)
{
	struct peer_past *w = &p->warming;
	int gone = 0;

	if (p->begun && v->in_service > p->seen) {
		if (w->count == PEER_WINDOW_MAX) {
			memmove(w->item, w->item + 1, sizeof(w->item) - sizeof(w->item[0]));
			w->count--;
		}
		w->item[w->count].at_us = v->now_us + WARM_UP_US;
		w->item[w->count++].value = v->in_service - p->seen;
	}
	p->begun = true;
	p->seen = v->in_service;
	while (gone < w->count && w->item[gone].at_us <= v->now_us)
		gone++;
	memmove(w->item, w->item + gone, (size_t)(w->count - gone) * sizeof(w->item[0]));
	w->count -= gone;
}

static void take_points(struct peer *p, const struct plant_view *v)
{
	for (size_t i = 0; i < v->point_count; i++) {
		if (v->points[i].in_service == 0)
			continue; /* x/0 is no datapoint */
		if (p->metrics == 15)
			memmove(p->metric, p->metric + 1, 14 * sizeof(p->metric[0]));
		else
			p->metrics++;
		p->metric[p->metrics - 1] =
			(double)v->points[i].visible / (double)v->points[i].in_service;
		p->capacity = v->points[i].in_service;
	}
}

int64_t peer_aws_tracking(struct peer *p, const struct plant_view *v)
{
	double low = HUGE_VAL, high = 0;
	int64_t wish;

	watch_warming(p, v);
	take_points(p, v);
	if (p->metrics < 3)
		return -1;
	for (int i = 0; i < p->metrics; i++) {
		high = fmax(high, p->metric[i]);
		if (i >= p->metrics - 3)
			low = fmin(low, p->metric[i]);
	}
	wish = peer_aws_proportion(p->capacity, p->metric[p->metrics - 1], p->target);
	if (low > p->target)
		return wish > v->desired ? wish : v->desired;
	if (p->metrics < 15 || high >= 0.9 * p->target || p->warming.count > 0 || v->pending > 0)
		return -1;
	wish = wish > v->desired ? v->desired : wish < v->min ? v->min : wish;
	p->seen = v->in_service < wish ? v->in_service : wish;
	return wish;
}

int64_t peer_aws_step(struct peer *p, const struct plant_view *v)
{
	double visible;
	int64_t warming = 0, wish;

	watch_warming(p, v);
	if (v->point_count == 0)
		return -1;
	visible = (double)v->points[v->point_count - 1].visible;
	for (int i = 0; i < p->warming.count; i++)
		warming += p->warming.item[i].value;
	if (visible > p->target) {
		int64_t ready = v->in_service > warming ? v->in_service - warming : 0;

		/* Of the capacity without what warms up, so that a step is not added twice. */
		wish = peer_aws_percent(ready > 0 ? ready : 1, visible > 2 * p->target ? 30 : 10);
		return wish > v->desired ? wish : -1;
	}
	if (visible < p->target / 4 && warming == 0 && v->pending == 0) {
		wish = peer_aws_percent(v->desired, visible < p->target / 8 ? -30 : -10);
		p->seen = v->in_service < wish ? v->in_service : wish;
		return wish < 0 ? 0 : wish;
	}
	return -1;
}
