#include "model/record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const words[] = {
	[RECORD_UPLOADED] = "uploaded",     [RECORD_QUEUED] = "queued",
	[RECORD_PROCESSING] = "processing", [RECORD_DONE] = "done",
	[RECORD_PARKED] = "parked",
};

const char *record_state_word(enum record_state s)
{
	return (size_t)s < COUNT_OF(words) ? words[s] : "unknown";
}

void record_text(char **text, const char *value, size_t max)
{
	size_t n = value ? strlen(value) : 0;

	if (n > max)
		for (n = max; n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80;)
			n--; /* a character is not cut in two */
	own_free(*text);
	*text = n ? own_strndup(value, n) : NULL;
}

void record_reason(struct record *r, const char *reason)
{
	record_text(&r->reason, reason, RECORD_REASON_MAX);
}

void record_init(struct record *r, const struct job *j, enum record_state state, struct instant at)
{
	*r = (struct record){
		.state = state, .created_at = j->created_at, .at = at, .began_at = INSTANT_NEVER
	};
	memcpy(r->video_id, j->video_id, sizeof(r->video_id));
	memcpy(r->task_id, j->task_id, sizeof(r->task_id));
	memcpy(r->bucket, j->bucket, sizeof(r->bucket));
	memcpy(r->key, j->key, sizeof(r->key));
}

void record_done(struct record *r)
{
	for (size_t i = 0; i < r->output_count; i++) {
		own_free(r->outputs[i].bucket);
		own_free(r->outputs[i].key);
		own_free(r->outputs[i].type);
	}
	own_free(r->outputs);
	own_free(r->title);
	own_free(r->reason);
	own_free(r->upload);
	*r = (struct record){ .began_at = INSTANT_NEVER };
}

void record_copy(struct record *ret, const struct record *r)
{
	*ret = *r;
	ret->title = own_strdup(r->title);
	ret->reason = own_strdup(r->reason);
	ret->upload = own_strdup(r->upload);
	ret->outputs = NULL;
	ret->output_count = 0;
	for (size_t i = 0; i < r->output_count; i++)
		record_add_output(ret, r->outputs[i].bucket, r->outputs[i].key, r->outputs[i].bytes,
				  r->outputs[i].type);
}

void record_add_output(struct record *r, const char *bucket, const char *key, int64_t bytes,
		       const char *type)
{
	if (r->output_count >= RECORD_OUTPUTS_MAX)
		return;
	r->outputs = own_grow(r->outputs, r->output_count + 1, sizeof(*r->outputs));
	r->outputs[r->output_count++] = (struct record_output){ .bucket = own_strdup(bucket),
								.key = own_strdup(key),
								.type = own_strdup(type),
								.bytes = bytes };
}

void record_job(const struct record *r, struct job *ret)
{
	*ret = (struct job){ .created_at = r->created_at, .state = JOB_RECEIVED };
	memcpy(ret->video_id, r->video_id, sizeof(ret->video_id));
	memcpy(ret->task_id, r->task_id, sizeof(ret->task_id));
	memcpy(ret->bucket, r->bucket, sizeof(ret->bucket));
	memcpy(ret->key, r->key, sizeof(ret->key));
}

/* --- reading */

static int read_instant(const struct json *j, const char *name, struct instant *ret, struct err *e)
{
	const char *text = json_get_str(j, name);

	*ret = INSTANT_NEVER;
	if (!text)
		return 0;
	if (clock_parse(text, strlen(text), ret, e) < 0)
		return err_wrap(e, "%s", name);
	return 0;
}

static int read_state(const struct json *j, enum record_state *ret, struct err *e)
{
	const char *word = json_get_str(j, "state");

	for (size_t i = 0; word && i < COUNT_OF(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum record_state)i;
			return 0;
		}
	return err_set(e, ERR_PROTOCOL, "the state '%.40s' is none", word ? word : "");
}

/* Ids and source pass the checks of a message, as they become one again. */
static int read_identity(const struct json *j, struct record *ret, struct err *e)
{
	AUTO(json_freep) struct json *message = json_object();
	AUTO(own_freep) char *path = NULL;
	AUTO(buf_done) struct buf text = BUF(RECORD_BYTES_MAX);
	const char *bucket = json_get_str(j, "bucket"), *key = json_get_str(j, "key");
	struct job job;

	path = own_printf("s3://%s/%s", bucket ? bucket : "", key ? key : "");
	json_set_str(message, "video_id", json_get_str(j, "video_id"));
	json_set_str(message, "task_id", json_get_str(j, "task_id"));
	json_set_str(message, "video_path", path);
	json_write(message, &text);
	if (job_read(buf_str(&text), text.len, &job, e) < 0)
		return -1;
	record_init(ret, &job, RECORD_UPLOADED, INSTANT_NEVER);
	return 0;
}

static void read_outputs(const struct json *list, struct record *ret)
{
	for (size_t i = 0; i < json_count(list) && i < RECORD_OUTPUTS_MAX; i++) {
		const struct json *o = json_at(list, i);
		char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
		const char *b = json_get_str(o, "bucket"), *k = json_get_str(o, "key");
		AUTO(own_freep) char *path = own_printf("s3://%s/%s", b ? b : "", k ? k : "");
		int64_t bytes = 0;

		json_get_int(o, "bytes", &bytes);
		if (job_read_path(path, bucket, key, NULL) == 0)
			record_add_output(ret, bucket, key, bytes, json_get_str(o, "type"));
	}
}

static int read_members(const struct json *j, struct record *ret, struct err *e)
{
	int64_t progress = 0;

	if (read_identity(j, ret, e) < 0 || read_state(j, &ret->state, e) < 0 ||
	    read_instant(j, "created_at", &ret->created_at, e) < 0 ||
	    read_instant(j, "at", &ret->at, e) < 0 ||
	    read_instant(j, "began_at", &ret->began_at, e) < 0)
		return -1;
	record_text(&ret->title, json_get_str(j, "title"), RECORD_TITLE_MAX);
	record_text(&ret->upload, json_get_str(j, "upload"), RECORD_UPLOAD_MAX);
	record_reason(ret, json_get_str(j, "reason"));
	json_get_int(j, "attempt", &ret->attempt);
	json_get_int(j, "progress", &progress);
	if (ret->attempt < 0 || progress < 0 || progress > 100)
		return err_set(e, ERR_PROTOCOL, "attempt or progress is out of range");
	ret->progress = (int)progress;
	read_outputs(json_get(j, "outputs"), ret);
	return 0;
}

int record_read(const char *text, size_t len, struct record *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	int64_t version = 0;

	*ret = (struct record){ .began_at = INSTANT_NEVER };
	if (len > RECORD_BYTES_MAX)
		return err_set(e, ERR_PROTOCOL, "a record of %zu bytes is none", len);
	j = json_parse(text, len, e);
	if (!j)
		return err_wrap(e, "the record");
	if (!json_get_int(j, "version", &version) || version < 1)
		return err_set(e, ERR_PROTOCOL, "the record has no version");
	if (version > RECORD_VERSION)
		return err_set(e, ERR_PROTOCOL,
			       "the record is of version %lld, this program knows %d",
			       (long long)version, RECORD_VERSION);
	if (read_members(j, ret, e) < 0) {
		record_done(ret);
		if (e)
			e->kind = ERR_PROTOCOL;
		return err_wrap(e, "the record");
	}
	return 0;
}

/* --- writing */

static void set_instant(struct json *j, const char *name, struct instant at)
{
	char text[CLOCK_TEXT_MAX];

	if (!instant_is_never(at))
		json_set_str(j, name, clock_print(at, text));
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

struct json *record_json(const struct record *r)
{
	struct json *j = json_object(), *outputs = json_array();

	json_set_int(j, "version", RECORD_VERSION);
	json_set_str(j, "video_id", r->video_id);
	json_set_str(j, "task_id", r->task_id);
	json_set_str(j, "title", or_empty(r->title));
	json_set_str(j, "bucket", r->bucket);
	json_set_str(j, "key", r->key);
	json_set_str(j, "state", record_state_word(r->state));
	set_instant(j, "created_at", r->created_at);
	set_instant(j, "at", r->at);
	json_set_int(j, "attempt", r->attempt);
	set_instant(j, "began_at", r->began_at);
	json_set_int(j, "progress", r->progress);
	json_set_str(j, "reason", or_empty(r->reason));
	for (size_t i = 0; i < r->output_count; i++) {
		struct json *o = json_object();

		json_set_str(o, "bucket", r->outputs[i].bucket);
		json_set_str(o, "key", r->outputs[i].key);
		json_set_int(o, "bytes", r->outputs[i].bytes);
		json_set_str(o, "type", or_empty(r->outputs[i].type));
		json_add(outputs, o);
	}
	json_set(j, "outputs", outputs);
	if (r->upload)
		json_set_str(j, "upload", r->upload);
	return j;
}

/* --- which is the later */

/* Within one attempt; queued stands before all attempts, or after one that gave the job back. */
static int rank(const struct record *r)
{
	switch (r->state) {
	case RECORD_UPLOADED:
		return 0;
	case RECORD_QUEUED:
		return instant_is_never(r->began_at) ? 1 : 3;
	case RECORD_PROCESSING:
		return 2;
	case RECORD_PARKED:
		return 4;
	case RECORD_DONE:
		break;
	}
	return 5;
}

bool record_may_follow(const struct record *old, const struct record *next)
{
	if (old->state == RECORD_DONE || next->state == RECORD_DONE)
		return old->state != RECORD_DONE;
	if (next->began_at.ms != old->began_at.ms)
		return next->began_at.ms > old->began_at.ms;
	if (rank(next) != rank(old))
		return rank(next) > rank(old);
	return (next->state == RECORD_PROCESSING && next->progress > old->progress) ||
	       (next->state == RECORD_UPLOADED && next->at.ms > old->at.ms);
}

void record_inherit(struct record *next, const struct record *old)
{
	if (!next->title)
		record_text(&next->title, old->title, RECORD_TITLE_MAX);
	if (instant_is_never(next->created_at))
		next->created_at = old->created_at;
	if (next->attempt < old->attempt && next->state != RECORD_PROCESSING)
		next->attempt = old->attempt;
	if (!next->bucket[0]) {
		memcpy(next->bucket, old->bucket, sizeof(next->bucket));
		memcpy(next->key, old->key, sizeof(next->key));
	}
}
