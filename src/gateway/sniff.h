/* What a file is, by its first bytes and not by its name. */
#ifndef GATEWAY_SNIFF_H
#define GATEWAY_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

#define GATEWAY_SNIFF_BYTES 4096 /* so many tell, or the whole file where it is shorter */
#define GATEWAY_SNIFF_WORDS "mp4|mov|mkv|webm|avi|mpegts|mpeg|flv|ogg|wmv"

struct gateway_sniff {
	const char *word, *content_type, *extension;
};

/* NULL: no video that is known. */
const struct gateway_sniff *gateway_sniff(const void *data, size_t len);
/* Is it one of "mp4,mov,…"? */
bool gateway_sniff_listed(const char *list, const struct gateway_sniff *s);

#endif
