/* How many decisions a second one core makes, for a policy of three rules: tests/bench/decisions
 * runs it in a release tree. A decision is decide() alone, and a turn learn, decide and presume. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "decide/decide.h"
#include "policy/policy.h"

#define ROUNDS 400000

static const char text[] =
	"version: 1\nname: bench\nfleet: { auto_scaling_group: g, min: 1, max: 500, warm_up: 120s "
	"}\n"
	"metrics:\n"
	"  thumbs: { sqs: { queue_url: \"http://h/1/t\" } }\n"
	"  videos: { sqs: { queue_url: \"http://h/1/v\" } }\n"
	"  work: { expr: \"thumbs + 4 * (videos ?? thumbs)\" }\n"
	"rules:\n"
	"  - { name: work, target_tracking: { metric: work, per_instance: 10 } }\n"
	"  - { name: videos, target_tracking: { metric: videos, per_instance: 3 } }\n"
	"  - { name: steps, step_scaling: { metric: thumbs, steps: [ { above: 100, add: 1 }, "
	"{ above: 1000, add_percent: 20 }, { below: 10, remove: 1 } ] } }\n"
	"behavior:\n"
	"  scale_out: { limits: [ { percent: 100, per: 60s }, { instances: 4, per: 60s } ] }\n"
	"  scale_in: { stabilization: 300s, cooldown: 60s, limits: [ { percent: 50, per: 60s } ] "
	"}\n";

static double seconds(void)
{
	return (double)clock_mono().ms / 1000;
}

static struct facts see(int64_t i, int32_t desired, struct instant now)
{
	struct facts f = { .group = { .seen_at = now,
				      .max = 500,
				      .desired = desired,
				      .in_service = desired,
				      .ready = desired },
			   .metric_count = 3 };

	for (size_t k = 0; k < 2; k++)
		f.metric[k] = (struct fact){ .is_queue = true,
					     .seen_at = now,
					     .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT,
					     .visible = (i * 7919 + (int64_t)k * 131) % 1500,
					     .in_flight = i % 40,
					     .period_end = INSTANT_NEVER };
	return f;
}

/* The sum of all sizes, so that nothing can be left out. */
static int64_t run(const struct policy *p, bool whole_turns, double *ret_rate)
{
	struct memory m;
	struct instant now = { 1700000000000 };
	int64_t sum = 0;
	int32_t desired = 10;
	double began = seconds();

	memory_init(&m);
	for (int64_t i = 0; i < ROUNDS; i++) {
		struct facts f = see(i, desired, now);
		struct plan plan;

		if (whole_turns || i == 0)
			decide_learn(p, &f, now, &m);
		plan = decide(p, &f, &m, now);
		if (whole_turns) {
			decide_presume(&plan, now, &m);
			desired = plan.desired;
			now.ms += 15000;
		}
		sum += plan.desired;
	}
	*ret_rate = ROUNDS / (seconds() - began + 1e-9);
	return sum;
}

int main(void)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	struct policy_set set = { 0 };
	double decisions, turns;
	int64_t sum;

	if (!policy_read_text("bench", text, strlen(text), &how, &set)) {
		fprintf(stderr, "the bench's policy is wrong: %s\n", set.problems[0].text);
		return EXIT_FAILURE;
	}
	sum = run(set.items[0].policy, false, &decisions);
	sum += run(set.items[0].policy, true, &turns);
	printf("decisions %.0f\nturns %.0f\nsum %lld\nmemory %zu\n", decisions, turns,
	       (long long)sum, offsetof(struct memory, wait));
	policy_set_done(&set);
	return EXIT_SUCCESS;
}
