/* Which encoders this machine's ffmpeg has: asked once at start, told to the slots. */
#ifndef WORKER_ENCODERS_H
#define WORKER_ENCODERS_H

#include "base/buf.h"
#include "worker/argv.h"
#include "worker/profile.h"

#define ENCODERS_ANSWER_MAX (256u << 10)
#define ENCODERS_WORDS_MAX 256

/* Takes what `ffmpeg -encoders` says, or what worker_encoders_words() made of it. */
void worker_encoders_take(const char *text);
void worker_encoders_words(struct buf *out);
/* ERR_POLICY: what the profile wants and is not there. */
MUST int worker_encoders_check(const struct profile *p, struct err *e);

/* The best that is there; before anything was taken, the usual one. */
const char *worker_encoders_name(int codec);
/* What stands for the profile's preset, for that encoder. */
void worker_encoders_options(int codec, int preset, struct argv *out);

#endif
