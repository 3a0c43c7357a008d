#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define ARENA_CHUNK_BYTES 1024 /* most documents are small, and some are many */
#define ARENA_CHUNK_MAX_BYTES 8192

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

void arena_done(struct arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->next;
		own_wipe(c->bytes, c->used); /* a document may hold secrets */
		own_free(c);
	}
}

/* As large as the last, or twice: so many chunks that each costs little. */
static size_t chunk_bytes(const struct arena_chunk *last)
{
	if (!last || !last->next)
		return ARENA_CHUNK_BYTES;
	return 2 * last->size < ARENA_CHUNK_MAX_BYTES ? 2 * last->size : ARENA_CHUNK_MAX_BYTES;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->chunks;
	size_t room = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *p;

	if (room < size || room > SIZE_MAX / 2)
		own_array(SIZE_MAX,
			  2); /* ends the process: sizes from outside are bounded before */
	if (!c || c->size - c->used < room) {
		size_t bytes = chunk_bytes(c);

		if (bytes < room)
			bytes = room;

		c = own_alloc(sizeof(*c) + bytes);
		c->size = bytes;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->bytes + c->used;
	c->used += room;
	return p;
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (len)
		memcpy(copy, s, len);
	return copy;
}
