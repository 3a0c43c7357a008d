/* Any text as a cron line: refused, or its last and next firings agree. */
#include "fuzz.h"

#include "policy/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(own_freep) char *text = own_strndup((const char *)data, size);
	struct calendar_change change = { 1711846800, 7200 };
	struct calendar_zone z = { .first_offset_s = 3600, .change_count = 1, .changes = &change };
	struct instant now = { 1711800000000 }, next, last;
	struct calendar_cron cron;
	struct err e = { 0 };

	if (policy_cron_parse(text, &cron, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
		return 0;
	}
	for (int i = 0; i < 4; i++) {
		next = calendar_next(&cron, &z, now);
		if (instant_is_never(next))
			return 0;
		FUZZ_HOLDS(next.ms > now.ms);
		FUZZ_HOLDS(calendar_last(&cron, &z, next, span_s(0)).ms == next.ms);
		last = calendar_last(&cron, &z, now, span_ms(CALENDAR_DURATION_MAX_MS));
		FUZZ_HOLDS(instant_is_never(last) ||
			   (last.ms <= now.ms && calendar_next(&cron, &z, last).ms == next.ms));
		now = next;
	}
	return 0;
}
