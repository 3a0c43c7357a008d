#include <stdio.h>
#include <string.h>

#include "model/say.h"

static const struct {
	const char *name;
	unsigned bit;
	size_t offset;
} queue_tags[] = {
	{ "visible", QUEUE_VISIBLE, offsetof(struct fact, visible) },
	{ "in_flight", QUEUE_IN_FLIGHT, offsetof(struct fact, in_flight) },
	{ "delayed", QUEUE_DELAYED, offsetof(struct fact, delayed) },
	{ "oldest_age_ms", QUEUE_OLDEST_AGE, offsetof(struct fact, oldest_age_ms) },
	{ "sent", QUEUE_SENT, offsetof(struct fact, sent) },
	{ "deleted", QUEUE_DELETED, offsetof(struct fact, deleted) },
	{ "early", QUEUE_EARLY, offsetof(struct fact, early) },
	{ "early_silent", QUEUE_EARLY, offsetof(struct fact, early_silent) },
};

static const struct {
	const char *name;
	size_t offset;
} group_tags[] = {
	{ "min", offsetof(struct capacity, min) },
	{ "max", offsetof(struct capacity, max) },
	{ "desired", offsetof(struct capacity, desired) },
	{ "in_service", offsetof(struct capacity, in_service) },
	{ "pending", offsetof(struct capacity, pending) },
	{ "warming", offsetof(struct capacity, warming) },
	{ "ready", offsetof(struct capacity, ready) },
	{ "busy", offsetof(struct capacity, busy) },
	{ "draining", offsetof(struct capacity, draining) },
	{ "failed", offsetof(struct capacity, failed) },
};

/* Told where there are any: most groups have none. */
static const struct {
	const char *name;
	size_t offset;
} rare_tags[] = {
	{ "standby", offsetof(struct capacity, standby) },
	{ "warmed", offsetof(struct capacity, warmed) },
	{ "heaviest", offsetof(struct capacity, heaviest) },
};

static int64_t *field(void *base, size_t offset)
{
	return (int64_t *)((char *)base + offset);
}

static bool names_metric(const struct stair *s)
{
	return strstr(say_reason_text((enum reason)s->code), "{x0}") != NULL;
}

static bool names_schedule(const struct stair *s)
{
	return strstr(say_reason_text((enum reason)s->code), "{s0}") != NULL;
}

static struct json *stair_json(const struct policy *p, const struct stair *s)
{
	struct json *o = json_object(), *args = json_array();
	AUTO(buf_done) struct buf text = BUF(1024);
	int step = say_reason_step((enum reason)s->code);

	json_set_int(o, "step", step);
	json_set_str(o, "stair", say_step_word(step));
	json_set_str(o, "reason", say_reason_word((enum reason)s->code));
	if (s->rule >= 0 && (size_t)s->rule < p->rule_count)
		json_set_str(o, "rule", p->rules[s->rule].name);
	if (names_metric(s) && s->arg[0] >= 0 && (uint64_t)s->arg[0] < p->metric_count)
		json_set_str(o, "metric", p->metrics[s->arg[0]].name);
	if (names_schedule(s) && s->arg[0] >= 0 && (uint64_t)s->arg[0] < p->schedule_count)
		json_set_str(o, "schedule", p->schedules[s->arg[0]].name);
	json_set_int(o, "from", s->from);
	json_set_int(o, "to", s->to);
	for (size_t i = 0; i < COUNT_OF(s->arg); i++)
		json_add(args, json_new_int(s->arg[i]));
	json_set(o, "args", args);
	say_stair(p, s, &text);
	json_set_str(o, "text", buf_str(&text));
	return o;
}

struct json *say_plan_json(const struct policy *p, const struct plan *plan)
{
	struct json *o = json_object(), *stairs = json_array();

	json_set_str(o, "act", plan->act == PLAN_SET ? "set" : "hold");
	json_set_bool(o, "may_write", plan->may_write);
	json_set_bool(o, "known", plan->known);
	json_set_int(o, "current", plan->current);
	json_set_int(o, "desired", plan->desired);
	json_set_int(o, "low", plan->low);
	json_set_int(o, "high", plan->high);
	json_set_str(o, "why", say_reason_word((enum reason)plan->why));
	for (size_t i = 0; i < plan->stair_count; i++)
		json_add(stairs, stair_json(p, &plan->stairs[i]));
	json_set(o, "stairs", stairs);
	return o;
}

static int read_size(const struct json *o, const char *name, int32_t *ret, struct err *e)
{
	int64_t v;

	if (!json_get_int(o, name, &v) || v < INT32_MIN || v > INT32_MAX)
		return err_set(e, ERR_PROTOCOL, "the stored plan has no usable '%s'", name);
	*ret = (int32_t)v;
	return 0;
}

static int find_rule(const struct policy *p, const char *name)
{
	for (size_t i = 0; name && i < p->rule_count; i++)
		if (strcmp(p->rules[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int find_metric(const struct policy *p, const char *name)
{
	for (size_t i = 0; name && i < p->metric_count; i++)
		if (strcmp(p->metrics[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int find_schedule(const struct policy *p, const char *name)
{
	for (size_t i = 0; name && i < p->schedule_count; i++)
		if (strcmp(p->schedules[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int stair_read(const struct policy *p, const struct json *o, struct stair *ret,
		      struct err *e)
{
	enum reason code;

	*ret = (struct stair){ 0 };
	if (say_reason_parse(json_get_str(o, "reason"), &code) < 0)
		return err_set(e, ERR_PROTOCOL, "the stored stair has no known reason");
	ret->code = (uint16_t)code;
	ret->rule = (int16_t)find_rule(p, json_get_str(o, "rule"));
	for (size_t i = 0; i < COUNT_OF(ret->arg); i++)
		if (!json_int(json_at(json_get(o, "args"), i), &ret->arg[i]))
			ret->arg[i] = 0;
	if (names_metric(ret))
		ret->arg[0] = find_metric(p, json_get_str(o, "metric"));
	if (names_schedule(ret))
		ret->arg[0] = find_schedule(p, json_get_str(o, "schedule"));
	return read_size(o, "from", &ret->from, e) < 0 || read_size(o, "to", &ret->to, e) < 0 ? -1
											      : 0;
}

int say_plan_read(const struct policy *p, const struct json *stored, struct plan *ret,
		  struct err *e)
{
	const struct json *stairs = json_get(stored, "stairs");
	const char *act = json_get_str(stored, "act");
	enum reason why;

	memset(ret, 0, sizeof(*ret));
	if (!act || say_reason_parse(json_get_str(stored, "why"), &why) < 0)
		return err_set(e, ERR_PROTOCOL, "the stored plan has no act or no reason");
	ret->act = strcmp(act, "set") == 0 ? PLAN_SET : PLAN_HOLD;
	ret->why = (uint16_t)why;
	(void)json_get_bool(stored, "may_write", &ret->may_write);
	(void)json_get_bool(stored, "known", &ret->known);
	if (read_size(stored, "current", &ret->current, e) < 0 ||
	    read_size(stored, "desired", &ret->desired, e) < 0 ||
	    read_size(stored, "low", &ret->low, e) < 0 ||
	    read_size(stored, "high", &ret->high, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(stairs) && i < PLAN_STAIRS_MAX; i++, ret->stair_count++)
		if (stair_read(p, json_at(stairs, i), &ret->stairs[i], e) < 0)
			return -1;
	return 0;
}

static struct json *fact_json(const struct fact *f)
{
	struct json *o = json_object();

	json_set_str(o, "why", say_why_word(f->why));
	if (!instant_is_never(f->seen_at))
		json_set_int(o, "seen_at", f->seen_at.ms);
	if (!f->is_queue) {
		json_set_int(o, "value_milli", f->value_milli);
		return o;
	}
	json_set_bool(o, "queue", true);
	for (size_t i = 0; i < COUNT_OF(queue_tags); i++)
		if (f->has & queue_tags[i].bit)
			json_set_int(o, queue_tags[i].name,
				     *field((void *)f, queue_tags[i].offset));
	if (f->has & (QUEUE_SENT | QUEUE_DELETED)) {
		json_set_int(o, "period_end", f->period_end.ms);
		json_set_int(o, "period_ms", f->period.ms);
	}
	return o;
}

/* Only where there is something to tell: most groups launch what they should. */
static void launch_json(const struct capacity *g, struct json *group)
{
	if (g->launch_failures > 0) {
		json_set_int(group, "launch_failures", g->launch_failures);
		json_set_str(group, "launch_why", say_launch_word(g->launch_why));
		json_set_str(group, "launch_text", g->launch_text);
	}
	if (g->launch_read != FACT_READABLE)
		json_set_str(group, "launch_read", say_why_word(g->launch_read));
}

static void state_json(const struct capacity *g, struct json *group)
{
	for (size_t i = 0; i < COUNT_OF(rare_tags); i++) {
		int64_t n = *field((void *)g, rare_tags[i].offset);

		if (n > 0)
			json_set_int(group, rare_tags[i].name, n);
	}
	if (g->launch_suspended)
		json_set_bool(group, "launch_suspended", true);
	if (g->terminate_suspended)
		json_set_bool(group, "terminate_suspended", true);
	if (g->refreshing)
		json_set_int(group, "refresh_left", g->refresh_left);
}

static const struct {
	const char *name;
	size_t offset;
} spent_tags[] = {
	{ "sqs", offsetof(struct facts_spent, sqs) },
	{ "autoscaling", offsetof(struct facts_spent, autoscaling) },
	{ "cloudwatch", offsetof(struct facts_spent, cloudwatch) },
	{ "metrics", offsetof(struct facts_spent, metrics) },
};

static void spent_json(const struct facts_spent *s, struct json *facts)
{
	struct json *o = json_object();
	bool any = false;

	for (size_t i = 0; i < COUNT_OF(spent_tags); i++) {
		int64_t n = *field((void *)s, spent_tags[i].offset);

		if (n > 0)
			json_set_int(o, spent_tags[i].name, n);
		any = any || n > 0;
	}
	if (any)
		json_set(facts, "spent", o);
	else
		json_free(o);
}

void say_spent_read(const struct json *facts, struct facts_spent *ret)
{
	const struct json *o = json_get(facts, "spent");

	*ret = (struct facts_spent){ 0 };
	for (size_t i = 0; i < COUNT_OF(spent_tags); i++)
		if (!json_get_int(o, spent_tags[i].name, field(ret, spent_tags[i].offset)) ||
		    *field(ret, spent_tags[i].offset) < 0)
			*field(ret, spent_tags[i].offset) = 0;
}

struct json *say_facts_json(const struct policy *p, const struct facts *f)
{
	struct json *o = json_object(), *group = json_object(), *metrics = json_object();

	json_set_str(group, "why", say_why_word(f->group.why));
	if (!instant_is_never(f->group.seen_at))
		json_set_int(group, "seen_at", f->group.seen_at.ms);
	for (size_t i = 0; i < COUNT_OF(group_tags); i++)
		json_set_int(group, group_tags[i].name,
			     *field((void *)&f->group, group_tags[i].offset));
	state_json(&f->group, group);
	launch_json(&f->group, group);
	json_set(o, "group", group);
	for (size_t i = 0; i < f->metric_count && i < p->metric_count; i++)
		if (!policy_metric_is_derived(&p->metrics[i]))
			json_set(metrics, p->metrics[i].name, fact_json(&f->metric[i]));
	json_set(o, "metrics", metrics);
	spent_json(&f->spent, o);
	return o;
}

static enum fact_why why_of(const char *word, enum fact_why otherwise)
{
	for (int w = FACT_READABLE; word && w < FACT_WHY_COUNT; w++)
		if (strcmp(word, say_why_word((enum fact_why)w)) == 0)
			return (enum fact_why)w;
	return otherwise;
}

static enum fact_why read_why(const struct json *o)
{
	return why_of(json_get_str(o, "why"), FACT_NEVER_READ);
}

static void launch_read(const struct json *group, struct capacity *g)
{
	const char *word = json_get_str(group, "launch_why");
	const char *text = json_get_str(group, "launch_text");

	g->launch_read = why_of(json_get_str(group, "launch_read"), FACT_READABLE);
	(void)json_get_int(group, "launch_failures", &g->launch_failures);
	for (int w = LAUNCH_OTHER; word && w < LAUNCH_WHY_COUNT; w++)
		if (strcmp(word, say_launch_word((enum launch_why)w)) == 0)
			g->launch_why = (enum launch_why)w;
	if (text)
		snprintf(g->launch_text, sizeof(g->launch_text), "%s", text);
}

static struct instant read_instant(const struct json *o, const char *name)
{
	int64_t ms;

	return json_get_int(o, name, &ms) ? (struct instant){ ms } : INSTANT_NEVER;
}

static void fact_read(const struct json *o, struct fact *f)
{
	*f = (struct fact){ .why = read_why(o),
			    .seen_at = read_instant(o, "seen_at"),
			    .period_end = INSTANT_NEVER };
	(void)json_get_bool(o, "queue", &f->is_queue);
	(void)json_get_int(o, "value_milli", &f->value_milli);
	for (size_t i = 0; i < COUNT_OF(queue_tags); i++)
		if (json_get_int(o, queue_tags[i].name, field(f, queue_tags[i].offset)))
			f->has |= queue_tags[i].bit;
	if (f->has & (QUEUE_SENT | QUEUE_DELETED)) {
		f->period_end = read_instant(o, "period_end");
		(void)json_get_int(o, "period_ms", &f->period.ms);
	}
}

int say_facts_read(const struct policy *p, const struct json *stored, struct facts *ret,
		   struct err *e)
{
	const struct json *group = json_get(stored, "group");

	memset(ret, 0, sizeof(*ret));
	if (json_type(group) != JSON_OBJECT)
		return err_set(e, ERR_PROTOCOL, "the stored facts have no group");
	ret->group.why = read_why(group);
	ret->group.seen_at = read_instant(group, "seen_at");
	for (size_t i = 0; i < COUNT_OF(group_tags); i++)
		(void)json_get_int(group, group_tags[i].name,
				   field(&ret->group, group_tags[i].offset));
	for (size_t i = 0; i < COUNT_OF(rare_tags); i++)
		(void)json_get_int(group, rare_tags[i].name,
				   field(&ret->group, rare_tags[i].offset));
	if (json_type(json_get(group, "ready")) == JSON_ABSENT) /* of before it was a field */
		ret->group.ready = capacity_ready(ret->group.in_service, ret->group.warming);
	ret->group.refreshing = json_get_int(group, "refresh_left", &ret->group.refresh_left);
	(void)json_get_bool(group, "launch_suspended", &ret->group.launch_suspended);
	(void)json_get_bool(group, "terminate_suspended", &ret->group.terminate_suspended);
	launch_read(group, &ret->group);
	say_spent_read(stored, &ret->spent);
	ret->metric_count =
		p->metric_count < POLICY_METRICS_MAX ? p->metric_count : POLICY_METRICS_MAX;
	for (size_t i = 0; i < ret->metric_count; i++)
		fact_read(json_get(json_get(stored, "metrics"), p->metrics[i].name),
			  &ret->metric[i]);
	return 0;
}
