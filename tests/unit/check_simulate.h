/* What the tests of simulate/ share. */
#ifndef CHECK_SIMULATE_H
#define CHECK_SIMULATE_H

#include <check.h>
#include <string.h>

#include "simulate/plant.h"

/* A fleet that stays as it is. */
static inline int64_t stay(void *self, const struct plant_view *v, struct span *ret_next)
{
	(void)self;
	(void)v;
	*ret_next = span_s(3600);
	return -1;
}

static inline void set(struct knobs *k, const char *assignment)
{
	struct err e;

	ck_assert_msg(knobs_set(k, assignment, &e) == 0, "%s", e.text);
}

static inline void load(struct load *l, const char *what)
{
	struct err e;

	ck_assert_msg(load_open(what, 1, l, &e) == 0, "%s", e.text);
}

Suite *suite_bound(void);
Suite *suite_load(void);
Suite *suite_peers(void);
Suite *suite_theory(void);
Suite *suite_trace(void);
Suite *suite_tune(void);

#endif
