/* Any text as metric math: it is refused in a sentence, or evaluates, within its bounds, to finite
 * numbers and missing points, or says why not. */
#include "fuzz.h"

#include <math.h>

#include "local/cloudwatch_math.h"

#define POINTS 6

static double numbers[2][POINTS] = { { 1, 2, NAN, 4, 0, -3 }, { 0, NAN, NAN, 1e300, 5, 7 } };
static struct local_cloudwatch_series series[2] = {
	{ .start = 0, .period = 60, .count = POINTS, .values = numbers[0], .name = "a" },
	{ .start = 0, .period = 300, .count = POINTS, .values = numbers[1], .name = "b" },
};
static struct local_cloudwatch_value metrics[2] = {
	{ .shape = CLOUDWATCH_SERIES, .all = &series[0], .count = 1 },
	{ .shape = CLOUDWATCH_SERIES, .all = &series[1], .count = 1 },
};

static const struct local_cloudwatch_value *find(const char *id, void *arg, struct err *e)
{
	(void)arg;
	if (id[0] == 'm' && (id[1] == '1' || id[1] == '2') && !id[2])
		return &metrics[id[1] - '1'];
	err_ignore(err_set(e, ERR_PROTOCOL, "the id is not known"));
	return NULL;
}

static const struct local_cloudwatch_value *metric(size_t i, const char **ret_id, void *arg,
						   struct err *e)
{
	(void)arg;
	(void)e;
	*ret_id = i ? "m2" : "m1";
	return i < 2 ? &metrics[i] : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(own_freep) char *text = own_strndup((const char *)data, size);
	struct local_cloudwatch_scope scope = {
		.find = find, .metric = metric, .period = 60, .count = POINTS, .left = 20000
	};
	AUTO(local_cloudwatch_math_done) struct local_cloudwatch_value v = { 0 };
	struct err e = { 0 };
	AUTO(local_cloudwatch_math_freep)
	struct local_cloudwatch_math *m = local_cloudwatch_math_parse(text, &e);

	if (!m || local_cloudwatch_math_run(m, &scope, &v, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	FUZZ_HOLDS((v.shape == CLOUDWATCH_NUMBER) == (v.all == NULL) || v.count == 0);
	for (size_t i = 0; i < v.count; i++)
		for (size_t k = 0; k < v.all[i].count; k++)
			FUZZ_HOLDS(!isinf(v.all[i].values[k]));
	return 0;
}
