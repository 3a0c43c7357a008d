/* The role of the instance. */
#include <stdlib.h>
#include <string.h>

#include "aws/cred.h"
#include "aws/imds.h"

struct ask {
	struct imds *imds;
	cred_fn *fn;
	void *arg;
};

static void ask_free(struct ask *a)
{
	imds_free(a->imds);
	own_free(a);
}

static void finish(struct ask *a, const struct cred *c, const struct err *e)
{
	cred_fn *fn = a->fn;
	void *arg = a->arg;

	ask_free(a);
	fn(c, e, arg);
}

static void got_keys(const char *text, const struct err *e, void *arg)
{
	AUTO(cred_done) struct cred c = { .expires = INSTANT_NEVER };
	struct err own = { 0 };

	if (!text ||
	    cred_read(text, strlen(text), "the instance's role", "Token", true, &c, &own) < 0) {
		finish(arg, NULL, text ? &own : e);
		return;
	}
	c.source = "instance metadata";
	finish(arg, &c, NULL);
}

static void got_role(const char *text, const struct err *e, void *arg)
{
	struct ask *a = arg;
	AUTO(own_freep) char *path = NULL;
	struct err own = { 0 };
	size_t len;

	if (!text && e->kind == ERR_NOT_FOUND) {
		err_set(&own, ERR_DENIED, "the instance has no role");
		finish(a, NULL, &own);
		return;
	}
	if (!text) {
		finish(a, NULL, e);
		return;
	}
	len = strcspn(text, "\r\n");
	path = own_printf("%s%.*s", IMDS_ROLES, (int)(len < 256 ? len : 256), text);
	imds_get(a->imds, path, got_keys, a);
}

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	const char *off = getenv("AWS_EC2_METADATA_DISABLED");
	struct ask *a;

	(void)ret;
	(void)e;
	if (off && strcmp(off, "true") == 0)
		return CRED_NOTHING;
	a = own_alloc(sizeof(*a));
	a->imds = imds_new(w->loop);
	a->fn = w->later;
	a->arg = w->later_arg;
	imds_get(a->imds, IMDS_ROLES, got_role, a);
	*ret_handle = a;
	return CRED_LATER;
}

static void cancel(void *handle)
{
	ask_free(handle);
}

const struct cred_source cred_imds = {
	.name = "instance metadata", .start = start, .cancel = cancel, .guess = true
};
