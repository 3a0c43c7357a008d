/* STS: who am I. */
#include "local/local.h"

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

static const struct local_action actions[] = {
	{ "GetCallerIdentity", get_caller_identity },
};

const struct local_service local_sts_service = {
	.id = SERVICE_STS,
	.actions = actions,
	.action_count = COUNT_OF(actions),
};
