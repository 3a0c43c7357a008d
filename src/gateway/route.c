/* Which request is whose; answers, and the line of the log for each. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define MESSAGE_MAX 1024
#define PATH_SHOWN 200

static const char api[] = "/api/videos/";

static void count(struct gateway *g, int status)
{
	g->requests[status >= 100 && status < 600 ? status / 100 : 0]++;
}

void gateway_route_told(struct httpd_exchange *x, int status)
{
	struct gateway_ask *a = httpd_user(x);
	const char *target = httpd_target(x);
	AUTO(own_freep) char *path = own_strndup(target, strcspn(target, "?"));

	httpd_set_user(x, NULL);
	if (!a)
		return;
	if (strlen(path) > PATH_SHOWN)
		path[PATH_SHOWN] = '\0';
	count(a->g, status);
	log_write(status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "request",
		  (const struct log_field[]){
			  LOG_S("method", httpd_method(x)), LOG_S("path", path),
			  LOG_I("status", status),
			  LOG_I("took_ms", tick_since(clock_mono(), a->since).ms),
			  LOG_I("bytes", httpd_body_bytes(x)), LOG_S("peer", httpd_peer(x)),
			  LOG_S("video", a->video_id[0] ? a->video_id : NULL) },
		  7);
	own_free(a);
}

static void answer(struct httpd_exchange *x, int status, const char *type, const char *name,
		   const char *value, const char *body, size_t len)
{
	const struct httpd_header headers[] = { { "Content-Type", type },
						{ "X-Content-Type-Options", "nosniff" },
						{ "Referrer-Policy", "no-referrer" },
						{ "Cache-Control", "no-store" },
						{ name, value } };

	gateway_route_told(x, status);
	httpd_answer(x, status, headers, name ? 5 : 4, body, len);
}

void gateway_route_json(struct httpd_exchange *x, int status, const struct json *body,
			const char *header, const char *value)
{
	AUTO(buf_done) struct buf text = BUF(GATEWAY_ANSWER_MAX);

	json_write(body, &text);
	buf_addc(&text, '\n');
	answer(x, status, "application/json", header, value, buf_str(&text), text.len);
}

void gateway_route_fail(struct httpd_exchange *x, int status, const char *code, const char *fmt,
			...)
{
	AUTO(json_freep) struct json *body = json_object();
	struct json *error = json_object();
	char message[MESSAGE_MAX], after[16];
	const char *header = status == 401                    ? "WWW-Authenticate"
			     : status == 405                  ? "Allow"
			     : status == 503 || status == 409 ? "Retry-After"
							      : NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	snprintf(after, sizeof(after), "%d", GATEWAY_RETRY_S);
	json_set_str(error, "code", code);
	json_set_str(error, "message", message);
	json_set(body, "error", error);
	gateway_route_json(x, status, body, header,
			   status == 401   ? "Bearer realm=\"windlass\""
			   : status == 405 ? "GET, HEAD, POST"
					   : after);
}

void gateway_route_away(struct httpd_exchange *x, const char *what, const struct err *e)
{
	LOG_WARN("a request failed for what stands behind us", LOG_S("what", what), LOG_E(e));
	gateway_route_fail(x, 503, "unavailable", "%s cannot be reached: try again", what);
}

/* --- which request is whose */

/* False: it was answered. */
static bool let_in(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a)
{
	struct err e = { 0 };

	if (gateway_token_check(g->token, httpd_header(x, "Authorization"), clock_wall(), a->who,
				&e) == 0)
		return true;
	gateway_route_fail(x, 401, e.code, "%s", e.text);
	return false;
}

static bool is(const char *target, const char *path)
{
	size_t n = strcspn(target, "?");

	return strlen(path) == n && strncmp(target, path, n) == 0;
}

/* An upload's body is decided on before it comes; every other request waits until it is whole. */
void gateway_route_head(struct httpd_exchange *x, void *gateway)
{
	struct gateway *g = gateway;
	struct gateway_ask *a = own_alloc(sizeof(*a));
	const char *why = NULL;

	a->g = g;
	a->since = clock_mono();
	httpd_set_user(x, a);
	if (!is(httpd_target(x), "/api/videos/upload") || strcmp(httpd_method(x), "POST") != 0)
		return;
	if (!let_in(g, x, a))
		return;
	if (!gateway_health_ready(g, &why)) {
		gateway_route_fail(x, 503, "unavailable", "%s: try again", why);
		return;
	}
	gateway_upload_new(g, x);
}

/* "/api/videos/ID" or "/api/videos/ID/events". False: it is neither. */
static bool names_video(const char *target, struct gateway_ask *a, bool *events)
{
	const char *id = target + sizeof(api) - 1;
	size_t n, rest;

	if (strncmp(target, api, sizeof(api) - 1) != 0)
		return false;
	n = strcspn(id, "/?");
	rest = strcspn(id + n, "?");
	*events = rest == 7 && strncmp(id + n, "/events", 7) == 0;
	if (n == 0 || n > JOB_ID_MAX || (rest != 0 && !*events))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') ||
		      (id[i] >= 'A' && id[i] <= 'Z') || (i > 0 && strchr("._-", id[i]))))
			return false;
	memcpy(a->video_id, id, n);
	return true;
}

static void health(struct gateway *g, struct httpd_exchange *x, bool ready)
{
	const char *why = NULL;
	bool good = !ready || (!g->draining && gateway_health_ready(g, &why));
	AUTO(buf_done) struct buf text = BUF(1024);

	buf_addf(&text, "%s\n", good ? "ok" : g->draining ? "draining" : why);
	answer(x, good ? 200 : 503, "text/plain; charset=utf-8", NULL, NULL, buf_str(&text),
	       text.len);
}

static void metrics(struct gateway *g, struct httpd_exchange *x)
{
	AUTO(buf_done) struct buf text = BUF(GATEWAY_ANSWER_MAX);

	gateway_health_metrics(g, &text);
	answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, NULL, buf_str(&text),
	       text.len);
}

static void get(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a)
{
	const char *target = httpd_target(x);
	bool events;

	if (is(target, "/"))
		answer(x, 200, "text/html; charset=utf-8", "Content-Security-Policy",
		       g->page_policy, g->page, g->page_len);
	else if (is(target, "/healthz"))
		health(g, x, false);
	else if (is(target, "/readyz"))
		health(g, x, true);
	else if (is(target, "/metrics"))
		metrics(g, x);
	else if (is(target, "/api/videos/upload"))
		gateway_route_fail(x, 405, "method", "videos are uploaded by POST");
	else if (!names_video(target, a, &events))
		gateway_route_fail(x, 404, "not_found", "there is nothing at this path");
	else if (!let_in(g, x, a))
		return;
	else if (events)
		gateway_watch_start(g, x, a);
	else
		gateway_look_start(g, x, a);
}

void gateway_route_request(struct httpd_exchange *x, void *gateway)
{
	struct gateway_ask *a = httpd_user(x);

	if (a->upload)
		gateway_upload_whole(a->upload);
	else if (strcmp(httpd_method(x), "GET") == 0 || strcmp(httpd_method(x), "HEAD") == 0)
		get(gateway, x, a);
	else
		gateway_route_fail(x, 405, "method", "this path knows no %.16s", httpd_method(x));
}

void gateway_route_gone(struct httpd_exchange *x, void *gateway)
{
	struct gateway_ask *a = httpd_user(x);

	(void)gateway;
	if (!a)
		return;
	if (a->watch)
		gateway_watch_left(a->watch);
	if (a->look)
		gateway_look_left(a->look);
	if (a->upload)
		gateway_upload_left(a->upload);
	gateway_route_told(x, 499); /* as nginx calls it: the client closed the request */
}
