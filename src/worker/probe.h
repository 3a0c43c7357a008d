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

struct rate { /* pictures a second; num 0: not known */
	int64_t num, den;
};

struct probe {
	char format[128]; /* "mov,mp4,m4a,3gp,3g2,mj2" */
	int64_t streams, videos, audios;
	int64_t video; /* index of the first real video stream; -1: none. Covers of songs do not
			  count. */
	int64_t width, height; /* as coded */
	int64_t turned;        /* degrees, 0, 90, 180 or 270, by which a player turns it */
	bool square;           /* pixels are square, or nobody says otherwise */
	struct rate pixel;     /* width to height of one, when not square */
	struct rate rate;      /* mean of the pictures' */
	bool variable;         /* they do not come evenly */
	char codec[PROBE_WORD_MAX], pixel_format[PROBE_WORD_MAX], level[PROBE_WORD_MAX];
	int64_t kilobits; /* of the stream, else of the file; 0: nobody knows */
	int64_t audio;    /* index of the first sound; -1: none */
	char audio_codec[PROBE_WORD_MAX];
	struct span duration; /* of that stream, else of the file; negative: nobody knows */
};

void worker_probe_argv(const struct profile *p, const char *file, struct argv *out);
/* Of what we made ourselves: playlists and pictures too. */
void worker_probe_own_argv(const char *file, struct argv *out);
/* ffmpeg's and ffprobe's options for a stranger's file. */
void worker_probe_whitelist(const struct profile *p, struct argv *out);
MUST int worker_probe_read(const char *text, size_t len, struct probe *ret, struct err *e);
/* ERR_POLICY: no video, or more of something than the profile takes. */
MUST int worker_probe_check_source(const struct probe *found, const struct profile *p,
				   struct err *e);
#endif
