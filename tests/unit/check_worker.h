#ifndef CHECK_WORKER_H
#define CHECK_WORKER_H

#include <check.h>
#include <stdio.h>

#include "worker/profile.h"

#define HEAD "version: 1\nname: t\n"
#define STEPS "steps:\n  - trim: { to: 30s }\n  - fit: { width: 1280, height: 720 }\n"
#define OUTPUTS                                                               \
	"outputs:\n  - name: video\n    key: \"p/{video_id}-{digest}.mp4\"\n" \
	"    video: { codec: h264, crf: 23, preset: veryfast }\n"
/* The profile of a text that is right. */
struct profile check_worker_profile(const char *text);

TCase *check_worker_media(void);    /* profiles, argument lists, probes, output keys */
TCase *check_worker_graph(void);    /* what ffmpeg is told */
TCase *check_worker_children(void); /* real children, folders, frames */
TCase *check_worker_sandbox(void);  /* what a confined child can do */
TCase *check_worker_mate(void);     /* commands that stay */
TCase *check_worker_ends(void);     /* how claims end, by a scripted broker */

#endif
