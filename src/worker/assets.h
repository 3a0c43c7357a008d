/* Files beside the source that a profile names: watermarks, intros, outros. They outlive jobs: one
 * of S3 is fetched when its ETag is new, one of the disk is read anew when it has changed. */
#ifndef WORKER_ASSETS_H
#define WORKER_ASSETS_H

#include <sys/stat.h>

#include "aws/s3.h"
#include "worker/probe.h"
#include "worker/profile.h"

#define ASSET_ID_MAX S3_ETAG_MAX

struct asset {
	char *path;            /* absolute */
	char id[ASSET_ID_MAX]; /* ETag, or SHA-256 of what is in it; "": not known yet */
	struct stat seen;      /* of a file on the disk, when id was made */
	const char *demuxer;   /* of a still picture; NULL: a clip */
	struct probe probe;    /* of a clip */
};

struct assets {
	struct asset list[PROFILE_ASSETS_MAX];
	size_t count;
	char digest[PROFILE_DIGEST_MAX];           /* of all of them; "" when there are none */
	const char *paths[PROFILE_ASSETS_MAX + 1]; /* NULL-terminated, for the sandbox */
};

/* @p folder: the slot's, where those of S3 are kept. */
void worker_assets_init(struct assets *a, const struct profile *p, const char *folder);
void worker_assets_done(struct assets *a);

#endif
