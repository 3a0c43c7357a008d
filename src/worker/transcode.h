/* ffmpeg's argument list for a profile and a source. */
#ifndef WORKER_TRANSCODE_H
#define WORKER_TRANSCODE_H

#include "worker/argv.h"
#include "worker/probe.h"
#include "worker/profile.h"

struct transcode_files {
	const char *in, *out; /* relative to ffmpeg's folder */
};

/* Progress goes to descriptor 1. */
void worker_transcode_argv(const struct profile *p, const struct profile_output *o,
			   const struct probe *source, const struct transcode_files *files,
			   struct argv *out);
const char *worker_transcode_extension(const struct profile_output *o);
const char *worker_transcode_content_type(const struct profile_output *o);

#endif
