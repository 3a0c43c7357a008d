#include "control/agenda.h"

#include "base/own.h"

void control_agenda_done(struct agenda *a)
{
	own_free(a->heap);
	*a = (struct agenda){ 0 };
}

void control_agenda_add(struct agenda *a, struct turn *t)
{
	size_t at = a->count++;

	if (a->count > a->room) {
		a->room = a->room ? a->room * 2 : 8;
		a->heap = own_grow(a->heap, a->room, sizeof(*a->heap));
	}
	for (; at > 0 && a->heap[(at - 1) / 2]->due.ms > t->due.ms; at = (at - 1) / 2)
		a->heap[at] = a->heap[(at - 1) / 2];
	a->heap[at] = t;
}

struct turn *control_agenda_next(const struct agenda *a)
{
	return a->count ? a->heap[0] : NULL;
}

struct turn *control_agenda_take(struct agenda *a)
{
	struct turn *taken = a->heap[0], *last = a->heap[--a->count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < a->count) {
		if (child + 1 < a->count && a->heap[child + 1]->due.ms < a->heap[child]->due.ms)
			child++;
		if (a->heap[child]->due.ms >= last->due.ms)
			break;
		a->heap[at] = a->heap[child];
		at = child;
	}
	a->heap[at] = last;
	return taken;
}
