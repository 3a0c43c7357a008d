/* What happens next: a binary heap of events, earliest first, equal times in the order they were
 * added. In the header, since it is most of a run's work. */
#ifndef SIMULATE_EVENTS_H
#define SIMULATE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

struct event {
	int64_t at;
	uint64_t order; /* number of the event, and its kind in the low bits */
	uint32_t what, gen;
};

struct events {
	struct event *heap;
	size_t count, size;
	uint64_t added;
};

#define EVENTS_KIND_BITS 4

static inline unsigned event_kind(const struct event *e)
{
	return (unsigned)(e->order & ((1u << EVENTS_KIND_BITS) - 1));
}

static inline int event_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void events_add(struct events *q, int64_t at, unsigned kind, uint32_t what,
			      uint32_t gen)
{
	struct event e = { at, q->added++ << EVENTS_KIND_BITS | kind, what, gen };
	size_t i = q->count++;

	if (i == q->size) {
		q->size = q->size ? 2 * q->size : 64;
		q->heap = own_grow(q->heap, q->size, sizeof(*q->heap));
	}
	for (; i > 0 && event_before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = e;
}

static inline struct event events_take(struct events *q) /* there must be one */
{
	struct event first = q->heap[0], e = q->heap[--q->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->count) {
		if (child + 1 < q->count && event_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!event_before(&q->heap[child], &e))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = e;
	return first;
}

#endif
