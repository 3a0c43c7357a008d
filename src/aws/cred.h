/* Credentials: a chain of sources, one file each.
 *
 * A source either has nothing to say (skipped), fails (the sentence is kept, the next is asked), or
 * gives keys. Sources that read files answer at once; those that must call somebody answer later,
 * from the loop. Secrets are wiped when freed and never formatted.
 */
#ifndef AWS_CRED_H
#define AWS_CRED_H

#include "aws/profile.h"
#include "base/instant.h"
#include "base/loop.h"
#include "wire/sigv4.h"

struct cred {
	char *access_key, *secret_key, *token; /* token NULL: long-lived keys */
	struct instant expires;                /* INSTANT_NEVER: do not */
	const char *source;                    /* a literal, for messages: "environment" */
};
void cred_done(struct cred *c); /* wipes */
void cred_copy(struct cred *to, const struct cred *from);
struct sigv4_keys cred_keys(const struct cred *c); /* borrowed */
bool cred_given(const struct cred *c);

/* @p c is borrowed and to be copied; NULL: @p e says why. */
typedef void cred_fn(const struct cred *c, const struct err *e, void *arg);

struct cred_where {
	struct loop *loop;
	const char *profile;                     /* given by hand; NULL: see profile_name() */
	const struct profiles *profiles;         /* may be NULL */
	const char *region, *endpoint, *ca_file; /* for sources that call STS, as in lane_options */
	cred_fn *later; /* for a source that answered CRED_LATER: exactly once, from the loop */
	void *later_arg;
};

enum cred_answer {
	CRED_NOTHING, /* not for this source: ask the next */
	CRED_FOUND,
	CRED_FAILED, /* the sentence is kept, the next is asked */
	CRED_STOP,   /* what was asked for by name cannot be had: another's keys would be wrong */
	CRED_LATER
};

struct cred_source {
	const char *name;
	enum cred_answer (*start)(const struct cred_where *w, struct cred *ret, void **ret_handle,
				  struct err *e);
	void (*cancel)(void *handle); /* later is not called; NULL for sources that never answer
					 CRED_LATER */
	bool guess; /* nobody asked for it by name: a failure that comes later is no CRED_STOP */
};

extern const struct cred_source
	cred_env; /* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN */
extern const struct cred_source cred_web; /* AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN */
extern const struct cred_source
	cred_profile; /* keys, roles, processes and SSO of the shared files */
extern const struct cred_source cred_container; /* AWS_CONTAINER_CREDENTIALS_…: ECS, EKS */
extern const struct cred_source cred_imds;      /* role of the instance */
/* In the SDKs' order, NULL at the end. A profile given by hand goes before the environment. */
extern const struct cred_source *const cred_chain[];

/* Keys as the metadata service, containers and processes print them: AccessKeyId, SecretAccessKey,
 * @p token_key, Expiration (RFC 3339). @p who begins the sentence: "the instance's role". Without
 * @p must_end keys may lack an end. */
MUST int cred_read(const char *text, size_t len, const char *who, const char *token_key,
		   bool must_end, struct cred *ret, struct err *e);

/* One walk along a chain. */
struct cred_options {
	const struct cred_source *const *chain;            /* NULL: cred_chain */
	const char *profile, *region, *endpoint, *ca_file; /* as in lane_options; copied */
};
struct cred_fetch;
struct cred_fetch *cred_fetch(struct loop *l, const struct cred_options *o, cred_fn *fn,
			      void *arg); /* fn always comes from the loop */
void cred_fetch_cancel(struct cred_fetch *f);

#endif
