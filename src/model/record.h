/* What is known of a video that was uploaded: one JSON object in the store, which the gateway
 * begins and the worker goes on with. There is no database beside it, so any number of gateways and
 * workers write it, in any order and more than once; record_may_follow() says which of two is the
 * later.
 *
 * Stored as <prefix><video_id>.json ("jobs/" is the prefix where nobody names another):
 *
 *   version     1
 *   video_id    as in the message
 *   task_id     as in the message
 *   title       what the uploader called it; "" where no gateway was
 *   bucket, key the source
 *   state       "uploaded"    the source is there or about to be; no message yet
 *               "queued"      the message is in the queue, or was given back to it
 *               "processing"  a worker has it
 *               "done"        outputs are stored
 *               "parked"      it went to the dead letters; reason says why
 *   created_at  of the upload, RFC 3339
 *   at          of this state, RFC 3339
 *   attempt     how many times a worker received it; 0: none yet
 *   began_at    of the attempt that says this, by its worker's clock; absent while none has
 *   progress    of that attempt, 0 to 100
 *   reason      why it is parked, or why it waits again; "" otherwise
 *   outputs     [{"bucket","key","bytes","type"}], when done
 *   upload      a multipart upload that may still be open; absent else
 *
 * Unknown members are ignored, so that a later version may add some. */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "model/job.h"

#define RECORD_PREFIX "jobs/"
#define RECORD_VERSION 1
#define RECORD_BYTES_MAX (64u << 10) /* of a stored record */
#define RECORD_TITLE_MAX 512
#define RECORD_REASON_MAX 2048 /* longer ones are cut */
#define RECORD_OUTPUTS_MAX 16
#define RECORD_UPLOAD_MAX 1024

enum record_state { RECORD_UPLOADED, RECORD_QUEUED, RECORD_PROCESSING, RECORD_DONE, RECORD_PARKED };
const char *record_state_word(enum record_state s);

struct record_output {
	char *bucket, *key, *type; /* type: of its content, "" when not known */
	int64_t bytes;
};

/* Owns its strings; NULL is "". */
struct record {
	char video_id[JOB_ID_MAX + 1], task_id[JOB_ID_MAX + 1];
	char bucket[JOB_BUCKET_MAX];
	char key[JOB_KEY_MAX];
	char *title, *reason, *upload;
	enum record_state state;
	struct instant created_at, at;
	struct instant began_at; /* INSTANT_NEVER: no worker had it */
	int64_t attempt;
	int progress; /* percent */
	struct record_output *outputs;
	size_t output_count;
};

/* A record of the job's ids and source, in @p state as of @p at; no attempt. */
void record_init(struct record *r, const struct job *j, enum record_state state, struct instant at);
void record_done(struct record *r);
void record_copy(struct record *ret, const struct record *r);
/* Sets a text of the record; longer than @p max bytes it is cut between two characters. */
void record_text(char **text, const char *value, size_t max);
void record_reason(struct record *r, const char *reason);
/* Adds one; past RECORD_OUTPUTS_MAX it is left out. @p type may be NULL. */
void record_add_output(struct record *r, const char *bucket, const char *key, int64_t bytes,
		       const char *type);
/* The job it is about, as a message carries it. */
void record_job(const struct record *r, struct job *ret);

/* ERR_PROTOCOL: it is none of ours, or of a version that is too new. */
MUST int record_read(const char *text, size_t len, struct record *ret, struct err *e);
struct json *record_json(const struct record *r);

/* May @p next replace @p old, which is stored? A record never goes back: done is the end, and done
 * follows everything. Else the attempt that began later is right; within one attempt it goes from
 * processing (by progress) to queued again to parked, and before all attempts from uploaded to
 * queued. uploaded may follow uploaded: who looks after forgotten uploads takes them so. */
bool record_may_follow(const struct record *old, const struct record *next);
/* What @p next does not know (title, creation, source) is taken from @p old. */
void record_inherit(struct record *next, const struct record *old);

#endif
