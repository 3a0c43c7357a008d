#include "cli/doctor_look.h"

#include <string.h>

#include "base/clock.h"
#include "cli/doctor_past.h"

struct lane *cli_doctor_lane(struct doctor_look *v, const char *region, const char *role,
			     const char *id)
{
	struct err e = { 0 };
	struct lane *l = control_lanes_get(v->lanes, region, role, id, &e);

	if (!l)
		doctor_add(&v->doctor, DOCTOR_ERROR, "settings", region ? region : "AWS", NULL,
			   "%s", e.text);
	return l;
}

/* The queues of a policy, summed. False: one of them could not be read. */
static bool look_at_queues(struct doctor_look *v, const struct policy *p, struct depth *ret)
{
	char region[64];
	bool all = true;

	*ret = (struct depth){ 0 };
	for (size_t i = 0; i < p->metric_count; i++) {
		const struct policy_metric *m = &p->metrics[i];
		const char *role = policy_region_role(p, m);
		struct depth one = { 0 };
		struct lane *l;

		if (m->source == POLICY_CLOUDWATCH) {
			l = cli_doctor_lane(v, policy_region_metric(p, m, region, sizeof(region)),
					    role, role ? p->fleet.external_id : NULL);
			if (l)
				doctor_metric_look(&v->doctor, l, m);
		}
		if (m->source != POLICY_SQS)
			continue;
		if (strstr(m->sqs.queue_url, "${")) {
			doctor_add(&v->doctor, DOCTOR_ERROR, "url-open", p->name,
				   "set the variable for the controller too",
				   "queue_url is %.200s, and the environment has no such variable",
				   m->sqs.queue_url);
			all = false;
			continue;
		}
		l = cli_doctor_lane(v, policy_region_metric(p, m, region, sizeof(region)), role,
				    role ? p->fleet.external_id : NULL);
		all &= l && doctor_queue_look(&v->doctor, l, m->sqs.queue_url, &one);
		ret->visible += one.visible;
		ret->in_flight += one.in_flight;
	}
	return all;
}

void cli_doctor_policy(struct doctor_look *v, const struct policy *p)
{
	struct cli_doctor_past past = cli_doctor_past(v->past, p, clock_wall());
	struct depth depth;
	struct lane *l;
	bool readable;

	v->doctor.job = v->job.ms >= 0 ? v->job : past.job;
	v->doctor.leaked = past.leaked;
	readable = look_at_queues(v, p, &depth);
	l = cli_doctor_lane(v, p->fleet.region, p->fleet.role_arn, p->fleet.external_id);
	if (l)
		doctor_group_look(&v->doctor, l, p, readable ? &depth : NULL);
	v->doctor.job = v->job;
}

void cli_doctor_text(const struct doctor_finding *f, struct buf *out)
{
	buf_addf(out, "%-8s %s: %s [%s]\n", doctor_level_word(f->level), f->subject, f->text,
		 f->check);
	if (f->remedy && f->level != DOCTOR_FIXED)
		buf_addf(out, "         -> %s\n", f->remedy);
}

struct json *cli_doctor_json(const struct doctor_finding *f)
{
	struct json *one = json_object();

	json_set_str(one, "level", doctor_level_word(f->level));
	json_set_str(one, "check", f->check);
	json_set_str(one, "subject", f->subject);
	json_set_str(one, "text", f->text);
	json_set_str(one, "remedy", f->remedy);
	json_set_bool(one, "fixable", f->fix != DOCTOR_FIX_NONE);
	return one;
}
