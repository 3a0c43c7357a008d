# src/journal: sources, library and unit tests.
noinst_LIBRARIES += src/journal/libjournal.a
src_journal_libjournal_a_SOURCES = \
	src/journal/journal.h src/journal/schema.h \
	src/journal/compact.c src/journal/open.c src/journal/read.c src/journal/write.c
