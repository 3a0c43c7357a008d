/* A group's reply into a struct capacity. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "observe/observe.h"

static struct instant since_of(const struct observe_seen *old, const char *id, struct instant now)
{
	for (size_t i = 0; i < old->count; i++)
		if (strcmp(old->item[i].id, id) == 0)
			return old->item[i].since;
	return old->started ? now : (struct instant){ 0 };
}

/* The new list holds just the instances that are in service now, so it never outgrows the group. */
static void see(const struct asg_group *g, struct instant now, struct observe_seen *seen)
{
	struct observe_seen next = *seen;

	next.item = own_array(g->instance_count ? g->instance_count : 1, sizeof(*next.item));
	next.count = 0;
	next.started = true;

	for (size_t i = 0; i < g->instance_count; i++) {
		const struct asg_instance *in = &g->instances[i];
		struct observe_seen_item *item = &next.item[next.count];

		if (in->state != ASG_IN_SERVICE || !in->id)
			continue;
		snprintf(item->id, sizeof(item->id), "%s", in->id);
		item->since = since_of(seen, item->id, now);
		item->weight = in->healthy ? in->weight : 0;
		next.count++;
	}
	observe_seen_done(seen);
	*seen = next;
}

/* A raise takes the group a moment, so one look is not enough; whoever looks but once (cron, plan)
 * is told all the same. */
static void see_short(const struct capacity *before, bool first, struct instant now,
		      struct observe_seen *seen, struct capacity *c)
{
	if (time_add_(c->in_service, c->pending) >= c->desired) {
		seen->short_looks = 0;
		seen->full_at = now;
		return;
	}
	seen->short_looks += first ? 2 : seen->short_looks < 2;
	c->launch_failures = before->launch_failures;
	c->launch_why = before->launch_why;
	c->launch_read = before->launch_read;
	memcpy(c->launch_text, before->launch_text, sizeof(c->launch_text));
}

static void count_instance(const struct asg_instance *in, struct capacity *c)
{
	if (in->weight > c->heaviest)
		c->heaviest = in->weight;
	switch (in->state) {
	case ASG_PENDING:
	case ASG_PENDING_WAIT:
	case ASG_PENDING_PROCEED:
		c->pending += in->weight;
		break;
	case ASG_IN_SERVICE:
		if (!in->healthy) { /* about to be replaced: its successor is launched, not asked
				       for */
			c->failed += in->weight;
			break;
		}
		c->in_service += in->weight;
		if (in->protected)
			c->busy += in->weight;
		break;
	case ASG_TERMINATING:
	case ASG_TERMINATING_WAIT:
	case ASG_TERMINATING_PROCEED:
	case ASG_TERMINATING_RETAINED:
		c->draining += in->weight;
		break;
	case ASG_ENTERING_STANDBY:
	case ASG_STANDBY:
		c->standby += in->weight;
		break;
	case ASG_WARMED:
		c->warmed++;
		break;
	case ASG_TERMINATED:
	case ASG_DETACHING:
	case ASG_DETACHED:
	case ASG_OTHER:
		break; /* not capacity */
	}
}

static void count_ready(const struct observe_seen *seen, struct instant now, struct span warm_up,
			struct capacity *c)
{
	for (size_t i = 0; i < seen->count; i++)
		if (warm_up.ms > 0 && instant_since(now, seen->item[i].since).ms < warm_up.ms)
			c->warming += seen->item[i].weight;
	c->ready = capacity_ready(c->in_service, c->warming);
}

void observe_count_group(const struct asg_group *g, struct instant now, struct span warm_up,
			 struct observe_seen *seen, struct capacity *ret)
{
	struct capacity c = { .why = FACT_READABLE,
			      .seen_at = now,
			      .min = g->min,
			      .max = g->max,
			      .desired = g->desired };
	bool first;

	if (g->min < 0 || g->desired < 0 || g->max < g->min)
		c.why = FACT_NONSENSE;
	for (size_t i = 0; i < g->instance_count; i++)
		count_instance(&g->instances[i], &c);
	if (g->warm_pool > c.warmed) /* the pool's instances need not be listed among the group's */
		c.warmed = g->warm_pool;
	first = !seen->started;
	see(g, now, seen);
	see_short(ret, first, now, seen, &c);
	count_ready(seen, now, warm_up, &c);
	c.refreshing = seen->refreshing;
	c.refresh_left = seen->refresh_left;
	for (size_t i = 0; i < g->suspended_count; i++) {
		c.launch_suspended |= strcmp(g->suspended[i], "Launch") == 0;
		c.terminate_suspended |= strcmp(g->suspended[i], "Terminate") == 0;
	}
	*ret = c;
}
