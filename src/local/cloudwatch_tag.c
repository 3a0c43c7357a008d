/* Tags of alarms: TagResource, UntagResource, ListTagsForResource. */
#include <string.h>

#include "local/cloudwatch.h"
#include "local/cloudwatch_alarm.h"

#define TAGS_MAX 50

/* The alarm that ResourceARN names. -1: the call has ended. */
static int alarm_of(struct local_call *c, struct local_cloudwatch_alarm *ret)
{
	const char *arn, *name;
	struct err e;
	int rc;

	if (local_cloudwatch_need(c, c->params, "", "ResourceARN", 1024, &arn) < 0)
		return -1;
	err_clear(&e);
	name = strstr(arn, ":alarm:");
	rc = name ? local_cloudwatch_alarm_find(c->local, name + strlen(":alarm:"), ret, &e) : 0;
	if (rc == 1 && !strcmp(ret->arn, arn))
		return 0;
	if (rc < 0)
		local_cloudwatch_fail(c, &e);
	else
		local_fail(c, "ResourceNotFoundException", "There is no alarm %.255s.", arn);
	return -1;
}

static bool has_key(const struct json *keys, const char *key)
{
	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *one = json_at(keys, i);
		const char *is = json_str(one) ? json_str(one) : local_str(one, "Key");

		if (is && !strcmp(is, key))
			return true;
	}
	return false;
}

/* The tags but for those that @p without names by Key or as texts. */
static struct json *tags_without(const struct local_cloudwatch_alarm *a, const struct json *without)
{
	const struct json *tags = json_get(a->spec, "Tags");
	struct json *left = json_array();

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *key = local_str(json_at(tags, i), "Key");

		if (key && !has_key(without, key))
			json_add(left, json_ref((struct json *)json_at(tags, i)));
	}
	return left;
}

static void store(struct local_call *c, struct local_cloudwatch_alarm *a, struct json *tags)
{
	struct err e;

	err_clear(&e);
	json_set(a->spec, "Tags", tags);
	if (local_cloudwatch_alarm_store(c->local, a, &e) < 0)
		local_cloudwatch_fail(c, &e);
	else
		local_done(c);
}

void local_cloudwatch_tag_put(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };
	const struct json *given = json_get(c->params, "Tags");
	AUTO(json_freep) struct json *tags = NULL;

	if (alarm_of(c, &a) < 0)
		return;
	tags = tags_without(&a, given);
	for (size_t i = 0; i < json_count(given); i++) {
		const char *key, *value = local_str(json_at(given, i), "Value");

		if (local_cloudwatch_need(c, json_at(given, i), "Tags.member.", "Key", 128, &key) <
		    0)
			return;
		if (!value || strlen(value) > 256) {
			local_fail(c, "InvalidParameterValueException",
				   "The value of tag %.128s must have at most 256 characters.",
				   key);
			return;
		}
		json_add(tags, json_ref((struct json *)json_at(given, i)));
	}
	if (json_count(tags) == 0 || json_count(tags) > TAGS_MAX)
		local_fail(c, "InvalidParameterValueException", "There must be from 1 to %d tags.",
			   TAGS_MAX);
	else
		store(c, &a, TAKE(tags));
}

void local_cloudwatch_tag_delete(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };

	if (alarm_of(c, &a) == 0)
		store(c, &a, tags_without(&a, json_get(c->params, "TagKeys")));
}

void local_cloudwatch_tag_list(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };
	const struct json *tags;

	if (alarm_of(c, &a) < 0)
		return;
	tags = json_get(a.spec, "Tags");
	local_list(c, "Tags", NULL);
	for (size_t i = 0; i < json_count(tags); i++) {
		local_object(c, NULL);
		local_put(c, "Key", local_str(json_at(tags, i), "Key"));
		local_put(c, "Value", local_str(json_at(tags, i), "Value"));
		local_end(c);
	}
	local_end(c);
	local_done(c);
}
