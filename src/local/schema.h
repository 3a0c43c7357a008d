/* The tables of each service, in the order of local_state.c's list of migrations. */
#ifndef LOCAL_SCHEMA_H
#define LOCAL_SCHEMA_H

extern const char local_sqs_schema[];
extern const char local_sqs_fifo_schema[];
extern const char local_clock_schema[];
extern const char local_notice_schema[];
extern const char local_s3_schema[];
extern const char local_s3_tag_schema[];
extern const char local_s3_event_schema[];
extern const char local_s3_pieces_schema[];
extern const char local_s3_cors_schema[];
extern const char local_fleet_schema[];
extern const char local_fleet_pool_schema[];
extern const char local_fleet_ended_schema[];
extern const char local_fleet_template_schema[];
extern const char local_sts_web_schema[];
extern const char local_sqs_meter_schema[];
extern const char local_sqs_moved_schema[];
extern const char local_cloudwatch_schema[];
extern const char local_cloudwatch_alarm_schema[];
extern const char local_autoscaling_policy_schema[];

#endif
