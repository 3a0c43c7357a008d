/* A value at rest: only the words in which it differs from what it is at first, so that ten
 * thousand policies that wait are small. What comes back is what went in, to the bit. */
#ifndef CONTROL_IMAGE_H
#define CONTROL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

struct image { /* zeroed: nothing was put yet */
	void *bytes;
	size_t room;
};
void control_image_done(struct image *i);

/* @p size is a multiple of 8, at most 512 KiB; @p first the same at each call of one image. */
void control_image_put(struct image *i, const void *value, const void *first, size_t size);
/* False, and @p ret as @p first: nothing was put. */
bool control_image_get(const struct image *i, const void *first, size_t size, void *ret);

#endif
