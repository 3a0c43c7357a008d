/* Messages between supervisor and slot: one JSON object a line over a socketpair, bounded. */
#ifndef WORKER_FRAMES_H
#define WORKER_FRAMES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/loop.h"

#define FRAME_MAX (256u << 10)        /* one message */
#define FRAMES_WAITING_MAX (1u << 20) /* not yet taken by the other side */

/* @p frame NULL: the other side is gone, or talks nonsense (then @p e says so). The last call. */
typedef void frames_fn(const struct json *frame, const struct err *e, void *arg);

struct frames {
	int fd;
	struct loop_fd *io;
	struct buf in, out;
	frames_fn *fn;
	void *arg;
};

void worker_frames_open(struct frames *f, struct loop *l, int fd, frames_fn *fn,
			void *arg); /* takes fd */
/* Takes @p frame. False when the other side has stopped reading: it is to be given up. */
bool worker_frames_send(struct frames *f, struct json *frame);
void worker_frames_close(struct frames *f); /* wipes; may be called from fn; twice is fine */
static inline bool worker_frames_are_open(const struct frames *f)
{
	return f->io != NULL;
}

#endif
