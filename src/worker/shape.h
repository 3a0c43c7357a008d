/* What a source becomes: sizes, rates, and the targets that one ffmpeg writes. */
#ifndef WORKER_SHAPE_H
#define WORKER_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/assets.h"
#include "worker/probe.h"
#include "worker/profile.h"

#define TARGETS_MAX PROFILE_TARGETS_MAX
#define TARGET_CODECS_MAX 48

struct shape {
	int64_t shown_width, shown_height; /* of the source, turned and with square pixels; even */
	int64_t width, height;             /* after the steps */
	struct rate rate;                  /* num 0: the source's, as it comes */
	struct span duration;              /* of the output; negative: cannot be told */
	struct span source;                /* of the source's part in it; likewise */
	bool audio;                        /* there will be a sound to take */
	bool clips;                        /* an intro, an outro */
};

/* ERR_POLICY: the steps cannot be done with this source. */
MUST int worker_shape(const struct profile *p, const struct probe *source, const struct assets *a,
		      struct shape *ret, struct err *e);

struct target { /* one muxer's: an output, or one rendition of it */
	const struct profile_output *output;
	const struct profile_video *video; /* NULL: pictures */
	const char *rendition;             /* NULL: none */
	int64_t width, height;
	bool audio, copied;
	/* once it was looked at */
	char codecs[TARGET_CODECS_MAX]; /* as HLS names them; "": not known */
};
struct targets {
	struct target list[TARGETS_MAX];
	size_t count;
};
void worker_shape_targets(const struct profile *p, const struct probe *source,
			  const struct shape *s, struct targets *ret);
/* How many pictures "every" takes of @p d. */
int64_t worker_shape_pictures(const struct profile_output *o, struct span d);

#endif
