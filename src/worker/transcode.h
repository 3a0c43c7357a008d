/* ffmpeg's argument list for a profile and a source: one run makes all outputs. */
#ifndef WORKER_TRANSCODE_H
#define WORKER_TRANSCODE_H

#include "worker/argv.h"
#include "worker/shape.h"

struct transcode {
	const struct profile *profile;
	const struct probe *source;
	const struct assets *assets;
	const struct shape *shape;
	const struct targets *targets;
	const char *in; /* the source, relative to ffmpeg's folder */
};

/* Progress goes to descriptor 1. ERR_POLICY: it cannot be done with this source. */
MUST int worker_transcode_argv(const struct transcode *t, struct argv *out, struct err *e);
/* Relative to the job's folder; of a rendition its playlist, of many pictures their folder. */
char *worker_transcode_name(const struct profile_output *o, const char *rendition);
const char *worker_transcode_content_type(const struct profile_output *o);

#endif
