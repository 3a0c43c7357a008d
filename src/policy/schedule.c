/* Schedules: their keys, their checks, and back. */
#include "policy/schedule.h"

#include "policy/zone.h"

static const struct key schedule_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_schedule, name),
	  .required = true,
	  .doc = "what explanations call it" },
	{ .name = "cron",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_schedule, cron),
	  .required = true,
	  .doc = "when it begins: minute, hour, day of month, month and day of week, each *, a "
		 "number or name, a list, a range or a step; where day of month and of week are "
		 "both given, either is enough" },
	{ .name = "duration",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_schedule, duration),
	  .required = true,
	  .least = 60000,
	  .most = CALENDAR_DURATION_MAX_MS,
	  .doc = "how long it holds, in elapsed time" },
	{ .name = "timezone",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_schedule, timezone),
	  .init = "UTC",
	  .doc = "the IANA zone of the cron line, such as America/Bogota; a local time that the "
		 "clocks skip is the moment of the change, one that comes twice is the first" },
	{ .name = "min",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_schedule, min),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_schedule, min_given),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "never fewer while it holds, within the group's bounds" },
	{ .name = "max",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_schedule, max),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_schedule, max_given),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "never more while it holds; of bounds that cross, the max stands" },
};

const struct key_table policy_schedule_table = {
	.name = "schedule",
	.doc = "bounds for a while: the highest min and the lowest max of all that hold",
	.size = sizeof(struct raw_schedule),
	.keys = schedule_keys,
	.count = COUNT_OF(schedule_keys),
};

/* Zones are read once a policy. */
static const struct calendar_zone *zone(const struct check *c, const struct policy *p, size_t i,
					const char *name, struct err *e)
{
	struct calendar_zone *z;

	for (size_t k = 0; k < i; k++)
		if (p->schedules[k].zone && strcmp(p->schedules[k].zone->name, name) == 0)
			return p->schedules[k].zone;
	z = keys_arena_alloc(keys_reader_arena(c->r), sizeof(*z));
	return policy_zone_read(keys_reader_arena(c->r), name, z, e) < 0 ? NULL : z;
}

static void check_same_name(const struct check *c, const struct yaml_node *n, size_t i)
{
	const struct raw_schedule *all = c->raw->schedules;

	for (size_t k = 0; k < i; k++)
		if (all[i].name && all[k].name && strcmp(all[i].name, all[k].name) == 0)
			keys_error(c->r, check_place(c, check_under(n, "name", NULL)),
				   "another schedule is named '%.64s' too", all[i].name);
}

void policy_schedule_check(const struct check *c, size_t i, struct policy *ret)
{
	const struct yaml_node *n = check_item(yaml_get(c->root, "schedules"), i);
	const struct raw_schedule *s = &c->raw->schedules[i];
	struct policy_schedule *to = &ret->schedules[i];
	struct err e;

	*to = (struct policy_schedule){ .name = s->name,
					.cron_text = s->cron,
					.duration = s->duration,
					.min_given = s->min_given,
					.max_given = s->max_given,
					.min = s->min,
					.max = s->max,
					.line = check_place(c, n).line };
	policy_check_name(c, check_place(c, check_under(n, "name", NULL)), "schedule", s->name);
	check_same_name(c, n, i);
	if (!s->min_given && !s->max_given)
		keys_error(c->r, check_place(c, n), "a schedule has min, max or both");
	if (s->min_given && s->max_given && s->min > s->max)
		keys_error(c->r, check_place(c, check_under(n, "min", NULL)),
			   "min %lld is above max %lld", (long long)s->min, (long long)s->max);
	if (s->cron && policy_cron_parse(s->cron, &to->cron, &e) < 0)
		keys_error(c->r, check_place(c, check_under(n, "cron", NULL)), "%s", e.text);
	to->zone = zone(c, ret, i, s->timezone ? s->timezone : "UTC", &e);
	if (!to->zone)
		keys_error(c->r, check_place(c, check_under(n, "timezone", NULL)), "%s", e.text);
}

void policy_schedule_raw(const struct policy_schedule *s, struct raw_schedule *raw)
{
	*raw = (struct raw_schedule){ .name = s->name,
				      .cron = s->cron_text,
				      .timezone = s->zone->name,
				      .duration = s->duration,
				      .min = s->min,
				      .max = s->max,
				      .min_given = s->min_given,
				      .max_given = s->max_given };
}
