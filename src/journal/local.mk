# src/journal: sources, library and unit tests.
noinst_LIBRARIES += src/journal/libjournal.a
src_journal_libjournal_a_SOURCES = \
	src/journal/journal.h src/journal/schema.h \
	src/journal/compact.c src/journal/endpoint.c src/journal/journal.c src/journal/read.c src/journal/read_turns.c \
	src/journal/write.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_journal
TESTS += tests/unit/check_journal
endif
tests_unit_check_journal_SOURCES = tests/unit/check_journal.c
tests_unit_check_journal_LDADD = $(JOURNAL_LIBS) $(UNIT_LIBS)
