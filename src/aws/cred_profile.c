/* Keys that stand in the shared files under the profile's name. */
#include <stdlib.h>

#include "aws/cred.h"

static bool asked_by_name(const struct cred_where *w)
{
	static const char *const variables[] = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" };

	if (w->profile)
		return true;
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		const char *name = getenv(variables[i]);

		if (name && *name)
			return true;
	}
	return false;
}

static enum cred_answer no_keys(const struct cred_where *w, const char *name, struct err *e)
{
	static const char *const others[] = { "role_arn", "credential_process", "sso_session",
					      "sso_start_url", "web_identity_token_file" };

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (!profile_get(w->profiles, name, others[i]))
			continue;
		err_set(e, ERR_DENIED,
			"profile '%.80s' takes its keys by %s, which this version cannot -> put "
			"aws_access_key_id and aws_secret_access_key there, or set "
			"AWS_ACCESS_KEY_ID",
			name, others[i]);
		return CRED_STOP;
	}
	if (!asked_by_name(w))
		return CRED_NOTHING;
	err_set(e, ERR_DENIED, "profile '%.80s' %s -> name another by AWS_PROFILE", name,
		profile_exists(w->profiles, name)
			? "has no aws_access_key_id"
			: "is not in ~/.aws/credentials or ~/.aws/config");
	return CRED_STOP;
}

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	const char *name = profile_name(w->profile);
	const char *access = profile_get(w->profiles, name, "aws_access_key_id");
	const char *secret = profile_get(w->profiles, name, "aws_secret_access_key");
	const char *token = profile_get(w->profiles, name, "aws_session_token");

	(void)ret_handle;
	if (!access || !*access)
		return no_keys(w, name, e);
	if (!secret || !*secret) {
		err_set(e, ERR_DENIED,
			"profile '%.80s' has aws_access_key_id, but no aws_secret_access_key",
			name);
		return CRED_STOP;
	}
	ret->access_key = own_strdup(access);
	ret->secret_key = own_strdup(secret);
	ret->token = token && *token ? own_strdup(token) : NULL;
	return CRED_FOUND;
}

const struct cred_source cred_profile = { .name = "profile", .start = start };
