/* The attribute that tells why a message was parked: one JSON object, bounded, plain ASCII. */
#ifndef WORKER_NOTE_H
#define WORKER_NOTE_H

#include "broker/broker.h"

#define NOTE_PARKED "windlass-parked"
#define NOTE_INTERRUPTED "windlass-interrupted"
/* So often a message is sent again; what is interrupted for ever is no good job. */
#define NOTE_INTERRUPTIONS_MOST 20
#define NOTE_REASON_MAX 1000
#define NOTE_STDERR_MAX 2000

struct note {
	const char *reason, *stage, *complaint, *host;
	const char *evidence; /* where more is told; NULL: nowhere */
	int64_t attempt;
};

/* {"reason", "stage", "stderr", "attempt", "host", "evidence"}; what is needed to make it fit
 * beside the message is left out, stderr first. An eleventh attribute has no place: the last of @p
 * m moves into the note. NULL: no room for any note. The caller frees it. */
char *worker_note_parked(struct broker_message *m, const struct note *n);
int worker_note_interruptions(const struct broker_message *m); /* as the message says */
/* One more than the message says. The caller frees it. */
char *worker_note_interrupted(const struct broker_message *m);

#endif
