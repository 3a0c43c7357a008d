#include "aws/imds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"

#define ENDPOINT "http://169.254.169.254"
#define ENDPOINT_SIX "http://[fd00:ec2::254]"
#define TOKEN_SECONDS 21600
#define TOKEN_MAX 512
#define ATTEMPTS 2
#define HOP_REMEDY " -> in a container, set the instance's metadata hop limit to 2 or more"

enum step { STEP_START, STEP_TOKEN, STEP_VALUE };

struct imds {
	struct loop *loop;
	struct http *http;
	char *endpoint;
	char token[TOKEN_MAX];
	struct tick token_ends;
	struct imds_get *gets;
};

struct imds_get {
	struct imds *imds;
	struct imds_get *prev, *next;
	char *path;
	imds_fn *fn;
	void *arg;
	enum step step;
	int attempts;
	bool renewed; /* the token was refused once */
	struct http_call *call;
	struct loop_timer *timer;
};

struct imds *imds_new(struct loop *l)
{
	const char *given = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	bool six = mode && strcasecmp(mode, "IPv6") == 0;
	struct imds *m = own_alloc(sizeof(*m));
	size_t len;

	m->loop = l;
	m->http = http_new(l);
	m->endpoint = own_strdup(given && *given ? given : six ? ENDPOINT_SIX : ENDPOINT);
	len = strlen(m->endpoint);
	while (len && m->endpoint[len - 1] == '/')
		m->endpoint[--len] = '\0';
	return m;
}

void imds_free(struct imds *m)
{
	if (!m)
		return;
	while (m->gets)
		imds_cancel(m->gets);
	http_free(m->http);
	own_wipe(m->token, sizeof(m->token));
	own_free(m->endpoint);
	own_free(m);
}

void imds_cancel(struct imds_get *g)
{
	if (!g)
		return;
	if (g->call)
		http_cancel(g->call);
	loop_timer_free(g->timer);
	if (g->prev)
		g->prev->next = g->next;
	else
		g->imds->gets = g->next;
	if (g->next)
		g->next->prev = g->prev;
	own_free(g->path);
	own_free(g);
}

static void finish(struct imds_get *g, const char *text, const struct err *e)
{
	imds_fn *fn = g->fn;
	void *arg = g->arg;

	imds_cancel(g);
	fn(text, e, arg);
}

static void fail(struct imds_get *g, enum err_kind kind, int status, const char *what)
{
	struct err e = { 0 };

	err_set(&e, kind, "instance metadata %s: %s", g->path, what);
	e.status = status;
	finish(g, NULL, &e);
}

static void step(void *arg);

static bool again(struct imds_get *g)
{
	if (++g->attempts >= ATTEMPTS)
		return false;
	g->step = STEP_START;
	loop_timer_start(g->timer, span_ms(100));
	return true;
}

static void got_token(struct imds_get *g, struct http_reply *r)
{
	struct imds *m = g->imds;

	if (r->status != 200 || r->body.len == 0 || r->body.len >= sizeof(m->token) ||
	    strpbrk(buf_str(&r->body), "\r\n")) {
		fail(g, r->status == 403 ? ERR_DENIED : ERR_PROTOCOL, r->status,
		     r->status == 403 ? "the token is refused (is IMDSv2 on?)"
				      : "no token came: is this the metadata service?");
		return;
	}
	memcpy(m->token, buf_str(&r->body), r->body.len + 1);
	m->token_ends = tick_add(clock_mono(), span_s(TOKEN_SECONDS - 300));
	g->step = STEP_VALUE;
	step(g);
}

static void got_value(struct imds_get *g, struct http_reply *r)
{
	char what[64];

	if (r->status == 401 && !g->renewed) {
		g->renewed = true;
		own_wipe(g->imds->token, sizeof(g->imds->token));
		g->step = STEP_START;
		step(g);
		return;
	}
	if (r->status == 200) {
		finish(g, buf_str(&r->body), NULL);
		return;
	}
	snprintf(what, sizeof(what), "answered %d", r->status);
	fail(g,
	     r->status == 404   ? ERR_NOT_FOUND
	     : r->status >= 500 ? ERR_UNREACHABLE
				: ERR_DENIED,
	     r->status, what);
}

/* The token's answer, and it alone, is lost on the way to a container where the hop limit is 1. */
static bool is_lost_at_hop(const struct imds_get *g, const struct http_reply *r)
{
	return g->step == STEP_TOKEN && r->sent && r->timed_out;
}

static void answered(struct http_reply *r, const struct err *e, void *arg)
{
	struct imds_get *g = arg;
	struct err own;

	g->call = NULL;
	if (e || r->status >= 500) {
		if (again(g))
			return;
		if (!e) {
			got_value(g, r);
			return;
		}
		err_set(&own, e->kind, "instance metadata %s: %s%s", g->path, e->text,
			is_lost_at_hop(g, r) ? HOP_REMEDY : "");
		finish(g, NULL, &own);
		return;
	}
	if (g->step == STEP_TOKEN)
		got_token(g, r);
	else
		got_value(g, r);
}

static void step(void *arg)
{
	struct imds_get *g = arg;
	struct imds *m = g->imds;
	bool have = m->token[0] && tick_since(m->token_ends, clock_mono()).ms > 0;
	struct http_header ttl = { "X-aws-ec2-metadata-token-ttl-seconds", "21600" };
	struct http_header token = { "X-aws-ec2-metadata-token", m->token };
	const char *off = getenv("AWS_EC2_METADATA_DISABLED");
	AUTO(own_freep) char *url = NULL;

	if (off && strcmp(off, "true") == 0) {
		fail(g, ERR_DENIED, 0, "AWS_EC2_METADATA_DISABLED is true");
		return;
	}
	g->step = have ? STEP_VALUE : STEP_TOKEN;
	url = own_printf("%s%s", m->endpoint, have ? g->path : "/latest/api/token");
	g->call = http_start(m->http,
			     &HTTP_REQUEST(.method = have ? "GET" : "PUT", .url = url,
					   .headers = have ? &token : &ttl, .header_count = 1,
					   .connect_timeout = span_s(1), .timeout = span_s(2)),
			     answered, g);
}

struct imds_get *imds_get(struct imds *m, const char *path, imds_fn *fn, void *arg)
{
	struct imds_get *g = own_alloc(sizeof(*g));

	g->imds = m;
	g->path = own_strdup(path);
	g->fn = fn;
	g->arg = arg;
	g->timer = loop_timer_new(m->loop, step, g);
	g->next = m->gets;
	if (g->next)
		g->next->prev = g;
	m->gets = g;
	loop_timer_start(g->timer, span_ms(0));
	return g;
}

struct fetched {
	struct loop *loop;
	char *text;
	struct err e;
};

static void keep(const char *text, const struct err *e, void *arg)
{
	struct fetched *f = arg;

	f->text = own_strdup(text);
	if (e)
		f->e = *e;
	loop_stop(f->loop);
}

int imds_fetch(const char *path, char **ret, struct err *e)
{
	AUTO(loop_freep) struct loop *l = loop_new();
	AUTO(imds_freep) struct imds *m = imds_new(l);
	struct fetched f = { .loop = l };

	imds_get(m, path, keep, &f);
	loop_run(l);
	*ret = f.text;
	if (f.text)
		return 0;
	if (e)
		*e = f.e;
	return -1;
}

int imds_spot_read(const char *text, struct imds_spot *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = json_parse(text, strlen(text), NULL);
	const char *action = json_get_str(j, "action"), *at = json_get_str(j, "time");

	*ret = (struct imds_spot){ .at = INSTANT_NEVER };
	if (!action || !at || clock_parse(at, strlen(at), &ret->at, NULL) < 0)
		return err_set(e, ERR_PROTOCOL, "the spot notice is not understood: %.100s", text);
	snprintf(ret->action, sizeof(ret->action), "%s", action);
	return 0;
}
