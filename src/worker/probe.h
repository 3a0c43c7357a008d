/* What a file is, by ffprobe: its argument list, its answer, and whether the answer will do. */
#ifndef WORKER_PROBE_H
#define WORKER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "worker/argv.h"
#include "worker/profile.h"

#define PROBE_ANSWER_MAX (512u << 10)
#define PROBE_WORD_MAX 64

struct probe {
	char format[128]; /* "mov,mp4,m4a,3gp,3g2,mj2" */
	int64_t streams, videos, audios;
	int64_t video; /* index of the first real video stream; -1: none. Covers of songs do not
			  count. */
	int64_t width, height;
	bool square; /* pixels are square, or nobody says otherwise */
	char codec[PROBE_WORD_MAX], pixel_format[PROBE_WORD_MAX];
	struct span duration; /* of that stream, else of the file; negative: nobody knows */
};

void worker_probe_argv(const struct profile *p, const char *file, struct argv *out);
MUST int worker_probe_read(const char *text, size_t len, struct probe *ret, struct err *e);
/* ERR_POLICY: no video, or more of something than the profile takes. */
MUST int worker_probe_check_source(const struct probe *found, const struct profile *p,
				   struct err *e);
/* Whether the output is what profile and source promise. */
MUST int worker_probe_check_output(const struct probe *found, const struct probe *source,
				   const struct profile *p, const struct profile_output *o,
				   struct err *e);

#endif
