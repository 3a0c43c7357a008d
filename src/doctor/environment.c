/* What producers and workers are told by their environment. */
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void unset(struct doctor *d, size_t followed)
{
	if (variable("CELERY_BROKER_URL"))
		doctor_add(d, DOCTOR_NOTE, "sqs-unset", "SQS_QUEUE_URL",
			   "set it where producers run once workers serve SQS",
			   "not set: producers with this environment send to Celery");
	else if (followed)
		doctor_add(d, DOCTOR_NOTE, "sqs-unset", "SQS_QUEUE_URL",
			   "fine on a control-plane machine; producers and workers need it",
			   "not set here");
	else
		doctor_add(d, DOCTOR_ERROR, "sqs-unset", "SQS_QUEUE_URL",
			   "set it; windlass queue create prints the lines",
			   "neither it nor CELERY_BROKER_URL is set, and no policy names a queue");
}

static void look_at_region(struct doctor *d, const char *url)
{
	const char *region = variable("SQS_REGION");
	char of_url[64];

	if (region && policy_region_url(url, of_url, sizeof(of_url)) && strcmp(region, of_url) != 0)
		doctor_add(d, DOCTOR_ERROR, "region-differs", "SQS_REGION",
			   "set it to the queue's, or leave it unset",
			   "it is %.60s, and the queue of SQS_QUEUE_URL is in %s", region, of_url);
}

void doctor_environment_look(struct doctor *d, const char *const *urls, size_t n)
{
	const char *url = variable("SQS_QUEUE_URL");
	bool followed = false;

	if (!url) {
		unset(d, n);
		return;
	}
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
		doctor_add(d, DOCTOR_ERROR, "url-wrong", "SQS_QUEUE_URL",
			   "windlass queue create prints the line", "'%.200s' is not a URL", url);
		return;
	}
	look_at_region(d, url);
	for (size_t i = 0; i < n; i++)
		followed |= strcmp(urls[i], url) == 0;
	if (n && !followed)
		doctor_add(d, DOCTOR_WARN, "not-followed", "SQS_QUEUE_URL",
			   "name it under metrics of the fleet's policy",
			   "no policy follows the queue that producers send to, %.300s", url);
}

void doctor_environment_queue(struct doctor *d, const char *url, const struct sqs_attributes *a)
{
	const struct {
		const char *name, *attribute;
		int64_t value;
	} told[] = { { "SQS_VISIBILITY_TIMEOUT", "VisibilityTimeout", a->visibility_s },
		     { "SQS_MAX_RECEIVE_COUNT", "maxReceiveCount", a->max_receive_count },
		     { "SQS_WAIT_TIME_SECONDS", "ReceiveMessageWaitTimeSeconds", a->wait_s } };
	const char *own = variable("SQS_QUEUE_URL");

	if (!own || strcmp(own, url) != 0)
		return;
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		const char *value = variable(told[i].name);

		if (value && strtoll(value, NULL, 10) != told[i].value)
			doctor_add(d, DOCTOR_WARN, "environment-differs", told[i].name,
				   "windlass queue create prints the lines as the queue has them",
				   "it is %.20s, and %s of %s is %lld", value, told[i].attribute,
				   aws_sqs_name(url), (long long)told[i].value);
	}
}
