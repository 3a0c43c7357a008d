/* How many jobs at a time this machine takes. */
#ifndef WORKER_SIZE_H
#define WORKER_SIZE_H

#include <stdint.h>

#define WORKER_SIZE_MOST 64

/* Pure: ffmpeg's encoders keep two processors busy each, and want a gigabyte at 1080p. At least
 * one. */
int64_t worker_size_slots(int64_t processors, int64_t memory_bytes);
/* Of what this process may use: affinity and the bounds of its control group. */
int64_t worker_size_here(void);

#endif
