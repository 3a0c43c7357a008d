/* ffmpeg's -progress lines: key=value, in blocks that end with progress=continue or progress=end.
 */
#ifndef WORKER_PROGRESS_H
#define WORKER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 256

struct progress {
	char line[PROGRESS_LINE_MAX];
	size_t len;
	bool skipping;       /* the rest of a line that was too long */
	int64_t out_ms;      /* of the output made; -1: none yet */
	int64_t speed_milli; /* times real time, in thousandths; -1: not told */
	uint64_t frames;
	bool ended;
	uint64_t blocks; /* complete ones */
	uint64_t steps;  /* blocks in which frames or time grew: what a stall is measured by */
	uint64_t last_frames;
	int64_t last_ms;
};
#define PROGRESS_INIT ((struct progress){ .out_ms = -1, .speed_milli = -1, .last_ms = -1 })

void worker_progress_add(struct progress *p, const char *data, size_t len);
/* Thousandths of @p whole_ms, 0…1000; 0 while nothing is known. */
int worker_progress_permille(const struct progress *p, int64_t whole_ms);

#endif
