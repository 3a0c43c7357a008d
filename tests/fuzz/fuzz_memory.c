/* Any JSON as a stored memory, plan, facts or job: refused, or fit to decide with. */
#include "fuzz.h"

#include <string.h>

#include "decide/decide.h"
#include "model/job.h"
#include "model/say.h"

static struct policy_metric metrics[] = { { .name = "backlog",
					    .sqs = { .queue_url = "u", .count = 3 } } };
static struct policy_rule rules[] = { { .name = "r",
					.target_tracking = { .per_instance_milli = 10000 } } };
static struct policy_limit limits[] = { { .amount = 4, .per = { 60000 } } };
static const struct policy policy = {
	.name = "thumbs",
	.metrics = metrics,
	.metric_count = 1,
	.rules = rules,
	.rule_count = 1,
	.behavior = { .tolerance_milli = 100,
		      .scale_out = { .cooldown = { 1000 }, .limits = limits, .limit_count = 1 },
		      .scale_in = { .stabilization = { 300000 },
				    .limits = limits,
				    .limit_count = 1 } },
	.evaluate = { .every = { 15000 } },
};

static void decide_with(const struct memory *read, const struct facts *seen, struct instant now)
{
	struct facts f = {
		.group = { .seen_at = now, .max = 50, .desired = 3, .in_service = 3, .ready = 3 },
		.metric_count = 1,
		.metric = { { .is_queue = true, .has = 3, .visible = 90, .seen_at = now } }
	};
	struct memory m = *read;
	AUTO(buf_done) struct buf out = BUF(1u << 20);
	struct plan plan;

	for (int i = 0; i < 2; i++) {
		decide_learn(&policy, &f, now, &m);
		plan = decide(&policy, &f, &m, now);
		FUZZ_HOLDS(plan.act == PLAN_HOLD ||
			   (plan.desired >= f.group.min && plan.desired <= f.group.max));
		decide_presume(&plan, now, &m);
		say_plan(&policy, &f, &plan, now, &out);
		f = *seen;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_freep) struct json *j = json_parse((const char *)data, size, NULL);
	struct instant now = { 1700000000000 };
	struct memory m;
	struct facts f;
	struct plan plan;
	struct job job;

	err_ignore(job_read((const char *)data, size, &job, NULL));
	if (!j)
		return 0;
	err_ignore(memory_read(&policy, j, now, &m, NULL));
	if (say_facts_read(&policy, j, &f, NULL) < 0)
		memset(&f, 0, sizeof(f));
	decide_with(&m, &f, now);
	if (say_plan_read(&policy, j, &plan, NULL) == 0) {
		AUTO(buf_done) struct buf out = BUF(1u << 20);

		say_plan(&policy, NULL, &plan, now, &out);
		say_plan_short(&policy, &plan, &out);
	}
	return 0;
}
