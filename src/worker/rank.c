#include "worker/rank.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/own.h"

/* Not the id itself: ids of one launch are alike, and the oldest would go first each time. */
static uint64_t hash(const char *id)
{
	uint8_t sum[CRYPTO_SHA256_BYTES];
	uint64_t h = 0;

	crypto_sha256(id, strlen(id), sum);
	for (int i = 0; i < 8; i++)
		h = h << 8 | sum[i];
	return h;
}

struct guarded {
	uint64_t hash;
	const struct asg_instance *in;
};

/* Strict order of (hash, id). */
static int order(const void *a, const void *b)
{
	const struct guarded *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return strcmp(x->in->id, y->in->id);
}

/* Those that go, in their order: each that the surplus still holds whole, as the group keeps an
 * instance that weighs more than it has too much. */
static void walk(const struct guarded *list, size_t n, const char *id, struct rank *r)
{
	int64_t gone = 0, ahead = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t weight = list[i].in->weight;
		bool goes = gone + weight <= r->surplus;

		if (strcmp(list[i].in->id, id) == 0) {
			r->place = ahead;
			r->yields = goes;
			return;
		}
		ahead += weight;
		gone += goes ? weight : 0;
	}
}

struct rank worker_rank(const struct asg_group *g, const char *id)
{
	AUTO(own_freep)
	struct guarded *list = own_array(g->instance_count + 1, sizeof(*list));
	struct rank r = { .desired = g->desired, .place = -1 };
	int64_t free_to_go = 0;
	size_t n = 0;

	for (size_t i = 0; i < g->instance_count; i++) {
		const struct asg_instance *in = &g->instances[i];

		if (in->state != ASG_IN_SERVICE)
			continue;
		r.in_service += in->weight;
		if (in->protected)
			list[n++] = (struct guarded){ hash(in->id), in };
		else
			free_to_go += in->weight;
	}
	r.surplus = r.in_service - r.desired - free_to_go;
	qsort(list, n, sizeof(*list), order);
	walk(list, n, id, &r);
	return r;
}
