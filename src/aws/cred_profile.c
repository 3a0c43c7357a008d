/* Keys of a profile of the shared files.
 *
 * A profile has keys of its own, or says where they come from: a process, a login of IAM Identity
 * Center (SSO), a token in a file, or a role that is taken with the keys of another profile
 * (source_profile) or of the environment, the container or the instance (credential_source).
 * source_profile may lead on: the walk goes to the profile that has keys, and takes role by role
 * on the way back.
 */
#include <stdlib.h>
#include <string.h>

#include "aws/cred_part.h"
#include "aws/cred_role.h"

#define PROFILES_MAX 8 /* on the way to the one that has keys */

struct walk {
	struct cred_where where; /* of the parts: later comes to us */
	cred_fn *fn;
	void *arg;
	char *names[PROFILES_MAX]; /* from the one asked for to the one that has keys */
	size_t count;
	size_t roles; /* of the first so many profiles, not yet taken */
	void *handle;
	void (*cancel)(void *handle);
};

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

static const char *get(const struct walk *k, const char *name, const char *key)
{
	const char *value = profile_get(k->where.profiles, name, key);

	return value && *value ? value : NULL;
}

static const char *last(const struct walk *k)
{
	return k->names[k->count - 1];
}

static void walk_free(struct walk *k)
{
	if (k->handle)
		k->cancel(k->handle);
	for (size_t i = 0; i < k->count; i++)
		own_free(k->names[i]);
	own_free(k);
}

static bool has_name(const struct walk *k, const char *name)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->names[i], name) == 0)
			return true;
	return false;
}

/* Finds the profile that has keys; -1: @p e says why there is none. */
static int find_base(struct walk *k, const char *name, struct err *e)
{
	k->names[k->count++] = own_strdup(name);
	while (get(k, last(k), "role_arn")) {
		const char *source = get(k, last(k), "source_profile");

		if (!source || (k->count > 1 && get(k, last(k), "aws_access_key_id")))
			return 0;
		if (strcmp(source, last(k)) == 0 && get(k, source, "aws_access_key_id")) {
			k->roles = k->count; /* its own keys take its own role */
			return 0;
		}
		if (has_name(k, source))
			return err_set(
				e, ERR_DENIED,
				"profile '%.80s': source_profile leads in a circle by '%.80s'",
				name, source);
		if (!profile_exists(k->where.profiles, source))
			return err_set(e, ERR_DENIED,
				       "profile '%.80s': its source_profile '%.80s' is not in "
				       "~/.aws/config or ~/.aws/credentials",
				       last(k), source);
		if (k->count == PROFILES_MAX)
			return err_set(e, ERR_DENIED,
				       "profile '%.80s': source_profile leads over more than %d "
				       "profiles",
				       name, PROFILES_MAX);
		k->roles = k->count;
		k->names[k->count++] = own_strdup(source);
	}
	return 0;
}

static int seconds_of(const struct walk *k, const char *name)
{
	const char *text = get(k, name, "duration_seconds");
	long n = text ? strtol(text, NULL, 10) : 0;

	return n >= 900 && n <= 43200 ? (int)n : 0;
}

static struct sts_role role_of(const struct walk *k, const char *name)
{
	return (struct sts_role){ .arn = get(k, name, "role_arn"),
				  .session = get(k, name, "role_session_name"),
				  .external_id = get(k, name, "external_id"),
				  .seconds = seconds_of(k, name) };
}

static void finish(struct walk *k, const struct cred *c, const struct err *e)
{
	cred_fn *fn = k->fn;
	void *arg = k->arg;
	struct err own = { 0 };

	if (e) {
		own = *e;
		err_wrap(&own, "profile '%.80s'", k->names[0]);
	}
	k->handle = NULL;
	walk_free(k);
	fn(c, e ? &own : NULL, arg);
}

/* With @p base takes the last role that is not taken yet. */
static enum cred_answer take_role(struct walk *k, const struct cred *base, struct err *e)
{
	const char *name = k->names[k->roles - 1];
	struct cred_role role = { .role = role_of(k, name), .base = base };

	if (get(k, name, "mfa_serial")) {
		err_set(e, ERR_DENIED,
			"profile '%.80s' wants a code of an MFA device (mfa_serial), which no "
			"daemon can type -> use a role without",
			name);
		return CRED_STOP;
	}
	k->roles--;
	k->cancel = cred_role_cancel;
	return cred_role_start(&k->where, &role, &k->handle, e);
}

static void part_answered(const struct cred *c, const struct err *e, void *arg)
{
	struct walk *k = arg;
	struct err own = { 0 };

	k->handle = NULL;
	if (!c || k->roles == 0)
		finish(k, c, e);
	else if (take_role(k, c, &own) != CRED_LATER)
		finish(k, NULL, &own);
}

static enum cred_answer from_source(struct walk *k, const char *name, struct cred *ret,
				    struct err *e)
{
	static const struct {
		const char *name;
		const struct cred_source *source;
	} sources[] = { { "Environment", &cred_env },
			{ "Ec2InstanceMetadata", &cred_imds },
			{ "EcsContainer", &cred_container } };
	enum cred_answer a;

	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		if (strcmp(name, sources[i].name) != 0)
			continue;
		k->cancel = sources[i].source->cancel;
		a = sources[i].source->start(&k->where, ret, &k->handle, e);
		if (a != CRED_NOTHING)
			return a;
		err_set(e, ERR_DENIED, "credential_source %s gives no keys", name);
		return CRED_STOP;
	}
	err_set(e, ERR_DENIED,
		"credential_source '%.80s' is none of Environment, Ec2InstanceMetadata, "
		"EcsContainer",
		name);
	return CRED_STOP;
}

static enum cred_answer own_keys(const struct walk *k, const char *name, struct cred *ret,
				 struct err *e)
{
	const char *secret = get(k, name, "aws_secret_access_key");

	if (!secret) {
		err_set(e, ERR_DENIED,
			"profile '%.80s' has aws_access_key_id, but no aws_secret_access_key",
			name);
		return CRED_STOP;
	}
	ret->access_key = own_strdup(get(k, name, "aws_access_key_id"));
	ret->secret_key = own_strdup(secret);
	ret->token = own_strdup(get(k, name, "aws_session_token"));
	return CRED_FOUND;
}

static enum cred_answer no_keys(const struct walk *k, const char *name, struct err *e)
{
	if (k->count == 1 && !asked_by_name(&k->where))
		return CRED_NOTHING;
	err_set(e, ERR_DENIED, "profile '%.80s' %s -> name another by AWS_PROFILE", name,
		profile_exists(k->where.profiles, name)
			? "has no aws_access_key_id and names no other source of keys"
			: "is not in ~/.aws/credentials or ~/.aws/config");
	return CRED_STOP;
}

/* The keys of the last profile, and if it names a role without a source_profile, that too. */
static enum cred_answer base_keys(struct walk *k, struct cred *ret, struct err *e)
{
	const char *name = last(k);
	const char *role = k->roles == k->count ? NULL : get(k, name, "role_arn");
	const char *file = get(k, name, "web_identity_token_file");
	const char *source = get(k, name, "credential_source");
	const char *process = get(k, name, "credential_process");

	if (role && k->count == 1 && file) {
		struct cred_role web = { .role = role_of(k, name), .token_file = file };

		k->cancel = cred_role_cancel;
		return cred_role_start(&k->where, &web, &k->handle, e);
	}
	if (role && source) {
		k->roles = k->count;
		return from_source(k, source, ret, e);
	}
	if (get(k, name, "aws_access_key_id"))
		return own_keys(k, name, ret, e);
	if (role) {
		err_set(e, ERR_DENIED,
			"profile '%.80s' has role_arn -> name whose keys take it by "
			"source_profile, credential_source or web_identity_token_file",
			name);
		return CRED_STOP;
	}
	if (get(k, name, "sso_session") || get(k, name, "sso_start_url")) {
		k->cancel = cred_sso_cancel;
		return cred_sso_start(&k->where, name, &k->handle, e);
	}
	if (process) {
		k->cancel = cred_process_cancel;
		return cred_process_start(&k->where, process, &k->handle, e);
	}
	return no_keys(k, name, e);
}

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	struct walk *k = own_alloc(sizeof(*k));
	AUTO(cred_done) struct cred base = { .expires = INSTANT_NEVER };
	enum cred_answer a = CRED_STOP;

	k->where = *w;
	k->where.later = part_answered;
	k->where.later_arg = k;
	k->fn = w->later;
	k->arg = w->later_arg;
	if (find_base(k, profile_name(w->profile), e) == 0)
		a = base_keys(k, &base, e);
	if (a == CRED_FOUND && k->roles)
		a = take_role(k, &base, e);
	else if (a == CRED_FOUND)
		cred_copy(ret, &base);
	if (a == CRED_LATER) {
		*ret_handle = k;
		return a;
	}
	k->handle = NULL;
	walk_free(k);
	return a == CRED_FAILED ? CRED_STOP : a;
}

static void cancel(void *handle)
{
	walk_free(handle);
}

const struct cred_source cred_profile = { .name = "profile", .start = start, .cancel = cancel };
