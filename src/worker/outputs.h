/* What a job made, as it is told to the supervisor, and from there to the world. */
#ifndef WORKER_OUTPUTS_H
#define WORKER_OUTPUTS_H

#include "base/json.h"
#include "worker/task.h"

#define OUTPUTS_TOLD_MAX 32 /* of one job: its first ones and its mark */

/* Keeps what ffprobe found in the file of that name, inside the job's folder. */
void worker_outputs_probed(struct task *t, const char *name, const struct probe *made);
/* The same as text, for the object's metadata; false: nothing is known of it. */
bool worker_outputs_probe(const struct task *t, const char *name, char text[static TASK_PROBE_MAX]);
/* [{"bucket","key","bytes","type","name","etag","probe"}, …] of a job that is stored; of one that
 * was stored before, its mark. */
struct json *worker_outputs_json(const struct task *t, const char *mark_bucket);

#endif
