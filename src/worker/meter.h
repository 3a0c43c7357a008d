/* What a worker counts, and how Prometheus reads it. Counters only grow; times are milliseconds. */
#ifndef WORKER_METER_H
#define WORKER_METER_H

#include "base/buf.h"
#include "base/instant.h"
#include "broker/broker.h"
#include "worker/task.h"

#define METER_WAIT_BUCKETS 8

struct meter {
	int64_t stage_ms[TASK_STAGES], stage_count[TASK_STAGES];
	int64_t wait_ms, wait_count, wait_in[METER_WAIT_BUCKETS]; /* from send to start */
	int64_t fetched_bytes, stored_bytes, stored_ms;
	int64_t media_ms; /* played time of what was transcoded, by ffmpeg's own speed */
	int64_t renewals[BROKER_UNSURE + 1], renewal_failures;
};

void worker_meter_stage(struct meter *m, enum task_stage s, struct span took);
void worker_meter_wait(struct meter *m, struct span waited);
void worker_meter_write(const struct meter *m, struct buf *out);

/* For pages that have more to say. */
void worker_meter_head(struct buf *out, const char *name, const char *type, const char *help);
void worker_meter_count(struct buf *out, const char *name, const char *type, const char *help,
			int64_t n);
void worker_meter_seconds(struct buf *out, const char *name, const char *type, const char *help,
			  int64_t ms);

#endif
