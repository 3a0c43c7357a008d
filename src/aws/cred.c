#include "aws/cred.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

const struct cred_source *const cred_chain[] = { &cred_env,       &cred_web,  &cred_profile,
						 &cred_container, &cred_imds, NULL };
static const struct cred_source *const profile_first[] = { &cred_profile, NULL };

void cred_done(struct cred *c)
{
	own_wipe_str(c->access_key);
	own_wipe_str(c->secret_key);
	own_wipe_str(c->token);
	*c = (struct cred){ .expires = INSTANT_NEVER };
}

void cred_copy(struct cred *to, const struct cred *from)
{
	struct cred copy = { .access_key = own_strdup(from->access_key),
			     .secret_key = own_strdup(from->secret_key),
			     .token = own_strdup(from->token),
			     .expires = from->expires,
			     .source = from->source };

	cred_done(to);
	*to = copy;
}

struct sigv4_keys cred_keys(const struct cred *c)
{
	return (struct sigv4_keys){ .access_key = c->access_key,
				    .secret_key = c->secret_key,
				    .token = c->token };
}

bool cred_given(const struct cred *c)
{
	return c->access_key && *c->access_key && c->secret_key && *c->secret_key;
}

int cred_read(const char *text, size_t len, const char *who, const char *token_key, bool must_end,
	      struct cred *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = json_parse(text, len, NULL);
	const char *code = json_get_str(j, "Code"), *until = json_get_str(j, "Expiration");
	const char *access = json_get_str(j, "AccessKeyId");
	const char *secret = json_get_str(j, "SecretAccessKey");

	if (code && strcmp(code, "Success") != 0)
		return err_set(e, ERR_DENIED, "%s gives no keys: %.80s", who, code);
	if (!access || !*access || !secret || !*secret || (must_end && !until) ||
	    (until && clock_parse(until, strlen(until), &ret->expires, NULL) < 0))
		return err_set(e, ERR_PROTOCOL, "the keys of %s are not understood", who);
	ret->access_key = own_strdup(access);
	ret->secret_key = own_strdup(secret);
	ret->token = own_strdup(json_get_str(j, token_key));
	return 0;
}

struct cred_fetch {
	const struct cred_source *const *at;
	struct cred_where where;
	struct profiles *profiles;
	char *profile, *region, *endpoint, *ca_file;
	struct loop_timer *timer;
	void *handle;     /* of the source that answers later */
	struct err first; /* what failed first */
	cred_fn *fn;
	void *arg;
};

static void fetch_free(struct cred_fetch *f)
{
	loop_timer_free(f->timer);
	profile_free(f->profiles);
	own_free(f->profile);
	own_free(f->region);
	own_free(f->endpoint);
	own_free(f->ca_file);
	own_free(f);
}

static void finish(struct cred_fetch *f, const struct cred *c, const struct err *e)
{
	cred_fn *fn = f->fn;
	void *arg = f->arg;

	fetch_free(f);
	fn(c, e, arg);
}

static void none_found(struct cred_fetch *f)
{
	struct err e = { 0 };

	err_set(&e, ERR_DENIED,
		"no AWS credentials -> set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a "
		"profile of ~/.aws/config or ~/.aws/credentials by AWS_PROFILE, or give the "
		"instance a role%s%.300s%s",
		f->first.text[0] ? " (" : "", f->first.text, f->first.text[0] ? ")" : "");
	finish(f, NULL, &e);
}

static void keep_first(struct cred_fetch *f, const struct err *e)
{
	if (f->first.kind == ERR_NONE)
		f->first = *e;
}

static void walk(struct cred_fetch *f)
{
	for (; *f->at; f->at++) {
		AUTO(cred_done) struct cred c = { .expires = INSTANT_NEVER };
		struct err e = { 0 };

		switch ((*f->at)->start(&f->where, &c, &f->handle, &e)) {
		case CRED_FOUND:
			c.source = (*f->at)->name;
			finish(f, &c, NULL);
			return;
		case CRED_STOP:
			finish(f, NULL, &e);
			return;
		case CRED_LATER:
			return;
		case CRED_FAILED:
			keep_first(f, &e);
			break;
		case CRED_NOTHING:
			break;
		}
	}
	none_found(f);
}

static void later(const struct cred *c, const struct err *e, void *arg)
{
	struct cred_fetch *f = arg;

	f->handle = NULL;
	if (c || !(*f->at)->guess) {
		finish(f, c, e);
		return;
	}
	keep_first(f, e);
	f->at++;
	walk(f);
}

static void begin(void *arg)
{
	struct cred_fetch *f = arg;
	struct err e = { 0 };

	f->profiles = profile_load(&e);
	if (!f->profiles) {
		finish(f, NULL, &e);
		return;
	}
	f->where.profiles = f->profiles;
	walk(f);
}

struct cred_fetch *cred_fetch(struct loop *l, const struct cred_options *o, cred_fn *fn, void *arg)
{
	struct cred_fetch *f = own_alloc(sizeof(*f));

	f->at = o->chain ? o->chain : o->profile ? profile_first : cred_chain;
	f->profile = own_strdup(o->profile);
	f->region = own_strdup(o->region);
	f->endpoint = own_strdup(o->endpoint);
	f->ca_file = own_strdup(o->ca_file);
	f->where = (struct cred_where){ .loop = l,
					.profile = f->profile,
					.region = f->region,
					.endpoint = f->endpoint,
					.ca_file = f->ca_file,
					.later = later,
					.later_arg = f };
	f->fn = fn;
	f->arg = arg;
	f->timer = loop_timer_new(l, begin, f);
	loop_timer_start(f->timer, span_ms(0));
	return f;
}

void cred_fetch_cancel(struct cred_fetch *f)
{
	if (!f)
		return;
	if (f->handle)
		(*f->at)->cancel(f->handle);
	fetch_free(f);
}
