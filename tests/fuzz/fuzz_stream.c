/* Any lines as a stream: one line out for each, JSON, and no size outside the policy's bounds. */
#include "fuzz.h"

#include <string.h>

#include "policy/policy.h"
#include "rehearse/stream.h"

static const char text[] =
	"version: 1\nname: s\nfleet: { auto_scaling_group: g, max: 50, warm_up: 60s }\n"
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
	"  half: { expr: \"backlog / 2 + (backlog.oldest_age ?? 0)\" }\n"
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 10 } }\n"
	"  - { name: p, queue_wait: { metric: backlog, percentile: 95, target: 60s } }\n"
	"  - { name: f, predictive: { metric: backlog } }\n"
	"  - { name: s, step_scaling: { metric: half, steps: [ { above: 20, add: 3 } ] } }\n"
	"schedules:\n  - { name: n, cron: \"*/3 * * * *\", duration: 1m, max: 9 }\n"
	"behavior:\n  scale_out: { cooldown: 10s, limits: [ { percent: 100, per: 60s } ] }\n"
	"  scale_in: { stabilization: 60s, cooldown: 60s }\n"
	"on_missing: { after: 60s, floor: 2 }\n";

static void check(const struct buf *out)
{
	AUTO(json_freep) struct json *j = NULL;
	int64_t desired;

	FUZZ_HOLDS(out->len > 0 && strchr(out->data, '\n') == out->data + out->len - 1);
	j = json_parse(out->data, out->len, NULL);
	FUZZ_HOLDS(j && (json_get_str(j, "error") || json_get(j, "stairs")));
	FUZZ_HOLDS(!json_get_int(j, "desired", &desired) ||
		   (desired >= 0 && desired <= POLICY_CAPACITY_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf out = BUF(1u << 20);
	const char *at = (const char *)data, *end = at + size;
	struct stream s;

	FUZZ_HOLDS(policy_read_text("s", text, strlen(text), &how, &set));
	FUZZ_HOLDS(stream_init(&s, set.items[0].policy, NULL, NULL) == 0);
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = nl ? (size_t)(nl - at) : (size_t)(end - at);

		buf_clear(&out);
		stream_line(&s, at, len, &out);
		check(&out);
		at += len + 1;
	}
	return 0;
}
