/* An object into a file: in parts, several at a time, each of the one version that was looked at.
 * A part that breaks off is asked for again, the others are kept; memory does not grow with size.
 */
#ifndef WORKER_PULL_H
#define WORKER_PULL_H

#include "aws/lane.h"
#include "base/loop.h"

struct pull_spec {
	struct loop *loop;
	struct lane *lane;
	const char *bucket, *key, *etag; /* etag: with its quotes */
	const char *path;                /* of the file, which must not be there */
	int64_t size, part_bytes;
};

struct pull;
/* ERR_CONFLICT: it was replaced meanwhile. ERR_LOCAL: the disk. The pull is gone afterwards. */
typedef void pull_done_fn(const struct err *e, void *arg);
MUST int worker_pull_start(const struct pull_spec *s, pull_done_fn *fn, void *arg,
			   struct pull **ret, struct err *e);
void worker_pull_cancel(struct pull *p); /* fn is not called; NULL is fine */

#endif
