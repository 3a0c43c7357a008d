/* What a queue of Celery holds, as the worker's message. Whoever can reach the Redis can write
 * there: nothing is believed, and what is no job for windlass says why. */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/own.h"
#include "broker/celery_own.h"

#define BODY_MAX ((size_t)BROKER_MESSAGE_MAX)
#define NAME_SHOWN 100

static bool is_null(const struct json *j)
{
	return json_type(j) == JSON_ABSENT || json_type(j) == JSON_NULL;
}

/* The body as JSON, by its encodings. NULL: @p e says why not. */
static struct json *body_of(const struct json *m, struct err *e)
{
	const struct json *properties = json_get(m, "properties");
	const char *type = json_get_str(m, "content-type"), *text = json_get_str(m, "body");
	const char *encoding = json_get_str(properties, "body_encoding");
	AUTO(buf_done) struct buf plain = BUF(BODY_MAX);

	if (!is_null(json_get(json_get(m, "headers"), "compression"))) {
		err_set(e, ERR_PROTOCOL,
			"a compressed message: Celery's task_compression must be "
			"off for windlass");
		return NULL;
	}
	if (!type || strcmp(type, "application/json") != 0) {
		err_set(e, ERR_PROTOCOL,
			"a body of type '%.*s': Celery's task_serializer must be json for windlass",
			NAME_SHOWN, type ? type : "");
		return NULL;
	}
	if (!text) {
		err_set(e, ERR_PROTOCOL, "a message without a body");
		return NULL;
	}
	if (!encoding || strcmp(encoding, "base64") != 0)
		return json_parse(text, strlen(text), e);
	if (crypto_unbase64(text, strlen(text), &plain, e) < 0)
		return NULL;
	return json_parse(buf_str(&plain), plain.len, e);
}

/* Protocol 1 has all in its body: task, id, args, kwargs. */
static bool is_protocol_1(const struct json *body)
{
	return json_get_str(body, "task") && json_get_str(body, "id");
}

static int check_headers(const struct broker_celery_names *n, const struct json *headers,
			 struct err *e)
{
	const char *task = json_get_str(headers, "task"), *id = json_get_str(headers, "id");

	if (!task || !id || !*id)
		return err_set(e, ERR_PROTOCOL, "no message of Celery: its headers have no %s",
			       task ? "id" : "task");
	if (strcmp(task, n->task) != 0)
		return err_set(e, ERR_PROTOCOL,
			       "task '%.*s' is not windlass's, which is '%.*s' (--celery-task)",
			       NAME_SHOWN, task, NAME_SHOWN, n->task);
	return 0;
}

/* Python's isoformat(), where no zone is UTC. */
static int read_time(const char *text, struct instant *ret, struct err *e)
{
	AUTO(own_freep) char *zoned = own_printf("%.64sZ", text);

	if (clock_parse(text, strlen(text), ret, e) == 0)
		return 0;
	return clock_parse(zoned, strlen(zoned), ret, e);
}

static int check_times(const struct json *headers, struct instant now, struct instant *ret_eta,
		       struct err *e)
{
	const char *eta = json_get_str(headers, "eta"), *expires = json_get_str(headers, "expires");
	struct instant at;

	*ret_eta = INSTANT_NEVER;
	if (eta && read_time(eta, ret_eta, e) < 0)
		return err_wrap(e, "eta");
	if (expires && read_time(expires, &at, e) < 0)
		return err_wrap(e, "expires");
	if (expires && at.ms < now.ms)
		return err_set(e, ERR_PROTOCOL, "the task expired at %.40s", expires);
	return 0;
}

/* What is to follow the task is for a Celery worker to send. */
static int check_embedded(const struct json *embed, struct err *e)
{
	static const char *const names[] = { "callbacks", "errbacks", "chain", "chord" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct json *value = json_get(embed, names[i]);

		if (is_null(value) || (json_type(value) == JSON_ARRAY && json_count(value) == 0))
			continue;
		return err_set(e, ERR_PROTOCOL,
			       "the task has %s, which only a worker of Celery goes on with",
			       names[i]);
	}
	return 0;
}

static void take(struct json *job, const char *key, const struct json *value)
{
	const char *s = json_str(value);

	if (s)
		json_set_str(job, key, s);
	else if (json_type(value) != JSON_ABSENT)
		json_set(job, key, json_new_int(0)); /* job_read() says that it must be a text */
}

/* By keyword, by position, or one object that holds all. */
static char *job_of(const struct json *body, const char *id)
{
	AUTO(json_freep) struct json *job = json_object();
	const struct json *args = json_at(body, 0), *named = json_at(body, 1);
	struct buf out = BUF(BODY_MAX);

	if (json_type(json_at(args, 0)) == JSON_OBJECT)
		named = json_at(args, 0);
	else if (json_count(args) > 0)
		take(job, "video_id", json_at(args, 0));
	if (json_count(args) > 1)
		take(job, "video_path", json_at(args, 1));
	take(job, "video_id", json_get(named, "video_id"));
	take(job, "video_path", json_get(named, "video_path"));
	take(job, "created_at", json_get(named, "created_at"));
	json_set_str(job, "task_id", id);
	return json_write(job, &out) == 0 ? buf_take(&out) : own_strdup("");
}

/* Notes of windlass's on a message that comes back. */
static void take_notes(const struct json *headers, struct broker_message *m)
{
	const char *key;
	const struct json *value;

	m->attrs = own_array(BROKER_ATTRS_MAX, sizeof(*m->attrs));
	for (size_t it = 0; json_next(headers, &it, &key, &value);)
		if (strncmp(key, "windlass-", 9) == 0 && json_str(value) &&
		    m->attr_count < BROKER_ATTRS_MAX)
			m->attrs[m->attr_count++] =
				(struct broker_attr){ .name = own_strdup(key),
						      .type = own_strdup("String"),
						      .value = own_strdup(json_str(value)),
						      .value_len = strlen(json_str(value)) };
}

static int read_job(const struct broker_celery_names *n, const struct json *m, struct instant now,
		    struct instant *ret_eta, char **ret_body, struct err *e)
{
	const struct json *headers = json_get(m, "headers");
	AUTO(json_freep) struct json *body = body_of(m, e);

	if (!body)
		return err_wrap(e, "the body of a message of Celery");
	if (is_protocol_1(body))
		return err_set(e, ERR_PROTOCOL,
			       "a message of Celery's protocol 1 (task '%.*s'): set "
			       "task_protocol = 2 in its sender, or let a Celery worker have it",
			       NAME_SHOWN, json_get_str(body, "task"));
	if (check_headers(n, headers, e) < 0 || check_times(headers, now, ret_eta, e) < 0)
		return -1;
	if (json_count(body) < 2)
		return err_set(e, ERR_PROTOCOL,
			       "the body of a message of Celery is not [args, "
			       "kwargs, embed]");
	if (check_embedded(json_at(body, 2), e) < 0)
		return -1;
	*ret_body = job_of(body, json_get_str(headers, "id"));
	return 0;
}

void broker_celery_read(const struct broker_celery_names *n, const char *raw, size_t len,
			struct instant now, struct broker_message *m, struct instant *ret_eta)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *headers;
	const char *id;
	struct err e = { 0 };

	*ret_eta = INSTANT_NEVER;
	m->sent = INSTANT_NEVER;
	m->raw = own_alloc(len + 1);
	memcpy(m->raw, raw, len);
	m->raw_len = len;
	j = json_parse(raw, len, &e);
	headers = json_get(j, "headers");
	id = json_get_str(headers, "id");
	if (!id)
		id = json_get_str(json_get(j, "properties"), "correlation_id");
	m->id = own_strdup(id ? id : "");
	take_notes(headers, m);
	if (!j)
		err_wrap(&e, "no message of Celery");
	else if (read_job(n, j, now, ret_eta, &m->body, &e) == 0) {
		m->body_len = strlen(m->body);
		return;
	}
	m->body = own_strdup("");
	m->wrong = own_strdup(e.text);
}

/* --- messages that go back */

static struct json *changed(const struct broker_message *m)
{
	struct err ignored = { 0 };
	struct json *j = json_parse(m->raw, m->raw_len, &ignored);

	return json_type(json_get(j, "headers")) == JSON_OBJECT ? j : (json_free(j), NULL);
}

char *broker_celery_redelivered(const char *raw, size_t len, size_t *ret_len)
{
	struct err ignored = { 0 };
	AUTO(json_freep) struct json *j = json_parse(raw, len, &ignored);
	struct json *headers = (struct json *)json_get(j, "headers");
	struct json *info = (struct json *)json_get(json_get(j, "properties"), "delivery_info");
	struct buf out = BUF(2 * (size_t)BROKER_CELERY_MESSAGE_MAX);

	if (json_type(headers) == JSON_OBJECT)
		json_set_bool(headers, "redelivered", true);
	if (json_type(info) == JSON_OBJECT)
		json_set_bool(info, "redelivered", true);
	if (!j || json_write(j, &out) < 0) {
		buf_done(&out);
		buf_add(&out, raw, len); /* as it is, rather than not at all */
	}
	*ret_len = out.len;
	return buf_take(&out);
}

char *broker_celery_noted(const struct broker_message *m, const struct broker_note *notes, size_t n,
			  size_t *ret_len)
{
	AUTO(json_freep) struct json *j = changed(m);
	AUTO(buf_done) struct buf coded = BUF(4 * (size_t)BROKER_CELERY_MESSAGE_MAX);
	struct buf out = BUF(4 * (size_t)BROKER_CELERY_MESSAGE_MAX);
	struct json *headers;

	if (!j) { /* no message at all: kept whole, in one that is */
		struct json *properties = json_object();

		j = json_object();
		crypto_base64(m->raw ? m->raw : "", m->raw_len, &coded);
		json_set_str(j, "body", buf_str(&coded));
		json_set_str(j, "content-type", "application/octet-stream");
		json_set_str(j, "content-encoding", "binary");
		json_set(j, "headers", json_object());
		json_set_str(properties, "body_encoding", "base64");
		json_set(j, "properties", properties);
	}
	headers = (struct json *)json_get(j, "headers");
	for (size_t i = 0; i < n; i++)
		json_set_str(headers, notes[i].name, notes[i].value);
	if (json_write(j, &out) < 0) {
		buf_done(&out);
		return NULL;
	}
	*ret_len = out.len;
	return buf_take(&out);
}

bool broker_celery_wants_result(const struct broker_message *m)
{
	struct err ignored = { 0 };
	AUTO(json_freep) struct json *j = m->raw ? json_parse(m->raw, m->raw_len, &ignored) : NULL;
	const struct json *headers = json_get(j, "headers");
	bool unwanted = false;

	json_get_bool(headers, "ignore_result", &unwanted);
	return m->id && *m->id && json_get_str(headers, "id") && !unwanted;
}

/* As celery/backends/base.py writes it; times without a zone are UTC there. */
char *broker_celery_result(const char *id, bool ok, const char *value, struct instant now)
{
	AUTO(json_freep) struct json *o = json_object();
	struct buf out = BUF(BROKER_CELERY_MESSAGE_MAX);
	struct err ignored = { 0 };
	struct json *result = NULL;
	char at[CLOCK_TEXT_MAX];

	if (ok) {
		result = value ? json_parse(value, strlen(value), &ignored) : json_new_null();
	} else {
		struct json *text = json_array();

		result = json_object();
		json_add(text, json_new_str(value));
		json_set_str(result, "exc_type", "RuntimeError");
		json_set(result, "exc_message", text);
		json_set_str(result, "exc_module", "builtins");
	}
	clock_print_ms(now, at);
	if (strlen(at) > 0)
		at[strlen(at) - 1] = '\0'; /* the Z */
	json_set_str(o, "status", ok ? "SUCCESS" : "FAILURE");
	json_set(o, "result", result ? result : json_new_null());
	json_set(o, "traceback", json_new_null());
	json_set(o, "children", json_array());
	json_set_str(o, "date_done", at);
	json_set_str(o, "task_id", id);
	return json_write(o, &out) == 0 ? buf_take(&out) : own_strdup("");
}
