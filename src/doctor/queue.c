/* A queue and where its dead letters go. */
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor.h"

#define RETENTION_MAX_S 1209600
#define RECEIVES_LEAST 3
#define RECEIVES_SPOT 5
#define DAY_S 86400

/* 1: read; 0: it is not there; -1: said already. */
static int read_queue(struct doctor *d, struct lane *l, const char *url, struct sqs_attributes *ret)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	const char *name = aws_sqs_name(url);
	struct err e = { 0 };
	bool missing;

	aws_sqs_attributes_ask(&c.request, url);
	if (!doctor_call(d, l, &c, name, &missing))
		return missing ? 0 : -1;
	if (aws_sqs_attributes_read(&c.reply, ret, &e) == 0)
		return 1;
	doctor_add(d, DOCTOR_ERROR, "call-failed", name, NULL, "%s", e.text);
	return -1;
}

static void look_at_times(struct doctor *d, struct lane *l, const char *url,
			  const struct sqs_attributes *a)
{
	const char *name = aws_sqs_name(url);
	char text[CLOCK_TEXT_MAX];

	if (a->wait_s == 0) {
		struct doctor_finding *f = doctor_add(
			d, DOCTOR_WARN, "short-polling", name, "ReceiveMessageWaitTimeSeconds = 20",
			"a receive that names no wait time polls short: it costs calls "
			"and misses messages");

		f->fix = DOCTOR_FIX_WAIT;
		f->lane = l;
		f->target = own_strdup(url);
		f->value = 20;
	}
	if (d->job.ms >= 0 && a->visibility_s * 1000 < d->job.ms)
		doctor_add(d, DOCTOR_WARN, "visibility-short", name,
			   "raise VisibilityTimeout above the longest job; windlass-worker renews, "
			   "others do not",
			   "a received message is hidden %lld s, and a job takes %s: whoever does "
			   "not renew does the job twice",
			   (long long)a->visibility_s, clock_print_span(d->job, text));
	if (a->retention_s < DAY_S)
		doctor_add(d, DOCTOR_WARN, "retention-short", name,
			   "MessageRetentionPeriod = 1209600",
			   "a job that waits longer than %s is dropped by SQS",
			   clock_print_span(span_s(a->retention_s), text));
}

static void look_at_redrive(struct doctor *d, const char *name, const struct sqs_attributes *a)
{
	if (!a->dead_letter_arn) {
		doctor_add(d, DOCTOR_ERROR, "no-redrive", name,
			   "windlass queue create --update NAME",
			   "no redrive policy: a job that kills its worker is received for ever");
		return;
	}
	if (a->max_receive_count < RECEIVES_LEAST)
		doctor_add(d, DOCTOR_WARN, "receives-few", name, "maxReceiveCount = 3 or more",
			   "after %lld receives a job is given up: a worker's crash or two are "
			   "enough",
			   (long long)a->max_receive_count);
	else if (d->spot && a->max_receive_count < RECEIVES_SPOT)
		doctor_add(d, DOCTOR_WARN, "receives-few", name, "maxReceiveCount = 5 on spot",
			   "after %lld receives a job is given up, and each interruption of a spot "
			   "instance may spend one",
			   (long long)a->max_receive_count);
}

/* The URL of a queue of the same account and region; NULL: its ARN names another. */
static char *url_of_arn(const char *url, const char *own_arn, const char *arn)
{
	const char *name = aws_sqs_name(arn), *own = aws_sqs_name(own_arn);
	size_t head = (size_t)(name - arn), end = strlen(url) - strlen(aws_sqs_name(url));

	if (head != (size_t)(own - own_arn) || strncmp(arn, own_arn, head) != 0)
		return NULL;
	return own_printf("%.*s%s", (int)end, url, name);
}

static void look_at_dead(struct doctor *d, struct lane *l, const char *url,
			 const struct sqs_attributes *main)
{
	AUTO(own_freep) char *dead_url = url_of_arn(url, main->arn, main->dead_letter_arn);
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	const char *name = aws_sqs_name(main->dead_letter_arn);
	int found;

	if (!dead_url) {
		doctor_add(d, DOCTOR_WARN, "dead-letters-elsewhere", name, NULL,
			   "the dead-letter queue is not in the queue's account and region: SQS "
			   "moves nothing there");
		return;
	}
	found = read_queue(d, l, dead_url, &a);
	if (found == 0)
		doctor_add(d, DOCTOR_ERROR, "no-dead-letter-queue", name,
			   "windlass queue create makes it",
			   "the redrive policy of %s names it, and it is not there",
			   aws_sqs_name(url));
	if (found != 1)
		return;
	if (a.retention_s < main->retention_s || a.retention_s < DAY_S * 4) {
		struct doctor_finding *f =
			doctor_add(d, DOCTOR_WARN, "dead-letters-drop", name,
				   "MessageRetentionPeriod = 1209600",
				   "dead letters keep their first time of sending and are dropped "
				   "%lld s after it: before anybody has seen them",
				   (long long)a.retention_s);

		f->fix = DOCTOR_FIX_RETENTION;
		f->lane = l;
		f->target = TAKE(dead_url);
		f->value = RETENTION_MAX_S;
	}
	if (a.depth.visible > 0) {
		int64_t grown = doctor_queue_grown(d, l, name);
		struct buf fills = BUF(80);

		if (grown > 0)
			buf_addf(&fills, ", and it fills: %lld more than a day ago",
				 (long long)grown);
		doctor_add(d, DOCTOR_WARN, "dead-letters", name,
			   "read why they failed (windlass queue peek NAME; attribute "
			   "windlass-parked), mend it, then windlass queue redrive NAME",
			   "%lld jobs were given up%s", (long long)a.depth.visible,
			   buf_str(&fills));
		buf_done(&fills);
	}
}

bool doctor_queue_look(struct doctor *d, struct lane *l, const char *url, struct depth *ret_depth)
{
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	const char *name = aws_sqs_name(url);
	int found = read_queue(d, l, url, &a);

	if (ret_depth)
		*ret_depth = a.depth;
	if (found == 0)
		doctor_add(d, DOCTOR_ERROR, "no-queue", name,
			   "windlass queue create, or mend the URL and the region",
			   "there is no such queue: %.300s", url);
	if (found != 1)
		return false;
	look_at_times(d, l, url, &a);
	doctor_environment_queue(d, url, &a);
	if (a.depth.visible > 0)
		doctor_queue_age(d, l, name);
	look_at_redrive(d, name, &a);
	if (a.dead_letter_arn && a.arn)
		look_at_dead(d, l, url, &a);
	return true;
}
