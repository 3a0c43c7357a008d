/* One call: run by its handler, ended once, answered after its batch. */
#include "local/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cbor.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/utf8.h"
#include "local/fault.h"
#include "local/recent.h"
#include "wire/awsxml.h"
#include "wire/jsonrpc.h"

#define ERROR_BODY_MAX (16u << 10)

struct failure {
	const struct code *code;
	char message[ERR_TEXT_MAX];
};

/* c->user belongs to the service while the call is parked; afterwards a failure hangs there. */

struct local_call *local_call_new(struct local *l, const struct local_service *s,
				  struct httpd_exchange *x)
{
	struct local_call *c = own_alloc(sizeof(*c));

	c->local = l;
	c->service = s;
	c->exchange = x;
	crypto_uuid(c->request_id);
	return c;
}

static void call_free(struct local_call *c)
{
	local_out_free(c->out);
	json_free(c->tree);
	own_free((char *)c->path_queue);
	own_free((char *)c->account);
	own_free((char *)c->access_key);
	own_free((char *)c->arn);
	own_free((char *)c->host);
	if (c->ended)
		own_free(c->user);
	own_free(c);
}

static void answer(struct httpd_exchange *x, enum local_protocol p, int status, const char *id,
		   const char *query_error, const struct buf *body)
{
	const char *type = p == LOCAL_JSON   ? JSONRPC_TYPE
			   : p == LOCAL_CBOR ? "application/cbor"
					     : "text/xml";
	struct httpd_header headers[4] = { { "Content-Type", type }, { "x-amzn-RequestId", id } };
	size_t n = 2;

	if (query_error)
		headers[n++] = (struct httpd_header){ "x-amzn-query-error", query_error };
	if (p == LOCAL_CBOR)
		headers[n++] = (struct httpd_header){ "smithy-protocol", "rpc-v2-cbor" };
	httpd_answer(x, status, headers, n, buf_str(body), body->len);
}

static void packed_error(struct buf *out, const struct code *code, const char *text)
{
	AUTO(own_freep) char *type = own_printf("%s%s", jsonrpc_space(code), code->name);

	cbor_write_map(out);
	cbor_write_text(out, "__type", strlen("__type"));
	cbor_write_text(out, type, strlen(type));
	cbor_write_text(out, "message", strlen("message"));
	cbor_write_text(out, text, utf8_cut(text, strlen(text)));
	cbor_write_end(out);
}

static void refuse(struct httpd_exchange *x, enum service s, enum local_protocol p,
		   const struct code *code, const char *message, const char *id)
{
	AUTO(buf_done) struct buf body = BUF(ERROR_BODY_MAX);
	char query_error[JSONRPC_QUERY_ERROR_MAX];
	const char *text = *message ? message : code->message ? code->message : code->name;

	if (p != LOCAL_QUERY) {
		if (p == LOCAL_JSON)
			jsonrpc_error(&body, code, text);
		else
			packed_error(&body, code, text);
		answer(x, p, code->status, id, jsonrpc_query_error(code, query_error), &body);
	} else {
		awsxml_error(&body, code, s, text, NULL, id);
		answer(x, p, code->status, id, NULL, &body);
	}
}

void local_call_refuse(struct httpd_exchange *x, enum service s, enum local_protocol p,
		       const char *code, const char *message)
{
	char id[CRYPTO_UUID_MAX];

	refuse(x, s, p, code_get(s, code), message, crypto_uuid(id));
}

void local_call_run(struct local_call *c, const char *action)
{
	for (size_t i = 0; i < c->service->action_count; i++)
		if (!strcmp(c->service->actions[i].name, action))
			c->action = &c->service->actions[i];
	if (!c->action) {
		local_fail(c,
			   c->protocol == LOCAL_QUERY ? "InvalidAction"
						      : "UnknownOperationException",
			   "The action %.64s is not valid for this endpoint.", action);
		return;
	}
	if (!local_fault_call(c))
		local_call_act(c);
}

void local_call_act(struct local_call *c)
{
	struct err e;

	err_clear(&e);
	if (local_write(c->local, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	c->out = local_out_new(c);
	c->action->run(c);
}

/* Ends the call. Its answer waits for the batch, if one is open. */
static void call_end(struct local_call *c, struct failure *f)
{
	c->ended = true;
	c->gone = NULL;
	c->user = f;
	if (local_batch_open(c->local))
		local_batch_hold(c->local, c);
	else
		local_call_send(c, true);
}

void local_done(struct local_call *c)
{
	call_end(c, NULL);
}

void local_fail(struct local_call *c, const char *code, const char *fmt, ...)
{
	struct failure *f = own_alloc(sizeof(*f));
	va_list ap;

	f->code = code_get(c->service->id, code);
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(f->message, sizeof(f->message), fmt, ap);
		va_end(ap);
	}
	call_end(c, f);
}

void local_fail_internal(struct local_call *c, const struct err *e)
{
	LOG_ERROR("a call failed -> its batch is undone and answered with InternalFailure",
		  LOG_S("action", c->action ? c->action->name : ""), LOG_E(e));
	if (local_batch_open(c->local))
		local_undo(c->local);
	local_fail(c, "InternalFailure", "The request could not be stored.");
}

/* What of a call the page shows. */
static void call_recent(const struct local_call *c, const char *code)
{
	static const char *const names[] = { "QueueUrl", "QueueName", "AutoScalingGroupName",
					     "Namespace", "RoleArn" };
	const struct code *known = code ? code_get(c->service->id, code) : NULL;
	const char *about = c->path_queue, *slash;

	for (size_t i = 0; c->params && !about && i < COUNT_OF(names); i++)
		about = local_str(c->params, names[i]);
	slash = about ? strrchr(about, '/') : NULL;
	local_recent_add(c->local, service_info(c->service->id)->signing,
			 c->action ? c->action->name : "?", slash ? slash + 1 : about,
			 known ? known->status : 200, code);
}

void local_call_send(struct local_call *c, bool committed)
{
	const struct failure *f = c->user;
	const struct buf *body;

	if (!c->exchange) { /* the client went away between its end and the commit */
		call_free(c);
		return;
	}
	httpd_set_user(c->exchange, NULL);
	call_recent(c, !committed ? "InternalFailure" : f ? f->code->name : NULL);
	if (c->mute) { /* a fault: the work is done and nobody is told */
		call_free(c);
		return;
	}
	if (!committed) {
		refuse(c->exchange, c->service->id, c->protocol,
		       code_get(c->service->id, "InternalFailure"),
		       "The request could not be stored.", c->request_id);
	} else if (f) {
		refuse(c->exchange, c->service->id, c->protocol, f->code, f->message,
		       c->request_id);
	} else if (!(body = local_out_finish(c))) {
		refuse(c->exchange, c->service->id, c->protocol,
		       code_get(c->service->id, "InternalFailure"), "The answer is too long.",
		       c->request_id);
	} else {
		answer(c->exchange, c->protocol, 200, c->request_id, NULL, body);
	}
	call_free(c);
}

void local_call_gone(struct local_call *c)
{
	c->exchange = NULL;
	if (c->ended)
		return; /* local_call_send() frees it */
	if (c->gone)
		c->gone(c);
	call_free(c);
}
