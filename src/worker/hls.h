/* HLS: names, the playlist of a rendition, and the one over all renditions. */
#ifndef WORKER_HLS_H
#define WORKER_HLS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/instant.h"

/* A rendition's folder, sorted by name, ends with its playlist. */
#define HLS_PLAYLIST "video.m3u8"
#define HLS_INIT "init.mp4"
#define HLS_MASTER "master.m3u8"
#define HLS_CONTENT_TYPE "application/vnd.apple.mpegurl"
#define HLS_PLAYLIST_BYTES_MAX (2u << 20)

const char *worker_hls_content_type(const char *name);

struct hls_playlist {
	struct span duration; /* of all segments */
	size_t segments;
	int64_t bytes;      /* of all of them */
	int64_t peak, mean; /* bits a second: of the heaviest segment, and over all */
};
/* Reads and checks the playlist that ffmpeg wrote in @p folder: it is complete, its segments are
 * there, in that folder, and not empty. */
MUST int worker_hls_check(const char *folder, struct hls_playlist *ret, struct err *e);

#define HLS_CODECS_MAX 48
/* "avc1.64001f,mp4a.40.2" */
void worker_hls_codecs(const char *video, bool aac, char out[static HLS_CODECS_MAX]);

struct hls_variant {
	const char *name;   /* folder of the rendition */
	const char *codecs; /* "" when not known */
	int64_t width, height, peak, mean;
};
/* Adds the master playlist's text. */
void worker_hls_master(const struct hls_variant *list, size_t n, struct buf *out);

#endif
