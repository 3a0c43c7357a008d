/* The upload API: takes videos in, puts them into the store and their jobs into the queue, and
 * tells what became of them. It keeps nothing of its own, so that any number of them may run. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/token.h"
#include "produce/celery.h"
#include "produce/produce.h"

struct gateway_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0" */
	const char *port_file;
	const char *bucket, *region;
	const char *uploads, *records; /* prefixes of keys */
	struct produce_options to;
	struct produce_celery_options celery;
	struct gateway_token_options token;
	const char *types; /* "mp4,mov" */
	int64_t max_mib, part_mib, connections;
	const char *spool; /* folder of the parts that are being sent */
	struct span url_valid, upload_most, forgotten_after, sweep_every, drain;
	struct span idle; /* of a connection that moves nothing */
};

/* Serves until SIGTERM or SIGINT, and then until uploads under way are done or the drain is over.
 * ERR_POLICY: an option is wrong. */
MUST int gateway_serve(const struct gateway_options *o, struct err *e);

#endif
