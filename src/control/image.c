#include "control/image.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/own.h"

#define WORD sizeof(uint64_t)
#define ROOM_STEP 32 /* so that a value that changes a little does not move */

/* Before each run of words that differ; both counts in words. */
struct run {
	uint16_t skip, count;
};

void control_image_done(struct image *i)
{
	if (!i)
		return;
	own_free(i->bytes);
	*i = (struct image){ 0 };
}

/* The next run of words from @p at on; its count is 0 at the end. */
static struct run next_run(const unsigned char *value, const unsigned char *first, size_t at,
			   size_t words)
{
	struct run r = { 0 };

	while (at < words && memcmp(value + at * WORD, first + at * WORD, WORD) == 0) {
		at++;
		r.skip++;
	}
	while (at < words && memcmp(value + at * WORD, first + at * WORD, WORD) != 0) {
		at++;
		r.count++;
	}
	return r;
}

static size_t bytes_of(const void *value, const void *first, size_t words)
{
	size_t at = 0, n = 0;
	struct run r;

	do {
		r = next_run(value, first, at, words);
		at += r.skip + r.count;
		n += sizeof(r) + r.count * WORD;
	} while (r.count > 0);
	return n;
}

void control_image_put(struct image *i, const void *value, const void *first, size_t size)
{
	size_t words = size / WORD, at = 0, need = bytes_of(value, first, words);
	unsigned char *out;
	struct run r;

	assert(size % WORD == 0 && words <= UINT16_MAX);
	need = (need + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
	if (i->room < need || i->room > need + 2 * ROOM_STEP) {
		own_free(i->bytes);
		i->bytes = own_alloc(need);
		i->room = need;
	}
	out = i->bytes;
	do {
		r = next_run(value, first, at, words);
		memcpy(out, &r, sizeof(r));
		out += sizeof(r);
		at += r.skip;
		memcpy(out, (const unsigned char *)value + at * WORD, r.count * WORD);
		out += r.count * WORD;
		at += r.count;
	} while (r.count > 0);
}

bool control_image_get(const struct image *i, const void *first, size_t size, void *ret)
{
	const unsigned char *in = i->bytes;
	unsigned char *to = ret;
	struct run r;

	memcpy(ret, first, size);
	if (!in)
		return false;
	for (;;) {
		memcpy(&r, in, sizeof(r));
		if (r.count == 0)
			return true;
		in += sizeof(r);
		to += r.skip * WORD;
		memcpy(to, in, r.count * WORD);
		in += r.count * WORD;
		to += r.count * WORD;
	}
}
