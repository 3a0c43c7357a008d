# src/local: sources, library and unit tests.
noinst_LIBRARIES += src/local/liblocal.a
src_local_liblocal_a_SOURCES = \
	src/local/local.h src/local/call.h src/local/schema.h \
	src/local/local_batch.c src/local/local_call.c src/local/local_out.c src/local/local_param.c \
	src/local/local_serve.c src/local/local_state.c \
	src/local/declare.c src/local/declare.h \
	src/local/sts.c

# SQS.
src_local_liblocal_a_SOURCES += \
	src/local/sqs.c src/local/sqs.h \
	src/local/sqs_attr.c src/local/sqs_lease.c src/local/sqs_list.c src/local/sqs_message.c \
	src/local/sqs_queue.c src/local/sqs_receive.c src/local/sqs_send.c src/local/sqs_sweep.c \
	src/local/sqs_wait.c

# Auto Scaling: its actions, the instances, and what they can ask about themselves.
src_local_liblocal_a_SOURCES += \
	src/local/fleet.h \
	src/local/fleet_choose.c src/local/fleet_choose.h
