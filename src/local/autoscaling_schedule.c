#include "local/autoscaling_schedule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "local/cloudwatch_query.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"
#include "policy/schedule.h"
#include "policy/zone.h"

#define SPEC_MAX 4096
#define SIZE_MOST 10000
#define REFUSE(e, ...) local_cloudwatch_refuse((e), "ValidationError", __VA_ARGS__)

void local_autoscaling_schedule_done(struct local_autoscaling_schedule *s)
{
	own_free(s->group);
	own_free(s->name);
	own_free(s->arn);
	json_free(s->spec);
	*s = (struct local_autoscaling_schedule){ 0 };
}

void local_autoscaling_schedule_all_done(struct local_autoscaling_schedules *all)
{
	for (size_t i = 0; i < all->count; i++)
		local_autoscaling_schedule_done(&all->all[i]);
	own_free(all->all);
	*all = (struct local_autoscaling_schedules){ 0 };
}

/* ---- reading ---- */

static int size_read(const struct json *o, const char *name, int64_t *ret, struct err *e)
{
	double d = -1;
	int rc = local_cloudwatch_query_number(o, name, &d, e);

	*ret = -1;
	if (rc <= 0)
		return rc;
	if (d != floor(d) || (d < 0 && d != -1) || d > SIZE_MOST)
		return REFUSE(e, "The value %.10g for parameter %s is not valid.", d, name);
	*ret = (int64_t)d;
	return 0;
}

/* Query tells times as text; ours, kept, are milliseconds. */
static int time_read(const struct json *o, const char *name, struct instant *ret, struct err *e)
{
	const char *text = local_str(o, name);

	if (!text)
		return 0;
	if (clock_parse(text, strlen(text), ret, NULL) < 0)
		return REFUSE(e, "The value '%.60s' for parameter %s is not a timestamp.", text,
			      name);
	return 0;
}

static int sizes_read(const struct json *o, struct local_autoscaling_schedule *s, struct err *e)
{
	if (size_read(o, "MinSize", &s->least, e) < 0 || size_read(o, "MaxSize", &s->most, e) < 0 ||
	    size_read(o, "DesiredCapacity", &s->desired, e) < 0)
		return -1;
	if (s->least < 0 && s->most < 0 && s->desired < 0)
		return REFUSE(e, "At least one of MinSize, MaxSize and DesiredCapacity is "
				 "required.");
	if (s->least >= 0 && s->most >= 0 && s->least > s->most)
		return REFUSE(e, "Min value %" PRId64 " is greater than max value %" PRId64 ".",
			      s->least, s->most);
	return 0;
}

int local_autoscaling_schedule_parse(const struct json *o, struct instant now,
				     struct local_autoscaling_schedule *s, struct err *e)
{
	const char *cron = local_str(o, "Recurrence"), *zone = local_str(o, "TimeZone");

	s->start = s->end = s->next = INSTANT_NEVER;
	s->spec = json_object();
	if (sizes_read(o, s, e) < 0 || time_read(o, "Time", &s->start, e) < 0 ||
	    time_read(o, "StartTime", &s->start, e) < 0 || time_read(o, "EndTime", &s->end, e) < 0)
		return -1;
	if (!cron && instant_is_never(s->start))
		return REFUSE(e, "Either StartTime or Recurrence must be given.");
	if (!cron && zone)
		return REFUSE(e, "TimeZone is for a Recurrence only.");
	if (!instant_is_never(s->start) && s->start.ms < now.ms)
		return REFUSE(e, "Given start time is in the past");
	if (!instant_is_never(s->end) &&
	    (s->end.ms < now.ms || (!instant_is_never(s->start) && s->end.ms < s->start.ms)))
		return REFUSE(e, "Given end time is before the start time, or in the past");
	if (cron)
		json_set_str(s->spec, "Recurrence", cron);
	if (zone)
		json_set_str(s->spec, "TimeZone", zone);
	return local_autoscaling_schedule_next(s, now, &s->next, e);
}

int local_autoscaling_schedule_next(const struct local_autoscaling_schedule *s, struct instant now,
				    struct instant *ret, struct err *e)
{
	const char *line = local_str(s->spec, "Recurrence"), *name = local_str(s->spec, "TimeZone");
	AUTO(keys_arena_freep) struct keys_arena *a = NULL;
	struct calendar_cron cron;
	struct calendar_zone zone;
	struct err why;

	*ret = !instant_is_never(s->start) && s->start.ms > now.ms ? s->start : INSTANT_NEVER;
	if (!line)
		return 0;
	a = keys_arena_new();
	if (policy_cron_parse(line, &cron, &why) < 0)
		return REFUSE(e, "Given recurrence string: %.100s is invalid: %s", line, why.text);
	if (policy_zone_read(a, name ? name : "UTC", &zone, &why) < 0)
		return REFUSE(e, "The time zone %.100s is not valid: %s", name, why.text);
	if (instant_is_never(*ret)) /* it may fall on the start itself */
		*ret = calendar_next(&cron, &zone, now);
	else
		*ret = calendar_next(&cron, &zone, (struct instant){ ret->ms - 1 });
	if (!instant_is_never(s->end) && ret->ms > s->end.ms)
		*ret = INSTANT_NEVER;
	return 0;
}

/* ---- rows ---- */

static void set_size(struct json *o, const char *name, int64_t v)
{
	if (v >= 0)
		json_set_int(o, name, v);
}

static void set_time(struct json *o, const char *name, struct instant t)
{
	if (!instant_is_never(t))
		json_set_int(o, name, t.ms);
}

int local_autoscaling_schedule_store(struct local *l, const struct local_autoscaling_schedule *s,
				     struct err *e)
{
	AUTO(json_freep) struct json *row = json_object();
	AUTO(buf_done) struct buf text = BUF(SPEC_MAX);

	json_set_str(row, "Recurrence", local_str(s->spec, "Recurrence"));
	json_set_str(row, "TimeZone", local_str(s->spec, "TimeZone"));
	set_size(row, "MinSize", s->least);
	set_size(row, "MaxSize", s->most);
	set_size(row, "DesiredCapacity", s->desired);
	set_time(row, "Start", s->start);
	set_time(row, "End", s->end);
	json_write(row, &text);
	if (buf_ok(&text, "the scheduled action", e) < 0)
		return REFUSE(e, "The scheduled action is too large.");
	return DB_RUN(l->db, e, "INSERT OR REPLACE INTO fleet_scheduled VALUES(?,?,?,?,?)",
		      DB_S(s->group), DB_S(s->name), DB_S(s->arn), DB_S(buf_str(&text)),
		      instant_is_never(s->next) ? DB_N : DB_I(s->next.ms));
}

static int64_t size_of(const struct json *row, const char *name)
{
	int64_t v = -1;

	return json_get_int(row, name, &v) ? v : -1;
}

static struct instant time_of(const struct json *row, const char *name)
{
	int64_t v;

	return json_get_int(row, name, &v) ? (struct instant){ v } : INSTANT_NEVER;
}

static int row_read(const struct db_row *r, struct local_autoscaling_schedule *ret, struct err *e)
{
	const char *text = db_str(r, 3);
	struct json *row = json_parse(text, strlen(text), e);

	*ret = (struct local_autoscaling_schedule){
		.group = own_strdup(db_str(r, 0)),
		.name = own_strdup(db_str(r, 1)),
		.arn = own_strdup(db_str(r, 2)),
		.spec = row,
		.start = time_of(row, "Start"),
		.end = time_of(row, "End"),
		.next = db_is_null(r, 4) ? INSTANT_NEVER : (struct instant){ db_int(r, 4) },
		.least = size_of(row, "MinSize"),
		.most = size_of(row, "MaxSize"),
		.desired = size_of(row, "DesiredCapacity"),
	};
	return row ? 0 : -1;
}

static int list(struct local *l, const char *sql, const struct db_value *args, size_t n,
		struct local_autoscaling_schedules *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = db_query(l->db, sql, args, n, e);
	int rc;

	*ret = (struct local_autoscaling_schedules){ 0 };
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		if (row_read(r, &ret->all[ret->count++], e) < 0)
			return -1;
	}
	return rc;
}

int local_autoscaling_schedule_list(struct local *l, const char *group,
				    struct local_autoscaling_schedules *ret, struct err *e)
{
	return list(l,
		    "SELECT grp, name, arn, spec, next_ms FROM fleet_scheduled WHERE grp=?1 OR ?1 "
		    "IS NULL ORDER BY grp, name",
		    DB_ARGS(DB_S(group)), ret, e);
}

/* ---- the minute ---- */

/* 1: the group's scheduled actions are taken. */
static int wanted(struct local *l, const char *group, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db,
				    "SELECT 1 FROM fleet_suspended WHERE grp=? AND "
				    "process='ScheduledActions'",
				    DB_ARGS(DB_S(group)), e);
	int rc = r ? db_step(r, e) : -1;

	return rc < 0 ? -1 : !rc;
}

static int apply(struct local *l, struct local_fleet_group *g,
		 const struct local_autoscaling_schedule *s, struct instant now, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	int64_t least = s->least >= 0 ? s->least : g->least;
	int64_t most = s->most >= 0 ? s->most : g->most, before = g->desired;
	int64_t desired = s->desired >= 0 ? s->desired : before;

	if (least > most) {
		LOG_WARN("scheduled action not taken: the group's bounds do not fit",
			 LOG_S("group", g->name), LOG_S("action", s->name));
		return 0;
	}
	desired = desired < least ? least : desired > most ? most : desired;
	g->least = least;
	g->most = most;
	g->desired = desired;
	if (desired != before) {
		local_fleet_activity_say(
			&cause, now,
			"a scheduled action update of AutoScalingGroup constraints to min: %" PRId64
			", max: %" PRId64 ", desired: %" PRId64
			" changing the desired capacity from %" PRId64 " to %" PRId64 ".",
			least, most, desired, before, desired);
		own_free(g->cause);
		g->cause = own_strdup(buf_str(&cause));
	}
	LOG_INFO("scheduled action taken", LOG_S("group", g->name), LOG_S("action", s->name),
		 LOG_I("desired", desired));
	local_fleet_wake(l);
	return local_fleet_rows_put_group(l->db, g, e);
}

/* Moves on to its next time; what has none is over and goes. */
static int go_on(struct local *l, struct local_autoscaling_schedule *s, struct instant now,
		 struct err *e)
{
	if (local_autoscaling_schedule_next(s, now, &s->next, e) < 0)
		s->next = INSTANT_NEVER; /* its zone is gone from this machine */
	if (!instant_is_never(s->next))
		return local_autoscaling_schedule_store(l, s, e);
	return DB_RUN(l->db, e, "DELETE FROM fleet_scheduled WHERE grp=? AND name=?",
		      DB_S(s->group), DB_S(s->name));
}

static int take(struct local *l, struct local_autoscaling_schedule *s, struct instant now,
		struct err *e)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	int rc = local_fleet_rows_group(l->db, s->group, &g, e);

	if (rc == 1 && !g.status)
		rc = wanted(l, s->group, e);
	if (rc == 1 && !g.status)
		rc = apply(l, &g, s, now, e);
	return rc < 0 ? -1 : go_on(l, s, now, e);
}

int local_autoscaling_schedule_minute(struct local *l, int64_t end_s, struct err *e)
{
	AUTO(local_autoscaling_schedule_all_done) struct local_autoscaling_schedules due = { 0 };
	const struct instant now = { end_s * 1000 };

	if (list(l,
		 "SELECT grp, name, arn, spec, next_ms FROM fleet_scheduled WHERE next_ms<=? ORDER "
		 "BY next_ms, name",
		 DB_ARGS(DB_I(now.ms)), &due, e) < 0)
		return -1;
	for (size_t i = 0; i < due.count; i++)
		if (take(l, &due.all[i], now, e) < 0)
			return err_wrap(e, "scheduled action %s of group %s", due.all[i].name,
					due.all[i].group);
	return 0;
}
