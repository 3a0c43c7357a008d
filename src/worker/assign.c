/* What a slot is told of a job. */
#include <string.h>

#include "base/crypto.h"
#include "base/own.h"
#include "worker/body.h"
#include "worker/encoders.h"
#include "worker/inside.h"
#include "worker/words.h"

#define IN_FRAME_MAX (FRAME_MAX / 8) /* each byte of it may be escaped, which takes six */
#define ASK_BYTES_MAX (8u << 20)

struct json *worker_assign_keys(const struct cred *c)
{
	struct json *j = json_object();

	json_set_str(j, "access", c->access_key);
	json_set_str(j, "secret", c->secret_key);
	if (c->token)
		json_set_str(j, "token", c->token);
	return j;
}

static struct json *attributes_of(const struct broker_message *m)
{
	struct json *all = json_object();

	for (size_t i = 0; i < m->attr_count; i++) {
		const struct broker_attr *a = &m->attrs[i];
		struct json *one = json_object();
		AUTO(buf_done) struct buf encoded = BUF(2 * BROKER_MESSAGE_MAX);

		json_set_str(one, "type", a->type);
		if (strncmp(a->type, "Binary", 6) == 0) {
			crypto_base64(a->value, a->value_len, &encoded);
			json_set_str(one, "base64", buf_str(&encoded));
		} else {
			json_set(one, "value", json_new_strn(a->value, a->value_len));
		}
		json_set(all, a->name, one);
	}
	return all;
}

/* What a persistent command is told; its slot adds the rest. */
static struct json *ask_of(const struct broker_message *m)
{
	struct json *j = json_object();

	json_set_str(j, "message_id", m->id);
	json_set_int(j, "receives", m->receives);
	if (m->attr_count)
		json_set(j, "attributes", attributes_of(m));
	json_set(j, "body", json_new_strn(m->body, m->body_len));
	return j;
}

static bool is_long(const struct broker_message *m)
{
	size_t attrs;

	return broker_message_size(m, NULL, 0, &attrs) > IN_FRAME_MAX;
}

/* In the frame, or where it is long in a file beside the job's folder. */
static int put_ask(const struct claim *c, const char *folder, struct json *frame, struct err *e)
{
	AUTO(json_freep) struct json *ask = ask_of(&c->message);
	AUTO(buf_done) struct buf text = BUF(ASK_BYTES_MAX);

	if (!is_long(&c->message)) {
		json_set(frame, "ask", TAKE(ask));
		return 0;
	}
	if (json_write(ask, &text) < 0)
		return err_set(e, ERR_LOCAL, "a message is too long for its command");
	return worker_body_write(folder, buf_str(&text), text.len, e);
}

/* A slot that neither fetches nor stores gets no keys. */
static bool needs_keys(const struct profile *p)
{
	return p->processor != PROFILE_EXEC || p->output_count > 0;
}

struct json *worker_assign_frame(const struct claim *c, const char *folder, struct err *e)
{
	const struct worker *w = c->w;
	const struct profile *p = &w->profile;
	const struct cred *keys = needs_keys(p) ? lane_keys(w->lane) : NULL;
	AUTO(json_freep) struct json *j = json_object();

	json_set_str(j, WORDS_DO, WORDS_JOB);
	json_set_int(j, "receives", c->message.receives);
	json_set_int(j, "ends_ms", c->lease.ends.ms);
	if (p->processor == PROFILE_EXEC) {
		json_set_str(j, "message", c->job.task_id);
		if (p->exec.persistent ? put_ask(c, folder, j, e) < 0
				       : worker_body_write(folder, c->message.body,
							   c->message.body_len, e) < 0)
			return NULL;
	} else {
		AUTO(buf_done) struct buf encoders = BUF(ENCODERS_WORDS_MAX);

		json_set(j, "job", job_write(&c->job));
		worker_encoders_words(&encoders);
		json_set_str(j, "encoders", buf_str(&encoders));
	}
	if (keys)
		json_set(j, "keys", worker_assign_keys(keys));
	return TAKE(j);
}

void worker_assign_clear(const struct claim *c, const char *folder)
{
	const struct profile *p = &c->w->profile;

	if (p->processor == PROFILE_EXEC && (!p->exec.persistent || is_long(&c->message)))
		worker_body_clear(folder);
}
