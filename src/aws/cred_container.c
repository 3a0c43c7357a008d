/* Keys of the container: ECS tasks, EKS Pod Identity, Greengrass.
 *
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is a path at 169.254.170.2;
 * AWS_CONTAINER_CREDENTIALS_FULL_URI is a URL, over plain http only to hosts that no other machine
 * can be: loopback, and the addresses that ECS and EKS have reserved.
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, read anew each time, or AWS_CONTAINER_AUTHORIZATION_TOKEN
 * says who we are.
 */
#include <stdlib.h>
#include <string.h>

#include "aws/cred.h"
#include "base/http.h"
#include "wire/uri.h"

#define ECS "http://169.254.170.2"
#define ATTEMPTS 3
#define PAUSE_MS 200
#define TOKEN_MAX (64 << 10)
#define REPLY_MAX (64 << 10)

struct ask {
	struct http *http;
	struct loop_timer *timer;
	struct buf url, token;
	int attempts;
	cred_fn *fn;
	void *arg;
};

static void ask_free(struct ask *a)
{
	loop_timer_free(a->timer);
	http_free(a->http);
	buf_done(&a->url);
	buf_wipe(&a->token);
	own_free(a);
}

static void finish(struct ask *a, const struct cred *c, const struct err *e)
{
	cred_fn *fn = a->fn;
	void *arg = a->arg;

	ask_free(a);
	fn(c, e, arg);
}

static void answered(struct http_reply *r, const struct err *e, void *arg)
{
	AUTO(cred_done) struct cred c = { .expires = INSTANT_NEVER };
	struct ask *a = arg;
	struct err own = { 0 };

	if ((e || r->status >= 500) && ++a->attempts < ATTEMPTS) {
		loop_timer_start(a->timer, span_ms(PAUSE_MS));
		return;
	}
	if (e)
		own = *e;
	else if (r->status != 200)
		err_set(&own, r->status >= 500 ? ERR_UNREACHABLE : ERR_DENIED, "answered %d",
			r->status);
	else
		err_ignore(cred_read(buf_str(&r->body), r->body.len, "the container's role",
				     "Token", false, &c, &own));
	buf_wipe(&r->body);
	if (own.kind != ERR_NONE) {
		err_wrap(&own, "credentials of the container");
		finish(a, NULL, &own);
		return;
	}
	c.source = "container";
	finish(a, &c, NULL);
}

static void send(void *arg)
{
	struct ask *a = arg;
	struct http_header token = { "Authorization", buf_str(&a->token) };

	http_start(a->http,
		   &HTTP_REQUEST(.method = "GET", .url = buf_str(&a->url), .headers = &token,
				 .header_count = a->token.len ? 1 : 0, .reply_cap = REPLY_MAX,
				 .connect_timeout = span_s(2), .timeout = span_s(5)),
		   answered, a);
}

static bool is_ours(const char *host, size_t len)
{
	static const char *const hosts[] = { "localhost", "[::1]", "169.254.170.2",
					     "169.254.170.23", "[fd00:ec2::23]" };

	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (strlen(hosts[i]) == len && strncmp(host, hosts[i], len) == 0)
			return true;
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= len;
}

/* Without a port. */
static size_t host_len(const struct uri_parts *p)
{
	const char *end = memchr(p->host, ']', p->host_len);

	if (*p->host == '[' && end)
		return (size_t)(end + 1 - p->host);
	end = memchr(p->host, ':', p->host_len);
	return end ? (size_t)(end - p->host) : p->host_len;
}

static int place(struct ask *a, const char *relative, const char *full, struct err *e)
{
	struct uri_parts parts;

	if (relative && *relative) {
		if (*relative != '/')
			return err_set(e, ERR_DENIED,
				       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path: %.80s",
				       relative);
		buf_addf(&a->url, "%s%s", ECS, relative);
		return buf_ok(&a->url, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", e);
	}
	if (uri_parse(full, &parts, e) < 0)
		return err_wrap(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	if (strncmp(full, "https:", 6) != 0 && !is_ours(parts.host, host_len(&parts)))
		return err_set(e, ERR_DENIED,
			       "AWS_CONTAINER_CREDENTIALS_FULL_URI: '%.*s' is another machine -> "
			       "use https, or loopback",
			       (int)(parts.host_len < 80 ? parts.host_len : 80), parts.host);
	buf_adds(&a->url, full);
	return buf_ok(&a->url, "AWS_CONTAINER_CREDENTIALS_FULL_URI", e);
}

static int take_token(struct ask *a, struct err *e)
{
	const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	if (file && *file) {
		if (buf_read_file(&a->token, file, e) < 0)
			return err_wrap(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	} else if (text) {
		buf_adds(&a->token, text);
	}
	while (a->token.len && strchr(" \t\r\n", a->token.data[a->token.len - 1]))
		a->token.data[--a->token.len] = '\0';
	if (a->token.len && strcspn(buf_str(&a->token), "\r\n") != a->token.len)
		return err_set(e, ERR_DENIED,
			       "the container's authorization token has a line break");
	return buf_ok(&a->token, "the container's authorization token", e);
}

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct ask *a;

	(void)ret;
	if ((!relative || !*relative) && (!full || !*full))
		return CRED_NOTHING;
	a = own_alloc(sizeof(*a));
	a->url = BUF(8192);
	a->token = BUF(TOKEN_MAX);
	a->http = http_new(w->loop);
	a->timer = loop_timer_new(w->loop, send, a);
	a->fn = w->later;
	a->arg = w->later_arg;
	if (place(a, relative, full, e) < 0 || take_token(a, e) < 0) {
		ask_free(a);
		return CRED_STOP;
	}
	loop_timer_start(a->timer, span_ms(0));
	*ret_handle = a;
	return CRED_LATER;
}

static void cancel(void *handle)
{
	ask_free(handle);
}

const struct cred_source cred_container = { .name = "container", .start = start, .cancel = cancel };
