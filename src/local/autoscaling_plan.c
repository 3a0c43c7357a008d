/* PutScheduledUpdateGroupAction, DescribeScheduledActions, DeleteScheduledAction, and their
 * batches. */
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/autoscaling_schedule.h"
#include "local/cloudwatch_query.h"

#define PAGE_USUAL 50
#define PAGE_MOST 100
#define BATCH_MOST 50
#define ACTIONS_MOST 125 /* of a group, AWS's quota */

/* What is there of that name keeps its ARN. */
static int put_one(struct local *l, const char *group, const struct json *o, struct err *e)
{
	AUTO(local_autoscaling_schedule_all_done) struct local_autoscaling_schedules all = { 0 };
	AUTO(local_autoscaling_schedule_done) struct local_autoscaling_schedule s = { 0 };
	const char *name = local_str(o, "ScheduledActionName");
	char id[CRYPTO_UUID_MAX];

	if (!name || !*name || strlen(name) > 255)
		return local_cloudwatch_refuse(
			e, "ValidationError",
			"1 validation error detected: Value at "
			"'scheduledActionName' failed to satisfy constraint: "
			"Member must have length from 1 to 255");
	if (local_autoscaling_schedule_parse(o, local_wall(l), &s, e) < 0 ||
	    local_autoscaling_schedule_list(l, group, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (!strcmp(all.all[i].name, name))
			s.arn = own_strdup(all.all[i].arn);
	if (!s.arn && all.count >= ACTIONS_MOST)
		return local_cloudwatch_refuse(e, "LimitExceeded",
					       "A group has at most %d scheduled actions.",
					       ACTIONS_MOST);
	if (!s.arn)
		s.arn = own_printf("arn:aws:autoscaling:%s:%s:scheduledUpdateGroupAction:%s:"
				   "autoScalingGroupName/%s:scheduledActionName/%s",
				   l->options.region, l->options.account, crypto_uuid(id), group,
				   name);
	s.group = own_strdup(group);
	s.name = own_strdup(name);
	return local_autoscaling_schedule_store(l, &s, e);
}

/* 1 gone, 0 was not there. */
static int delete_one(struct local *l, const char *group, const char *name, struct err *e)
{
	int64_t gone = 0;

	if (db_exec(l->db, "DELETE FROM fleet_scheduled WHERE grp=? AND name=?",
		    DB_ARGS(DB_S(group), DB_S(name)), &gone, e) < 0)
		return -1;
	return gone > 0;
}

void local_autoscaling_plan_put(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	struct err e;

	if (local_autoscaling_group(c, &g) < 0)
		return;
	err_clear(&e);
	if (put_one(c->local, g.name, c->params, &e) < 0)
		local_cloudwatch_fail(c, &e);
	else
		local_done(c);
}

void local_autoscaling_plan_delete(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *name;
	struct err e;
	int rc;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "ScheduledActionName", 1600, &name) < 0)
		return;
	err_clear(&e);
	rc = delete_one(c->local, g.name, name, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 0)
		local_fail(c, "ValidationError", "Scheduled action name not found");
	else
		local_done(c);
}

/* ---- batches: what fails of them is told by name ---- */

static void put_failed(struct local_call *c, const char *name, const char *code, const char *why)
{
	local_object(c, NULL);
	local_put(c, "ScheduledActionName", name ? name : "");
	local_put(c, "ErrorCode", code);
	local_put(c, "ErrorMessage", why);
	local_end(c);
}

/* The list of a batch, 1 … BATCH_MOST. NULL: the call has ended. */
static const struct json *batch_of(struct local_call *c, const char *name)
{
	const struct json *list = json_get(c->params, name);

	if (json_count(list) >= 1 && json_count(list) <= BATCH_MOST)
		return list;
	local_fail(c, "ValidationError", "%s must have from 1 to %d items.", name, BATCH_MOST);
	return NULL;
}

void local_autoscaling_plan_put_batch(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const struct json *list;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    !(list = batch_of(c, "ScheduledUpdateGroupActions")))
		return;
	local_list(c, "FailedScheduledUpdateGroupActions", NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *one = json_at(list, i);

		err_clear(&e);
		if (put_one(c->local, g.name, one, &e) == 0)
			continue;
		if (e.kind != ERR_PROTOCOL || !e.code[0]) {
			local_fail_internal(c, &e);
			return;
		}
		put_failed(c, local_str(one, "ScheduledActionName"), e.code, e.text);
	}
	local_end(c);
	local_done(c);
}

void local_autoscaling_plan_delete_batch(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const struct json *list;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 || !(list = batch_of(c, "ScheduledActionNames")))
		return;
	err_clear(&e);
	local_list(c, "FailedScheduledActions", NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_str(json_at(list, i));
		int rc = name ? delete_one(c->local, g.name, name, &e) : 0;

		if (rc < 0) {
			local_fail_internal(c, &e);
			return;
		}
		if (rc == 0)
			put_failed(c, name, "ValidationError", "Scheduled action name not found");
	}
	local_end(c);
	local_done(c);
}

/* ---- DescribeScheduledActions ---- */

static void put_size(struct local_call *c, const char *name, int64_t v)
{
	if (v >= 0)
		local_put_int(c, name, v);
}

static void put_action(struct local_call *c, const struct local_autoscaling_schedule *s)
{
	const char *cron = local_str(s->spec, "Recurrence"), *zone = local_str(s->spec, "TimeZone");
	struct instant first = instant_is_never(s->start) ? s->next : s->start;

	local_object(c, NULL);
	local_put(c, "AutoScalingGroupName", s->group);
	local_put(c, "ScheduledActionName", s->name);
	local_put(c, "ScheduledActionARN", s->arn);
	if (!instant_is_never(first)) {
		/* Of what recurs it is the next time. */
		local_put_time(c, "Time", cron ? s->next : first);
		local_put_time(c, "StartTime", cron ? s->next : first);
	}
	if (!instant_is_never(s->end))
		local_put_time(c, "EndTime", s->end);
	local_put(c, "Recurrence", cron);
	put_size(c, "MinSize", s->least);
	put_size(c, "MaxSize", s->most);
	put_size(c, "DesiredCapacity", s->desired);
	if (cron)
		local_put(c, "TimeZone", zone);
	local_end(c);
}

static bool asked(const struct local_call *c, const struct local_autoscaling_schedule *s,
		  struct instant from, struct instant to)
{
	const struct json *names = json_get(c->params, "ScheduledActionNames");

	if (json_count(names))
		return local_autoscaling_listed(names, s->name) ||
		       local_autoscaling_listed(names, s->arn);
	return (instant_is_never(from) || s->next.ms >= from.ms) &&
	       (instant_is_never(to) || s->next.ms <= to.ms);
}

void local_autoscaling_plan_describe(struct local_call *c)
{
	AUTO(local_autoscaling_schedule_all_done) struct local_autoscaling_schedules all = { 0 };
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page page = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *group = local_str(c->params, "AutoScalingGroupName"), *last = NULL,
		   *next = NULL;
	struct instant from = INSTANT_NEVER, to = INSTANT_NEVER;
	int64_t n = 0;
	struct err e;

	if (local_autoscaling_page(c, PAGE_USUAL, PAGE_MOST, &page) < 0 ||
	    local_time(c, c->params, "StartTime", &from) < 0 ||
	    local_time(c, c->params, "EndTime", &to) < 0 ||
	    (group && local_autoscaling_group(c, &g) < 0))
		return;
	err_clear(&e);
	if (local_autoscaling_schedule_list(c->local, group ? g.name : NULL, &all, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	bool begun = !*page.after;

	local_list(c, "ScheduledUpdateGroupActions", NULL);
	for (size_t i = 0; i < all.count && !next; i++) {
		const struct local_autoscaling_schedule *s = &all.all[i];

		if (begun && asked(c, s, from, to) && n++ == page.size)
			next = last;
		else if (begun && asked(c, s, from, to))
			put_action(c, s);
		last = s->arn;
		begun |= !strcmp(s->arn, page.after);
	}
	local_end(c);
	if (next)
		local_autoscaling_put_token(c, next);
	local_done(c);
}
