# src/broker: where jobs come from and go to.
noinst_LIBRARIES += src/broker/libbroker.a
src_broker_libbroker_a_SOURCES = \
	src/broker/broker.c src/broker/broker.h \
	src/broker/sqs.c
