/* Any text as a load: it is refused in a sentence, or gives jobs in order, all within its horizon.
 */
#include "fuzz.h"

#include <math.h>

#include "simulate/load.h"

#define JOBS_MOST 20000 /* a load may say more than there is time to count */

static void walk(const struct load *l)
{
	struct load_cursor c;
	int64_t at, service, before = 0, n = 0;

	load_begin(&c, l, 1);
	while (n < JOBS_MOST && load_next(&c, &at, &service)) {
		FUZZ_HOLDS(at >= before && at <= l->horizon_us);
		FUZZ_HOLDS(service >= -1 && (l->has_service || service == -1));
		before = at;
		n++;
	}
	FUZZ_HOLDS(n == l->jobs || n == JOBS_MOST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct load l;

	if (load_read("fuzz", (const char *)data, size, &l, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
		FUZZ_HOLDS(!l.at_us && !l.value);
		return 0;
	}
	FUZZ_HOLDS(l.count > 0 && l.jobs > 0 && l.horizon_us > 0);
	FUZZ_HOLDS(isfinite(load_peak(&l)) && load_peak(&l) >= 0);
	walk(&l);
	for (enum load_spread spread = LOAD_RANDOM; spread <= LOAD_AT_ONCE; spread++) {
		l.spread = spread;
		walk(&l);
	}
	load_done(&l);
	return 0;
}
