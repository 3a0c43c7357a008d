/* ffmpeg's filter graph for a profile and a source: one for all outputs. */
#ifndef WORKER_GRAPH_H
#define WORKER_GRAPH_H

#include "base/buf.h"
#include "worker/shape.h"

#define GRAPH_BYTES_MAX 32768

/* Which step is ffmpeg's input number 1 and so on, for assets; they come in the order of the steps.
 */
const char *worker_graph_asset(const struct profile_step *s);

/* Target number n that is not copied finds its picture as [v<n>] and its sound as [t<n>]. Nothing
 * is added when all are copied. ERR_POLICY: it cannot be done with this source. */
MUST int worker_graph(const struct profile *p, const struct probe *source, const struct assets *a,
		      const struct shape *shape, const struct targets *t, struct buf *out,
		      struct err *e);

#endif
