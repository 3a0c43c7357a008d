# src/act: sources, library and unit tests.
noinst_LIBRARIES += src/act/libact.a
src_act_libact_a_SOURCES = src/act/act.h src/act/permit.h src/act/act.c src/act/permit.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_act
TESTS += tests/unit/check_act
endif
tests_unit_check_act_SOURCES = tests/unit/check_act.c
tests_unit_check_act_LDADD = $(ACT_LIBS) $(UNIT_LIBS)
