/* Alarms: as they were put, as they stand, and what their changes cause. */
#ifndef LOCAL_CLOUDWATCH_ALARM_H
#define LOCAL_CLOUDWATCH_ALARM_H

#include "local/cloudwatch_clause.h"
#include "local/cloudwatch_judge.h"
#include "local/cloudwatch_query.h"

#define CLOUDWATCH_ALARMS_MAX 5000 /* AWS's quota */
#define CLOUDWATCH_ALARM_NAME_MAX 255

struct local_cloudwatch_alarm {
	char *name, *arn;
	struct json *spec; /* the parameters of PutMetricAlarm, or of PutCompositeAlarm */
	bool enabled;      /* its actions */
	enum local_cloudwatch_state state;
	char *reason, *reason_data; /* reason_data may be NULL */
	/* When the state was told last, when it changed, when the alarm was put. */
	struct instant updated, changed, configured;
	/* Out of the spec. */
	struct local_cloudwatch_rule rule;
	struct local_cloudwatch_queries queries;
	int64_t period;
	struct local_cloudwatch_clauses clauses; /* of a composite; those of metrics have none */
};
void local_cloudwatch_alarm_done(struct local_cloudwatch_alarm *a);

const char *local_cloudwatch_alarm_word(enum local_cloudwatch_state s); /* "ALARM" */
MUST int local_cloudwatch_alarm_state(const char *word, enum local_cloudwatch_state *ret);
/* The list of actions for a state, NULL for none. */
const struct json *local_cloudwatch_alarm_actions(const struct local_cloudwatch_alarm *a,
						  enum local_cloudwatch_state s);

/* Checks @p spec and fills what is out of it. -1: refused in @p e. */
MUST int local_cloudwatch_alarm_parse(const struct json *spec, struct local_cloudwatch_alarm *ret,
				      struct err *e);
/* Adds the alarm of @p spec, which has been checked, or changes that of its name: its state stays.
 * In the batch. -1: refused or failed. */
MUST int local_cloudwatch_alarm_put(struct local *l, const struct json *spec, struct err *e);
/* 1 gone, 0 was not there. */
MUST int local_cloudwatch_alarm_delete(struct local *l, const char *name, struct err *e);

/* One alarm: 1 found, 0 not. */
MUST int local_cloudwatch_alarm_find(struct local *l, const char *name,
				     struct local_cloudwatch_alarm *ret, struct err *e);
struct local_cloudwatch_alarms {
	struct local_cloudwatch_alarm *all;
	size_t count;
};
void local_cloudwatch_alarm_all_done(struct local_cloudwatch_alarms *all);
/* All whose names follow @p after, by name. */
MUST int local_cloudwatch_alarm_list(struct local *l, const char *after,
				     struct local_cloudwatch_alarms *ret, struct err *e);
/* State and reason as they stand. */
MUST int local_cloudwatch_alarm_store(struct local *l, const struct local_cloudwatch_alarm *a,
				      struct err *e);

/* One item of the history; the oldest go past CLOUDWATCH_HISTORY_MAX. */
#define CLOUDWATCH_HISTORY_MAX 10000
MUST int local_cloudwatch_alarm_note(struct local *l, const char *alarm, struct instant at,
				     const char *type, const char *summary, const char *data,
				     struct err *e);

/* ---- cloudwatch_watch.c ---- */
/* The state becomes @p state, now or again, and the actions of it are taken. */
struct local_cloudwatch_verdict {
	enum local_cloudwatch_state state;
	const char *reason, *reason_data;
	double value; /* the newest point, NaN for none */
	struct instant at;
};
MUST int local_cloudwatch_watch_change(struct local *l, struct local_cloudwatch_alarm *a,
				       const struct local_cloudwatch_verdict *v, struct err *e);
/* Looks at all alarms at the end of a minute. In the batch. */
MUST int local_cloudwatch_watch_minute(struct local *l, int64_t end_s, struct err *e);

/* ---- cloudwatch_compose.c ---- */
/* @p cause has changed: composite alarms that name it are looked at. */
MUST int local_cloudwatch_compose_changed(struct local *l,
					  const struct local_cloudwatch_alarm *cause,
					  struct instant at, struct err *e);

/* ---- actions, by file ---- */
local_action_fn local_cloudwatch_compose_put;
local_action_fn local_cloudwatch_set_put, local_cloudwatch_set_state, local_cloudwatch_set_delete,
	local_cloudwatch_set_enable, local_cloudwatch_set_disable;
local_action_fn local_cloudwatch_tag_put, local_cloudwatch_tag_delete, local_cloudwatch_tag_list;
local_action_fn local_cloudwatch_tell_alarms, local_cloudwatch_tell_for_metric,
	local_cloudwatch_tell_history;

#endif
