/* Replies of a Redis, in pieces of several sizes, and URLs of one. */
#include "fuzz.h"

#include <string.h>

#include "broker/redis.h"

#define CAP 4096

static size_t bytes_of(const struct broker_redis_reply *r, size_t *items)
{
	size_t n = r->len;

	FUZZ_HOLDS(r->kind == REDIS_ARRAY || r->count == 0);
	FUZZ_HOLDS(!r->str || r->str[r->len] == '\0');
	*items += r->count;
	for (size_t i = 0; i < r->count; i++) {
		FUZZ_HOLDS(broker_redis_item(r, i) != NULL);
		n += bytes_of(r->items[i], items);
	}
	FUZZ_HOLDS(broker_redis_item(r, r->count) == NULL);
	return n;
}

/* Replies read, or -1 - so many when it breaks off. */
static long read_all(const char *data, size_t size, size_t step)
{
	AUTO(broker_redis_reader_freep)
	struct broker_redis_reader *reader = broker_redis_reader_new(CAP);
	long n = 0;

	for (size_t at = 0; at < size; at += step) {
		struct err e = { 0 };

		if (broker_redis_reader_feed(reader, data + at, size - at < step ? size - at : step,
					     &e) < 0)
			return -1 - n;
		for (;;) {
			AUTO(broker_redis_reply_freep) struct broker_redis_reply *r = NULL;
			size_t items = 0;

			if (broker_redis_reader_next(reader, &r, &e) < 0) {
				FUZZ_HOLDS(e.kind == ERR_PROTOCOL);
				return -1 - n;
			}
			if (!r)
				break;
			FUZZ_HOLDS(bytes_of(r, &items) <= size);
			FUZZ_HOLDS(items <= BROKER_REDIS_ITEMS_MAX);
			if (r->kind == REDIS_ERROR)
				FUZZ_HOLDS(broker_redis_error(r, &e) < 0);
			n++;
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(own_freep) char *text = own_strndup((const char *)data, size);
	AUTO(broker_redis_place_done) struct broker_redis_place place = { 0 };
	struct err e = { 0 };
	long whole;

	whole = read_all((const char *)data, size, size ? size : 1);
	if (size <= CAP) /* then no cap depends on the pieces */
		FUZZ_HOLDS(read_all((const char *)data, size, 1) == whole);
	read_all((const char *)data, size, 7);
	if (broker_redis_place_read(text, &place, &e) == 0)
		FUZZ_HOLDS(place.host[0] && place.port > 0 && place.port < 65536 && place.db >= 0);
	else
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
	return 0;
}
