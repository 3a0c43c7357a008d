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
	struct observe_seen next = { .item = own_array(g->instance_count ? g->instance_count : 1,
						       sizeof(*next.item)),
				     .started = true };

	for (size_t i = 0; i < g->instance_count; i++) {
		const struct asg_instance *in = &g->instances[i];
		struct observe_seen_item *item = &next.item[next.count];

		if (in->state != ASG_IN_SERVICE || !in->id)
			continue;
		snprintf(item->id, sizeof(item->id), "%s", in->id);
		item->since = since_of(seen, item->id, now);
		next.count++;
	}
	observe_seen_done(seen);
	*seen = next;
}

static void count_instance(const struct asg_instance *in, struct capacity *c)
{
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
	case ASG_TERMINATED:
	case ASG_DETACHING:
	case ASG_DETACHED:
	case ASG_ENTERING_STANDBY:
	case ASG_STANDBY:
	case ASG_WARMED:
	case ASG_OTHER:
		break; /* not capacity */
	}
}

void observe_count_group(const struct asg_group *g, struct instant now, struct span warm_up,
			 struct observe_seen *seen, struct capacity *ret)
{
	struct capacity c = { .why = FACT_READABLE,
			      .seen_at = now,
			      .min = g->min,
			      .max = g->max,
			      .desired = g->desired };

	if (g->min < 0 || g->desired < 0 || g->max < g->min)
		c.why = FACT_NONSENSE;
	for (size_t i = 0; i < g->instance_count; i++)
		count_instance(&g->instances[i], &c);
	see(g, now, seen);
	for (size_t i = 0; i < seen->count; i++)
		if (warm_up.ms > 0 && instant_since(now, seen->item[i].since).ms < warm_up.ms)
			c.warming++;
	for (size_t i = 0; i < g->suspended_count; i++) {
		c.launch_suspended |= strcmp(g->suspended[i], "Launch") == 0;
		c.terminate_suspended |= strcmp(g->suspended[i], "Terminate") == 0;
	}
	*ret = c;
}
