#include "model/wait.h"

#include <stddef.h>
#include <string.h>

#include "model/policy.h"

#define FIRST_SERVICE_MS 60000 /* a job takes a minute, weighed as that many jobs */
#define FIRST_JOBS 10
#define FIRST_BOOT_MS 120000
#define FIRST_BOOTS 2
#define FIRST_TURNS_MILLI 7000

void wait_init(struct wait *w)
{
	memset(w, 0, sizeof(*w));
	w->turn_at = w->fed_to = w->period_end = w->busy_at = w->launched_at = INSTANT_NEVER;
	w->busy_ms = (int64_t)FIRST_SERVICE_MS * FIRST_JOBS;
	w->done = FIRST_JOBS;
	w->boot_ms = (int64_t)FIRST_BOOT_MS * FIRST_BOOTS;
	w->boots = FIRST_BOOTS;
	w->slots_milli = 1000;
	w->kills_milli = WAIT_KILLS_UNKNOWN;
	w->use_service_ms = FIRST_SERVICE_MS;
	w->use_boot_ms = FIRST_BOOT_MS;
	w->use_slots_milli = 1000;
	w->turns_milli = FIRST_TURNS_MILLI;
	for (unsigned i = 0; i < WAIT_SEEN; i++)
		w->seen[i] = -1;
}

#define COUNT_SOME 1000000000
#define DAY_MS 86400000
#define COUNT_MOST ((int64_t)1 << 60)

/* The plain fields, by tag. A tag once stored keeps its meaning. */
static const struct tag {
	const char *name;
	enum { TAG_INSTANT, TAG_I32, TAG_I64, TAG_U8, TAG_SIGN } type;
	size_t offset;
} tags[] = {
#define TAG(type, member)                                    \
	{                                                    \
#member, type, offsetof(struct wait, member) \
	}
	TAG(TAG_INSTANT, turn_at),
	TAG(TAG_INSTANT, fed_to),
	TAG(TAG_INSTANT, period_end),
	TAG(TAG_INSTANT, busy_at),
	TAG(TAG_INSTANT, launched_at),
	TAG(TAG_I32, visible),
	TAG(TAG_I32, in_flight),
	TAG(TAG_I32, serving),
	TAG(TAG_I32, pending),
	TAG(TAG_I32, before),
	TAG(TAG_I64, oldest_ms),
	TAG(TAG_I64, busy_ms),
	TAG(TAG_I64, done),
	TAG(TAG_I64, boot_ms),
	TAG(TAG_I64, boots),
	TAG(TAG_I32, slots_milli),
	TAG(TAG_I64, seen_slot),
	TAG(TAG_I32, excess_turns),
	TAG(TAG_I32, kills_milli),
	TAG(TAG_I64, killed_milli),
	TAG(TAG_I64, started_milli),
	TAG(TAG_I64, late_milli),
	TAG(TAG_I64, chosen_halves),
	TAG(TAG_I32, turns_milli),
	TAG(TAG_SIGN, direction),
	TAG(TAG_U8, setting),
	TAG(TAG_I64, use_service_ms),
	TAG(TAG_I64, use_boot_ms),
	TAG(TAG_I64, use_slots_milli),
	TAG(TAG_I64, use_keep_ms),
	TAG(TAG_I64, step_ms),
	TAG(TAG_I64, step),
	TAG(TAG_I64, part_ms),
	TAG(TAG_I64, part_jobs),
	TAG(TAG_I64, jobs),
	TAG(TAG_I64, gap_steps),
	TAG(TAG_U8, gap_class),
	TAG(TAG_I64, gap_left_ms),
#undef TAG
};

static int64_t tag_value(const struct tag *t, const struct wait *w)
{
	const void *field = (const char *)w + t->offset;

	switch (t->type) {
	case TAG_INSTANT:
		return ((const struct instant *)field)->ms;
	case TAG_I32:
		return *(const int32_t *)field;
	case TAG_I64:
		return *(const int64_t *)field;
	case TAG_U8:
		return *(const uint8_t *)field;
	case TAG_SIGN:
		return *(const int8_t *)field;
	}
	return 0;
}

static int64_t between(int64_t v, int64_t least, int64_t most)
{
	return v < least ? least : v > most ? most : v;
}

static void tag_take(const struct tag *t, int64_t v, struct instant now, struct wait *w)
{
	void *field = (char *)w + t->offset;

	switch (t->type) {
	case TAG_INSTANT:
		*(struct instant *)field = (struct instant){ v > now.ms ? now.ms : v };
		break;
	case TAG_I32:
		*(int32_t *)field = (int32_t)between(v, 0, INT32_MAX);
		break;
	case TAG_I64:
		*(int64_t *)field = between(v, 0, COUNT_MOST);
		break;
	case TAG_U8:
		*(uint8_t *)field = (uint8_t)between(v, 0, UINT8_MAX);
		break;
	case TAG_SIGN:
		*(int8_t *)field = (int8_t)between(v, -1, 1);
		break;
	}
}

static void write_i32(struct json *o, const char *name, const int32_t *v, size_t n)
{
	struct json *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_add(a, json_new_int(v[i]));
	json_set(o, name, a);
}

static void read_i32(const struct json *a, int64_t least, int32_t *v, size_t n)
{
	int64_t one;

	for (size_t i = 0; i < n; i++)
		if (json_int(json_at(a, i), &one))
			v[i] = (int32_t)between(one, least, INT32_MAX);
}

static void write_u32(struct json *o, const char *name, const uint32_t *v, size_t n)
{
	struct json *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_add(a, json_new_int(v[i]));
	json_set(o, name, a);
}

static void read_u32(const struct json *a, uint32_t *v, size_t n)
{
	int64_t one;

	for (size_t i = 0; i < n; i++)
		if (json_int(json_at(a, i), &one))
			v[i] = (uint32_t)between(one, 0, UINT32_MAX);
}

/* waiting, running, serving, leaving, high (2), late, cost, turns, direction, each stage. */
static struct json *write_fleet(const struct wait_fleet *f)
{
	const int64_t v[] = { f->waiting, f->running, f->serving, f->leaving,     f->high[0],
			      f->high[1], f->late,    f->cost,    f->turns_milli, f->direction };
	struct json *a = json_array();

	for (size_t i = 0; i < COUNT_OF(v); i++)
		json_add(a, json_new_int(v[i]));
	for (size_t i = 0; i < WAIT_BOOTS; i++)
		json_add(a, json_new_int(f->boot[i]));
	return a;
}

static void read_fleet(const struct json *a, struct wait_fleet *f)
{
	int32_t *const counts[] = { &f->waiting, &f->running, &f->serving,
				    &f->leaving, &f->high[0], &f->high[1] };
	int64_t v;

	for (size_t i = 0; i < COUNT_OF(counts); i++)
		if (json_int(json_at(a, i), &v))
			*counts[i] = (int32_t)between(v, 0, COUNT_SOME);
	f->serving = (int32_t)between(f->serving, 0, POLICY_CAPACITY_MAX);
	if (json_int(json_at(a, 6), &v))
		f->late = (uint32_t)between(v, 0, UINT32_MAX / 2);
	if (json_int(json_at(a, 7), &v))
		f->cost = (uint32_t)between(v, 0, UINT32_MAX / 2);
	if (json_int(json_at(a, 8), &v))
		f->turns_milli = (uint16_t)between(v, 0, UINT16_MAX);
	if (json_int(json_at(a, 9), &v))
		f->direction = (int8_t)between(v, -1, 1);
	for (size_t i = 0; i < WAIT_BOOTS; i++)
		if (json_int(json_at(a, 10 + i), &v))
			f->boot[i] = (uint16_t)between(v, 0, UINT16_MAX);
}

struct json *wait_write(const struct wait *w)
{
	struct json *o = json_object(), *fleets = json_array();

	for (size_t i = 0; i < COUNT_OF(tags); i++)
		json_set_int(o, tags[i].name, tag_value(&tags[i], w));
	write_i32(o, "seen", w->seen, COUNT_OF(w->seen));
	write_i32(o, "arrived", w->arrived, COUNT_OF(w->arrived));
	write_i32(o, "high", w->high[0], WAIT_HOLDS * 2);
	write_u32(o, "gaps", w->gaps, COUNT_OF(w->gaps));
	write_u32(o, "gap_late", w->gap_late, COUNT_OF(w->gap_late));
	for (size_t i = 0; i < WAIT_FLEETS; i++)
		json_add(fleets, write_fleet(&w->fleet[i]));
	json_set(o, "trials", fleets);
	return o;
}

/* What is divided by, counted down or used as an index must make sense whatever was stored. */
static void make_sense(struct wait *w)
{
	struct wait first;

	wait_init(&first);
	w->kills_milli = w->kills_milli > 1000 ? 1000 : w->kills_milli;
	w->turns_milli = w->turns_milli > 1000000 ? 1000000 : w->turns_milli;
	if (w->done == 0 || w->busy_ms == 0) {
		w->done = first.done;
		w->busy_ms = first.busy_ms;
	}
	if (w->boots == 0 || w->boot_ms == 0) {
		w->boots = first.boots;
		w->boot_ms = first.boot_ms;
	}
	w->part_ms = between(w->part_ms, 0, DAY_MS);
	w->part_jobs = between(w->part_jobs, 0, COUNT_SOME);
	w->gap_steps = between(w->gap_steps, 0, COUNT_SOME);
	w->use_service_ms = between(w->use_service_ms, 1, 7 * DAY_MS);
	w->use_boot_ms = between(w->use_boot_ms, 1, DAY_MS);
	w->use_slots_milli = between(w->use_slots_milli, 1000, 10000000);
	w->oldest_ms = between(w->oldest_ms, 0, (int64_t)COUNT_SOME);
	if (w->setting >= WAIT_FLEETS)
		w->setting = 0;
	if (w->gap_class >= WAIT_GAPS)
		w->gap_class = 0;
}

void wait_read(const struct json *stored, struct instant now, struct wait *ret)
{
	const struct json *fleets = json_get(stored, "trials");
	int64_t v;

	wait_init(ret);
	if (json_type(stored) != JSON_OBJECT || json_count(fleets) != WAIT_FLEETS)
		return;
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		if (json_get_int(stored, tags[i].name, &v))
			tag_take(&tags[i], v, now, ret);
	read_i32(json_get(stored, "seen"), -1, ret->seen, COUNT_OF(ret->seen));
	read_i32(json_get(stored, "arrived"), 0, ret->arrived, COUNT_OF(ret->arrived));
	read_i32(json_get(stored, "high"), 0, ret->high[0], WAIT_HOLDS * 2);
	read_u32(json_get(stored, "gaps"), ret->gaps, COUNT_OF(ret->gaps));
	read_u32(json_get(stored, "gap_late"), ret->gap_late, COUNT_OF(ret->gap_late));
	for (size_t i = 0; i < WAIT_FLEETS; i++)
		read_fleet(json_at(fleets, i), &ret->fleet[i]);
	make_sense(ret);
	ret->known = true;
}
