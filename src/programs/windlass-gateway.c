/* windlass-gateway: the upload API in front of the queue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "broker/celery.h"
#include "gateway/gateway.h"
#include "gateway/sniff.h"
#include "model/record.h"

#define TYPES "mp4,mov,mkv,webm,avi,mpegts,mpeg,flv,ogg,wmv"

static struct gateway_options o;
static const char *format, *level;
static int64_t priority;

static const struct option table[] = {
	{ "listen", 'l', OPTION_STR, &o.listen, "ADDRESS:PORT", "WINDLASS_GATEWAY_LISTEN",
	  "127.0.0.1:8080", .doc = "where to serve; port 0 takes a free one" },
	{ "port-file", 0, OPTION_STR, &o.port_file, "FILE", NULL,
	  .doc = "file to write the port to once it serves" },
	{ "bucket", 'b', OPTION_STR, &o.bucket, "NAME", "WINDLASS_BUCKET",
	  .doc = "where videos and records are kept" },
	{ "upload-prefix", 0, OPTION_STR, &o.uploads, "TEXT", "WINDLASS_UPLOAD_PREFIX", "uploads/",
	  .doc = "before the keys of uploads" },
	{ "record-prefix", 0, OPTION_STR, &o.records, "TEXT", "WINDLASS_RECORD_PREFIX",
	  RECORD_PREFIX, .doc = "before the keys of records, which the worker writes too" },
	{ "queue-url", 'q', OPTION_STR, &o.to.queue_url, "URL", "SQS_QUEUE_URL",
	  .doc = "where jobs go" },
	{ "region", 0, OPTION_STR, &o.region, "REGION", "SQS_REGION",
	  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
	{ "celery-broker-url", 0, OPTION_STR, &o.to.broker_url, "URL", "CELERY_BROKER_URL",
	  .secret = true, .doc = "where jobs go while no queue URL is set: redis:// or rediss://" },
	{ "celery-queue", 0, OPTION_STR, &o.celery.names.queue, "NAME", "WINDLASS_CELERY_QUEUE",
	  BROKER_CELERY_QUEUE, .doc = "of Celery" },
	{ "celery-task", 0, OPTION_STR, &o.celery.names.task, "NAME", "WINDLASS_CELERY_TASK",
	  BROKER_CELERY_TASK, .doc = "that Celery is to run" },
	{ "celery-key-prefix", 0, OPTION_STR, &o.celery.names.key_prefix, "TEXT",
	  "WINDLASS_CELERY_KEY_PREFIX", .doc = "Celery's global_keyprefix" },
	{ "celery-priority", 0, OPTION_INT, &priority, "N", NULL, "0", .least = 0, .most = 9,
	  .doc = "of the tasks; 0 comes first" },
	{ "token-file", 't', OPTION_STR, &o.token.token_file, "FILE", "WINDLASS_TOKEN_FILE",
	  .doc = "tokens that may upload, one a line" },
	{ "jwt-secret-file", 0, OPTION_STR, &o.token.secret_file, "FILE",
	  "WINDLASS_JWT_SECRET_FILE", .doc = "secret of tokens that are signed by HS256" },
	{ "jwt-key-file", 0, OPTION_STR, &o.token.key_file, "FILE", "WINDLASS_JWT_KEY_FILE",
	  .doc = "public key, in PEM, of tokens that are signed by RS256" },
	{ "jwt-audience", 0, OPTION_STR, &o.token.audience, "TEXT", "WINDLASS_JWT_AUDIENCE",
	  .doc = "that a signed token must name" },
	{ "jwt-leeway", 0, OPTION_SPAN, &o.token.leeway, "TIME", NULL, "30s",
	  .doc = "between the signer's clock and ours" },
	{ "max-mib", 0, OPTION_INT, &o.max_mib, "MIB", "WINDLASS_UPLOAD_MAX_MIB", "5120",
	  .least = 1, .most = 5 << 20, .doc = "largest file" },
	{ "types", 0, OPTION_STR, &o.types, "LIST", "WINDLASS_UPLOAD_TYPES", TYPES,
	  .doc = "kinds of video that are taken, told by their first bytes" },
	{ "part-mib", 0, OPTION_INT, &o.part_mib, "MIB", NULL, "16", .least = 5, .most = 5120,
	  .doc = "of a part; the spool of an upload holds two. Larger where a file would have more "
		 "than 10000" },
	{ "spool-dir", 0, OPTION_STR, &o.spool, "DIR", "WINDLASS_SPOOL_DIR",
	  .doc = "for two parts of each upload; default TMPDIR, or /var/tmp" },
	{ "url-valid", 0, OPTION_SPAN, &o.url_valid, "TIME", NULL, "1h",
	  .doc = "how long a URL of a result may be used" },
	{ "upload-timeout", 0, OPTION_SPAN, &o.upload_most, "TIME", NULL, "6h",
	  .doc = "longest that an upload may take" },
	{ "idle-timeout", 0, OPTION_SPAN, &o.idle, "TIME", NULL, "1m",
	  .doc = "how long a connection may move nothing and the head of a request may take; a "
		 "body that takes longer comes with 1 KiB a second or is cut" },
	{ "forgotten-after", 0, OPTION_SPAN, &o.forgotten_after, "TIME", NULL, "15m",
	  .doc = "when an upload without a message is sent, or removed where it is not whole" },
	{ "sweep-every", 0, OPTION_SPAN, &o.sweep_every, "TIME", NULL, "1m",
	  .doc = "how often such uploads are looked for" },
	{ "drain-timeout", 0, OPTION_SPAN, &o.drain, "TIME", NULL, "110s",
	  .doc = "what SIGTERM leaves uploads under way" },
	{ "connections", 0, OPTION_INT, &o.connections, "N", NULL, "1000", .least = 1,
	  .most = 20000, .doc = "at most so many at once" },
	{ "log-format", 0, OPTION_CHOICE, &format, "FORMAT", "WINDLASS_LOG_FORMAT", "auto",
	  .choices = "auto|logfmt|json",
	  .doc = "auto: logfmt on a terminal, JSON lines elsewhere" },
	{ "log-level", 0, OPTION_CHOICE, &level, "LEVEL", "WINDLASS_LOG_LEVEL", "info",
	  .choices = "debug|info|warn|error", .doc = "least level that is logged" },
};

static int usage(const struct err *e)
{
	fprintf(stderr, "windlass-gateway: %s; see windlass-gateway --help\n", e->text);
	return 2;
}

static int check(struct err *e)
{
	const char *tmp = getenv("TMPDIR");

	for (const char *word = o.types; *word; word += strcspn(word, ",")) {
		AUTO(own_freep) char *one = NULL;

		word += *word == ',';
		one = own_strndup(word, strcspn(word, ","));
		if (text_choice(GATEWAY_SNIFF_WORDS, one) < 0)
			return err_set(e, ERR_POLICY, "--types: '%.40s' is none of %s", one, TYPES);
	}
	if (o.forgotten_after.ms < 1000 || o.sweep_every.ms < 100 || o.url_valid.ms < 1000 ||
	    o.url_valid.ms > 7ll * 24 * 3600 * 1000)
		return err_set(e, ERR_POLICY,
			       "--forgotten-after and --sweep-every want some time, and "
			       "--url-valid from a second to a week");
	if (o.idle.ms < 1000 || o.idle.ms > 3600ll * 1000)
		return err_set(e, ERR_POLICY, "--idle-timeout wants a second to an hour");
	if (!o.spool)
		o.spool = tmp && *tmp ? tmp : "/var/tmp";
	o.celery.broker_url = o.to.broker_url;
	o.celery.priority = (int)priority;
	return 0;
}

int main(int argc, char **argv)
{
	const struct options options = {
		.program = "windlass-gateway",
		.summary = "Takes videos in over HTTP, stores them, and puts their jobs into the "
			   "queue.",
		.details =
			"POST /api/videos/upload takes a form with title and video_file, and GET "
			"/api/videos/ID tells what\nbecame of it, GET /api/videos/ID/events as it "
			"happens; all want Authorization: Bearer TOKEN.\nAt / is a page for "
			"people. "
			"GET /metrics, /healthz and /readyz are for machines.\n\n"
			"Jobs go to SQS when SQS_QUEUE_URL is set, to Celery when only "
			"CELERY_BROKER_URL is.\n"
			"SIGTERM: no new upload; those under way end. A second one ends at once.\n"
			"Exit status: 0 ended as it was asked to, 1 failed, 2 wrong arguments.\n",
		.table = table,
		.count = COUNT_OF(table),
	};
	enum log_format how;
	enum log_level least;
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&options, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? usage(&e) : 0;
	if (check(&e) < 0 || log_parse_format(format, &how, &e) < 0 ||
	    log_parse_level(level, &least, &e) < 0)
		return usage(&e);
	log_setup("windlass-gateway", how, least);
	if (gateway_serve(&o, &e) == 0)
		return 0;
	if (e.kind == ERR_POLICY)
		return usage(&e);
	LOG_ERROR("the gateway cannot go on", LOG_E(&e));
	return 1;
}
