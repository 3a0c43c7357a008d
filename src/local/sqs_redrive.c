/* Redrive: the policies that tie a queue to its dead-letter queue. */
#include "local/sqs.h"

#include <string.h>

#define REDRIVE_TEXT_MAX (64u << 10)

static int redrive_refuse(struct err *e, const char *policy, const char *reason)
{
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.300s for parameter RedrivePolicy is invalid. Reason: %s",
				policy, reason);
}

/* "arn:aws:sqs:region:account:name": the name, when it is one of ours. */
const char *local_sqs_redrive_name(const struct local *l, const char *arn)
{
	AUTO(own_freep) char *prefix = local_sqs_arn(l, "");
	size_t n = strlen(prefix);

	return strncmp(arn, prefix, n) || !arn[n] ? NULL : arn + n;
}

int local_sqs_redrive_read(const struct local *l, const struct json *policy, const char *text,
			   struct redrive *ret, struct err *e)
{
	const char *arn = json_get_str(policy, "deadLetterTargetArn");
	const char *count = json_get_str(policy, "maxReceiveCount");

	if (json_type(policy) != JSON_OBJECT)
		return redrive_refuse(e, text, "Redrive policy is not a valid JSON map.");
	if (!arn)
		return redrive_refuse(e, text,
				      "Redrive policy does not contain mandatory attribute: "
				      "deadLetterTargetArn.");
	if (json_type(json_get(policy, "maxReceiveCount")) == JSON_ABSENT)
		return redrive_refuse(
			e, text,
			"Redrive policy does not contain mandatory attribute: maxReceiveCount.");
	if (count ? !local_sqs_attr_number(count, &ret->max_receive)
		  : !json_get_int(policy, "maxReceiveCount", &ret->max_receive))
		ret->max_receive = 0;
	if (ret->max_receive < 1 || ret->max_receive > 1000)
		return redrive_refuse(e, text,
				      "Invalid value for maxReceiveCount: valid values are from 1 "
				      "to 1000 both inclusive.");
	if (strncmp(arn, "arn:", 4))
		return redrive_refuse(e, text, "Invalid value for deadLetterTargetArn.");
	ret->target = local_sqs_redrive_name(l, arn);
	if (!ret->target)
		return redrive_refuse(e, text, "Dead letter target does not exist.");
	return 0;
}

/* May @p source use @p target, by the target's RedriveAllowPolicy? */
static bool redrive_allowed(const struct local *l, const struct queue *target, const char *source)
{
	const char *text = json_get_str(target->attributes, "RedriveAllowPolicy");
	AUTO(json_freep) struct json *policy = text ? json_parse(text, strlen(text), NULL) : NULL;
	const char *permission = json_get_str(policy, "redrivePermission");
	const struct json *arns = json_get(policy, "sourceQueueArns");

	if (!permission || !strcmp(permission, "allowAll"))
		return true;
	for (size_t i = 0; !strcmp(permission, "byQueue") && i < json_count(arns); i++) {
		const char *arn = json_str(json_at(arns, i));
		const char *name = arn ? local_sqs_redrive_name(l, arn) : NULL;

		if (name && !strcmp(name, source))
			return true;
	}
	return false;
}

int local_sqs_redrive_check(struct local_sqs *s, const char *queue, const char *text, struct err *e)
{
	AUTO(json_freep) struct json *policy = json_parse(text, strlen(text), NULL);
	const struct queue *target;
	struct redrive r;

	if (local_sqs_redrive_read(s->local, policy, text, &r, e) < 0)
		return -1;
	target = local_sqs_queue_find(s, r.target);
	if (!target)
		return redrive_refuse(e, text, "Dead letter target does not exist.");
	if (target->fifo != local_sqs_fifo_named(queue))
		return redrive_refuse(
			e, text, "Dead-letter queue must be same type of queue as the source.");
	if (!redrive_allowed(s->local, target, queue))
		return redrive_refuse(e, text,
				      "The dead letter target does not allow this source queue.");
	return 0;
}

int local_sqs_redrive_allow(const char *text, struct err *e)
{
	AUTO(json_freep) struct json *policy = json_parse(text, strlen(text), NULL);
	const char *permission = json_get_str(policy, "redrivePermission");
	size_t arns = json_count(json_get(policy, "sourceQueueArns"));
	bool by_queue = permission && !strcmp(permission, "byQueue");

	if (!permission ||
	    (!by_queue && strcmp(permission, "allowAll") && strcmp(permission, "denyAll")) ||
	    by_queue != (arns > 0) || arns > 10)
		return local_sqs_refuse(
			e, "InvalidParameterValueException",
			"Value %.300s for parameter RedriveAllowPolicy is invalid. Reason: "
			"Amazon SQS can't create the redrive allow policy.",
			text);
	return 0;
}

char *local_sqs_redrive_text(const char *text)
{
	AUTO(json_freep) struct json *policy = text ? json_parse(text, strlen(text), NULL) : NULL;
	const char *count = json_get_str(policy, "maxReceiveCount");
	AUTO(buf_done) struct buf out = BUF(REDRIVE_TEXT_MAX);
	int64_t number;
	struct err e;

	if (!count || !local_sqs_attr_number(count, &number))
		return NULL;
	json_set_int(policy, "maxReceiveCount", number);
	json_write(policy, &out);
	return buf_ok(&out, "the redrive policy", &e) < 0 ? NULL : own_strdup(buf_str(&out));
}
