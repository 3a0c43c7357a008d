/* The group of a policy: that it can follow, and that nobody else moves it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor.h"

#define ACTIVITIES 20
#define FAILURES_MANY 3
#define IDS_TOLD 10
#define IDS_TEXT_MAX 512
#define HOOK_LEAST_S 60 /* for a job whose length is not known */
#define TERMINATING "autoscaling:EC2_INSTANCE_TERMINATING"

struct seen {
	struct doctor *d;
	struct lane *l;
	const struct policy *p;
	const char *name;
	const struct asg_group *g;
};

static void look_at_bounds(const struct seen *s)
{
	const struct policy_fleet *f = &s->p->fleet;
	const struct asg_group *g = s->g;
	const char *remedy = "move MinSize and MaxSize of the group, or min and max of the policy";

	if (g->max == 0)
		doctor_add(s->d, DOCTOR_ERROR, "group-closed", s->name, "raise MaxSize",
			   "MaxSize is 0: no instance can ever start");
	else if (f->min_given && f->min > g->max)
		doctor_add(s->d, DOCTOR_ERROR, "bounds-apart", s->name, remedy,
			   "policy %s wants %lld at least, and the group's MaxSize is %lld",
			   s->p->name, (long long)f->min, (long long)g->max);
	else if (f->max_given && f->max < g->min)
		doctor_add(s->d, DOCTOR_ERROR, "bounds-apart", s->name, remedy,
			   "policy %s allows %lld at most, and the group's MinSize is %lld",
			   s->p->name, (long long)f->max, (long long)g->min);
	else if (f->max_given && f->max > g->max)
		doctor_add(s->d, DOCTOR_WARN, "bounds-narrow", s->name, remedy,
			   "policy %s may ask for %lld, and the group stops at MaxSize %lld",
			   s->p->name, (long long)f->max, (long long)g->max);
}

static void look_at_processes(const struct seen *s)
{
	for (size_t i = 0; i < s->g->suspended_count; i++) {
		const char *process = s->g->suspended[i];
		bool launch = strcmp(process, "Launch") == 0;

		if (launch || strcmp(process, "Terminate") == 0)
			doctor_add(s->d, DOCTOR_ERROR, "suspended", s->name,
				   "aws autoscaling resume-processes, once its reason has gone",
				   "the process %s is suspended: nothing %s", process,
				   launch ? "starts" : "is scaled in");
	}
}

static void look_at_hooks(const struct seen *s)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(asg_hooks_done) struct asg_hooks hooks = { 0 };
	int64_t least = s->d->job.ms >= 0 ? (s->d->job.ms + 999) / 1000 : HOOK_LEAST_S;
	struct doctor_finding *f;

	aws_autoscaling_hooks_ask(&c.request, s->name);
	if (!doctor_call(s->d, s->l, &c, s->name, NULL) ||
	    aws_autoscaling_hooks_read(&c.reply, &hooks, NULL) < 0)
		return;
	for (size_t i = 0; i < hooks.count; i++) {
		const struct asg_hook *h = &hooks.list[i];

		if (strcmp(h->transition, TERMINATING) != 0)
			continue;
		if (h->heartbeat_s < least && h->heartbeat_s < HOOK_LEAST_S)
			doctor_add(
				s->d, DOCTOR_WARN, "hook-short", s->name, "HeartbeatTimeout = 300",
				"hook %s waits %lld s: a worker that misses one heartbeat is cut "
				"off",
				h->name, (long long)h->heartbeat_s);
		else if (h->global_s > 0 && h->global_s < least)
			doctor_add(
				s->d, DOCTOR_WARN, "hook-short", s->name,
				"raise HeartbeatTimeout: all heartbeats together reach a hundred "
				"times it, 48 hours at most",
				"hook %s ends after %lld s whatever the heartbeats, and a job "
				"takes %lld s: it is cut off",
				h->name, (long long)h->global_s, (long long)least);
		return;
	}
	f = doctor_add(
		s->d, DOCTOR_ERROR, "no-hook", s->name,
		"windlass doctor --fix makes one, or aws autoscaling put-lifecycle-hook",
		"no termination lifecycle hook: health replacement and instance refresh kill "
		"jobs");
	f->fix = DOCTOR_FIX_HOOK;
	f->lane = s->l;
	f->target = own_strdup(s->name);
	f->value = least > 300 ? least : 300;
}

static bool is_suspended(const struct seen *s, const char *process)
{
	for (size_t i = 0; i < s->g->suspended_count; i++)
		if (strcmp(s->g->suspended[i], process) == 0)
			return true;
	return false;
}

/* Pages of what @p ask asks for, each member a finding. */
static void look_at_rules(const struct seen *s,
			  void (*ask)(struct request *, const char *, const char *),
			  int (*read)(const struct reply *, struct asg_rules *, struct err *),
			  const char *check, const char *what, const char *process)
{
	AUTO(own_freep) char *token = NULL;

	do {
		AUTO(aws_call_done) struct aws_call c = { 0 };
		AUTO(asg_rules_done) struct asg_rules rules = { 0 };

		ask(&c.request, s->name, token);
		own_free(TAKE(token));
		if (!doctor_call(s->d, s->l, &c, s->name, NULL) || read(&c.reply, &rules, NULL) < 0)
			return;
		for (size_t i = 0; i < rules.count; i++)
			if (rules.list[i].enabled && is_suspended(s, process))
				doctor_add(s->d, DOCTOR_NOTE, check, s->name, NULL,
					   "%s %s (%s) would move the desired capacity if the "
					   "process %s were not suspended",
					   what, rules.list[i].name, rules.list[i].kind, process);
			else if (rules.list[i].enabled)
				doctor_add(s->d, DOCTOR_ERROR, check, s->name,
					   "delete or disable it: two that steer one group fight",
					   "%s %s (%s) moves the desired capacity too", what,
					   rules.list[i].name, rules.list[i].kind);
		token = own_strdup(rules.next_token);
	} while (token && *token);
}

static void look_at_launches(const struct seen *s)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(asg_activities_done) struct asg_activities list = { 0 };
	size_t failed = 0;

	aws_autoscaling_activities_ask(&c.request, s->name, ACTIVITIES);
	if (!doctor_call(s->d, s->l, &c, s->name, NULL) ||
	    aws_autoscaling_activities_read(&c.reply, &list, NULL) < 0)
		return;
	while (failed < list.count && strcmp(list.list[failed].status, "Failed") == 0)
		failed++; /* newest first: those since something last worked */
	if (failed == 0)
		return;
	doctor_add(s->d, failed >= FAILURES_MANY ? DOCTOR_ERROR : DOCTOR_WARN, "launches-fail",
		   s->name, "mend the launch template, or the quota or capacity that it names",
		   "the last %zu scaling activities failed: %.400s", failed,
		   list.list[0].message ? list.list[0].message : "");
}

/* Instances come and go by themselves: only the hook lets their jobs end. */
static void look_at_refresh(const struct seen *s)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	struct asg_refresh r;
	char text[CLOCK_TEXT_MAX];

	if (s->g->max_lifetime_s > 0)
		doctor_add(s->d, DOCTOR_NOTE, "lifetime", s->name, NULL,
			   "instances are replaced at the age of %s, busy or not: the termination "
			   "hook lets their jobs end",
			   clock_print_span(span_s(s->g->max_lifetime_s), text));
	aws_autoscaling_refresh_ask(&c.request, s->name);
	if (doctor_try(s->d, s->l, &c, s->name) &&
	    aws_autoscaling_refresh_read(&c.reply, &r, NULL) == 0 && r.running)
		doctor_add(s->d, DOCTOR_NOTE, "refresh", s->name, NULL,
			   "an instance refresh is %s: %lld instances are still to be replaced",
			   r.status, (long long)r.left);
}

/* A policy counts as its group does. */
static void look_at_units(const struct seen *s)
{
	int64_t heaviest = 1;

	for (size_t i = 0; i < s->g->instance_count; i++)
		if (s->g->instances[i].weight > heaviest)
			heaviest = s->g->instances[i].weight;
	if (heaviest > 1)
		doctor_add(s->d, DOCTOR_NOTE, "units", s->name, NULL,
			   "its instances weigh up to %lld units of capacity: min, max, steps, "
			   "per_instance and jobs_per_instance of policy %s count units",
			   (long long)heaviest, s->p->name);
	if (s->g->warm_pool > 0)
		doctor_add(s->d, DOCTOR_NOTE, "warm-pool", s->name, NULL,
			   "its warm pool has %lld instances: launches begin with them, and they "
			   "count as no supply",
			   (long long)s->g->warm_pool);
}

static bool serves(const struct asg_instance *i)
{
	return i->state == ASG_IN_SERVICE;
}

static int64_t slots_of(const struct policy *p)
{
	return p->fleet.jobs_per_instance > 0 ? p->fleet.jobs_per_instance : 1;
}

/* Protection says "busy": more of it than jobs can be in flight has leaked. Right after a job that
 * is usual, as a worker keeps it for a moment. */
static void look_at_protection(const struct seen *s, const struct depth *depth)
{
	AUTO(buf_done) struct buf names = BUF(IDS_TEXT_MAX);
	struct doctor_finding *f;
	int64_t units = 0, heaviest = 1;
	char since[CLOCK_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->g->instance_count; i++) {
		const struct asg_instance *in = &s->g->instances[i];

		if (!serves(in) || !in->protected)
			continue;
		units += in->weight;
		heaviest = in->weight > heaviest ? in->weight : heaviest;
		if (n++ < IDS_TOLD)
			buf_addf(&names, "%s%s", n == 1 ? "" : ", ", in->id);
	}
	if (!depth || n == 0 || (units - heaviest) * slots_of(s->p) < depth->in_flight)
		return;
	if (n > IDS_TOLD)
		buf_addf(&names, " and %zu more", n - IDS_TOLD);
	f = doctor_add(s->d, DOCTOR_WARN, "protection-leaked", s->name,
		       "windlass doctor --fix clears it where no job is in flight",
		       "%zu instances are protected from scale-in%s%s, and %lld jobs are in "
		       "flight: idle machines cannot be let go (%s)",
		       n, s->d->leaked.ms > 0 ? ", as for the last " : "",
		       s->d->leaked.ms > 0 ? clock_print_span(s->d->leaked, since) : "",
		       (long long)depth->in_flight, buf_str(&names));
	if (depth->in_flight > 0)
		return;
	f->fix = DOCTOR_FIX_PROTECTION;
	f->lane = s->l;
	f->target = own_strdup(s->name);
	f->ids = own_array(n, sizeof(*f->ids));
	for (size_t i = 0; i < s->g->instance_count; i++)
		if (serves(&s->g->instances[i]) && s->g->instances[i].protected)
			f->ids[f->id_count++] = own_strdup(s->g->instances[i].id);
}

static void look_at_work(const struct seen *s, const struct depth *depth)
{
	int64_t serving = 0, ill = 0;

	for (size_t i = 0; i < s->g->instance_count; i++) {
		serving += serves(&s->g->instances[i]);
		ill += serves(&s->g->instances[i]) && !s->g->instances[i].healthy;
	}
	if (ill > 0)
		doctor_add(s->d, DOCTOR_WARN, "unhealthy", s->name, NULL,
			   "%lld of %lld instances in service are unhealthy", (long long)ill,
			   (long long)serving);
	if (depth && depth->visible > 0 && depth->in_flight == 0 && serving > 0)
		doctor_add(s->d, DOCTOR_ERROR, "nobody-receives", s->name,
			   "is the worker running there, with this queue's URL, and allowed "
			   "sqs:ReceiveMessage and sqs:DeleteMessage?",
			   "%lld messages wait, %lld instances are in service, and none takes one",
			   (long long)depth->visible, (long long)serving);
}

static void look_at_all(const struct seen *s, const struct depth *depth)
{
	if (s->g->status)
		doctor_add(s->d, DOCTOR_ERROR, "group-going", s->name, NULL,
			   "the group is being deleted (%s)", s->g->status);
	look_at_bounds(s);
	look_at_units(s);
	look_at_processes(s);
	look_at_hooks(s);
	look_at_rules(s, aws_autoscaling_policies_ask, aws_autoscaling_policies_read,
		      "native-policy", "scaling policy", "AlarmNotification");
	look_at_rules(s, aws_autoscaling_scheduled_ask, aws_autoscaling_scheduled_read,
		      "native-schedule", "scheduled action", "ScheduledActions");
	look_at_refresh(s);
	look_at_launches(s);
	look_at_protection(s, depth);
	look_at_work(s, depth);
}

void doctor_group_look(struct doctor *d, struct lane *l, const struct policy *p,
		       const struct depth *depth)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(asg_groups_done) struct asg_groups groups = { 0 };
	const char *name = p->fleet.auto_scaling_group;
	struct seen s = { .d = d, .l = l, .p = p, .name = name };
	struct err e = { 0 };

	aws_autoscaling_groups_ask(&c.request, &name, 1, NULL);
	if (!doctor_call(d, l, &c, name, NULL))
		return;
	if (aws_autoscaling_groups_read(&c.reply, &groups, &e) < 0) {
		doctor_add(d, DOCTOR_ERROR, "call-failed", name, NULL, "%s", e.text);
		return;
	}
	s.g = asg_group_find(&groups, name);
	if (s.g)
		look_at_all(&s, depth);
	else
		doctor_add(d, DOCTOR_ERROR, "no-group", name,
			   "mend fleet.auto_scaling_group, fleet.region or the credentials",
			   "policy %s names a group that is not in this account and region",
			   p->name);
}
