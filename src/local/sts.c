/* STS: who am I, and keys of a role. There are no policies, so that every role of an account that
 * is known can be assumed. */
#include "local/sts.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "local/accounts.h"
#include "local/sts_web.h"

#define ROLE_ACCOUNT 13 /* where the account stands in the ARN of a role */
#define SESSION_MOST 64
#define SECONDS_LEAST 900
#define SECONDS_MOST 43200
#define ROLE_USUAL_S 3600
#define SESSION_USUAL_S 43200
#define SESSION_MOST_S 129600

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

/* Whether the ARN of a role is of an account that is known here: who may assume it is not asked. */
static bool of_known_account(const struct local *l, const char *arn)
{
	const char *account = arn + ROLE_ACCOUNT;

	return strspn(account, "0123456789") == 12 && !strncmp(account + 12, ":role/", 6) &&
	       (!strncmp(account, l->options.account, 12) ||
		local_accounts_has(l->options.accounts, account));
}

/* "arn:aws:iam::123456789012:role/path/name": the name. NULL: the call has ended. */
const char *local_sts_role_of(struct local_call *c, const char *action)
{
	const char *arn = local_str(c->params, "RoleArn");
	const char *name = arn ? strrchr(arn, '/') : NULL;

	if (!arn || strncmp(arn, "arn:aws:iam::", ROLE_ACCOUNT) || !name || !name[1])
		local_fail(c, "ValidationError", "RoleArn is not the ARN of a role.");
	else if (!of_known_account(c->local, arn) || strlen(name + 1) > SESSION_MOST)
		local_fail(c, "AccessDenied",
			   "%s%s is not authorized to perform: sts:%s on resource: %.200s",
			   c->arn ? "User: " : "", c->arn ? c->arn : "Not", action, arn);
	else
		return name + 1;
	return NULL;
}

const char *local_sts_session_of(struct local_call *c)
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

static void put_keys(struct local_call *c, const struct local_key *k)
{
	local_object(c, "Credentials");
	local_put(c, "AccessKeyId", k->access_key);
	local_put(c, "SecretAccessKey", k->secret);
	local_put(c, "SessionToken", k->token);
	local_put_time(c, "Expiration", k->expires);
	local_end(c);
}

void local_sts_put_role(struct local_call *c, const struct local_key *k)
{
	put_keys(c, k);
	local_object(c, "AssumedRoleUser");
	local_put(c, "AssumedRoleId", k->user_id);
	local_put(c, "Arn", k->arn);
	local_end(c);
}

/* DurationSeconds, from now. */
static int expiry_of(struct local_call *c, int64_t usual, int64_t most, struct instant *ret)
{
	int64_t seconds = usual;

	if (local_int(c, c->params, "DurationSeconds", &seconds) < 0)
		return -1;
	if (seconds < SECONDS_LEAST || seconds > most) {
		local_fail(c, "ValidationError",
			   "Value at 'durationSeconds' failed to satisfy constraint: Member must "
			   "have a value from %d to %d",
			   SECONDS_LEAST, (int)most);
		return -1;
	}
	/* Keys are checked against real time, as signatures are. */
	*ret = instant_add(clock_wall(), span_s(seconds));
	ret->ms -= ret->ms % 1000;
	return 0;
}

int local_sts_issue(struct local_call *c, const char *role, const char *session,
		    struct local_key *ret)
{
	const char *account = local_str(c->params, "RoleArn") + ROLE_ACCOUNT;
	struct instant expires;
	struct err e;

	if (expiry_of(c, ROLE_USUAL_S, SECONDS_MOST, &expires) < 0)
		return -1;
	err_clear(&e);
	if (local_key_issue(c->local, account, role, session, expires, ret, &e) == 0)
		return 0;
	local_fail_internal(c, &e);
	return -1;
}

static void assume_role(struct local_call *c)
{
	const char *role = local_sts_role_of(c, "AssumeRole");
	const char *session = role ? local_sts_session_of(c) : NULL;
	struct local_key k = { 0 };

	if (!session || local_sts_issue(c, role, session, &k) < 0)
		return;
	local_sts_put_role(c, &k);
	local_done(c);
	own_wipe(&k, sizeof(k));
}

/* Keys for a while of whoever asks with lasting ones. */
static void get_session_token(struct local_call *c)
{
	struct local_key mine, k = { 0 };
	struct instant expires;
	struct err e;

	if (!local_key_find(c->local, c->access_key, &mine)) {
		local_fail(c, "InvalidClientTokenId", NULL);
		return;
	}
	if (mine.token[0]) {
		own_wipe(&mine, sizeof(mine));
		local_fail(c, "AccessDenied",
			   "Cannot call GetSessionToken with session credentials");
		return;
	}
	own_wipe(mine.secret, sizeof(mine.secret));
	if (expiry_of(c, SESSION_USUAL_S, SESSION_MOST_S, &expires) < 0)
		return;
	err_clear(&e);
	if (local_key_session(c->local, &mine, expires, &k, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	put_keys(c, &k);
	local_done(c);
	own_wipe(&k, sizeof(k));
}

static void get_access_key_info(struct local_call *c)
{
	const char *id = local_str(c->params, "AccessKeyId");
	struct local_key k = { 0 };

	if (!id || strlen(id) < 16 || strlen(id) > 128) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value at 'accessKeyId' failed to satisfy "
			   "constraint: Member must have length from 16 to 128");
		return;
	}
	/* A key that nobody knows was one of the state's own. */
	local_put(c, "Account",
		  local_key_find(c->local, id, &k) ? k.account : c->local->options.account);
	own_wipe(&k, sizeof(k));
	local_done(c);
}

static const struct local_action actions[] = {
	{ "AssumeRole", assume_role },
	{ "AssumeRoleWithWebIdentity", local_sts_web_assume },
	{ "GetAccessKeyInfo", get_access_key_info },
	{ "GetCallerIdentity", get_caller_identity },
	{ "GetSessionToken", get_session_token },
};

const struct local_service local_sts_service = {
	.id = SERVICE_STS,
	.actions = actions,
	.action_count = COUNT_OF(actions),
	.start = local_sts_web_start,
	.stop = local_sts_web_stop,
};
