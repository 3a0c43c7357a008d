/* windlass doctor: what keeps a fleet from following its queue, with the remedy of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/doctor_past.h"
#include "cli/policies.h"
#include "control/lanes.h"
#include "doctor/doctor.h"

#define DOCTOR_OUT_MAX (4u << 20)
#define DOCTOR_URLS_MAX 1024

struct visit {
	const char *policies, *output, *region;
	const char *journal;
	struct journal *past; /* NULL: none */
	bool fix;
	struct span job;
	struct policy_set set;
	struct lanes *lanes;
	struct doctor doctor;
	const char *urls[DOCTOR_URLS_MAX]; /* borrowed from the policies */
	size_t url_count;
};

static void note_url(struct visit *v, const char *url)
{
	for (size_t i = 0; i < v->url_count; i++)
		if (strcmp(v->urls[i], url) == 0)
			return;
	if (v->url_count < DOCTOR_URLS_MAX)
		v->urls[v->url_count++] = url;
}

static struct lane *lane_of(struct visit *v, const char *region, const char *role, const char *id)
{
	struct err e = { 0 };
	struct lane *l = control_lanes_get(v->lanes, region, role, id, &e);

	if (!l)
		doctor_add(&v->doctor, DOCTOR_ERROR, "settings", region ? region : "AWS", NULL,
			   "%s", e.text);
	return l;
}

/* The queues of a policy, summed. False: one of them could not be read. */
static bool look_at_queues(struct visit *v, const struct policy *p, struct depth *ret)
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
			l = lane_of(v, policy_region_metric(p, m, region, sizeof(region)), role,
				    role ? p->fleet.external_id : NULL);
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
		l = lane_of(v, policy_region_metric(p, m, region, sizeof(region)), role,
			    role ? p->fleet.external_id : NULL);
		all &= l && doctor_queue_look(&v->doctor, l, m->sqs.queue_url, &one);
		ret->visible += one.visible;
		ret->in_flight += one.in_flight;
	}
	return all;
}

static void look_at_policy(struct visit *v, const struct policy *p)
{
	struct cli_doctor_past past = cli_doctor_past(v->past, p, clock_wall());
	struct depth depth;
	struct lane *l;
	bool readable;

	v->doctor.job = v->job.ms >= 0 ? v->job : past.job;
	v->doctor.leaked = past.leaked;
	readable = look_at_queues(v, p, &depth);
	l = lane_of(v, p->fleet.region, p->fleet.role_arn, p->fleet.external_id);

	if (l)
		doctor_group_look(&v->doctor, l, p, readable ? &depth : NULL);
	v->doctor.job = v->job;
}

static void look(struct visit *v)
{
	const char *url = getenv("SQS_QUEUE_URL");
	bool own = url && strstr(url, "://");
	struct lane *base;

	for (size_t i = 0; i < v->set.count; i++)
		for (size_t k = 0; k < v->set.items[i].policy->metric_count; k++)
			if (v->set.items[i].policy->metrics[k].source == POLICY_SQS)
				note_url(v, v->set.items[i].policy->metrics[k].sqs.queue_url);
	doctor_environment_look(&v->doctor, v->urls, v->url_count);
	base = lane_of(v, v->region, NULL, NULL);
	if (!base)
		return;
	doctor_identity_look(&v->doctor, base);
	for (size_t i = 0; i < v->set.count; i++)
		look_at_policy(v, v->set.items[i].policy);
	for (size_t i = 0; own && i < v->url_count; i++)
		own = strcmp(v->urls[i], url) != 0;
	if (own)
		doctor_queue_look(&v->doctor, base, url, NULL);
	doctor_untried(&v->doctor);
}

static void tell_text(const struct doctor *d, struct buf *out)
{
	size_t ills = doctor_ills(d);

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->list[i];

		buf_addf(out, "%-8s %s: %s [%s]\n", doctor_level_word(f->level), f->subject,
			 f->text, f->check);
		if (f->remedy && f->level != DOCTOR_FIXED)
			buf_addf(out, "         -> %s\n", f->remedy);
	}
	if (ills)
		buf_addf(out, "%zu finding%s\n", ills, ills == 1 ? "" : "s");
	else
		buf_adds(out, "nothing stands in the way\n");
}

static void tell_json(const struct doctor *d, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();
	struct json *list = json_array();

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->list[i];
		struct json *one = json_object();

		json_set_str(one, "level", doctor_level_word(f->level));
		json_set_str(one, "check", f->check);
		json_set_str(one, "subject", f->subject);
		json_set_str(one, "text", f->text);
		json_set_str(one, "remedy", f->remedy);
		json_set_bool(one, "fixable", f->fix != DOCTOR_FIX_NONE);
		json_add(list, one);
	}
	json_set(j, "findings", list);
	json_set_bool(j, "clean", doctor_ills(d) == 0);
	json_write_pretty(j, out);
}

static int run(struct visit *v)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO(buf_done) struct buf out = BUF(DOCTOR_OUT_MAX);

	struct err e = { 0 };

	v->past = journal_open_read(v->journal, &e);
	if (!v->past && e.kind != ERR_NOT_FOUND)
		doctor_add(&v->doctor, DOCTOR_WARN, "journal", v->journal, NULL, "%s", e.text);
	v->lanes = control_lanes_new(loop);
	v->doctor.job = v->job;
	look(v);
	if (v->fix)
		doctor_fix_apply(&v->doctor);
	if (strcmp(v->output, "json") == 0)
		tell_json(&v->doctor, &out);
	else
		tell_text(&v->doctor, &out);
	control_lanes_free(v->lanes);
	journal_free(v->past);
	return cli_print(&out, doctor_ills(&v->doctor) ? CLI_FAILED : CLI_DONE);
}

int cli_doctor(int argc, char **argv)
{
	AUTO(own_freep) struct visit *v = own_alloc(sizeof(*v));
	const struct option table[] = {
		CLI_ROW_OUTPUT(&v->output, "text", "text|json"),
		{ .name = "policies",
		  .letter = 'p',
		  .type = OPTION_STR,
		  .value = &v->policies,
		  .meta = "PATH",
		  .env = "WINDLASS_POLICIES",
		  .doc = "a policy file, or a folder of them; without, the queue of SQS_QUEUE_URL "
			 "alone" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &v->region,
		  .meta = "REGION",
		  .env = "SQS_REGION",
		  .doc = "of the queue of SQS_QUEUE_URL; else AWS_REGION" },
		{ .name = "job-time",
		  .type = OPTION_SPAN,
		  .value = &v->job,
		  .meta = "TIME",
		  .doc = "how long the longest job takes, to judge timeouts by; else what the "
			 "controller learnt" },
		CLI_ROW_JOURNAL(&v->journal,
				"what the controller learnt and saw; it may be absent"),
		{ .name = "spot",
		  .type = OPTION_FLAG,
		  .value = &v->doctor.spot,
		  .doc = "instances may be taken back at any time" },
		{ .name = "fix",
		  .type = OPTION_FLAG,
		  .value = &v->fix,
		  .doc = "mend what needs no decision: wait time, retention of dead letters, a "
			 "termination hook, leaked protection" },
	};
	const struct options opts = {
		.program = "windlass doctor",
		.summary = "What keeps a fleet from following its queue, and the remedy of each.",
		.operands = "[PATH]",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
		.details =
			"PATH is short for --policies PATH. It only reads, and receives no "
			"message; with --fix it writes what it says.\n"
			"Exit status: 0 nothing found, or all of it fixed, 1 findings, 2 a policy "
			"or an argument is wrong.\n",
	};
	const struct option_list none = { 0 };
	char **operands;
	struct err e = { 0 };
	int n, status, rc;

	v->job = span_ms(-1);
	rc = options_parse(&opts, argc, argv, &operands, &n, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("doctor", &e) : CLI_DONE;
	if (n == 1)
		v->policies = operands[0];
	if (v->policies && cli_policies_read(v->policies, &none, NULL, &v->set, &e) < 0) {
		policy_set_done(&v->set);
		return cli_fail("doctor", &e);
	}
	status = run(v);
	doctor_done(&v->doctor);
	policy_set_done(&v->set);
	return status;
}
