/* What is to become of a video, as data: a YAML file to struct profile.
 *
 * A profile is inputs that are taken, steps in their order, and outputs. Its digest is over what
 * makes the output (steps and outputs), not over limits, names or comments: it becomes part of the
 * output's key.
 */
#ifndef WORKER_PROFILE_H
#define WORKER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/keys.h"

#define PROFILE_BYTES_MAX 65536
#define PROFILE_STEPS_MAX 16
#define PROFILE_DIGEST_MAX 17

struct profile_input {
	const char **formats; /* names of ffmpeg's demuxers */
	size_t format_count;
	int64_t max_megabytes, max_pixels, max_streams;
	struct span max_duration;
};

struct profile_trim {
	struct span from, to; /* of the source */
};
struct profile_fit {
	int64_t width, height;
	const char *color; /* of the padding */
};
struct profile_step { /* one of them, named by its key */
	bool has_trim, has_fit;
	struct profile_trim trim;
	struct profile_fit fit;
};

enum profile_codec { PROFILE_H264 };
enum profile_audio { PROFILE_AUDIO_NONE };
enum profile_container { PROFILE_MP4 };
struct profile_video {
	int codec, preset, pixel_format; /* enum profile_codec; index into its words */
	int64_t crf;
};
struct profile_output {
	const char *name, *key; /* key: template with {video_id}, {task_id}, {digest} */
	int container, audio;
	bool faststart;
	struct profile_video video;
};

struct profile_limits {
	struct span probe, stall, wall, cpu;
	int64_t max_output_megabytes, max_memory_megabytes;
	struct span tolerance; /* between the duration promised and the duration found */
};

struct profile {
	int64_t version;
	const char *name;
	struct profile_input input;
	struct profile_step *steps;
	size_t step_count;
	struct profile_output *outputs;
	size_t output_count;
	struct profile_limits limits;
	char digest[PROFILE_DIGEST_MAX]; /* filled after reading */
	struct keys_arena *arena;
};

/* Every error of the file, one a line, in @p problems. */
MUST int worker_profile_read(const char *file, const char *text, size_t len, struct profile *ret,
			     struct buf *problems, struct err *e);
void worker_profile_done(struct profile *p);

extern const struct key_table worker_profile_table;
const char *worker_profile_preset_word(int preset);
const char *worker_profile_pixel_format_word(int format);

/* The step of that kind, or NULL. */
const struct profile_trim *worker_profile_trim_step(const struct profile *p);
const struct profile_fit *worker_profile_fit_step(const struct profile *p);
/* How long the output of a source of @p source is to be; a negative source is unknown and gives -1.
 */
struct span worker_profile_duration(const struct profile *p, struct span source);

struct profile_key_parts {
	const char *video_id, *task_id, *bucket, *key, *etag;
};
/* The output's key: equal parts give an equal key. ERR_POLICY when it would be longer than S3
 * takes. */
MUST int worker_profile_output_key(const struct profile *p, const struct profile_output *o,
				   const struct profile_key_parts *parts, struct buf *out,
				   struct err *e);

#endif
