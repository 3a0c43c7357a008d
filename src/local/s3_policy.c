/* The policy of a browser's form: what its fields may be. Pure. */
#include "local/s3_post.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"

#define POLICY_MAX (64u << 10)

/* ---- reading ---- */

static int invalid(struct err *e, const char *why)
{
	return local_s3_refuse(e, "InvalidPolicyDocument", "Invalid Policy: %.300s", why);
}

static struct json *policy_read(const char *text, struct err *e)
{
	AUTO(buf_done) struct buf plain = BUF(POLICY_MAX);
	struct json *j;

	if (!*text)
		invalid(e, "Expecting '{' but found End-of-Input");
	else if (crypto_unbase64(text, strlen(text), &plain, NULL) < 0)
		invalid(e, "invalid Base64 encoding.");
	else if (!(j = json_parse(buf_str(&plain), plain.len, NULL)) ||
		 json_type(j) != JSON_OBJECT) {
		json_free(j);
		invalid(e, "Invalid JSON.");
	} else {
		return j;
	}
	return NULL;
}

static int policy_shape(const struct json *policy, struct instant now, struct err *e)
{
	const struct json *expiration = json_get(policy, "expiration"), *value;
	const char *text = json_str(expiration), *name;
	struct instant at;

	for (size_t it = 0; json_next(policy, &it, &name, &value);)
		if (strcmp(name, "expiration") && strcmp(name, "conditions"))
			return local_s3_refuse(e, "InvalidPolicyDocument",
					       "Invalid Policy: Unexpected: \"%.100s\"", name);
	if (!expiration)
		return invalid(e, "Policy missing expiration.");
	if (!text)
		return invalid(e, "Invalid JSON.");
	if (clock_parse(text, strlen(text), &at, NULL) < 0)
		return local_s3_refuse(e, "InvalidPolicyDocument",
				       "Invalid Policy: Invalid 'expiration' value: '%.100s'",
				       text);
	if (!json_get(policy, "conditions"))
		return invalid(e, "Policy missing conditions.");
	if (json_type(json_get(policy, "conditions")) != JSON_ARRAY)
		return invalid(e, "Invalid 'conditions' value: must be a List.");
	return at.ms < now.ms ? local_s3_refuse(e, "AccessDenied",
						"Invalid according to Policy: Policy expired.")
			      : 0;
}

/* ---- one condition ---- */

static int failed(struct err *e, const char *op, const char *name, const char *value)
{
	return local_s3_refuse(e, "AccessDenied",
			       "Invalid according to Policy: Policy Condition failed: "
			       "[\"%.30s\", \"$%.100s\", \"%.200s\"]",
			       op, name, value);
}

/* Of a Content-Type each part of a list must begin so. */
static bool begins(const char *name, const char *value, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strcasecmp(name, "content-type"))
		return !strncmp(value, prefix, n);
	do {
		value += strspn(value, ", ");
		if (strncmp(value, prefix, n))
			return false;
		value = strchr(value, ',');
	} while (value);
	return true;
}

static int condition(struct s3_form *f, const char *op, const char *name, const char *value,
		     struct err *e)
{
	const char *have = local_s3_form_get(f, name);

	local_s3_form_cover(f, name);
	have = have ? have : "";
	if (!strcasecmp(op, "eq") ? !strcmp(have, value) : begins(name, have, value))
		return 0;
	return failed(e, op, name, value);
}

static bool bound(const struct json *j, int64_t *ret)
{
	return json_int(j, ret) || (json_str(j) && text_int(json_str(j), ret));
}

static int length_range(struct s3_form *f, const struct json *list, struct err *e)
{
	int64_t least, most;

	if (json_count(list) != 3)
		return invalid(e, "Invalid content-length-range: wrong number of arguments.");
	if (!bound(json_at(list, 1), &least) || !bound(json_at(list, 2), &most))
		return invalid(e, "Invalid JSON.");
	if (f->size > most) {
		f->limit = most;
		return local_s3_refuse(e, "EntityTooLarge", NULL);
	}
	if (f->size < least) {
		f->limit = least;
		return local_s3_refuse(e, "EntityTooSmall", NULL);
	}
	return 0;
}

static int condition_list(struct s3_form *f, const struct json *list, struct err *e)
{
	const char *op = json_str(json_at(list, 0)), *name = json_str(json_at(list, 1)),
		   *value = json_str(json_at(list, 2));

	if (json_count(list) == 0 || !op)
		return invalid(e, "Invalid Condition: missing operation identifier.");
	if (!strcasecmp(op, "content-length-range"))
		return length_range(f, list, e);
	if (strcasecmp(op, "eq") && strcasecmp(op, "starts-with"))
		return local_s3_refuse(e, "InvalidPolicyDocument",
				       "Invalid Policy: Invalid Condition: unknown operation "
				       "'%.60s'.",
				       op);
	if (json_count(list) != 3)
		return local_s3_refuse(e, "InvalidPolicyDocument",
				       "Invalid Policy: Invalid %.20s: wrong number of arguments.",
				       op);
	if (!name || !value)
		return invalid(e, "Invalid JSON.");
	if (*name != '$')
		return local_s3_refuse(e, "AccessDenied",
				       "Invalid according to Policy: Policy Condition failed: "
				       "[\"%.30s\", \"%.100s\", \"%.200s\"]",
				       op, name, value);
	return condition(f, op, name + 1, value, e);
}

static int condition_object(struct s3_form *f, const struct json *object, struct err *e)
{
	const struct json *value = NULL, *more;
	const char *name = NULL, *other;
	size_t it = 0;

	if (!json_next(object, &it, &name, &value) || json_next(object, &it, &other, &more))
		return invalid(e, "Invalid Simple-Condition: Simple-Conditions must have exactly "
				  "one property specified.");
	if (!json_str(value))
		return invalid(e, "Invalid Simple-Condition: value must be a string.");
	return condition(f, "eq", name, json_str(value), e);
}

/* ---- all of it ---- */

/* Fields that say how a form is signed, its file, and those that are nobody's. */
static bool free_of_policy(const char *name)
{
	static const char *const names[] = { "policy", "x-amz-signature", "signature",
					     "AWSAccessKeyId", "file" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return !strncasecmp(name, "x-ignore-", 9);
}

int local_s3_policy_check(const char *text, struct s3_form *f, struct instant now, struct err *e)
{
	AUTO(json_freep) struct json *policy = policy_read(text, e);
	const struct json *conditions = policy ? json_get(policy, "conditions") : NULL;

	if (!policy || policy_shape(policy, now, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(conditions); i++) {
		const struct json *c = json_at(conditions, i);
		int rc;

		if (json_type(c) == JSON_ARRAY)
			rc = condition_list(f, c, e);
		else if (json_type(c) == JSON_OBJECT)
			rc = condition_object(f, c, e);
		else
			rc = invalid(e, "Invalid condition test: must be a List or Object.");
		if (rc < 0)
			return -1;
	}
	for (size_t i = 0; i < f->count; i++)
		if (!f->fields[i].covered && !free_of_policy(f->fields[i].name))
			return local_s3_refuse(e, "AccessDenied",
					       "Invalid according to Policy: Extra input fields: "
					       "%.200s",
					       f->fields[i].name);
	return 0;
}
