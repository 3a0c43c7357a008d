/* Any bytes as a tzdata file: refused, or a zone whose changes rise and whose moments are sane. */
#include "fuzz.h"

#include "policy/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	struct calendar_zone z;
	struct err e = { 0 };

	if (policy_zone_parse(a, "fuzz", data, size, &z, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
		return 0;
	}
	for (size_t i = 0; i < z.change_count; i++) {
		FUZZ_HOLDS(i == 0 || z.changes[i].at_s > z.changes[i - 1].at_s);
		FUZZ_HOLDS(z.changes[i].offset_s >= -93600 && z.changes[i].offset_s <= 93600);
	}
	for (int64_t local = 946684800; local < 4102444800; local += 86400 * 97 + 1234) {
		int64_t off = local - calendar_moment(&z, local);

		FUZZ_HOLDS(off >= -3 * 93600 && off <= 3 * 93600);
	}
	return 0;
}
