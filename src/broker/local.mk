# src/broker: where jobs come from and go to.
noinst_LIBRARIES += src/broker/libbroker.a
src_broker_libbroker_a_SOURCES = \
	src/broker/broker.c src/broker/broker.h \
	src/broker/sqs.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_broker
TESTS += tests/unit/check_broker
endif
tests_unit_check_broker_SOURCES = tests/unit/check_broker.c
tests_unit_check_broker_LDADD = $(BROKER_LIBS) $(UNIT_LIBS)
