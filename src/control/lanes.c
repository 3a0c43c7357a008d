#include "control/lanes.h"

#include <string.h>

#include "base/own.h"

struct lanes {
	struct loop *loop;
	struct lanes_item {
		char *region; /* NULL: the default */
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

void control_lanes_free(struct lanes *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		lane_free(l->item[i].lane);
		own_free(l->item[i].region);
	}
	own_free(l->item);
	own_free(l);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

struct lane *control_lanes_get(struct lanes *l, const char *region, struct err *e)
{
	struct lane *lane;

	for (size_t i = 0; i < l->count; i++)
		if (same(l->item[i].region, region))
			return l->item[i].lane;
	lane = lane_new(l->loop, &(struct lane_options){ .region = region }, e);
	if (!lane)
		return NULL;
	l->item = own_grow(l->item, l->count + 1, sizeof(*l->item));
	l->item[l->count++] = (struct lanes_item){ own_strdup(region), lane };
	return lane;
}
