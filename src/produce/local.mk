# src/produce: the producer's rule, SQS or Celery.
noinst_LIBRARIES += src/produce/libproduce.a
src_produce_libproduce_a_SOURCES = src/produce/produce.c src/produce/produce.h \
	src/produce/batch.c src/produce/batch.h src/produce/line.c src/produce/message.h \
	src/produce/celery.c src/produce/celery.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_produce
TESTS += tests/unit/check_produce
endif
check_PROGRAMS += tests/fuzz/fuzz_produce_line
TESTS += tests/fuzz/fuzz_produce_line
tests_fuzz_fuzz_produce_line_SOURCES = tests/fuzz/fuzz_produce_line.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_produce_line_LDADD = $(PRODUCE_LIBS)
tests_unit_check_produce_SOURCES = tests/unit/check_produce.c
tests_unit_check_produce_LDADD = $(PRODUCE_LIBS) $(UNIT_LIBS)
