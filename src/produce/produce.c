#include "produce/produce.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"

#define BODY_MAX 8192
#define PATH_MAX_BYTES (sizeof("s3://") + JOB_BUCKET_MAX + JOB_KEY_MAX)

const char *produce_word(enum produce_path p)
{
	return p == PRODUCE_SQS ? "sqs" : "celery";
}

static bool given(const char *s)
{
	return s && *s;
}

int produce_route(const struct produce_options *o, enum produce_path *ret, struct err *e)
{
	if (given(o->queue_url)) {
		*ret = PRODUCE_SQS;
		return 0;
	}
	if (given(o->broker_url)) {
		*ret = PRODUCE_CELERY;
		return 0;
	}
	return err_set(e, ERR_POLICY,
		       "neither SQS_QUEUE_URL nor CELERY_BROKER_URL is set -> set SQS_QUEUE_URL "
		       "(windlass queue create prints it), or CELERY_BROKER_URL before the "
		       "migration");
}

int produce_job(const char *bucket, const char *key, struct job *ret, struct err *e)
{
	char path[PATH_MAX_BYTES], checked[JOB_BUCKET_MAX];
	char id[CRYPTO_UUID_MAX];

	*ret = (struct job){ .state = JOB_RECEIVED, .created_at = clock_wall() };
	snprintf(path, sizeof(path), "s3://%s/%s", bucket, key);
	if (job_read_path(path, checked, ret->key, e) < 0)
		return -1;
	memcpy(ret->bucket, checked, sizeof(ret->bucket));
	snprintf(ret->video_id, sizeof(ret->video_id), "%s", crypto_uuid(id));
	snprintf(ret->task_id, sizeof(ret->task_id), "%s", crypto_uuid(id));
	return 0;
}

int produce_sqs_ask(struct request *r, const char *queue_url, const struct job *j, struct err *e)
{
	AUTO(json_freep) struct json *body = job_write(j);
	AUTO(buf_done) struct buf text = BUF(BODY_MAX);
	char path[PATH_MAX_BYTES];
	const struct sqs_send_attr attrs[] = { { .name = "video_id", .value = j->video_id },
					       { .name = "video_path", .value = path } };
	struct sqs_send m = { .delay_s = -1, .attrs = attrs, .attr_count = COUNT_OF(attrs) };

	if (json_write(body, &text) < 0)
		return err_set(e, ERR_POLICY, "a job of more than %d bytes", BODY_MAX);
	snprintf(path, sizeof(path), "s3://%s/%s", j->bucket, j->key);
	m.body = buf_str(&text);
	m.body_len = text.len;
	aws_sqs_send_ask(r, queue_url, &m);
	return 0;
}
