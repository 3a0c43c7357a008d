/* AddPermission and RemovePermission: statements of the queue's policy, by label. There is one
 * account, so that nobody is kept out by them; they are stored and told as AWS does. */
#include "local/sqs.h"

#include <ctype.h>
#include <string.h>

#define ACTIONS_MOST 7
#define POLICY_MAX (64u << 10)

static const char *const actions[] = { "*",
				       "SendMessage",
				       "ReceiveMessage",
				       "DeleteMessage",
				       "ChangeMessageVisibility",
				       "GetQueueAttributes",
				       "GetQueueUrl",
				       "ListDeadLetterSourceQueues",
				       "PurgeQueue" };

static bool action_known(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(actions); i++)
		if (!strcmp(actions[i], name))
			return true;
	return false;
}

/* Those that no other account can be allowed. */
static bool action_owners(const char *name)
{
	static const char *const owners[] = {
		"AddPermission",        "CancelMessageMoveTask", "CreateQueue", "DeleteQueue",
		"ListMessageMoveTasks", "ListQueueTags",         "ListQueues",  "RemovePermission",
		"SetQueueAttributes",   "StartMessageMoveTask",  "TagQueue",    "UntagQueue"
	};

	for (size_t i = 0; i < COUNT_OF(owners); i++)
		if (!strcmp(owners[i], name))
			return true;
	return false;
}

static bool account_ok(const char *id)
{
	if (!id || strlen(id) != 12)
		return false;
	while (isdigit((unsigned char)*id))
		id++;
	return !*id;
}

static int missing(struct err *e, const char *name)
{
	return local_sqs_refuse(e, "MissingRequiredParameterException",
				"The request must contain the parameter %s.", name);
}

static int invalid(struct err *e, const char *value, const char *name, const char *reason)
{
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.100s for parameter %s is invalid. Reason: %s", value, name,
				reason);
}

static int action_refuse(struct err *e, const char *name)
{
	AUTO(own_freep) char *value = own_printf("SQS:%.100s", name ? name : "");

	return invalid(e, value, "ActionName",
		       name && action_owners(name)
			       ? "Only the queue owner is allowed to invoke this action."
			       : "Please refer to the appropriate WSDL for a list of valid "
				 "actions.");
}

static int policy_lists(const struct json *names, const struct json *accounts, struct err *e)
{
	if (json_count(names) == 0)
		return missing(e, "Actions");
	if (json_count(accounts) == 0)
		return invalid(e, "[]", "PrincipalId", "Unable to verify.");
	if (json_count(names) > ACTIONS_MOST)
		return local_sqs_refuse(e, "OverLimit",
					"%zu Actions were found, maximum allowed is %d.",
					json_count(names), ACTIONS_MOST);
	for (size_t i = 0; i < json_count(names); i++)
		if (!action_known(json_str(json_at(names, i))))
			return action_refuse(e, json_str(json_at(names, i)));
	for (size_t i = 0; i < json_count(accounts); i++)
		if (!account_ok(json_str(json_at(accounts, i))))
			return invalid(e, json_str(json_at(accounts, i)), "PrincipalId",
				       "Unable to verify.");
	return 0;
}

static int policy_label(const char *label, struct err *e)
{
	size_t n = label ? strlen(label) : 0;

	if (n == 0)
		return missing(e, "Label");
	for (const char *p = label; *p; p++)
		if (n > 80 || (!isalnum((unsigned char)*p) && *p != '-' && *p != '_'))
			return invalid(e, label, "Label",
				       "Can only include alphanumeric characters, hyphens, or "
				       "underscores. 1 to 80 in length.");
	return 0;
}

/* One text, or a list when there are more. */
static struct json *words(const struct json *list, const char *before, const char *after)
{
	struct json *all = json_array();

	for (size_t i = 0; i < json_count(list); i++) {
		AUTO(own_freep)
		char *word = own_printf("%s%s%s", before, json_str(json_at(list, i)), after);

		if (json_count(list) == 1) {
			json_free(all);
			return json_new_str(word);
		}
		json_add(all, json_new_str(word));
	}
	return all;
}

static struct json *statement(const char *label, const char *arn, const struct json *names,
			      const struct json *accounts)
{
	struct json *s = json_object(), *principal = json_object();

	json_set_str(s, "Sid", label);
	json_set_str(s, "Effect", "Allow");
	json_set(principal, "AWS", words(accounts, "arn:aws:iam::", ":root"));
	json_set(s, "Principal", principal);
	json_set(s, "Action", words(names, "SQS:", ""));
	json_set_str(s, "Resource", arn);
	return s;
}

/* Owned; NULL: the queue has none. */
static struct json *policy_of(const struct queue *q)
{
	const char *text = json_get_str(q->attributes, "Policy");

	return text && *text ? json_parse(text, strlen(text), NULL) : NULL;
}

/* The statements of the queue but for @p label; whether it was among them. Owned. */
static struct json *statements(const struct queue *q, const char *label, bool *ret_found)
{
	AUTO(json_freep) struct json *policy = policy_of(q);
	const struct json *old = json_get(policy, "Statement");
	const bool single = json_type(old) == JSON_OBJECT; /* one statement without a list */
	struct json *kept = json_array();

	*ret_found = false;
	for (size_t i = 0; i < (single ? 1 : json_count(old)); i++) {
		const struct json *one = single ? old : json_at(old, i);
		const char *sid = json_get_str(one, "Sid");

		if (sid && !strcmp(sid, label))
			*ret_found = true;
		else
			json_add(kept, json_ref((struct json *)one));
	}
	return kept;
}

/* Takes @p list. */
static int policy_store(struct queue *q, struct json *list, const char *arn, struct err *e)
{
	AUTO(json_freep) struct json *policy = policy_of(q);
	AUTO(json_freep) struct json *given = json_object();
	AUTO(own_freep) char *id = own_printf("%s/SQSDefaultPolicy", arn);
	AUTO(buf_done) struct buf text = BUF(POLICY_MAX);
	bool any = json_count(list) > 0;

	if (!policy) {
		policy = json_object();
		json_set_str(policy, "Version", "2008-10-17");
		json_set_str(policy, "Id", id);
	}
	json_set(policy, "Statement", list);
	json_write(policy, &text);
	if (buf_ok(&text, "the policy", e) < 0)
		return local_sqs_refuse(e, "OverLimit", "The policy is too long.");
	json_set_str(given, "Policy", any ? buf_str(&text) : "");
	local_sqs_attr_merge(q, given);
	return local_sqs_queue_store(q, e);
}

static int permission_add(struct local_call *c, struct queue *q, const char *label, struct err *e)
{
	const struct json *names = json_get(c->params, "Actions"),
			  *accounts = json_get(c->params, "AWSAccountIds");
	AUTO(own_freep) char *arn = local_sqs_arn(c->local, q->name);
	struct json *list;
	bool found;

	if (policy_label(label, e) < 0 || policy_lists(names, accounts, e) < 0)
		return -1;
	list = statements(q, label, &found);
	if (found) {
		json_free(list);
		return invalid(e, label, "Label", "Already exists.");
	}
	json_add(list, statement(label, arn, names, accounts));
	return policy_store(q, list, arn, e);
}

static int permission_remove(struct local_call *c, struct queue *q, const char *label,
			     struct err *e)
{
	AUTO(own_freep) char *arn = local_sqs_arn(c->local, q->name);
	AUTO(json_freep) struct json *policy = policy_of(q);
	bool found, has_policy = policy != NULL;
	struct json *list;

	if (policy_label(label, e) < 0)
		return -1;
	list = statements(q, label, &found);
	if (!found) {
		json_free(list);
		return invalid(e, label, "Label",
			       has_policy ? "can't find label on existing policy."
					  : "can't find label.");
	}
	return policy_store(q, list, arn, e);
}

static void permission_end(struct local_call *c, int rc, const struct err *e)
{
	if (rc < 0)
		local_sqs_fail(c, e);
	else
		local_done(c);
}

void local_sqs_add_permission(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct err e;

	err_clear(&e);
	if (q)
		permission_end(c, permission_add(c, q, local_str(c->params, "Label"), &e), &e);
}

void local_sqs_remove_permission(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct err e;

	err_clear(&e);
	if (q)
		permission_end(c, permission_remove(c, q, local_str(c->params, "Label"), &e), &e);
}
