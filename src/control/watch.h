/* What of the turns is worth a log line: changes, not repetitions. */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include "control/control.h"

struct watch;
struct watch *control_watch_new(void);
void control_watch_free(struct watch *w);
void control_watch_turn(struct watch *w, const struct turn *t);

#endif
