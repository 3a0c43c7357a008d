#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/own.h"
#include "broker/celery.h"

#define ARGUMENTS_MAX 16384
#define HOST_MAX 256
#define SEPARATOR "\x06\x16" /* kombu's, between a queue and its step of priority */
#define PRIORITY_MOST 9
#define PRIORITY_STEP 3

static int check_name(const char *what, const char *s, struct err *e)
{
	if (strlen(s) > BROKER_CELERY_NAME_MAX)
		return err_set(e, ERR_POLICY, "the %s of Celery is longer than %d bytes", what,
			       BROKER_CELERY_NAME_MAX);
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return err_set(e, ERR_POLICY, "the %s of Celery has a control character",
				       what);
	return 0;
}

int broker_celery_names_check(struct broker_celery_names *n, struct err *e)
{
	if (!n->queue || !*n->queue)
		n->queue = BROKER_CELERY_QUEUE;
	if (!n->task || !*n->task)
		n->task = BROKER_CELERY_TASK;
	if (!n->key_prefix)
		n->key_prefix = "";
	if (check_name("queue", n->queue, e) < 0 || check_name("task name", n->task, e) < 0)
		return -1;
	return check_name("key prefix", n->key_prefix, e);
}

char *broker_celery_key(const struct broker_celery_names *n, int priority)
{
	int step = priority < 0 ? 0 : priority > PRIORITY_MOST ? PRIORITY_MOST : priority;

	step -= step % PRIORITY_STEP;
	if (step == 0)
		return own_printf("%s%s", n->key_prefix, n->queue);
	return own_printf("%s%s" SEPARATOR "%d", n->key_prefix, n->queue, step);
}

static void set_null(struct json *o, const char *key)
{
	json_set(o, key, json_new_null());
}

static struct json *arguments(const struct job *j)
{
	struct json *o = json_object();
	AUTO(own_freep) char *path = own_printf("s3://%s/%s", j->bucket, j->key);

	json_set_str(o, "video_id", j->video_id);
	json_set_str(o, "video_path", path);
	return o;
}

/* [args, kwargs, embed], in base64. */
static int write_body(const struct job *j, struct buf *out)
{
	static const char *const embedded[] = { "callbacks", "errbacks", "chain", "chord" };
	AUTO(json_freep) struct json *body = json_array();
	AUTO(buf_done) struct buf text = BUF(ARGUMENTS_MAX);
	struct json *embed = json_object();

	for (size_t i = 0; i < COUNT_OF(embedded); i++)
		set_null(embed, embedded[i]);
	json_add(body, json_array());
	json_add(body, arguments(j));
	json_add(body, embed);
	if (json_write(body, &text) < 0)
		return -1;
	return crypto_base64(text.data, text.len, out);
}

/* A string as Python writes it; for people who read logs and Flower, never read back. */
static void quote(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

static char *arguments_told(const struct job *j)
{
	struct buf out = BUF(ARGUMENTS_MAX);
	AUTO(own_freep) char *path = own_printf("s3://%s/%s", j->bucket, j->key);

	buf_adds(&out, "{'video_id': ");
	quote(&out, j->video_id);
	buf_adds(&out, ", 'video_path': ");
	quote(&out, path);
	buf_addc(&out, '}');
	return buf_take(&out);
}

static char *origin(void)
{
	char host[HOST_MAX] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		snprintf(host, sizeof(host), "unknown");
	return own_printf("gen%d@%s", (int)getpid(), host);
}

/* All that a Python client writes: Flower and retry() read them. */
static struct json *headers(const struct broker_celery_names *n, const struct job *j)
{
	struct json *h = json_object(), *limits = json_array();
	AUTO(own_freep) char *told = arguments_told(j), *from = origin();

	json_add(limits, json_new_null());
	json_add(limits, json_new_null());
	json_set_str(h, "lang", "py");
	json_set_str(h, "task", n->task);
	json_set_str(h, "id", j->task_id);
	set_null(h, "shadow");
	set_null(h, "eta");
	set_null(h, "expires");
	set_null(h, "group");
	set_null(h, "group_index");
	json_set_int(h, "retries", 0);
	json_set(h, "timelimit", limits);
	json_set_str(h, "root_id", j->task_id);
	set_null(h, "parent_id");
	json_set_str(h, "argsrepr", "()");
	json_set_str(h, "kwargsrepr", told);
	json_set_str(h, "origin", from);
	json_set_bool(h, "ignore_result", false);
	json_set_int(h, "replaced_task_nesting", 0);
	set_null(h, "stamped_headers");
	json_set(h, "stamps", json_object());
	return h;
}

/* A message without delivery_info ends the Celery worker that gets it, and is lost with it. */
static struct json *properties(const struct broker_celery_names *n, const struct job *j,
			       int priority)
{
	struct json *p = json_object(), *info = json_object();
	char tag[CRYPTO_UUID_MAX];

	json_set_str(info, "exchange", "");
	json_set_str(info, "routing_key", n->queue);
	json_set_str(p, "correlation_id", j->task_id);
	json_set_str(p, "reply_to", "");
	json_set_int(p, "delivery_mode", 2);
	json_set(p, "delivery_info", info);
	json_set_int(p, "priority", priority);
	json_set_str(p, "body_encoding", "base64");
	json_set_str(p, "delivery_tag", crypto_uuid(tag));
	return p;
}

int broker_celery_write(const struct broker_celery_names *n, const struct job *j, int priority,
			struct buf *out, struct err *e)
{
	AUTO(json_freep) struct json *m = json_object();
	AUTO(buf_done) struct buf body = BUF(ARGUMENTS_MAX * 2);

	if (write_body(j, &body) < 0)
		return err_set(e, ERR_POLICY, "a job of more than %d bytes", ARGUMENTS_MAX);
	json_set_str(m, "body", buf_str(&body));
	json_set_str(m, "content-encoding", "utf-8");
	json_set_str(m, "content-type", "application/json");
	json_set(m, "headers", headers(n, j));
	json_set(m, "properties", properties(n, j, priority));
	if (json_write(m, out) < 0)
		return err_set(e, ERR_POLICY, "a message of more than %zu bytes", out->cap);
	return 0;
}
