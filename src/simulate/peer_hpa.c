/* Kubernetes HorizontalPodAutoscaler on an external metric, and KEDA that drives it.
 *
 * HPA: pkg/controller/podautoscaler (replica_calculator.go, horizontal.go) and
 * pkg/apis/autoscaling/v2/defaults.go: every 15 s, tolerance 0.1, up at most max(+4, +100 %) in
 * 15 s, down to the highest recommendation of 300 s.
 * KEDA: pkg/scalers/aws_sqs_queue_scaler.go (visible and in flight over queueLength, 5) and
 * pkg/scaling/executor/scale_scaledobjects.go: polled every 30 s, 0 to 1 when there are messages,
 * 1 to 0 after a cooldown of 300 s without.
 */
#include <math.h>

#include "simulate/peer.h"

#define WINDOW_US (300 * (int64_t)LOAD_US)
#define PERIOD_US (15 * (int64_t)LOAD_US)
#define POLL_US (30 * (int64_t)LOAD_US)
#define COOLDOWN_US (300 * (int64_t)LOAD_US)

static void drop_old(struct peer_past *w, int64_t until_us)
{
	int gone = 0;

	while (gone < w->count && w->item[gone].at_us <= until_us)
		gone++;
	for (int i = gone; i < w->count; i++)
		w->item[i - gone] = w->item[i];
	w->count -= gone;
}

static void add(struct peer_past *w, int64_t at_us, int64_t value)
{
	if (w->count == PEER_WINDOW_MAX)
		drop_old(w, w->item[0].at_us);
	w->item[w->count].at_us = at_us;
	w->item[w->count++].value = value;
}

int64_t peer_hpa_propose(double metric, double target, int64_t replicas)
{
	double ratio = metric / (target * (double)replicas);

	if (ratio >= 0.9 && ratio <= 1.1)
		return replicas;
	return (int64_t)ceil(metric / target);
}

int64_t peer_hpa(struct peer *p, const struct plant_view *v)
{
	int64_t floor_ = v->min > 1 ? v->min : 1, current = v->desired, wish, highest, base, limit;

	if (current == 0)
		return floor_; /* below minReplicas */
	if (!p->seeded)
		add(&p->recommended, v->now_us, current);
	p->seeded = true;
	wish = peer_hpa_propose((double)(v->visible + v->in_flight), p->target, current);
	wish = wish < floor_ ? floor_ : wish > v->max ? v->max : wish;
	drop_old(&p->recommended, v->now_us - WINDOW_US);
	highest = wish;
	for (int i = 0; i < p->recommended.count; i++)
		if (p->recommended.item[i].value > highest)
			highest = p->recommended.item[i].value;
	add(&p->recommended, v->now_us, wish);
	if (wish < current)
		return highest < current ? highest : current;
	if (wish == current)
		return current;
	drop_old(&p->added, v->now_us - PERIOD_US);
	base = current;
	for (int i = 0; i < p->added.count; i++)
		base -= p->added.item[i].value;
	limit = base + 4 > 2 * base ? base + 4 : 2 * base;
	limit = limit > current ? limit : current;
	wish = wish < limit ? wish : limit;
	if (wish > current)
		add(&p->added, v->now_us, wish - current);
	return wish;
}

int64_t peer_keda(struct peer *p, const struct plant_view *v)
{
	int64_t metric = v->visible + v->in_flight;

	if (!p->begun) {
		p->begun = true;
		p->active_us = v->now_us;
		p->polled_us = v->now_us - POLL_US;
	}
	if (v->now_us - p->polled_us >= POLL_US) {
		p->polled_us = v->now_us;
		if (metric > 0) {
			p->active_us = v->now_us;
			if (v->desired == 0)
				return v->min > 1 ? v->min : 1;
		} else if (v->min == 0 && v->now_us - p->active_us > COOLDOWN_US) {
			p->recommended.count = 0;
			return 0;
		}
	}
	return v->desired == 0 ? -1 : peer_hpa(p, v);
}
