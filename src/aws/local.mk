# src/aws: sources, library and unit tests.
noinst_LIBRARIES += src/aws/libaws.a
src_aws_libaws_a_SOURCES = \
	src/aws/autoscaling.c src/aws/autoscaling.h src/aws/autoscaling_life.c \
	src/aws/autoscaling_rules.c \
	src/aws/call.c src/aws/call.h \
	src/aws/cloudwatch.c src/aws/cloudwatch.h \
	src/aws/cloudwatch_newest.c src/aws/cloudwatch_newest.h \
	src/aws/cloudwatch_put.c src/aws/cloudwatch_put.h \
	src/aws/cred.c src/aws/cred.h src/aws/cred_container.c src/aws/cred_env.c src/aws/cred_imds.c \
	src/aws/cred_part.h src/aws/cred_process.c src/aws/cred_profile.c src/aws/cred_role.c \
	src/aws/cred_role.h src/aws/cred_sso.c src/aws/cred_web.c \
	src/aws/endpoint.c src/aws/endpoint.h \
	src/aws/imds.c src/aws/imds.h \
	src/aws/control.c src/aws/control.h \
	src/aws/lane.c src/aws/lane.h src/aws/lane_gate.c src/aws/lane_keys.c src/aws/lane_own.h \
	src/aws/lane_rate.c src/aws/lane_rate.h src/aws/lane_retry.c src/aws/lane_send.c \
	src/aws/profile.c src/aws/profile.h \
	src/aws/query.c src/aws/query.h \
	src/aws/reply.c src/aws/reply_own.h \
	src/aws/request.c \
	src/aws/run.c \
	src/aws/s3.c src/aws/s3.h src/aws/s3_bucket.c src/aws/s3_multi.c src/aws/s3_own.h \
	src/aws/s3_presign.c \
	src/aws/sqs.c src/aws/sqs.h src/aws/sqs_message.c src/aws/sqs_move.c src/aws/sqs_own.h \
	src/aws/sts.c src/aws/sts.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_aws
TESTS += tests/unit/check_aws
endif
tests_unit_check_aws_SOURCES = tests/unit/check_aws.c tests/unit/check_aws.h \
	tests/unit/check_aws_ask.c tests/unit/check_aws_chain.c tests/unit/check_aws_gate.c tests/unit/check_aws_imds.c tests/unit/check_aws_keys.c \
	tests/unit/check_aws_lane.c tests/unit/check_aws_place.c tests/unit/check_aws_read.c \
	tests/unit/check_aws_world.c tests/unit/check_aws_world.h
tests_unit_check_aws_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_aws_LDADD = $(AWS_LIBS) $(UNIT_LIBS)

# Calls what plays AWS by our client; run by tests/e2e.
check_PROGRAMS += tests/lib/aws_drive
tests_lib_aws_drive_SOURCES = tests/lib/aws_drive.c tests/lib/aws_drive.h \
	tests/lib/aws_drive_asg.c tests/lib/aws_drive_cloudwatch.c tests/lib/aws_drive_s3.c tests/lib/aws_drive_sqs.c
tests_lib_aws_drive_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib
tests_lib_aws_drive_LDADD = $(AWS_LIBS)

# Fuzz targets; make check replays their corpus and what a few thousand changes make of it.
check_PROGRAMS += tests/fuzz/fuzz_aws_profile tests/fuzz/fuzz_aws_reply
TESTS += tests/fuzz/fuzz_aws_profile tests/fuzz/fuzz_aws_reply
tests_fuzz_fuzz_aws_profile_SOURCES = tests/fuzz/fuzz_aws_profile.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_aws_profile_LDADD = $(AWS_LIBS)
tests_fuzz_fuzz_aws_reply_SOURCES = tests/fuzz/fuzz_aws_reply.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_aws_reply_LDADD = $(AWS_LIBS)
