/* Folders for work: one a worker under --work-dir, locked as long as it lives; one a slot in it;
 * one a job in that. What dead workers left is removed by the next that starts. */
#ifndef WORKER_FOLDER_H
#define WORKER_FOLDER_H

#include <stdint.h>

#include "base/err.h"

struct folder {
	char *path;
	int lock; /* descriptor of the locked file; -1: none */
};

/* Makes @p work_dir when it is not there, clears what no living worker holds, makes and locks our
 * own. */
MUST int worker_folder_open(struct folder *f, const char *work_dir, struct err *e);
void worker_folder_close(struct folder *f); /* removes it */
MUST int worker_folder_make(const char *path, struct err *e);
/* All in it, and itself; links are removed, not followed. A folder that is not there is fine. */
MUST int worker_folder_remove(const char *path, struct err *e);
/* Makes @p path and @p inner in it, both with nothing else in them. Folders that are there are
 * kept: of many small jobs, making them anew is most of the work. */
MUST int worker_folder_fresh(const char *path, const char *inner, struct err *e);
/* The same, and next to free where nothing was made or removed in both since the last time. */
MUST int worker_folder_tidied(const char *path, const char *inner, struct err *e);
/* -1 unless @p bytes and a reserve are free where @p path is. */
MUST int worker_folder_need(const char *path, int64_t bytes, struct err *e);
/* -1 when they would not be there on an empty disk either. */
MUST int worker_folder_could(const char *path, int64_t bytes, struct err *e);

#endif
