/* Independent pieces of work on all cores. Which core does which piece decides nothing. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define POOL_THREADS_MAX 256

/* Cores that this process may use, at least 1. */
unsigned pool_cores(void);
/* Calls fn(arg, 0) … fn(arg, n - 1), each once, on up to @p threads threads, and waits for all. @p
 * fn may write only what belongs to its piece. No piece is begun once *stop is set (NULL: never);
 * those that run are finished. Returns how many were begun: always the first so many. */
size_t pool_run(unsigned threads, size_t n, void (*fn)(void *arg, size_t i), void *arg,
		const volatile int *stop);

#endif
