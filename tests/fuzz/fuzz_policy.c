/* Any text as a policy: it gives problems, or a policy that reads back as it prints. */
#include "fuzz.h"

#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_reading how = { .env = KEYS_ENV_WARN };
	AUTO(policy_set_done) struct policy_set set = { 0 }, again = { 0 };
	AUTO(buf_done) struct buf one = BUF(8u << 20), two = BUF(8u << 20);

	if (!policy_read_text("fuzz", (const char *)data, size, &how, &set)) {
		FUZZ_HOLDS(set.error_count > 0 && set.problem_count > 0);
		return 0;
	}
	policy_set_check(&set);
	policy_print(set.items[0].policy, &one);
	how.env = KEYS_ENV_REFUSE;
	FUZZ_HOLDS(policy_read_text("printed", buf_str(&one), one.len, &how, &again));
	policy_print(again.items[0].policy, &two);
	FUZZ_HOLDS(strcmp(buf_str(&one), buf_str(&two)) == 0);
	return 0;
}
