/* One observation a line in, one decision a line out: the engine without a cloud, in virtual time.
 */
#ifndef REHEARSE_STREAM_H
#define REHEARSE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/facts.h"
#include "model/memory.h"
#include "model/policy.h"

#define STREAM_LINE_MAX 65536

struct stream {
	const struct policy *policy;
	size_t metric; /* which one the observation's queue feeds */
	struct memory memory;
	struct season season; /* of the memory, where a rule is predictive */
	struct instant last;  /* time of the last good line; INSTANT_NEVER at first */
	struct fact period;   /* the newest CloudWatch minute, kept until the next */
};

/* @p queue: a metric's name, or NULL for the first queue metric. */
MUST int stream_init(struct stream *s, const struct policy *p, const char *queue, struct err *e);
/* One turn. Adds exactly one line to @p out, a decision or an error. */
void stream_line(struct stream *s, const char *line, size_t len, struct buf *out);

#endif
