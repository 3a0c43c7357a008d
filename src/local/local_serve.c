/* The one port: which service a request is for, whether its signature holds, and off it goes. */
#include "local/call.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cbor.h"
#include "base/crypto.h"
#include "base/gunzip.h"
#include "base/log.h"
#include "local/fault.h"
#include "local/page.h"
#include "local/recent.h"
#include "local/s3.h"
#include "local/sts_web.h"
#include "local/trust.h"
#include "wire/form.h"
#include "wire/jsonrpc.h"
#include "wire/uri.h"

/* A batch of 1 MiB of text, each byte of which a form may write as three and JSON as six. */
#define SERVE_BODY_MAX (8u << 20)
#define SERVE_QUEUE_MAX 128

static const struct local_service *const services[] = {
	&local_sqs_service,         &local_sts_service,
	&local_cloudwatch_service, /* before those who hand it their numbers */
	&local_autoscaling_service, &local_ec2_service,
	&local_control_service,
};

static const struct local_service *service_of(enum service id)
{
	for (size_t i = 0; i < COUNT_OF(services); i++)
		if (services[i]->id == id)
			return services[i];
	return NULL;
}

/* ---- routing ---- */

static bool by_target(const struct httpd_exchange *x, enum service *ret)
{
	const char *target = httpd_header(x, "X-Amz-Target");

	for (int s = 0; target && s < SERVICE_COUNT; s++) {
		const char *prefix = service_info(s)->target;
		size_t n = strlen(prefix);

		if (n && !strncmp(target, prefix, n) && target[n] == '.') {
			*ret = s;
			return true;
		}
	}
	return false;
}

/* Smithy RPC v2: "/service/GraniteServiceVersion20100801/operation/PutMetricData". The action, or
 * NULL. */
static const char *packed_action(const struct httpd_exchange *x, enum service *ret)
{
	static const char before[] = "/service/", after[] = "/operation/";
	const char *protocol = httpd_header(x, "smithy-protocol"), *path = httpd_target(x);

	if (!protocol || strcmp(protocol, "rpc-v2-cbor") ||
	    strncmp(path, before, sizeof(before) - 1))
		return NULL;
	path += sizeof(before) - 1;
	for (int s = 0; s < SERVICE_COUNT; s++) {
		size_t n = strlen(service_info(s)->target);

		if (!n || strncmp(path, service_info(s)->target, n) ||
		    strncmp(path + n, after, sizeof(after) - 1))
			continue;
		*ret = s;
		return path + n + sizeof(after) - 1;
	}
	return NULL;
}

/* "AKIA…/20240131/us-east-1/sqs/aws4_request": the fourth part, in a header or (%2F) in a presigned
 * query. */
static bool by_scope(const struct httpd_exchange *x, enum service *ret)
{
	const char *at = httpd_header(x, "Authorization"), *slash = "/";
	size_t step = 1;

	at = at ? strstr(at, "Credential=") : NULL;
	if (!at && (at = strstr(httpd_target(x), "X-Amz-Credential="))) {
		slash = strcasestr(at, "%2F");
		step = slash ? 3 : 1;
		slash = step == 3 ? "%2F" : "/";
	}
	for (int i = 0; at && i < 3; i++) {
		at = strcasestr(at, slash);
		at = at ? at + step : NULL;
	}
	for (int s = 0; at && s < SERVICE_COUNT; s++) {
		const char *name = service_info(s)->signing;
		size_t n = strlen(name);

		if (n && !strncmp(at, name, n) && !strncasecmp(at + n, slash, step)) {
			*ret = s;
			return true;
		}
	}
	return false;
}

/* "/123456789012/name": the name. */
static bool path_queue(const char *target, char ret[static SERVE_QUEUE_MAX])
{
	struct uri_target t = uri_split(target);
	size_t n;

	if (t.path_len < 15 || t.path[0] != '/' || t.path[13] != '/')
		return false;
	for (int i = 1; i < 13; i++)
		if (!isdigit((unsigned char)t.path[i]))
			return false;
	n = t.path_len - 14;
	if (n >= SERVE_QUEUE_MAX || memchr(t.path + 14, '/', n))
		return false;
	memcpy(ret, t.path + 14, n);
	ret[n] = '\0';
	return true;
}

static bool is_form(const struct httpd_exchange *x)
{
	const char *type = httpd_header(x, "Content-Type");

	return type && !strncasecmp(type, "application/x-www-form-urlencoded", 33);
}

/* Comes without a key, since it is how one is had; what it shows instead is checked by the action.
 */
static bool is_web_identity(const struct httpd_exchange *x)
{
	size_t len;
	const char *body = httpd_body(x, &len);

	return !httpd_header(x, "Authorization") && !strcmp(httpd_method(x), "POST") &&
	       is_form(x) && local_sts_web_asks(body, len);
}

/* Of a form that is not signed its version alone says which service it is for. */
static enum service by_version(const struct httpd_exchange *x)
{
	AUTO(form_done) struct form form = { 0 };
	size_t len;
	const char *body = httpd_body(x, &len), *version;

	if (body && form_parse(body, len, &form, NULL) == 0 &&
	    (version = form_get(&form, "Version")))
		for (size_t i = 0; i < COUNT_OF(services); i++)
			if (!strcmp(service_info(services[i]->id)->version, version))
				return services[i]->id;
	return SERVICE_SQS;
}

static enum service serve_service(const struct httpd_exchange *x)
{
	char queue[SERVE_QUEUE_MAX];
	enum service s;

	if (packed_action(x, &s) || by_target(x, &s) || by_scope(x, &s))
		return s;
	if (path_queue(httpd_target(x), queue) || (!strcmp(httpd_method(x), "POST") && is_form(x)))
		return SERVICE_SQS;
	return SERVICE_S3;
}

/* ---- a call of the JSON or Query protocol ---- */

static int call_verify(struct local_call *c, struct err *e)
{
	struct local_key key = { 0 };
	struct sigv4_verdict verdict = { 0 };
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	size_t len;
	const char *body = httpd_body(c->exchange, &len);
	int rc;

	crypto_sha256(body, len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	rc = local_trust_check(c->local, c->exchange, c->service->id, hex, &verdict, &key, e);
	if (rc == 0) {
		c->account = own_strdup(key.account);
		c->access_key = own_strdup(key.access_key);
		c->arn = own_strdup(key.arn);
	}
	sigv4_stream_done(&verdict.stream);
	own_wipe(&key, sizeof(key));
	return rc;
}

/* The body as it was before it was packed; the signature is of the packed one. Borrowed from the
 * request or from @p plain. NULL: @p e. */
static const char *call_body(struct local_call *c, struct buf *plain, size_t *len, struct err *e)
{
	const char *body = httpd_body(c->exchange, len);
	const char *packing = httpd_header(c->exchange, "Content-Encoding");

	if (!packing || strcasecmp(packing, "gzip") || !*len)
		return body ? body : "";
	if (gunzip(body, *len, plain, e) < 0)
		return NULL;
	*len = plain->len;
	return buf_str(plain);
}

/* JSON and CBOR: a map of the parameters. */
static int call_map(struct local_call *c, struct err *e)
{
	const bool json = c->protocol == LOCAL_JSON;
	AUTO(buf_done) struct buf plain = BUF(SERVE_BODY_MAX);
	size_t len;
	const char *body = call_body(c, &plain, &len, e);

	if (body && !len)
		c->tree = json_object();
	else if (body)
		c->tree = json ? json_parse(body, len, e) : cbor_read(body, len, e);
	if (c->tree && json_type(c->tree) != JSON_OBJECT)
		err_set(e, ERR_PROTOCOL, "The request is not a %s", json ? "JSON object" : "map");
	if (json_type(c->tree) != JSON_OBJECT) {
		snprintf(e->code, sizeof(e->code), "SerializationException");
		return -1;
	}
	return 0;
}

/* The parameters are in the body of a POST, in the query of a GET, or in both. */
static int call_query(struct local_call *c, char action[static JSONRPC_ACTION_MAX], struct err *e)
{
	AUTO(form_done) struct form form = { 0 };
	struct uri_target t = uri_split(httpd_target(c->exchange));
	AUTO(buf_done) struct buf text = BUF(SERVE_BODY_MAX + (64u << 10));
	AUTO(buf_done) struct buf plain = BUF(SERVE_BODY_MAX);
	size_t len;
	const char *body = call_body(c, &plain, &len, e);

	if (!body) {
		snprintf(e->code, sizeof(e->code), "MalformedQueryString");
		return -1;
	}
	buf_add(&text, body, len);
	if (t.query_len && len)
		buf_addc(&text, '&');
	buf_add(&text, t.query, t.query_len);
	if (form_parse(buf_str(&text), text.len, &form, e) < 0 ||
	    !(c->tree = local_param_tree(&form, c->service, e))) {
		snprintf(e->code, sizeof(e->code), "MalformedQueryString");
		return -1;
	}
	if (!form_get(&form, "Action")) {
		err_ignore(
			err_set(e, ERR_PROTOCOL, "The request must contain the parameter Action"));
		snprintf(e->code, sizeof(e->code), "MissingAction");
		return -1;
	}
	snprintf(action, JSONRPC_ACTION_MAX, "%s", form_get(&form, "Action"));
	return 0;
}

static void call_start(struct local *l, struct httpd_exchange *x, const struct local_service *s)
{
	const char *target = httpd_header(x, "X-Amz-Target");
	enum service packed_for = SERVICE_COUNT;
	const char *packed = packed_action(x, &packed_for), *host = httpd_header(x, "Host");
	struct local_call *c = local_call_new(l, s, x);
	char action[JSONRPC_ACTION_MAX] = "", queue[SERVE_QUEUE_MAX];
	const bool web = s->id == SERVICE_STS && is_web_identity(x);
	struct err e;
	int rc;

	httpd_set_user(x, c);
	err_clear(&e);
	c->protocol = packed && packed_for == s->id && s->cbor ? LOCAL_CBOR
		      : target && s->json                      ? LOCAL_JSON
							       : LOCAL_QUERY;
	c->host = own_strdup(host ? host : l->endpoint + strlen("http://"));
	if (path_queue(httpd_target(x), queue))
		c->path_queue = own_strdup(queue);
	rc = web ? 0 : call_verify(c, &e);
	if (rc == 0 && c->protocol == LOCAL_QUERY)
		rc = call_query(c, action, &e);
	else if (rc == 0 && (rc = call_map(c, &e)) == 0) {
		if (c->protocol == LOCAL_CBOR)
			snprintf(action, sizeof(action), "%s", packed);
		else if (jsonrpc_action(target, s->id, action, &e) < 0)
			action[0] = '\0';
	}
	if (rc == 0 && web && strcmp(action, "AssumeRoleWithWebIdentity") != 0)
		rc = call_verify(c, &e); /* it asked for another action as well */
	c->params = c->tree;
	if (rc < 0)
		local_fail(c, e.code, "%s", e.text);
	else
		local_call_run(c, action);
}

/* ---- the port ---- */

static bool is_health(const struct httpd_exchange *x)
{
	struct uri_target t = uri_split(httpd_target(x));

	return !strcmp(httpd_method(x), "GET") && t.path_len == 7 &&
	       !memcmp(t.path, "/health", 7) && !httpd_header(x, "Authorization") && !t.query_len;
}

/* For people and for watchers: no call of a service. */
static bool is_plain(const struct httpd_exchange *x)
{
	return is_health(x) || local_page_asked(x);
}

static void on_head(struct httpd_exchange *x, void *arg)
{
	if (!is_plain(x) && serve_service(x) == SERVICE_S3)
		local_s3_head(arg, x);
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	static const struct httpd_header json = { "Content-Type", "application/json" };
	static const char ok[] = "{\"status\":\"ok\"}\n";
	const struct local *l = arg;
	const struct local_service *s;
	enum service id;

	if (is_health(x)) {
		httpd_answer(x, 200, &json, 1, ok, sizeof(ok) - 1);
		return;
	}
	if (local_page_asked(x)) {
		local_page_answer(arg, x);
		return;
	}
	id = is_web_identity(x) ? SERVICE_STS : serve_service(x);
	if (id == SERVICE_SQS && l->options.no_verify && is_form(x) &&
	    !httpd_header(x, "Authorization"))
		id = by_version(x);
	if (id == SERVICE_S3) {
		local_s3_request(arg, x);
		return;
	}
	s = service_of(id);
	if (s)
		call_start(arg, x, s);
	else
		local_call_refuse(x, id, LOCAL_QUERY, "InvalidAction",
				  "windlass-local does not offer this service.");
}

static void on_gone(struct httpd_exchange *x, void *arg)
{
	if (is_plain(x))
		return;
	if (serve_service(x) == SERVICE_S3)
		local_s3_gone(arg, x);
	else if (httpd_user(x))
		local_call_gone(httpd_user(x));
}

bool local_serve_is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

int local_serve_open(struct local *l, struct err *e)
{
	const struct httpd_limits limits = { .body_cap = SERVE_BODY_MAX };
	const struct httpd_handler handler = { on_head, on_request, on_gone, l };
	const char *a = l->options.listen;

	if (!local_serve_is_loopback(a) && !l->options.open)
		return err_set(e, ERR_POLICY,
			       "%s is not a loopback address -> others could reach the data: add "
			       "--open if you mean it",
			       a);
	if (!local_serve_is_loopback(a) && l->options.no_verify)
		return err_set(e, ERR_POLICY,
			       "--no-verify is for a loopback address only: %s is none -> anybody "
			       "could call: give keys with --accounts",
			       a);
	l->httpd = httpd_new(l->loop, a, l->options.port, &limits, &handler, e);
	if (!l->httpd)
		return -1;
	l->endpoint = own_printf(strchr(a, ':') ? "http://[%s]:%u" : "http://%s:%u", a,
				 httpd_port(l->httpd));
	if (l->options.no_verify)
		LOG_WARN("signatures are not verified -> whoever reaches this port from this "
			 "machine is taken at their word",
			 LOG_S("option", "--no-verify"));
	return 0;
}

/* ---- the whole ---- */

struct local *local_new(struct loop *loop, const struct local_options *o, struct err *e)
{
	struct local *l = own_alloc(sizeof(*l));
	int rc;

	l->options = *o;
	l->loop = loop;
	l->lock = -1;
	l->batch = local_batch_new(l);
	l->faults = local_fault_new();
	l->recent = local_recent_new();
	rc = local_state_open(l, e) < 0 || local_clock_open(l, e) < 0 ||
			     local_serve_open(l, e) < 0 || local_s3_start(l, e) < 0
		     ? -1
		     : 0;
	for (size_t i = 0; rc == 0 && i < COUNT_OF(services); i++)
		if (services[i]->start)
			rc = services[i]->start(l, e);
	if (rc == 0)
		return l;
	local_free(l);
	return NULL;
}

/* Also ends a start that failed half-way, so that each part may be missing. */
void local_free(struct local *l)
{
	if (!l)
		return;
	local_batch_settle(l); /* while those are there whom its hooks are for */
	for (size_t i = COUNT_OF(services); i-- > 0;)
		if (services[i]->stop)
			services[i]->stop(l);
	local_batch_settle(l);
	httpd_free(l->httpd);
	local_s3_stop(l);
	local_state_close(l);
	local_batch_free(l->batch);
	local_fault_free(l->faults);
	local_recent_free(l->recent);
	own_free(l->endpoint);
	own_free(l);
}
