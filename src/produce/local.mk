# src/produce: the producer's rule, SQS or Celery.
noinst_LIBRARIES += src/produce/libproduce.a
src_produce_libproduce_a_SOURCES = src/produce/produce.c src/produce/produce.h \
	src/produce/celery.c src/produce/celery.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_produce
TESTS += tests/unit/check_produce
endif
tests_unit_check_produce_SOURCES = tests/unit/check_produce.c
tests_unit_check_produce_LDADD = $(PRODUCE_LIBS) $(UNIT_LIBS)
