/* A large file into an object: in parts, several at a time, each with its digest; then joined, only
 * if what the condition says holds. What earlier attempts at the key left half sent is removed. */
#ifndef WORKER_PUSH_H
#define WORKER_PUSH_H

#include "aws/lane.h"
#include "aws/s3.h"
#include "base/loop.h"

struct push_spec {
	struct loop *loop;
	struct lane *lane;
	const char *bucket, *key;
	int fd; /* borrowed */
	int64_t size, part_bytes;
	const struct s3_put *put;   /* content type, metadata and condition */
	bool (*claimed)(void *arg); /* asked before the parts are joined */
	void *claimed_arg;
};

struct push;
/* @p status: of the last answer: 412, 409: as a put is answered. The push is gone afterwards. */
typedef void push_done_fn(int status, const char *etag, const struct err *e, void *arg);
struct push *worker_push_start(const struct push_spec *s, push_done_fn *fn, void *arg);
/* fn is not called; what was sent is removed by the next attempt. NULL is fine. */
void worker_push_cancel(struct push *p);

#endif
