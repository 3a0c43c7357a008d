/* One line of a file of jobs. */
#include <string.h>

#include "base/options.h"
#include "produce/batch.h"

#define BODY_MAX (2 * PRODUCE_LINE_MAX)

static const char *const fields[] = { "video_path", "video_id", "task_id", "created_at" };
/* Of a result line of `send`, so that one can be sent again as it stands. */
static const char *const said[] = { "line", "message_id", "path", "error" };

static bool among(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static int check_fields(const struct json *line, struct err *e)
{
	const struct json *value;
	const char *key;

	for (size_t it = 0; json_next(line, &it, &key, &value);) {
		const char *near;

		if (among(fields, COUNT_OF(fields), key) || among(said, COUNT_OF(said), key))
			continue;
		near = options_nearest(key, fields, COUNT_OF(fields));
		return err_set(e, ERR_POLICY, "unknown field '%.40s'%s%s%s", key,
			       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	return 0;
}

/* The job as produce_job() makes it, with the fields that the line has in place of the made ones;
 * read again as a worker reads it. */
static int from_object(const struct json *line, struct job *ret, struct err *e)
{
	AUTO(buf_done) struct buf body = BUF(BODY_MAX);
	AUTO(json_freep) struct json *o = NULL;
	const char *path = json_get_str(line, "video_path");
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];

	if (check_fields(line, e) < 0)
		return -1;
	if (!path)
		return err_set(e, ERR_POLICY, "there is no text video_path");
	if (job_read_path(path, bucket, key, e) < 0 || produce_job(bucket, key, ret, e) < 0)
		return err_wrap(e, "video_path");
	o = job_write(ret);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct json *value = json_get(line, fields[i]);

		if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL)
			json_set(o, fields[i], json_ref((struct json *)value));
	}
	if (json_write(o, &body) < 0)
		return err_set(e, ERR_POLICY, "it is too long");
	return job_read(buf_str(&body), body.len, ret, e);
}

static int from_path(const char *line, size_t len, struct job *ret, struct err *e)
{
	AUTO(own_freep) char *path = own_strndup(line, len);
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];

	if (strlen(path) != len)
		return err_set(e, ERR_POLICY, "it holds a zero byte");
	if (job_read_path(path, bucket, key, e) < 0)
		return -1;
	return produce_job(bucket, key, ret, e);
}

int produce_line_read(const char *line, size_t len, struct job *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;

	if (len > PRODUCE_LINE_MAX)
		return err_set(e, ERR_POLICY, "it is longer than %d bytes", PRODUCE_LINE_MAX);
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	while (len && strchr(" \t", *line)) {
		line++;
		len--;
	}
	if (!len || *line != '{')
		return from_path(line, len, ret, e);
	j = json_parse(line, len, e);
	if (!j) {
		if (e)
			e->kind = ERR_POLICY;
		return -1;
	}
	return from_object(j, ret, e);
}
