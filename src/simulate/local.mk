# src/simulate: sources, library and unit tests.
noinst_LIBRARIES += src/simulate/libsimulate.a
src_simulate_libsimulate_a_SOURCES = \
	src/simulate/bound.c src/simulate/bound.h src/simulate/dist.c src/simulate/dist.h src/simulate/events.h \
	src/simulate/knobs.c src/simulate/knobs.def src/simulate/knobs.h \
	src/simulate/load.c src/simulate/load.h src/simulate/load_csv.c src/simulate/load_json.c \
	src/simulate/load_make.c src/simulate/load_seen.c \
	src/simulate/peer.c src/simulate/peer.h src/simulate/peer_aws.c src/simulate/peer_buildkite.c \
	src/simulate/peer_hpa.c src/simulate/peer_nomad.c \
	src/simulate/plant.c src/simulate/plant.h src/simulate/plant_fleet.c src/simulate/plant_jobs.c \
	src/simulate/plant_own.h \
	src/simulate/plant_see.c \
	src/simulate/scaler.c src/simulate/scaler.h src/simulate/sketch.c src/simulate/sketch.h \
	src/simulate/trace.c src/simulate/trace.h \
	src/simulate/tune.c src/simulate/tune.h src/simulate/tune_own.h src/simulate/tune_search.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_simulate
TESTS += tests/unit/check_simulate
endif
tests_unit_check_simulate_SOURCES = tests/unit/check_simulate.c tests/unit/check_simulate.h \
	tests/unit/check_simulate_bound.c tests/unit/check_simulate_load.c tests/unit/check_simulate_peers.c \
	tests/unit/check_simulate_theory.c tests/unit/check_simulate_trace.c \
	tests/unit/check_simulate_tune.c
tests_unit_check_simulate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_simulate_LDADD = $(SIMULATE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_load
TESTS += tests/fuzz/fuzz_load
tests_fuzz_fuzz_load_SOURCES = tests/fuzz/fuzz_load.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_load_LDADD = $(SIMULATE_LIBS)

dist_check_SCRIPTS += tests/sim/bound.py tests/sim/parity.py tests/sim/tune.py tests/sim/verb.py
TESTS += tests/sim/bound.py tests/sim/parity.py tests/sim/tune.py tests/sim/verb.py
