#include "produce/produce.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "produce/message.h"

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

int produce_message_write(struct produce_message *m, const struct job *j, struct err *e)
{
	AUTO(json_freep) struct json *body = job_write(j);

	*m = (struct produce_message){ .body = BUF(BODY_MAX), .path = BUF(PATH_MAX_BYTES) };
	if (json_write(body, &m->body) < 0) {
		produce_message_done(m);
		return err_set(e, ERR_POLICY, "a job of more than %d bytes", BODY_MAX);
	}
	buf_addf(&m->path, "s3://%s/%s", j->bucket, j->key);
	m->attrs[0] = (struct sqs_send_attr){ .name = "video_id", .value = j->video_id };
	m->attrs[1] = (struct sqs_send_attr){ .name = "video_path", .value = buf_str(&m->path) };
	m->send = (struct sqs_send){ .body = buf_str(&m->body),
				     .body_len = m->body.len,
				     .delay_s = -1,
				     .attrs = m->attrs,
				     .attr_count = COUNT_OF(m->attrs) };
	m->bytes = m->body.len;
	for (size_t i = 0; i < COUNT_OF(m->attrs); i++)
		m->bytes += strlen(m->attrs[i].name) + strlen("String") + strlen(m->attrs[i].value);
	return 0;
}

void produce_message_done(struct produce_message *m)
{
	buf_done(&m->body);
	buf_done(&m->path);
}

int produce_sqs_ask(struct request *r, const char *queue_url, const struct job *j, struct err *e)
{
	struct produce_message m;

	if (produce_message_write(&m, j, e) < 0)
		return -1;
	aws_sqs_send_ask(r, queue_url, &m.send);
	produce_message_done(&m);
	return 0;
}
