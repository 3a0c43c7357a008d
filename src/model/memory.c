#include "model/memory.h"

#include <string.h>

#define MEMORY_VERSION 1

void memory_init(struct memory *m)
{
	memset(m, 0, sizeof(*m));
	m->last_turn = m->last_out = m->last_in = m->asked_at = INSTANT_NEVER;
	m->foreign_at = m->zero_since = m->group_missing_since = INSTANT_NEVER;
	wait_init(&m->wait);
	m->before.last_out = m->before.last_in = m->before.asked_at = INSTANT_NEVER;
	for (size_t i = 0; i < POLICY_METRICS_MAX; i++)
		m->missing_since[i] = INSTANT_NEVER;
}

/* The plain fields, by tag. A tag once stored keeps its meaning. */
static const struct tag {
	const char *name;
	enum { TAG_INSTANT, TAG_COUNT, TAG_SIZE, TAG_BOOL } type;
	size_t offset;
} tags[] = {
#define TAG(name, type, member)                             \
	{                                                   \
		name, type, offsetof(struct memory, member) \
	}
	TAG("last_turn", TAG_INSTANT, last_turn),
	TAG("last_out", TAG_INSTANT, last_out),
	TAG("last_in", TAG_INSTANT, last_in),
	TAG("last_desired", TAG_SIZE, last_desired),
	TAG("asked_at", TAG_INSTANT, asked_at),
	TAG("seen_desired", TAG_SIZE, seen_desired),
	TAG("seen_desired_known", TAG_BOOL, seen_desired_known),
	TAG("foreign_at", TAG_INSTANT, foreign_at),
	TAG("foreign_from", TAG_SIZE, foreign_from),
	TAG("foreign_to", TAG_SIZE, foreign_to),
	TAG("zero_since", TAG_INSTANT, zero_since),
	TAG("above_samples", TAG_COUNT, above_samples),
	TAG("group_missing_since", TAG_INSTANT, group_missing_since),
	TAG("presumed", TAG_BOOL, presumed),
	TAG("before_last_out", TAG_INSTANT, before.last_out),
	TAG("before_last_in", TAG_INSTANT, before.last_in),
	TAG("before_asked_at", TAG_INSTANT, before.asked_at),
	TAG("before_last_desired", TAG_SIZE, before.last_desired),
	TAG("before_desired", TAG_SIZE, before.desired),
#undef TAG
};

static void write_tag(struct json *o, const struct tag *t, const struct memory *m)
{
	const void *field = (const char *)m + t->offset;

	switch (t->type) {
	case TAG_INSTANT:
		if (!instant_is_never(*(const struct instant *)field))
			json_set_int(o, t->name, ((const struct instant *)field)->ms);
		break;
	case TAG_COUNT:
	case TAG_SIZE:
		if (*(const int32_t *)field != 0)
			json_set_int(o, t->name, *(const int32_t *)field);
		break;
	case TAG_BOOL:
		if (*(const bool *)field)
			json_set_bool(o, t->name, true);
		break;
	}
}

static struct json *write_pair(struct instant at, int32_t value)
{
	struct json *pair = json_array();

	json_add(pair, json_new_int(at.ms));
	json_add(pair, json_new_int(value));
	return pair;
}

static void write_window(struct json *o, const char *name, const struct window *w)
{
	struct json *a;

	if (w->count == 0)
		return;
	a = json_array();
	for (size_t i = 0; i < w->count; i++)
		json_add(a, write_pair(w->item[i].at, w->item[i].value));
	json_set(o, name, a);
}

static void write_moves(struct json *o, const char *name, const struct moves *w)
{
	struct json *a;

	if (w->count == 0)
		return;
	a = json_array();
	for (size_t i = 0; i < w->count; i++)
		json_add(a, write_pair(w->item[i].at, w->item[i].amount));
	json_set(o, name, a);
}

struct json *memory_write(const struct policy *p, const struct memory *m)
{
	struct json *o = json_object(), *metrics = json_object();

	json_set_int(o, "version", MEMORY_VERSION);
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		write_tag(o, &tags[i], m);
	write_window(o, "in_window", &m->in_window);
	write_window(o, "out_window", &m->out_window);
	write_moves(o, "out_moves", &m->out_moves);
	write_moves(o, "in_moves", &m->in_moves);
	for (size_t i = 0; i < p->metric_count && i < POLICY_METRICS_MAX; i++) {
		struct json *one;

		if (instant_is_never(m->missing_since[i]))
			continue;
		one = json_object();
		json_set_int(one, "missing_since", m->missing_since[i].ms);
		json_set(metrics, p->metrics[i].name, one);
	}
	json_set(o, "metrics", metrics);
	if (m->season)
		json_set(o, "season", season_write(m->season, policy_predicted(p)));
	if (m->wait.known)
		json_set(o, "wait", wait_write(&m->wait));
	return o;
}

static int64_t between(int64_t v, int64_t least, int64_t most)
{
	return v < least ? least : v > most ? most : v;
}

/* A stored time: never after now, so that a clock that was ahead cannot hold a fleet for hours. */
static bool read_instant(const struct json *j, struct instant now, struct instant *ret)
{
	int64_t ms;

	if (!json_int(j, &ms))
		return false;
	*ret = (struct instant){ ms > now.ms ? now.ms : ms };
	return true;
}

static void read_tag(const struct json *o, const struct tag *t, struct instant now,
		     struct memory *m)
{
	void *field = (char *)m + t->offset;
	int64_t v;

	switch (t->type) {
	case TAG_INSTANT:
		(void)read_instant(json_get(o, t->name), now, field);
		break;
	case TAG_COUNT:
		if (json_get_int(o, t->name, &v))
			*(int32_t *)field = (int32_t)between(v, 0, INT32_MAX);
		break;
	case TAG_SIZE:
		if (json_get_int(o, t->name, &v))
			*(int32_t *)field = (int32_t)between(v, 0, POLICY_CAPACITY_MAX);
		break;
	case TAG_BOOL:
		(void)json_get_bool(o, t->name, field);
		break;
	}
}

static bool read_pair(const struct json *pair, struct instant now, struct instant *ret_at,
		      int32_t *ret_value)
{
	int64_t v;

	if (json_count(pair) != 2 || !read_instant(json_at(pair, 0), now, ret_at) ||
	    !json_int(json_at(pair, 1), &v))
		return false;
	*ret_value = (int32_t)between(v, 0, POLICY_CAPACITY_MAX);
	return true;
}

/* Keeps what a window must have: times that rise, values that go one way; the newest where there
 * are too many. */
static void read_window(const struct json *a, bool falling, struct instant now, struct window *w)
{
	size_t n = json_count(a);

	for (size_t i = n > MEMORY_WINDOW_MAX ? n - MEMORY_WINDOW_MAX : 0; i < n; i++) {
		struct instant at;
		int32_t value;

		if (!read_pair(json_at(a, i), now, &at, &value))
			continue;
		if (w->count > 0 && at.ms < w->item[w->count - 1].at.ms)
			continue;
		while (w->count > 0 && (falling ? w->item[w->count - 1].value <= value
						: w->item[w->count - 1].value >= value))
			w->count--;
		w->item[w->count].at = at;
		w->item[w->count++].value = value;
	}
}

static void read_moves(const struct json *a, struct instant now, struct moves *w)
{
	size_t n = json_count(a);

	for (size_t i = n > MEMORY_MOVES_MAX ? n - MEMORY_MOVES_MAX : 0; i < n; i++) {
		struct instant at;
		int32_t amount;

		if (!read_pair(json_at(a, i), now, &at, &amount) || amount == 0)
			continue;
		if (w->count > 0 && at.ms < w->item[w->count - 1].at.ms)
			continue;
		w->item[w->count].at = at;
		w->item[w->count++].amount = amount;
	}
}

int memory_read(const struct policy *p, const struct json *stored, struct instant now,
		struct memory *ret, struct err *e)
{
	const struct json *metrics;
	int64_t version;

	memory_init(ret);
	if (json_type(stored) != JSON_OBJECT)
		return err_set(e, ERR_PROTOCOL, "the stored memory is not a JSON object");
	if (!json_get_int(stored, "version", &version) || version < 1)
		return err_set(e, ERR_PROTOCOL, "the stored memory has no version");
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		read_tag(stored, &tags[i], now, ret);
	read_window(json_get(stored, "in_window"), true, now, &ret->in_window);
	read_window(json_get(stored, "out_window"), false, now, &ret->out_window);
	read_moves(json_get(stored, "out_moves"), now, &ret->out_moves);
	read_moves(json_get(stored, "in_moves"), now, &ret->in_moves);
	wait_read(json_get(stored, "wait"), now, &ret->wait);
	metrics = json_get(stored, "metrics");
	for (size_t i = 0; i < p->metric_count && i < POLICY_METRICS_MAX; i++)
		(void)read_instant(json_get(json_get(metrics, p->metrics[i].name), "missing_since"),
				   now, &ret->missing_since[i]);
	return 0;
}
