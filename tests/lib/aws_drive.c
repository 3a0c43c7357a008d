/* Calls AWS, or what plays it, by our client: aws_drive VERB ARGUMENT…
 *
 * Prints one JSON object: the answer, or {"error":…,"kind":…,"code":…,"status":…} with exit
 * status 1. Everything else comes from the environment, as for every program of ours.
 */
#include "aws_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sts.h"

void drive_go(struct drive *d)
{
	aws_run_one(d->lane, &d->call, span_s(30));
}

long drive_int(const struct drive *d, int i, long missing)
{
	return i < d->n ? strtol(d->a[i], NULL, 10) : missing;
}

const char *const *drive_rest(const struct drive *d, int from, size_t *ret_n)
{
	*ret_n = from < d->n ? (size_t)(d->n - from) : 0;
	return (const char *const *)(d->a + (from < d->n ? from : d->n));
}

struct json *drive_none(int rc)
{
	return rc < 0 ? NULL : json_object();
}

static struct json *identity(struct drive *d)
{
	struct sts_identity i;
	struct json *out;

	aws_sts_identity_ask(&d->call.request);
	drive_go(d);
	if (aws_sts_identity_read(&d->call.reply, &i, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "account", i.account);
	json_set_str(out, "arn", i.arn);
	return out;
}

static struct json *keys_json(struct drive *d)
{
	struct cred c = { 0 };
	struct json *out;

	drive_go(d);
	if (aws_sts_assume_read(&d->call.reply, &c, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "access_key", c.access_key);
	json_set_bool(out, "session", c.token && c.token[0]);
	json_set_bool(out, "expires", !instant_is_never(c.expires));
	cred_done(&c);
	return out;
}

/* ARN SESSION SECONDS [EXTERNAL-ID] */
static struct json *assume(struct drive *d)
{
	aws_sts_assume_ask(&d->call.request, &(struct sts_role){ .arn = d->a[0],
								 .session = d->a[1],
								 .seconds = (int)drive_int(d, 2, 0),
								 .external_id = d->a[3] });
	return keys_json(d);
}

/* ARN SESSION TOKEN */
static struct json *assume_web(struct drive *d)
{
	aws_sts_assume_web_ask(&d->call.request,
			       &(struct sts_role){ .arn = d->a[0], .session = d->a[1] }, d->a[2]);
	return keys_json(d);
}

static const struct drive_verb own[] = { { "sts-identity", 0, identity },
					 { "sts-assume", 3, assume },
					 { "sts-assume-web", 3, assume_web },
					 { 0 } };

static const struct drive_verb *find(const char *name)
{
	static const struct drive_verb *const lists[] = { own, drive_sqs, drive_autoscaling,
							  drive_s3, drive_cloudwatch };

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (const struct drive_verb *v = lists[i]; v->name; v++)
			if (strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

static int print(struct json *j, const struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(64 << 20);
	int status = j ? EXIT_SUCCESS : EXIT_FAILURE;

	if (!j) {
		j = json_object();
		json_set_str(j, "error", e->text);
		json_set_str(j, "kind", err_word(e->kind));
		json_set_str(j, "code", e->code);
		json_set_int(j, "status", e->status);
	}
	json_write(j, &out);
	buf_addc(&out, '\n');
	fwrite(buf_str(&out), 1, out.len, stdout);
	json_free(j);
	return status;
}

int main(int argc, char **argv)
{
	const struct drive_verb *v = argc > 1 ? find(argv[1]) : NULL;
	struct drive d = { .a = argv + 2, .n = argc - 2 };
	struct json *answer = NULL;
	int status;

	if (!v || d.n < v->least) {
		fprintf(stderr, "usage: aws_drive VERB ARGUMENT...\n");
		return 2;
	}
	d.lane = lane_new(NULL, NULL, &d.e);
	if (d.lane)
		answer = v->run(&d);
	status = print(answer, &d.e);
	aws_call_done(&d.call);
	lane_free(d.lane);
	return status;
}
