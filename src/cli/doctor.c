/* windlass doctor: what keeps a fleet from following its queue, with the remedy of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/doctor_look.h"
#include "cli/policies.h"

#define DOCTOR_OUT_MAX (4u << 20)
#define DOCTOR_URLS_MAX 1024

struct visit {
	const char *policies, *output, *region;
	const char *journal;
	bool fix;
	struct span job;
	struct policy_set set;
	struct doctor_look look;
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

static void look(struct visit *v)
{
	const char *url = getenv("SQS_QUEUE_URL");
	bool own = url && strstr(url, "://");
	struct lane *base;

	for (size_t i = 0; i < v->set.count; i++)
		for (size_t k = 0; k < v->set.items[i].policy->metric_count; k++)
			if (v->set.items[i].policy->metrics[k].source == POLICY_SQS)
				note_url(v, v->set.items[i].policy->metrics[k].sqs.queue_url);
	doctor_environment_look(&v->look.doctor, v->urls, v->url_count);
	base = cli_doctor_lane(&v->look, v->region, NULL, NULL);
	if (!base)
		return;
	doctor_identity_look(&v->look.doctor, base);
	for (size_t i = 0; i < v->set.count; i++)
		cli_doctor_policy(&v->look, v->set.items[i].policy);
	for (size_t i = 0; own && i < v->url_count; i++)
		own = strcmp(v->urls[i], url) != 0;
	if (own)
		doctor_queue_look(&v->look.doctor, base, url, NULL);
	doctor_untried(&v->look.doctor);
}

static void tell_text(const struct doctor *d, struct buf *out)
{
	size_t ills = doctor_ills(d);

	for (size_t i = 0; i < d->count; i++)
		cli_doctor_text(&d->list[i], out);
	if (ills)
		buf_addf(out, "%zu finding%s\n", ills, ills == 1 ? "" : "s");
	else
		buf_adds(out, "nothing stands in the way\n");
}

static void tell_json(const struct doctor *d, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();
	struct json *list = json_array();

	for (size_t i = 0; i < d->count; i++)
		json_add(list, cli_doctor_json(&d->list[i]));
	json_set(j, "findings", list);
	json_set_bool(j, "clean", doctor_ills(d) == 0);
	json_write_pretty(j, out);
}

static int run(struct visit *v)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO(buf_done) struct buf out = BUF(DOCTOR_OUT_MAX);

	struct err e = { 0 };

	v->look.past = journal_open_read(v->journal, &e);
	if (!v->look.past && e.kind != ERR_NOT_FOUND)
		doctor_add(&v->look.doctor, DOCTOR_WARN, "journal", v->journal, NULL, "%s", e.text);
	v->look.lanes = control_lanes_new(loop);
	v->look.doctor.job = v->look.job = v->job;
	look(v);
	if (v->fix)
		doctor_fix_apply(&v->look.doctor);
	if (strcmp(v->output, "json") == 0)
		tell_json(&v->look.doctor, &out);
	else
		tell_text(&v->look.doctor, &out);
	control_lanes_free(v->look.lanes);
	journal_free(v->look.past);
	return cli_print(&out, doctor_ills(&v->look.doctor) ? CLI_FAILED : CLI_DONE);
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
		  .value = &v->look.doctor.spot,
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
	doctor_done(&v->look.doctor);
	policy_set_done(&v->set);
	return status;
}
