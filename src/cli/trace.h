/* What windlass trace has fetched: counts by period, some of them missing. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"

#define CLI_TRACE_MISSING (-1.0)

struct cli_trace {
	struct instant from; /* start of the first period */
	struct span period;
	double *count; /* CLI_TRACE_MISSING: no data, which is not zero */
	size_t periods;
};

enum cli_trace_fill {
	CLI_TRACE_REFUSE, /* leaves them missing */
	CLI_TRACE_ZERO,
	CLI_TRACE_BEFORE, /* the last count before the gap */
	CLI_TRACE_DAY /* the mean of the same time on the days that have data; zero where none has
		       */
};

void cli_trace_done(struct cli_trace *t);
/* Cuts what is missing at both ends off: before the queue was, and what is not there yet. */
void cli_trace_trim(struct cli_trace *t);
/* How many periods are missing; says each stretch of them, to @p most. */
size_t cli_trace_gaps(const struct cli_trace *t, size_t most, struct buf *out);
void cli_trace_fill(struct cli_trace *t, enum cli_trace_fill how);
/* CSV that --load reads. Nothing may be missing. */
void cli_trace_csv(const struct cli_trace *t, struct buf *out);

#endif
