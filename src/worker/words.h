/* What supervisor and slot say to each other: {"do": …} one way, {"say": …} the other. */
#ifndef WORKER_WORDS_H
#define WORKER_WORDS_H

#define WORDS_DO "do"
#define WORDS_SETUP "setup" /* slot's folder, host, region, profile, confined: once */
#define WORDS_JOB "job"     /* job, message or ask, receives, ends_ms, keys, encoders */
#define WORDS_LEASE "lease" /* ends_ms, on the boot-time clock that both read */
#define WORDS_KEYS "keys"

#define WORDS_SAY "say"
#define WORDS_READY "ready"
#define WORDS_UNREADY "unready" /* why, failures: its persistent command is being replaced */
#define WORDS_ALIVE "alive"     /* every WORDS_ALIVE_S while a job is under way */
#define WORDS_ALIVE_S 5
#define WORDS_STAGE "stage"       /* stage: completed */
#define WORDS_PROGRESS "progress" /* permille, speed_milli */
#define WORDS_RUNNING "running"   /* group: of a command's processes; 0: it has ended */
#define WORDS_END                                                                              \
	"end" /* outcome, permanent, machine, away, stage, reason, complaint, already, bucket, \
	       * key, etag, bytes                                                              \
	       */

#define WORDS_STORED "stored"
#define WORDS_FAILED "failed"
#define WORDS_LOST "lost"

#endif
