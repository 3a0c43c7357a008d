# src/observe: sources, library and unit tests.
noinst_LIBRARIES += src/observe/libobserve.a
src_observe_libobserve_a_SOURCES = src/observe/observe.h src/observe/count.c src/observe/launch.c src/observe/refresh.c src/observe/why.c src/observe/observe.c \
	src/observe/celery.c src/observe/celery.h src/observe/meter.c src/observe/meter.h \
	src/observe/meter_fact.c src/observe/observe_own.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_observe
TESTS += tests/unit/check_observe
endif
tests_unit_check_observe_SOURCES = tests/unit/check_observe.c tests/unit/check_observe.h \
	tests/unit/check_observe_meter.c
tests_unit_check_observe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_observe_LDADD = $(OBSERVE_LIBS) $(UNIT_LIBS)
