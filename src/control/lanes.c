#include "control/lanes.h"

#include <string.h>

#include "base/own.h"

#define STATES_MAX 65 /* of a lane: it has no more gates */

struct lanes {
	struct loop *loop;
	lane_change_fn *on_change;
	void *arg;
	struct lanes_item {
		char *region;             /* NULL: the default */
		char *role, *external_id; /* NULL: the base keys; given to no id */
		struct lane *lane;
	} * item;
	size_t count;
};

struct lanes *control_lanes_new(struct loop *l)
{
	struct lanes *s = own_alloc(sizeof(*s));

	s->loop = l;
	return s;
}

void control_lanes_watch(struct lanes *l, lane_change_fn *fn, void *arg)
{
	l->on_change = fn;
	l->arg = arg;
}

void control_lanes_free(struct lanes *l)
{
	if (!l)
		return;
	while (l->count--) { /* the newest first: it may take its keys from an older one */
		lane_free(l->item[l->count].lane);
		own_free(l->item[l->count].region);
		own_free(l->item[l->count].role);
		own_free(l->item[l->count].external_id);
	}
	own_free(l->item);
	own_free(l);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The first lane that has the keys of this role, whatever its region. */
static struct lane *keys_of(const struct lanes *l, const char *role, const char *external_id)
{
	for (size_t i = 0; i < l->count; i++)
		if (same(l->item[i].role, role) && same(l->item[i].external_id, external_id))
			return l->item[i].lane;
	return NULL;
}

static struct lane *find(const struct lanes *l, const char *region, const char *role,
			 const char *external_id)
{
	for (size_t i = 0; i < l->count; i++)
		if (same(l->item[i].region, region) && same(l->item[i].role, role) &&
		    same(l->item[i].external_id, external_id))
			return l->item[i].lane;
	return NULL;
}

struct lane *control_lanes_get(struct lanes *l, const char *region, const char *role_arn,
			       const char *external_id, struct err *e)
{
	struct sts_role role = { .arn = role_arn, .external_id = external_id };
	/* Its calls are an account's and region's own, which throttles by just these. */
	struct lane_options o = { .region = region,
				  .adaptive = true,
				  .on_change = l->on_change,
				  .on_change_arg = l->arg };
	struct lane *lane = find(l, region, role_arn, external_id);

	if (lane)
		return lane;
	o.base = keys_of(l, role_arn, external_id);
	if (role_arn && !o.base) {
		o.role = &role;
		o.base = control_lanes_get(l, region, NULL, NULL, e);
		if (!o.base)
			return NULL;
	}
	lane = lane_new(l->loop, &o, e);
	if (!lane)
		return NULL;
	l->item = own_grow(l->item, l->count + 1, sizeof(*l->item));
	l->item[l->count++] = (struct lanes_item){ own_strdup(region), own_strdup(role_arn),
						   own_strdup(external_id), lane };
	return lane;
}

void control_lanes_states(const struct lanes *l, control_lanes_state_fn *fn, void *arg)
{
	struct lane_state s[STATES_MAX];

	for (size_t i = 0; i < l->count; i++) {
		size_t n = lane_states(l->item[i].lane, s, STATES_MAX);

		for (size_t k = 0; k < n; k++)
			fn(&s[k], l->item[i].role, arg);
	}
}
