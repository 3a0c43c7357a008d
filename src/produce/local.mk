# src/produce: the producer's rule, SQS or Celery.
noinst_LIBRARIES += src/produce/libproduce.a
src_produce_libproduce_a_SOURCES = src/produce/produce.c src/produce/produce.h
