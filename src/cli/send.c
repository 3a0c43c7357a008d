/* windlass send: videos into S3 and jobs into the queue, as the backend does it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/s3.h"
#include "aws/sqs.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/send.h"

#define CALL_S 30
#define CELERY_S 6 /* all tries together */
#define PUT_S 3600
#define OUT_MAX 65536
#define PUT_MOST_BYTES (5LL << 30) /* S3's bound of one put */

static void show(struct send *s, const char *what)
{
	AUTO(buf_done) struct buf line = BUF(256);

	if (!s->live.tty)
		return;
	table_bar(&line, s->count ? (double)s->done / (double)s->count : 1, SEND_BAR_CELLS);
	buf_addf(&line, " %zu of %zu  %.120s", s->done, s->count, what);
	table_live_show(&s->live, buf_str(&line));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *content_type(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = { { ".mp4", "video/mp4" },
		      { ".mov", "video/quicktime" },
		      { ".webm", "video/webm" },
		      { ".mkv", "video/x-matroska" },
		      { ".avi", "video/x-msvideo" } };
	size_t len = strlen(name);

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		size_t n = strlen(types[i].end);

		if (len > n && strcasecmp(name + len - n, types[i].end) == 0)
			return types[i].type;
	}
	return NULL;
}

static int put(struct send *s, int fd, int64_t size, const struct job *j, const char *name,
	       struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	char etag[S3_ETAG_MAX];
	struct s3_put p = {
		.fd = fd, .size = size, .content_type = content_type(name), .if_none_match = true
	};

	aws_s3_put_ask(&c.request, j->bucket, j->key, &p);
	aws_run_one(s->lane, &c, span_s(PUT_S));
	return aws_s3_put_read(&c.reply, etag, e);
}

/* The key carries the video's id, so that two files of one name do not meet. */
static int upload(struct send *s, const char *file, struct job *ret, struct err *e)
{
	AUTO(own_freep) char *key = NULL;
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC), rc = -1;

	if (fd < 0)
		return err_errno(e, errno, "opening %s", file);
	if (fstat(fd, &st) < 0)
		err_errno(e, errno, "looking at %s", file);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_POLICY, "%s is no file", file);
	else if (st.st_size > PUT_MOST_BYTES)
		err_set(e, ERR_POLICY,
			"%s is larger than 5 GiB: upload it by parts, and send s3://…", file);
	else if (produce_job(s->bucket, "checked-below", ret, e) == 0) {
		key = own_printf("%s%s/%s", s->prefix, ret->video_id, base_name(file));
		if (strlen(key) >= JOB_KEY_MAX)
			err_set(e, ERR_POLICY, "the key of %s is too long", file);
		else {
			memcpy(ret->key, key, strlen(key) + 1);
			rc = put(s, fd, st.st_size, ret, base_name(file), e);
		}
	}
	close(fd);
	return rc;
}

static int enqueue(struct send *s, const struct job *j, char **ret_id, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	if (s->path == PRODUCE_CELERY) {
		*ret_id = own_strdup(j->task_id);
		return produce_celery_send(s->celery, j, span_s(CELERY_S), e);
	}
	if (produce_sqs_ask(&c.request, s->queue_url, j, e) < 0)
		return -1;
	aws_run_one(s->lane, &c, span_s(CALL_S));
	return aws_sqs_send_read(&c.reply, ret_id, e);
}

void cli_send_line(const struct send *s, const struct job *j, const char *message_id,
		   struct buf *out)
{
	if (s->json) {
		AUTO(json_freep) struct json *o = job_write(j);

		json_set_str(o, "message_id", message_id);
		json_set_str(o, "path", produce_word(s->path));
		json_write(o, out);
		buf_addc(out, '\n');
	} else {
		buf_addf(out, "%s  s3://%s/%s  by %s\n", j->video_id, j->bucket, j->key,
			 produce_word(s->path));
	}
}

static int tell(const struct send *s, const struct job *j, const char *message_id)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);

	cli_send_line(s, j, message_id, &out);
	return cli_print(&out, CLI_DONE);
}

static int one(struct send *s, const char *operand, struct err *e)
{
	AUTO(own_freep) char *id = NULL;
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
	struct job j;

	show(s, operand);
	if (strstr(operand, "://")) {
		if (job_read_path(operand, bucket, key, e) < 0 ||
		    produce_job(bucket, key, &j, e) < 0)
			return -1;
	} else if (!s->bucket) {
		return err_set(e, ERR_POLICY,
			       "%s is to be uploaded: give --bucket, or set WINDLASS_BUCKET",
			       operand);
	} else if (upload(s, operand, &j, e) < 0) {
		if (e->kind == ERR_NOT_FOUND)
			err_set(e, e->kind,
				"%.700s -> make the bucket '%.64s', or name another --bucket",
				e->text, s->bucket);
		return err_wrap(e, "uploading %s", operand);
	}
	if (enqueue(s, &j, &id, e) < 0) {
		if (e->kind == ERR_NOT_FOUND && s->path == PRODUCE_SQS)
			err_set(e, e->kind,
				"%.700s -> check --queue-url; windlass queue create makes a queue",
				e->text);
		err_wrap(e, "%s", operand);
		if (!strstr(operand,
			    "://")) /* it is stored: sending it again would store it twice */
			err_set(e, e->kind, "%.700s -> it is uploaded: send s3://%.64s/%.200s",
				e->text, j.bucket, j.key);
		return -1;
	}
	s->done++;
	table_live_end(&s->live);
	if (tell(s, &j, id) != CLI_DONE)
		return err_set(e, ERR_LOCAL, "standard output is closed");
	return 0;
}

static int run(struct send *s, const struct lane_options *where, char **operands, int n)
{
	AUTO(lane_freep) struct lane *l = NULL;
	struct err e = { 0 };
	int status = CLI_DONE;

	l = lane_new(NULL, where, &e);
	if (!l)
		return cli_fail("send", &e);
	s->lane = l;
	if (s->batch)
		return cli_send_batch(s);
	for (int i = 0; i < n; i++) {
		if (one(s, operands[i], &e) == 0)
			continue;
		table_live_end(&s->live);
		status = cli_fail("send", &e); /* the others are sent all the same */
		err_clear(&e);
	}
	return status;
}

static const char details[] =
	"A VIDEO is a file, which is uploaded first, or s3://bucket/key, which is there already.\n"
	"A line of --batch is s3://bucket/key, or a JSON object with video_path and, where they "
	"are to\nbe those, video_id, task_id and created_at. A line that is none is told and "
	"passed "
	"over; what\nwas not taken is sent again under its task_id for half a minute. Lines of a "
	"pipe are sent as\nthey come. The lines that --output json prints, those with an error "
	"too, "
	"may be sent again.\n"
	"Jobs go to SQS when SQS_QUEUE_URL is set, to Celery when only CELERY_BROKER_URL is; each "
	"line\nsays which way its job went.\n";

static int check_operands(const struct send *s, int n, struct err *e)
{
	if (s->batch && n)
		return err_set(e, ERR_POLICY, "--batch and VIDEO… do not go together");
	if (!s->batch && !n)
		return err_set(e, ERR_POLICY, "VIDEO… is missing");
	return 0;
}

int cli_send(int argc, char **argv)
{
	struct send s = { .live = { .to = stderr, .tty = table_is_tty(stderr) } };
	struct lane_options where = { 0 };
	struct produce_options by = { 0 };
	struct produce_celery_options celery = { 0 };
	int64_t priority;
	const char *output = NULL;
	const struct option table[] = {
		{ "queue-url", 'q', OPTION_STR, &by.queue_url, "URL", "SQS_QUEUE_URL",
		  .doc = "where jobs go" },
		{ "batch", 0, OPTION_STR, &s.batch, "FILE", NULL,
		  .doc = "jobs, one a line, instead of VIDEOs; - is standard input" },
		{ "bucket", 'b', OPTION_STR, &s.bucket, "NAME", "WINDLASS_BUCKET",
		  .doc = "where files are uploaded to" },
		{ "prefix", 0, OPTION_STR, &s.prefix, "TEXT", NULL, "uploads/",
		  .doc = "before the keys of uploads" },
		{ "region", 0, OPTION_STR, &where.region, "REGION", "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		{ "output", 'o', OPTION_CHOICE, &output, "FORMAT", NULL, "text",
		  .choices = "text|json", .doc = "json: one line a job" },
		{ "celery-broker-url", 0, OPTION_STR, &by.broker_url, "URL", "CELERY_BROKER_URL",
		  .secret = true,
		  .doc = "where jobs go while no queue URL is set: redis:// or rediss://" },
		{ "celery-queue", 0, OPTION_STR, &celery.names.queue, "NAME",
		  "WINDLASS_CELERY_QUEUE", BROKER_CELERY_QUEUE, .doc = "of Celery" },
		{ "celery-task", 0, OPTION_STR, &celery.names.task, "NAME", "WINDLASS_CELERY_TASK",
		  BROKER_CELERY_TASK,
		  .doc = "that Celery is to run, with video_id and video_path as keywords" },
		{ "celery-key-prefix", 0, OPTION_STR, &celery.names.key_prefix, "TEXT",
		  "WINDLASS_CELERY_KEY_PREFIX", .doc = "Celery's global_keyprefix" },
		{ "celery-priority", 0, OPTION_INT, &priority, "N", NULL, "0", .least = 0,
		  .most = 9, .doc = "of the tasks; 0 comes first" },
	};
	const struct options o = { .program = "windlass send",
				   .summary = "Uploads videos and enqueues jobs for them.",
				   .operands = "VIDEO… | --batch FILE",
				   .details = details,
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 0,
				   .most_operands = -1 };
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc == 0)
		rc = check_operands(&s, n, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("send", &e) : CLI_DONE;
	if (produce_route(&by, &s.path, &e) < 0)
		return cli_fail("send", &e);
	celery.broker_url = by.broker_url;
	celery.priority = (int)priority;
	if (s.path == PRODUCE_CELERY) {
		s.celery = produce_celery_new(NULL, &celery, &e);
		if (!s.celery)
			return cli_fail("send", &e);
	}
	s.queue_url = by.queue_url;
	s.json = strcmp(output, "json") == 0;
	s.count = (size_t)n;
	rc = run(&s, &where, operands, n);
	produce_celery_free(s.celery);
	return rc;
}
