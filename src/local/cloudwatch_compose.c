/* Composite alarms: put, and looked at whenever another alarm has changed. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "local/cloudwatch.h"
#include "local/cloudwatch_alarm.h"

#define REASON_MAX 1023
/* Composites of composites; a circle ends there. */
#define ROUNDS_MOST 16
#define LOOKS_MOST 1000

static bool state_of(const char *name, enum local_cloudwatch_state *ret, void *arg)
{
	const struct local_cloudwatch_alarms *all = arg;

	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->all[i].name, name) == 0) {
			*ret = all->all[i].state;
			return true;
		}
	return false;
}

static bool names(const struct local_cloudwatch_alarm *a, const char *child)
{
	for (size_t i = 0; i < a->clauses.count; i++)
		if (a->clauses.all[i].alarm && strcmp(a->clauses.all[i].alarm, child) == 0)
			return true;
	return false;
}

/* @p cause: the alarm whose change brought it about; NULL: it was put. */
static int look_at(struct local *l, struct local_cloudwatch_alarm *a,
		   const struct local_cloudwatch_alarms *all,
		   const struct local_cloudwatch_alarm *cause, struct instant at, struct err *e)
{
	const bool holds = local_cloudwatch_clause_holds(&a->clauses, state_of, (void *)all);
	struct local_cloudwatch_verdict v = { .state = holds ? CLOUDWATCH_ALARM : CLOUDWATCH_OK,
					      .value = NAN,
					      .at = at };
	AUTO(buf_done) struct buf reason = BUF(REASON_MAX);
	char text[CLOCK_TEXT_MAX];

	if (v.state == a->state)
		return 0;
	if (cause)
		buf_addf(&reason, "%s transitioned to %s at %s", cause->arn,
			 local_cloudwatch_alarm_word(cause->state), clock_print(at, text));
	else
		buf_addf(&reason, "%s was created and its alarm rule evaluates to %s", a->arn,
			 local_cloudwatch_alarm_word(v.state));
	v.reason = buf_str(&reason);
	return local_cloudwatch_watch_change(l, a, &v, e);
}

int local_cloudwatch_compose_changed(struct local *l, const struct local_cloudwatch_alarm *cause,
				     struct instant at, struct err *e)
{
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };
	struct local_cloudwatch *w = l->cloudwatch; /* a change of a composite comes back here */
	int rc = 0;

	if (w->composing >= ROUNDS_MOST)
		return 0;
	if (w->composing == 0)
		w->compose_left = LOOKS_MOST;
	if (local_cloudwatch_alarm_list(l, "", &all, e) < 0)
		return -1;
	w->composing++;
	for (size_t i = 0; rc == 0 && i < all.count; i++)
		if (names(&all.all[i], cause->name) && w->compose_left-- > 0)
			rc = look_at(l, &all.all[i], &all, cause, at, e);
	w->composing--;
	return rc;
}

/* Its rule names alarms that are there, and not itself. */
static int check_children(struct local_call *c, const struct local_cloudwatch_alarm *a,
			  const struct local_cloudwatch_alarms *all)
{
	for (size_t i = 0; i < a->clauses.count; i++) {
		const char *child = a->clauses.all[i].alarm;
		enum local_cloudwatch_state state;

		if (!child || (strcmp(child, a->name) != 0 && state_of(child, &state, (void *)all)))
			continue;
		local_fail(c, "ValidationError",
			   "Could not save the composite alarm as alarms [%.255s] in the alarm "
			   "rule do not exist",
			   child);
		return -1;
	}
	return 0;
}

static struct json *spec_of(const struct json *params)
{
	static const char *const kept[] = { "AlarmName",      "AlarmDescription",
					    "ActionsEnabled", "OKActions",
					    "AlarmActions",   "InsufficientDataActions",
					    "AlarmRule",      "Tags" };
	struct json *spec = json_object();

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const struct json *v = json_get(params, kept[i]);

		if (json_type(v) != JSON_ABSENT && json_type(v) != JSON_NULL)
			json_set(spec, kept[i], json_ref((struct json *)v));
	}
	return spec;
}

static int put(struct local_call *c, const struct json *spec, struct err *e)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };

	if (local_cloudwatch_alarm_put(c->local, spec, e) < 0 ||
	    local_cloudwatch_alarm_find(c->local, local_str(spec, "AlarmName"), &a, e) < 0 ||
	    local_cloudwatch_alarm_list(c->local, "", &all, e) < 0)
		return -1;
	return look_at(c->local, &a, &all, NULL, local_wall(c->local), e);
}

void local_cloudwatch_compose_put(struct local_call *c)
{
	AUTO(json_freep) struct json *spec = spec_of(c->params);
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };
	struct err e;

	err_clear(&e);
	if (!local_str(spec, "AlarmRule")) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value null at 'alarmRule' failed to "
			   "satisfy constraint: Member must not be null");
		return;
	}
	if (local_str(c->params, "ActionsSuppressor")) {
		local_fail(c, "ValidationError", "windlass-local suppresses no actions.");
		return;
	}
	if (local_cloudwatch_alarm_parse(spec, &a, &e) < 0 ||
	    local_cloudwatch_alarm_list(c->local, "", &all, &e) < 0) {
		local_cloudwatch_fail(c, &e);
		return;
	}
	if (check_children(c, &a, &all) < 0)
		return;
	if (put(c, spec, &e) < 0)
		local_cloudwatch_fail(c, &e);
	else
		local_done(c);
}
