# src/policy: sources, library and unit tests.
noinst_LIBRARIES += src/policy/libpolicy.a
src_policy_libpolicy_a_SOURCES = \
	src/policy/check.c src/policy/check.h src/policy/expr.c src/policy/metric.c src/policy/metric_keys.c \
	src/policy/override.c src/policy/policy.h src/policy/price.c src/policy/print.c \
	src/policy/raw.h src/policy/read.c src/policy/region.c src/policy/rule.c \
	src/policy/set.c src/policy/table.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_policy
TESTS += tests/unit/check_policy
endif
tests_unit_check_policy_SOURCES = tests/unit/check_policy.c
tests_unit_check_policy_LDADD = $(POLICY_LIBS) $(UNIT_LIBS)
