#include "aws/cred_role.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/lane.h"

#define REGION_UNKNOWN "us-east-1" /* where STS answers for the whole partition */
#define SECONDS_OF_SESSION 3600    /* the most when a session assumes a role */
#define SESSION_MAX 64
#define TOKEN_MAX (64 << 10)
#define DEADLINE_S 20

struct ask {
	struct lane *lane;
	struct aws_call call;
	cred_fn *fn;
	void *arg;
	char *arn;
};

static void ask_free(struct ask *a)
{
	lane_free(a->lane);
	buf_wipe(&a->call.request.body); /* a token may stand there */
	buf_wipe(&a->call.reply.body);
	aws_call_done(&a->call);
	own_free(a->arn);
	own_free(a);
}

/* STS takes few characters, and people look for the host in CloudTrail. */
static void session_name(char name[static SESSION_MAX + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+=,.@-_";
	char host[SESSION_MAX] = "";
	size_t len;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	len = (size_t)snprintf(name, SESSION_MAX + 1, "windlass%s%s", *host ? "-" : "", host);
	if (len > SESSION_MAX)
		len = SESSION_MAX;
	for (size_t i = 0; i < len; i++)
		if (!strchr(allowed, name[i]))
			name[i] = '-';
}

static void answered(struct aws_call *c, void *arg)
{
	struct ask *a = arg;
	AUTO(cred_done) struct cred got = { .expires = INSTANT_NEVER };
	struct err e = { 0 };
	cred_fn *fn = a->fn;
	void *fn_arg = a->arg;
	bool ok = aws_sts_assume_read(&c->reply, &got, &e) == 0;

	if (!ok)
		err_wrap(&e, "taking the role %.200s", a->arn);
	got.source = "role";
	ask_free(a);
	fn(ok ? &got : NULL, ok ? NULL : &e, fn_arg);
}

static int read_token(const char *path, struct buf *ret, struct err *e)
{
	if (buf_read_file(ret, path, e) < 0)
		return err_wrap(e, "web identity token");
	while (ret->len && strchr(" \t\r\n", ret->data[ret->len - 1]))
		ret->data[--ret->len] = '\0';
	if (ret->len == 0 || strlen(buf_str(ret)) != ret->len)
		return err_set(e, ERR_DENIED, "web identity token: %s holds none", path);
	return 0;
}

static int ask_for(struct ask *a, const struct cred_role *role, struct err *e)
{
	AUTO(buf_wipe) struct buf token = BUF(TOKEN_MAX);
	char session[SESSION_MAX + 1];
	struct sts_role want = role->role;

	session_name(session);
	if (!want.session || !*want.session)
		want.session = session;
	if (role->base) {
		if (role->base->token && want.seconds > SECONDS_OF_SESSION)
			want.seconds = SECONDS_OF_SESSION;
		aws_sts_assume_ask(&a->call.request, &want);
		return 0;
	}
	if (read_token(role->token_file, &token, e) < 0)
		return -1;
	aws_sts_assume_web_ask(&a->call.request, &want, buf_str(&token));
	return 0;
}

enum cred_answer cred_role_start(const struct cred_where *where, const struct cred_role *role,
				 void **ret_handle, struct err *e)
{
	static const struct cred none = { .expires = { INT64_MIN } };
	struct ask *a = own_alloc(sizeof(*a));
	struct lane_options o = { .region = where->region && *where->region ? where->region : NULL,
				  .profile = where->profile,
				  .endpoint = where->endpoint,
				  .keys = role->base ? role->base : &none,
				  .ca_file = where->ca_file };

	if (ask_for(a, role, e) < 0)
		goto failed;
	a->lane = lane_new(where->loop, &o, e);
	if (!a->lane)
		goto failed;
	if (!*lane_region(a->lane))
		a->call.request.region = own_strdup(REGION_UNKNOWN);
	a->arn = own_strdup(role->role.arn);
	a->fn = where->later;
	a->arg = where->later_arg;
	lane_start(a->lane, &a->call, span_s(DEADLINE_S), answered, a);
	*ret_handle = a;
	return CRED_LATER;
failed:
	ask_free(a);
	return CRED_STOP;
}

void cred_role_cancel(void *handle)
{
	ask_free(handle);
}
