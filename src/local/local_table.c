/* What windlass-local speaks, and what of each service it does not: the table of the README. */
#include "local/local.h"
#include "local/s3.h"

/* AWS's actions that are not played. A test holds these lists against the services' models. */
static const char *const cloudwatch_absent[] = {
	"AssociateDatasetKmsKey",
	"CreateResourceMetricsConfiguration",
	"DeleteAlarmMuteRule",
	"DeleteAnomalyDetector",
	"DeleteDashboards",
	"DeleteInsightRules",
	"DeleteMetricDataQueryDefinition",
	"DeleteMetricStream",
	"DeleteResourceMetricsConfiguration",
	"DescribeAlarmContributors",
	"DescribeAnomalyDetectors",
	"DescribeInsightRules",
	"DisableInsightRules",
	"DisassociateDatasetKmsKey",
	"EnableInsightRules",
	"GetAlarmMuteRule",
	"GetDashboard",
	"GetDataset",
	"GetInsightRuleReport",
	"GetMetricDataQueryDefinition",
	"GetMetricStream",
	"GetMetricWidgetImage",
	"GetOTelEnrichment",
	"GetResourceMetricsConfiguration",
	"ListAlarmMuteRules",
	"ListDashboards",
	"ListManagedInsightRules",
	"ListMetricDataQueryDefinitions",
	"ListMetricStreams",
	"PutAlarmMuteRule",
	"PutAnomalyDetector",
	"PutDashboard",
	"PutInsightRule",
	"PutLogAlarm",
	"PutManagedInsightRules",
	"PutMetricDataQueryDefinition",
	"PutMetricStream",
	"StartMetricStreams",
	"StartOTelEnrichment",
	"StopMetricStreams",
	"StopOTelEnrichment",
	"UpdateOTelEnrichment",
	"UpdateResourceMetricsConfiguration",
	NULL,
};
static const char *const autoscaling_absent[] = {
	"AttachLoadBalancerTargetGroups",
	"AttachLoadBalancers",
	"AttachTrafficSources",
	"DeleteNotificationConfiguration",
	"DescribeAccountSettings",
	"DetachLoadBalancerTargetGroups",
	"DetachLoadBalancers",
	"DetachTrafficSources",
	"GetPredictiveScalingForecast",
	"LaunchInstances",
	"PutAccountSetting",
	"PutNotificationConfiguration",
	NULL,
};
static const char *const sts_absent[] = {
	"AssumeRoleWithSAML",
	"AssumeRoot",
	"DecodeAuthorizationMessage",
	"GetDelegatedAccessToken",
	"GetFederationToken",
	"GetWebIdentityToken",
	NULL,
};
static const char *const none[] = { NULL };

static const struct {
	const struct local_service *service;
	const char *title;
	const char *const *absent;
} rows[] = {
	{ &local_sqs_service, "SQS", none },
	{ &local_cloudwatch_service, "CloudWatch", cloudwatch_absent },
	{ &local_autoscaling_service, "Auto Scaling", autoscaling_absent },
	{ &local_ec2_service, "EC2", NULL },
	{ &local_sts_service, "STS", sts_absent },
};

static void add_absent(struct buf *out, const char *const *absent)
{
	buf_adds(out, " | ");
	if (!absent)
		buf_adds(out, "all else: it is refused as InvalidAction");
	else if (!absent[0])
		buf_adds(out, "nothing");
	for (size_t i = 0; absent && absent[i]; i++)
		buf_addf(out, "%s%s", i ? " " : "", absent[i]);
	buf_adds(out, " |\n");
}

static void add_s3(struct buf *out)
{
	const char *name;

	buf_adds(out, "| S3 | REST, forms of browsers, preflights | ");
	for (size_t i = 0; (name = local_s3_action(i)); i++)
		buf_addf(out, "%s%s", i ? " " : "", name);
	buf_adds(out,
		 " | ACLs, bucket policies, lifecycle, encryption by key, locks, websites and the "
		 "like are answered as by a bucket that has none; all else: it is refused as "
		 "NotImplemented |\n");
}

void local_table_print(struct buf *out)
{
	buf_adds(out,
		 "| service | protocols | actions | not played |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct local_service *s = rows[i].service;

		buf_addf(out, "| %s | Query%s%s | ", rows[i].title, s->json ? ", JSON 1.0" : "",
			 s->cbor ? ", CBOR" : "");
		for (size_t k = 0; k < s->action_count; k++)
			buf_addf(out, "%s%s", k ? " " : "", s->actions[k].name);
		add_absent(out, rows[i].absent);
		if (i == 0)
			add_s3(out);
	}
}
