/* STS: who am I, and keys of a role. There is one account, so that every role in it can be assumed.
 */
#include "local/local.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"

#define SESSION_MOST 64
#define SECONDS_LEAST 900
#define SECONDS_MOST 43200

static void get_caller_identity(struct local_call *c)
{
	struct local_key k;

	if (!local_key_find(c->local, c->access_key, &k)) {
		local_fail(c, "InvalidClientTokenId", NULL);
		return;
	}
	local_put(c, "Arn", k.arn);
	local_put(c, "UserId", k.user_id);
	local_put(c, "Account", k.account);
	own_wipe(&k, sizeof(k));
	local_done(c);
}

/* "arn:aws:iam::123456789012:role/path/name": the name. NULL: the call has ended. */
static const char *role_of(struct local_call *c)
{
	const char *arn = local_str(c->params, "RoleArn");
	AUTO(own_freep)
	char *prefix = own_printf("arn:aws:iam::%s:role/", c->local->options.account);
	const char *name = arn ? strrchr(arn, '/') : NULL;

	if (!arn || strncmp(arn, "arn:aws:iam::", 13) || !name || !name[1])
		local_fail(c, "ValidationError", "RoleArn is not the ARN of a role.");
	else if (strncmp(arn, prefix, strlen(prefix)) || strlen(name + 1) > SESSION_MOST)
		local_fail(c, "AccessDenied",
			   "User: %s is not authorized to perform: sts:AssumeRole on resource: "
			   "%.200s",
			   c->arn, arn);
	else
		return name + 1;
	return NULL;
}

static const char *session_of(struct local_call *c)
{
	const char *name = local_str(c->params, "RoleSessionName");
	size_t n = name ? strlen(name) : 0;
	bool ok = n >= 2 && n <= SESSION_MOST;

	for (size_t i = 0; ok && i < n; i++)
		ok = isalnum((unsigned char)name[i]) || strchr("_+=,.@-", name[i]);
	if (ok)
		return name;
	local_fail(c, "ValidationError",
		   "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy "
		   "regular expression pattern: [\\w+=,.@-]*, and have 2 to 64 characters");
	return NULL;
}

static void put_role(struct local_call *c, const struct local_key *k)
{
	local_object(c, "Credentials");
	local_put(c, "AccessKeyId", k->access_key);
	local_put(c, "SecretAccessKey", k->secret);
	local_put(c, "SessionToken", k->token);
	local_put_time(c, "Expiration", k->expires);
	local_end(c);
	local_object(c, "AssumedRoleUser");
	local_put(c, "AssumedRoleId", k->user_id);
	local_put(c, "Arn", k->arn);
	local_end(c);
}

static void assume_role(struct local_call *c)
{
	const char *role = role_of(c), *session = role ? session_of(c) : NULL;
	struct local_key k = { 0 };
	int64_t seconds = 3600;
	struct instant expires;
	struct err e;

	if (!session || local_int(c, c->params, "DurationSeconds", &seconds) < 0)
		return;
	if (seconds < SECONDS_LEAST || seconds > SECONDS_MOST) {
		local_fail(c, "ValidationError",
			   "Value at 'durationSeconds' failed to satisfy constraint: Member must "
			   "have a value from 900 to 43200");
		return;
	}
	err_clear(&e);
	/* Keys are checked against real time, as signatures are. */
	expires = instant_add(clock_wall(), span_s(seconds));
	expires.ms -= expires.ms % 1000;
	if (local_key_issue(c->local, role, session, expires, &k, &e) < 0) {
		local_fail_internal(c, &e);
	} else {
		put_role(c, &k);
		local_done(c);
	}
	own_wipe(&k, sizeof(k));
}

static const struct local_action actions[] = {
	{ "AssumeRole", assume_role },
	{ "GetCallerIdentity", get_caller_identity },
};

const struct local_service local_sts_service = {
	.id = SERVICE_STS,
	.actions = actions,
	.action_count = COUNT_OF(actions),
};
