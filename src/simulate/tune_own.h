/* What the parts of the search share. */
#ifndef SIMULATE_TUNE_OWN_H
#define SIMULATE_TUNE_OWN_H

#include "simulate/tune.h"

/* The index of the setting @p at; *ret_new: it was not known. */
size_t tune_point_of(struct tune *t, const uint8_t *at, bool *ret_new);
/* Played on all seeds, and what that says. */
bool tune_full(const struct tune *t, const struct tune_point *p);
bool tune_keeps(const struct tune *t, const struct tune_point *p);
bool tune_better(const struct tune *t, const struct tune_point *a, const struct tune_point *b);
/* Plays @p n points on what is left of their seeds, or of the first only. */
int tune_play(struct tune *t, const size_t *points, size_t n, bool one);
/* Plays those of @p at that are new: all on one seed, then what is promising on all. Points may
 * move. */
int tune_look(struct tune *t, uint8_t (*at)[TUNE_AXES_MAX], size_t n);
/* As many plays as were allowed. */
bool tune_spent(const struct tune *t);

#endif
