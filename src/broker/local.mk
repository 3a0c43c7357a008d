# src/broker: where jobs come from and go to.
noinst_LIBRARIES += src/broker/libbroker.a
src_broker_libbroker_a_SOURCES = \
	src/broker/broker.c src/broker/broker.h \
	src/broker/record.c src/broker/record.h \
	src/broker/sqs.c src/broker/sqs_acks.c src/broker/sqs_acks.h src/broker/several.c \
	src/broker/redis.c src/broker/redis.h \
	src/broker/redis_codec.c src/broker/redis_place.c \
	src/broker/celery.h src/broker/celery_message.c \
	src/broker/celery_busy.c src/broker/celery_busy.h src/broker/celery_depth.c src/broker/celery.c src/broker/celery_own.h \
	src/broker/celery_end.c src/broker/celery_read.c src/broker/celery_receive.c \
	src/broker/celery_script.c src/broker/celery_script.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_broker tests/unit/check_broker_record tests/unit/check_broker_redis
TESTS += tests/unit/check_broker tests/unit/check_broker_record tests/unit/check_broker_redis
endif
tests_unit_check_broker_SOURCES = tests/unit/check_broker.c
tests_unit_check_broker_LDADD = $(BROKER_LIBS) $(UNIT_LIBS)
tests_unit_check_broker_record_SOURCES = tests/unit/check_broker_record.c
tests_unit_check_broker_record_LDADD = $(BROKER_LIBS) $(UNIT_LIBS)
tests_unit_check_broker_redis_SOURCES = tests/unit/check_broker_redis.c
tests_unit_check_broker_redis_LDADD = $(BROKER_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_redis tests/fuzz/fuzz_celery
TESTS += tests/fuzz/fuzz_redis tests/fuzz/fuzz_celery
tests_fuzz_fuzz_celery_SOURCES = tests/fuzz/fuzz_celery.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_celery_LDADD = $(BROKER_LIBS)
tests_fuzz_fuzz_redis_SOURCES = tests/fuzz/fuzz_redis.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_redis_LDADD = $(BROKER_LIBS)
