/* What is to become of a message's job, as data: a YAML file to struct profile.
 *
 * A profile says what is taken, the steps in their order, and the outputs; or, with processor:
 * exec, the command that is run. Its digest is over what makes the outputs (assets, steps, command
 * and outputs), not over limits, names or comments: it becomes part of the outputs' keys.
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
#define PROFILE_OUTPUTS_MAX 8
#define PROFILE_RENDITIONS_MAX 8
#define PROFILE_TARGETS_MAX 16 /* outputs, and renditions of outputs, of one run */
#define PROFILE_ASSETS_MAX 8
#define PROFILE_DIGEST_MAX 17

enum profile_processor { PROFILE_VIDEO, PROFILE_EXEC };

struct profile_input {
	const char **formats; /* names of ffmpeg's demuxers */
	size_t format_count;
	int64_t max_megabytes, max_pixels, max_streams;
	struct span max_duration;
};

struct profile_asset {                /* a file beside the source: a watermark, an intro */
	const char *name, *file, *s3; /* one of file and s3 */
};

struct profile_trim {
	struct span from, to; /* of the source */
};
struct profile_crop {
	int64_t width, height, x, y; /* x, y: KEYS_AUTO: the middle */
};
enum profile_fit_mode { PROFILE_PAD, PROFILE_FILL, PROFILE_INSIDE, PROFILE_STRETCH };
struct profile_fit {
	int64_t width, height;
	int mode;          /* enum profile_fit_mode */
	const char *color; /* of the padding */
};
struct profile_rate {
	int64_t fps_milli;
};
enum profile_corner {
	PROFILE_TOP_RIGHT,
	PROFILE_TOP_LEFT,
	PROFILE_BOTTOM_RIGHT,
	PROFILE_BOTTOM_LEFT,
	PROFILE_CENTER
};
struct profile_watermark {
	const char *image; /* name of an asset */
	int corner;        /* enum profile_corner */
	int64_t margin;    /* pixels */
	int64_t width;     /* thousandths of the picture's */
	int64_t opacity;   /* thousandths */
};
struct profile_clip {     /* an intro or an outro */
	const char *clip; /* name of an asset */
};
struct profile_loudness {
	int64_t target_milli; /* LUFS */
};
struct profile_step { /* one of them, named by its key */
	bool has_trim, has_crop, has_fit, has_rate, has_watermark, has_intro, has_outro,
		has_loudness;
	struct profile_trim trim;
	struct profile_crop crop;
	struct profile_fit fit;
	struct profile_rate rate;
	struct profile_watermark watermark;
	struct profile_clip intro, outro;
	struct profile_loudness loudness;
};

enum profile_codec { PROFILE_H264, PROFILE_H265, PROFILE_VP9, PROFILE_AV1, PROFILE_CODECS };
enum profile_audio { PROFILE_AUDIO_NONE, PROFILE_AUDIO_AAC, PROFILE_AUDIO_OPUS };
enum profile_container {
	PROFILE_MP4,
	PROFILE_WEBM,
	PROFILE_MKV,
	PROFILE_HLS,
	PROFILE_JPEG,
	PROFILE_PNG,
	PROFILE_CONTAINERS
};
struct profile_video {
	int codec, preset, pixel_format; /* enum profile_codec; index into its words */
	int64_t crf;
	int64_t width, height; /* 0: the steps'; one of them alone: the other by the shape */
	int64_t max_kilobits;  /* a second; 0: as many as crf takes */
	int64_t copy_kilobits; /* copied when it is so already and has no more; 0: never */
	struct span keyframes; /* at most so far apart; 0: as the encoder likes */
};
struct profile_rendition {
	const char *name;
	struct profile_video video;
};
struct profile_output {
	const char *name, *key; /* key: template, see worker_profile_key() */
	const char *bucket;     /* NULL: the source's */
	int container, audio;
	bool faststart;
	int64_t audio_kilobits;
	bool has_video, has_at, has_every;
	struct profile_video video;
	struct profile_rendition *renditions; /* PROFILE_HLS */
	size_t rendition_count;
	struct span segment;     /* PROFILE_HLS */
	struct span at, every;   /* pictures */
	int64_t width;           /* pictures; 0: as they are */
	const char *file, *type; /* PROFILE_EXEC: pattern of names, kind of content */
};

enum profile_confine { PROFILE_CONFINE_NONE, PROFILE_CONFINE_FILES, PROFILE_CONFINE_ALL };
struct profile_exec {
	const char **command;
	size_t command_count;
	int64_t park_status;
	int sandbox; /* enum profile_confine */
	const char **read;
	size_t read_count;
	const char **environment;
	size_t environment_count;
	bool persistent;                          /* started once, and given jobs one by one */
	int64_t max_jobs, max_resident_megabytes; /* of a persistent one; 0: no bound */
};

struct profile_limits {
	struct span probe, stall, wall, cpu;
	bool has_stall; /* it was given: it holds for a command too */
	int64_t max_output_megabytes, max_memory_megabytes;
	struct span tolerance; /* between the duration promised and the duration found */
};

struct profile {
	int64_t version;
	const char *name;
	int processor; /* enum profile_processor */
	bool has_exec;
	struct profile_exec exec;
	struct profile_input input;
	struct profile_asset *assets;
	size_t asset_count;
	struct profile_step *steps;
	size_t step_count;
	struct profile_output *outputs;
	size_t output_count;
	const char *manifest; /* template of its key; NULL: the one output is its own mark */
	struct profile_limits limits;
	char digest[PROFILE_DIGEST_MAX]; /* filled after reading */
	struct keys_arena *arena;
};

/* Every error of the file, one a line, in @p problems. */
MUST int worker_profile_read(const char *file, const char *text, size_t len, struct profile *ret,
			     struct buf *problems, struct err *e);
void worker_profile_done(struct profile *p);

extern const struct key_table worker_profile_table;
/* For profile.c: what the tables cannot say, and what the digest is over. */
void worker_profile_check(struct keys_reader *r, const struct profile *p,
			  const struct yaml_node *root);
int worker_profile_print_making(const struct profile *p, struct buf *out);
const char *worker_profile_preset_word(int preset);
const char *worker_profile_pixel_format_word(int format);
bool worker_profile_is_picture(const struct profile_output *o);
/* Whether the job leaves more than one object, so that a manifest has to be the mark. */
bool worker_profile_many(const struct profile *p);

/* The step of that kind, or NULL. */
const struct profile_trim *worker_profile_trim_step(const struct profile *p);
const struct profile_fit *worker_profile_fit_step(const struct profile *p);
/* How long the source's part of the output of a source of @p source is to be; a negative source is
 * unknown and gives -1. */
struct span worker_profile_duration(const struct profile *p, struct span source);
/* Place of the asset of that name, or asset_count. */
size_t worker_profile_asset(const struct profile *p, const char *name);

struct profile_key_parts {
	const char *video_id, *task_id, *message_id, *bucket, *key, *etag;
	const char *assets; /* digest of what they hold; "" without */
	const char *file;   /* name of the file, for {file}; NULL: none */
	int number;         /* for {number} */
};
/* A key by its template: equal parts give an equal key. ERR_POLICY when it would be longer than S3
 * takes. */
MUST int worker_profile_key(const struct profile *p, const char *template,
			    const struct profile_key_parts *parts, struct buf *out, struct err *e);
/* The template of the mark's key, and its bucket (NULL: the source's). NULL: the job has none. */
const char *worker_profile_mark(const struct profile *p, const char **ret_bucket);

#endif
