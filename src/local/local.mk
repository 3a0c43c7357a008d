# src/local: sources, library and unit tests.
noinst_LIBRARIES += src/local/liblocal.a
src_local_liblocal_a_SOURCES = \
	src/local/local.h src/local/call.h src/local/schema.h \
	src/local/local_batch.c src/local/local_call.c src/local/local_out.c src/local/local_param.c \
	src/local/control.c src/local/fault.c src/local/fault.h src/local/local_clock.c \
	src/local/local_serve.c src/local/local_state.c src/local/local_table.c \
	src/local/local_reset.c src/local/local_snapshot.c src/local/local_snapshot.h \
	src/local/accounts.c src/local/accounts.h src/local/trust.c src/local/trust.h \
	src/local/declare.c src/local/declare.h \
	src/local/page.c src/local/page.h src/local/recent.c src/local/recent.h \
	src/local/sts.c src/local/sts.h src/local/sts_web.c src/local/sts_web.h

# SQS.
src_local_liblocal_a_SOURCES += \
	src/local/sqs.c src/local/sqs.h \
	src/local/sqs_attr.c src/local/sqs_fifo.c src/local/sqs_lease.c src/local/sqs_list.c \
	src/local/sqs_meter.c src/local/sqs_message.c src/local/sqs_move.c src/local/sqs_policy.c src/local/sqs_queue.c \
	src/local/sqs_receive.c src/local/sqs_redrive.c src/local/sqs_send.c src/local/sqs_sweep.c \
	src/local/sqs_wait.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_local tests/unit/check_local_accounts
TESTS += tests/unit/check_local tests/unit/check_local_accounts
endif
tests_unit_check_local_SOURCES = tests/unit/check_local.c
tests_unit_check_local_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)
tests_unit_check_local_accounts_SOURCES = tests/unit/check_local_accounts.c
tests_unit_check_local_accounts_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)

# CloudWatch.
src_local_liblocal_a_SOURCES += \
	src/local/cloudwatch.c src/local/cloudwatch.h \
	src/local/cloudwatch_alarm.c src/local/cloudwatch_alarm.h \
	src/local/cloudwatch_judge.c src/local/cloudwatch_judge.h \
	src/local/cloudwatch_clause.c src/local/cloudwatch_clause.h src/local/cloudwatch_compose.c \
	src/local/cloudwatch_set.c src/local/cloudwatch_tag.c src/local/cloudwatch_tell.c src/local/cloudwatch_watch.c \
	src/local/cloudwatch_call.c src/local/cloudwatch_data.c \
	src/local/cloudwatch_label.c src/local/cloudwatch_label.h \
	src/local/cloudwatch_math.c src/local/cloudwatch_math.h src/local/cloudwatch_math_own.h \
	src/local/cloudwatch_point.c \
	src/local/cloudwatch_query.c src/local/cloudwatch_query.h src/local/cloudwatch_query_run.c \
	src/local/cloudwatch_run.c src/local/cloudwatch_search.c src/local/cloudwatch_search.h \
	src/local/cloudwatch_get.c src/local/cloudwatch_list.c src/local/cloudwatch_put.c \
	src/local/cloudwatch_stat.c src/local/cloudwatch_stat.h \
	src/local/cloudwatch_store.c src/local/cloudwatch_store.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_local_cloudwatch tests/unit/check_local_rules tests/unit/check_local_scaling tests/unit/check_local_store
TESTS += tests/unit/check_local_cloudwatch tests/unit/check_local_rules tests/unit/check_local_scaling tests/unit/check_local_store
endif
tests_unit_check_local_rules_SOURCES = tests/unit/check_local_rules.c
tests_unit_check_local_rules_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)
tests_unit_check_local_scaling_SOURCES = tests/unit/check_local_scaling.c
tests_unit_check_local_scaling_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)
tests_unit_check_local_store_SOURCES = tests/unit/check_local_store.c
tests_unit_check_local_store_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)
tests_unit_check_local_cloudwatch_SOURCES = tests/unit/check_local_cloudwatch.c
tests_unit_check_local_cloudwatch_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_cloudwatch_math
TESTS += tests/fuzz/fuzz_cloudwatch_math
tests_fuzz_fuzz_cloudwatch_math_SOURCES = tests/fuzz/fuzz_cloudwatch_math.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_cloudwatch_math_LDADD = $(LOCAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_cloudwatch_clause
TESTS += tests/fuzz/fuzz_cloudwatch_clause
tests_fuzz_fuzz_cloudwatch_clause_SOURCES = tests/fuzz/fuzz_cloudwatch_clause.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_cloudwatch_clause_LDADD = $(LOCAL_LIBS)

# S3.
src_local_liblocal_a_SOURCES += \
	src/local/s3.c src/local/s3.h src/local/s3_own.h \
	src/local/s3_cors.c src/local/s3_cors.h src/local/s3_none.c src/local/s3_none.h \
	src/local/s3_policy.c src/local/s3_post.c src/local/s3_post.h src/local/s3_post_sign.c \
	src/local/s3_preflight.c src/local/s3_v2.c src/local/s3_v2.h \
	src/local/s3_attributes.c src/local/s3_body.c src/local/s3_bucket.c src/local/s3_copy.c src/local/s3_event.c src/local/s3_get.c src/local/s3_join.c src/local/s3_list.c \
	src/local/s3_multi.c src/local/s3_object.c src/local/s3_op.c src/local/s3_pieces.c src/local/s3_put.c src/local/s3_reply.c src/local/s3_sum.c \
	src/local/s3_tag.c src/local/s3_uploads.c

# Auto Scaling: its actions, the instances, and what they can ask about themselves.
src_local_liblocal_a_SOURCES += \
	src/local/autoscaling.c src/local/autoscaling.h \
	src/local/autoscaling_describe.c src/local/autoscaling_group.c \
	src/local/autoscaling_hook.c src/local/autoscaling_instance.c \
	src/local/autoscaling_launch.c src/local/autoscaling_process.c \
	src/local/autoscaling_tag.c \
	src/local/ec2.c src/local/ec2.h src/local/ec2_choose.c src/local/ec2_show.c \
	src/local/ec2_template.c \
	src/local/fleet_template.c src/local/fleet_template.h \
	src/local/autoscaling_act.c src/local/autoscaling_pool.c src/local/autoscaling_refresh.c \
	src/local/autoscaling_setting.c src/local/autoscaling_standby.c src/local/autoscaling_type.c \
	src/local/autoscaling_adjust.c src/local/autoscaling_adjust.h \
	src/local/autoscaling_metric.c src/local/autoscaling_plan.c \
	src/local/autoscaling_policy.c src/local/autoscaling_policy.h src/local/autoscaling_scale.c \
	src/local/autoscaling_schedule.c src/local/autoscaling_schedule.h \
	src/local/fleet.c src/local/fleet.h src/local/fleet_own.h src/local/fleet_schema.c \
	src/local/fleet_activity.c src/local/fleet_activity.h \
	src/local/fleet_choose.c src/local/fleet_choose.h \
	src/local/fleet_fill.c \
	src/local/fleet_launch.c src/local/fleet_launch.h \
	src/local/fleet_life.c src/local/fleet_notice.c \
	src/local/fleet_mixed.c src/local/fleet_mixed.h src/local/fleet_new.c \
	src/local/fleet_pool.c src/local/fleet_pool.h \
	src/local/fleet_refresh.c src/local/fleet_refresh.h src/local/fleet_refresh_rows.c \
	src/local/fleet_prune.c \
	src/local/fleet_process.c src/local/fleet_process.h \
	src/local/fleet_rows.c src/local/fleet_rows.h \
	src/local/fleet_wait.c \
	src/local/metadata.c src/local/metadata.h src/local/metadata_own.h \
	src/local/metadata_tree.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_local_fleet
TESTS += tests/unit/check_local_fleet
endif
tests_unit_check_local_fleet_SOURCES = tests/unit/check_local_fleet.c
tests_unit_check_local_fleet_LDADD = $(LOCAL_LIBS) $(UNIT_LIBS)

EXTRA_PROGRAMS += tests/bench/sqs_load
tests_bench_sqs_load_SOURCES = tests/bench/sqs_load.c
tests_bench_sqs_load_LDADD = $(WIRE_LIBS)
