/* Any text as an expression: it is refused in a sentence, or gives a program that fits its bounds
 * and has one value, or a reason why not, for whatever was seen. */
#include "fuzz.h"

#include <string.h>

#include "decide/climb.h"
#include "policy/check.h"

static const char *const names[] = { "a", "backlog", "my-queue", "age", "made" };

static void run(const struct policy *p, uint64_t seed)
{
	struct facts f = { .metric_count = COUNT_OF(names) };
	struct memory memory;
	struct climb c;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		f.metric[i] = (struct fact){ .why = (seed >> i) & 1 ? FACT_READABLE : FACT_DENIED,
					     .is_queue = i != 3,
					     .seen_at = { 0 },
					     .has = (unsigned)(seed >> 8),
					     .visible = (int64_t)(seed % 1000),
					     .in_flight = (int64_t)(seed >> 1),
					     .value_milli = -(int64_t)(seed % 77) };
	memory_init(&memory);
	decide_climb_init(&c, p, &f, &memory, (struct instant){ 0 });
	(void)decide_trust(&c);
	FUZZ_HOLDS(c.trust[4] < FACT_WHY_COUNT && c.trust[4] != FACT_NONSENSE);
	FUZZ_HOLDS(c.milli[4] <= 9000000000000000000 && c.milli[4] >= -9000000000000000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(own_freep) char *text = own_strndup((const char *)data, size);
	struct policy_metric metrics[COUNT_OF(names)] = { 0 };
	struct policy p = { .metrics = metrics, .metric_count = COUNT_OF(names) };
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		metrics[i] = (struct policy_metric){ .name = names[i],
						     .sqs.count = POLICY_COUNT_VISIBLE };
	metrics[3].source = POLICY_CLOUDWATCH;
	metrics[4].source = POLICY_EXPR;
	if (policy_expr_compile(a, &p, text, &metrics[4].expr, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
		return 0;
	}
	FUZZ_HOLDS(metrics[4].expr.op_count <= POLICY_OPS_MAX);
	for (uint64_t seed = 1; seed; seed *= 6364136223846793005u)
		if (run(&p, seed), seed > UINT64_MAX / 2)
			break;
	return 0;
}
