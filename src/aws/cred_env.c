/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
#include <stdlib.h>

#include "aws/cred.h"

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	const char *access = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = getenv("AWS_SESSION_TOKEN");

	(void)w;
	(void)ret_handle;
	if (!access || !*access)
		return CRED_NOTHING;
	if (!secret || !*secret) {
		err_set(e, ERR_DENIED, "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
		return CRED_STOP;
	}
	ret->access_key = own_strdup(access);
	ret->secret_key = own_strdup(secret);
	ret->token = token && *token ? own_strdup(token) : NULL;
	return CRED_FOUND;
}

const struct cred_source cred_env = { .name = "environment", .start = start };
