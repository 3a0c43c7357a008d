/* The record of a video in the store: read, and written so that it never goes back.
 *
 * Written by condition: what is there is read, and replaced only if nobody else has meanwhile
 * (If-Match, If-None-Match); whoever was second reads again. An answer that was lost is cleared up
 * the same way. */
#ifndef BROKER_RECORD_H
#define BROKER_RECORD_H

#include "aws/lane.h"
#include "aws/s3.h"
#include "model/record.h"

struct broker_record_place {
	const char *bucket;
	const char *prefix; /* RECORD_PREFIX */
};

/* The key of a video's record; the caller frees it. */
char *broker_record_key(const char *prefix, const char *video_id);

void broker_record_get_ask(struct request *r, const struct broker_record_place *p,
			   const char *video_id);
/* ERR_NOT_FOUND: there is none. @p etag goes with the next write of the same. */
MUST int broker_record_get_read(const struct reply *r, struct record *ret,
				char etag[static S3_ETAG_MAX], struct err *e);

enum broker_record_if {
	BROKER_RECORD_ANY,   /* made where there is none */
	BROKER_RECORD_NEW,   /* only where there is none: else ERR_CONFLICT, and it is shown */
	BROKER_RECORD_THERE, /* only where there is one: else ERR_NOT_FOUND (a sender without a
				gateway has none) */
};

/* How a write ended. ERR_NONE: the store has it, or a later one (@p wrote is false then). @p now is
 * what is known to be stored, NULL when that is not known; borrowed. */
typedef void broker_record_fn(const struct err *e, bool wrote, const struct record *now, void *arg);
struct broker_record_write;
/* Copies @p r. Ends in fn, always from the loop, within @p deadline, unless cancelled. What is to
 * be stored takes title, creation and source from what is there, where @p r has none. */
struct broker_record_write *broker_record_put(struct loop *l, struct lane *lane,
					      const struct broker_record_place *p,
					      const struct record *r, enum broker_record_if when,
					      struct span deadline, broker_record_fn *fn,
					      void *arg);
void broker_record_cancel(struct broker_record_write *w); /* fn is not called; only before it was */

#endif
