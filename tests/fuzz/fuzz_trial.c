/* Any text as a file of tests: it has mistakes, or each test comes to a result. */
#include "fuzz.h"

#include "rehearse/trial.h"

static const char policy[] =
	"version: 1\nname: p\nfleet: { auto_scaling_group: g }\n"
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
	"  cpu: { cloudwatch: { namespace: N, metric: M } }\n"
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 10 } }\n"
	"  - { name: c, target_tracking: { metric: cpu, value: 60 } }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trial_file f = { 0 };
	struct err e = { 0 };

	if (trial_read_text("fuzz", (const char *)data, size, policy, &f, &e) < 0) {
		FUZZ_HOLDS(e.text[0]);
		trial_done(&f);
		return 0;
	}
	for (size_t i = 0; i < f.count && i < 4; i++) {
		struct trial_result r;

		if (f.trials[i].expect_count > 0 &&
		    f.trials[i].expects[f.trials[i].expect_count - 1].at.ms >
			    200 * f.trials[i].every.ms)
			continue; /* long, and no different */
		trial_run(&f, &f.trials[i], &r);
		FUZZ_HOLDS(r.failures <= f.trials[i].expect_count);
		FUZZ_HOLDS((r.text.len > 0) == (r.failures > 0));
		trial_result_done(&r);
	}
	trial_done(&f);
	return 0;
}
