# src/decide: sources, library and unit tests.
noinst_LIBRARIES += src/decide/libdecide.a
src_decide_libdecide_a_SOURCES = \
	src/decide/activate.c src/decide/bounds.c src/decide/chance.c src/decide/climb.h src/decide/cool.c \
	src/decide/decide.c src/decide/decide.h src/decide/demand.c src/decide/expr.c src/decide/forecast.c src/decide/forecast.h src/decide/learn.c \
	src/decide/mode.c src/decide/presume.c src/decide/ramp.c src/decide/reach.c \
	src/decide/settle.c src/decide/stabilize.c src/decide/step.c src/decide/track.c src/decide/trust.c \
	src/decide/wait.c src/decide/wait.h src/decide/wait_choose.c src/decide/wait_gap.c \
	src/decide/wait_late.c src/decide/wait_learn.c src/decide/wait_size.c src/decide/wait_trial.c \
	src/decide/wait_turn.c src/decide/window.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_decide
TESTS += tests/unit/check_decide
endif
tests_unit_check_decide_SOURCES = tests/unit/check_decide.c tests/unit/check_decide.h \
	tests/unit/check_decide_forecast.c tests/unit/check_decide_hpa.c tests/unit/check_decide_peers.c tests/unit/check_decide_props.c tests/unit/check_decide_scenes.c tests/unit/check_decide_wait.c
tests_unit_check_decide_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_decide_LDADD = $(DECIDE_LIBS) $(UNIT_LIBS)
