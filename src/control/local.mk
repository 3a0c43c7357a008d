# src/control: sources, library and unit tests.
noinst_LIBRARIES += src/control/libcontrol.a
src_control_libcontrol_a_SOURCES = \
	src/control/control.h src/control/daemon.h src/control/inner.h src/control/lanes.h \
	src/control/lease.h src/control/pace.h src/control/watch.h \
	src/control/agenda.c src/control/agenda.h src/control/control.c src/control/cost.c \
	src/control/cost.h src/control/daemon.c src/control/endpoints.c src/control/image.c src/control/image.h \
	src/control/lanes.c src/control/lease.c src/control/pace.c \
	src/control/publish.c src/control/publish.h src/control/round.c src/control/turns.c \
	src/control/watch.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_control
TESTS += tests/unit/check_control
endif
tests_unit_check_control_SOURCES = tests/unit/check_control.c
tests_unit_check_control_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)
