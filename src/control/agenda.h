/* Turns that wait for their time, the next one first: a binary heap, since ten thousand policies
 * are too many to look through at each round. Borrows the turns. */
#ifndef CONTROL_AGENDA_H
#define CONTROL_AGENDA_H

#include "control/control.h"

struct agenda { /* zeroed is empty */
	struct turn **heap;
	size_t count, room;
};

void control_agenda_done(struct agenda *a);
void control_agenda_add(struct agenda *a, struct turn *t); /* by t->due */
struct turn *control_agenda_next(const struct agenda *a);  /* NULL: none */
struct turn *control_agenda_take(struct agenda *a);        /* that one; not from an empty one */

#endif
