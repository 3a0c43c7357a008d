# src/rehearse: sources, library and unit tests.
noinst_LIBRARIES += src/rehearse/librehearse.a
src_rehearse_librehearse_a_SOURCES = src/rehearse/replay.c src/rehearse/replay.h \
	src/rehearse/stream.c src/rehearse/stream.h \
	src/rehearse/trial.c src/rehearse/trial.h src/rehearse/trial_read.c \
	src/rehearse/trial_series.c src/rehearse/turn.c src/rehearse/turn.h

check_PROGRAMS += tests/golden/golden
TESTS += tests/golden/golden
tests_golden_golden_SOURCES = tests/golden/golden.c
tests_golden_golden_LDADD = $(REHEARSE_LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_rehearse
TESTS += tests/unit/check_rehearse
endif
tests_unit_check_rehearse_SOURCES = tests/unit/check_rehearse.c tests/unit/check_rehearse_trial.c
tests_unit_check_rehearse_LDADD = $(REHEARSE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_policy tests/fuzz/fuzz_stream tests/fuzz/fuzz_memory tests/fuzz/fuzz_expr tests/fuzz/fuzz_trial
TESTS += tests/fuzz/fuzz_policy tests/fuzz/fuzz_stream tests/fuzz/fuzz_memory tests/fuzz/fuzz_expr tests/fuzz/fuzz_trial
tests_fuzz_fuzz_policy_SOURCES = tests/fuzz/fuzz_policy.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_policy_LDADD = $(POLICY_LIBS)
tests_fuzz_fuzz_stream_SOURCES = tests/fuzz/fuzz_stream.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_stream_LDADD = $(REHEARSE_LIBS)
tests_fuzz_fuzz_memory_SOURCES = tests/fuzz/fuzz_memory.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_memory_LDADD = $(DECIDE_LIBS)
tests_fuzz_fuzz_expr_SOURCES = tests/fuzz/fuzz_expr.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_expr_LDADD = $(REHEARSE_LIBS)
tests_fuzz_fuzz_trial_SOURCES = tests/fuzz/fuzz_trial.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_trial_LDADD = $(REHEARSE_LIBS)

# Measured by tests/bench/decisions in a release tree, and never installed.
EXTRA_PROGRAMS = tests/bench/decide_rate
tests_bench_decide_rate_SOURCES = tests/bench/decide_rate.c
tests_bench_decide_rate_LDADD = $(REHEARSE_LIBS)
