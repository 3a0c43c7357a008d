# src/policy: sources, library and unit tests.
noinst_LIBRARIES += src/policy/libpolicy.a
src_policy_libpolicy_a_SOURCES = \
	src/policy/check.c src/policy/check.h src/policy/cloudwatch.c src/policy/cron.c src/policy/defaults.c src/policy/expr.c src/policy/forecast.c src/policy/lint.c src/policy/metric.c src/policy/metric_keys.c \
	src/policy/override.c src/policy/policy.h src/policy/price.c src/policy/print.c src/policy/promise.c \
	src/policy/raw.h src/policy/read.c src/policy/region.c src/policy/rule.c \
	src/policy/schedule.c src/policy/schedule.h src/policy/schema.c src/policy/set.c src/policy/table.c src/policy/zone.c src/policy/zone.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_policy
TESTS += tests/unit/check_policy
endif
tests_unit_check_policy_SOURCES = tests/unit/check_policy.c tests/unit/check_policy_zone.c
tests_unit_check_policy_LDADD = $(POLICY_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_zone tests/fuzz/fuzz_cron
TESTS += tests/fuzz/fuzz_zone tests/fuzz/fuzz_cron
tests_fuzz_fuzz_zone_SOURCES = tests/fuzz/fuzz_zone.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_zone_LDADD = $(POLICY_LIBS)
tests_fuzz_fuzz_cron_SOURCES = tests/fuzz/fuzz_cron.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_cron_LDADD = $(POLICY_LIBS)
