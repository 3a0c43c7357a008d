#include "worker/rank.h"

#include <string.h>

#include "base/crypto.h"

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

/* Strict order of (hash, id). */
static bool before(const char *a, const char *b)
{
	uint64_t ha = hash(a), hb = hash(b);

	return ha != hb ? ha < hb : strcmp(a, b) < 0;
}

struct rank worker_rank(const struct asg_group *g, const char *id)
{
	struct rank r = { .desired = g->desired, .place = -1 };
	int64_t free_to_go = 0, ahead = 0;

	for (size_t i = 0; i < g->instance_count; i++) {
		const struct asg_instance *in = &g->instances[i];

		if (in->state != ASG_IN_SERVICE)
			continue;
		r.in_service++;
		if (!in->protected)
			free_to_go++;
		else if (strcmp(in->id, id) == 0)
			r.place = 0;
		else
			ahead += before(in->id, id);
	}
	if (r.place == 0)
		r.place = ahead;
	r.surplus = r.in_service - r.desired - free_to_go;
	r.yields = r.place >= 0 && r.place < r.surplus;
	return r;
}
