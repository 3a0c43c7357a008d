# src/rehearse: sources, library and unit tests.
noinst_LIBRARIES += src/rehearse/librehearse.a
src_rehearse_librehearse_a_SOURCES = src/rehearse/stream.c src/rehearse/stream.h

check_PROGRAMS += tests/golden/golden
TESTS += tests/golden/golden
tests_golden_golden_SOURCES = tests/golden/golden.c
tests_golden_golden_LDADD = $(REHEARSE_LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_rehearse
TESTS += tests/unit/check_rehearse
endif
tests_unit_check_rehearse_SOURCES = tests/unit/check_rehearse.c
tests_unit_check_rehearse_LDADD = $(REHEARSE_LIBS) $(UNIT_LIBS)
