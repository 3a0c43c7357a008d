/* struct policy back to the form of its file. */
#include <string.h>

#include "policy/schedule.h"

static void raw_fleet(const struct policy_fleet *f, struct raw_fleet *raw)
{
	*raw = (struct raw_fleet){ .auto_scaling_group = f->auto_scaling_group,
				   .region = f->region,
				   .role_arn = f->role_arn,
				   .external_id = f->external_id,
				   .min = f->min,
				   .max = f->max,
				   .min_given = f->min_given,
				   .max_given = f->max_given,
				   .jobs_per_instance = f->jobs_per_instance,
				   .warm_up = f->warm_up,
				   .instance_hour_cost_micro = f->instance_hour_cost_micro };
}

static void raw_direction(struct keys_arena *a, const struct policy_direction *d,
			  struct raw_direction *raw)
{
	*raw = (struct raw_direction){ .stabilization = d->stabilization,
				       .cooldown = d->cooldown,
				       .tolerance_given = d->tolerance_given,
				       .tolerance_milli = d->tolerance_milli,
				       .limit_count = d->limit_count,
				       .select = (int)d->select };
	raw->limits = keys_arena_alloc(a, (d->limit_count + 1) * sizeof(*raw->limits));
	for (size_t i = 0; i < d->limit_count; i++)
		raw->limits[i] = (struct raw_limit){ .percent = d->limits[i].amount,
						     .instances = d->limits[i].amount,
						     .percent_given = d->limits[i].is_percent,
						     .instances_given = !d->limits[i].is_percent,
						     .per = d->limits[i].per };
}

static void raw_behavior(struct keys_arena *a, const struct policy *p, struct raw_behavior *raw)
{
	const struct policy_behavior *b = &p->behavior;

	raw->tolerance_milli = b->tolerance_milli;
	raw->activation.above = b->activation.above;
	raw->activation.samples = b->activation.samples;
	raw->deactivation.for_ = b->deactivation.for_;
	raw_direction(a, &b->scale_out, &raw->scale_out);
	raw_direction(a, &b->scale_in, &raw->scale_in);
	policy_promise_given(p, raw);
}

/* The default is a minute, or `every` where that is longer. */
static bool idle_was_given(const struct policy_evaluate *v)
{
	int64_t init = v->every.ms > 60000 ? v->every.ms : 60000;

	return v->idle_every.ms != init;
}

int policy_print(const struct policy *p, struct buf *out)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	struct raw_policy raw = { .version = p->version, .name = p->name, .mode = (int)p->mode };

	raw_fleet(&p->fleet, &raw.fleet);
	raw.metric_count = p->metric_count;
	raw.metrics = keys_arena_alloc(a, (p->metric_count + 1) * sizeof(*raw.metrics));
	for (size_t i = 0; i < p->metric_count; i++)
		policy_metric_raw(a, p, &p->metrics[i], &raw.metrics[i]);
	raw.rule_count = p->rule_count;
	raw.rules = keys_arena_alloc(a, (p->rule_count + 1) * sizeof(*raw.rules));
	for (size_t i = 0; i < p->rule_count; i++)
		policy_rule_raw(a, p, &p->rules[i], &raw.rules[i]);
	raw.schedule_count = p->schedule_count;
	raw.schedules = keys_arena_alloc(a, (p->schedule_count + 1) * sizeof(*raw.schedules));
	for (size_t i = 0; i < p->schedule_count; i++)
		policy_schedule_raw(&p->schedules[i], &raw.schedules[i]);
	raw_behavior(a, p, &raw.behavior);
	raw.on_missing = (struct raw_missing){ .scale_in = p->on_missing.scale_in,
					       .scale_out = p->on_missing.scale_out,
					       .after = p->on_missing.after,
					       .floor = p->on_missing.floor,
					       .floor_given = p->on_missing.floor_given };
	raw.evaluate = (struct raw_evaluate){ .every = p->evaluate.every,
					      .idle_every = p->evaluate.idle_every,
					      .idle_given = idle_was_given(&p->evaluate) };
	raw.publish_given = p->publish.name_space != NULL;
	raw.publish = (struct raw_publish){ .name_space = p->publish.name_space,
					    .every = p->publish.every };
	return keys_print(&policy_table, &raw, out, 0);
}
