/* Memory of one document, freed in one piece. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/own.h"

struct arena {
	struct arena_chunk *chunks; /* the newest first; only it has room */
};

void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strn(struct arena *a, const char *s, size_t len);

#endif
