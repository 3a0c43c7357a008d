/* windlass iam-policy: what a program must be allowed, for the policies at hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "doctor/iam.h"

#define IAM_BYTES_MAX (256u << 10)
#define IAM_LIST_MAX 1024

struct wanted {
	const char *policies, *region, *account, *role;
	struct doctor_iam iam;
	struct policy_set set;
	const struct policy *list[IAM_LIST_MAX];
	const char *roles[IAM_LIST_MAX];
	const char *namespaces[IAM_LIST_MAX];
};

static int whom_of(const char *word, enum iam_whom *ret, struct err *e)
{
	static const char *const words[] = { "controller", "worker", "producer", "gateway" };
	const char *near;

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum iam_whom)i;
			return 0;
		}
	near = options_nearest(word, words, COUNT_OF(words));
	return err_set(e, ERR_POLICY,
		       "'%.40s' is none of controller, worker, producer, gateway%s%s", word,
		       near ? "; did you mean " : "", near ? near : "");
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What of a policy is reached with the role that is asked about (NULL: the base keys). */
static void take_policy(struct wanted *w, const struct policy *p)
{
	char region[64];

	if (same(p->fleet.role_arn, w->role) && w->iam.policy_count < IAM_LIST_MAX)
		w->list[w->iam.policy_count++] = p;
	else if (p->fleet.role_arn && !w->role && w->iam.role_count < IAM_LIST_MAX)
		w->roles[w->iam.role_count++] = p->fleet.role_arn;
	if (w->iam.whom == IAM_CONTROLLER && p->publish.name_space &&
	    same(p->fleet.role_arn, w->role) && w->iam.namespace_count < IAM_LIST_MAX)
		w->namespaces[w->iam.namespace_count++] = p->publish.name_space;
	for (size_t i = 0; i < p->metric_count; i++) {
		const struct policy_metric *m = &p->metrics[i];

		if (m->source == POLICY_CLOUDWATCH)
			w->iam.cloudwatch = true;
		if (m->source == POLICY_SQS && same(policy_region_role(p, m), w->role))
			doctor_iam_add_queue(&w->iam, m->sqs.queue_url,
					     policy_region_metric(p, m, region, sizeof(region)));
	}
}

static int take_account(struct wanted *w, struct err *e)
{
	if (!w->account)
		return 0;
	if (strlen(w->account) != 12 || strspn(w->account, "0123456789") != 12)
		return err_set(e, ERR_POLICY, "--account '%.40s' is not 12 digits", w->account);
	memcpy(w->iam.account, w->account, 13);
	return 0;
}

static int gather(struct wanted *w, struct err *e)
{
	const struct option_list none = { 0 };
	const char *url = getenv("SQS_QUEUE_URL"), *space = getenv("WINDLASS_PUBLISH");

	if (take_account(w, e) < 0)
		return -1;
	if (w->policies && cli_policies_read(w->policies, &none, NULL, &w->set, e) < 0)
		return -1;
	for (size_t i = 0; i < w->set.count; i++)
		take_policy(w, w->set.items[i].policy);
	if (!w->policies && url && *url)
		doctor_iam_add_queue(&w->iam, url, w->region);
	if (w->iam.whom == IAM_WORKER && space && *space)
		w->namespaces[w->iam.namespace_count++] = space;
	w->iam.region = w->region;
	w->iam.policies = w->list;
	w->iam.roles = w->roles;
	w->iam.namespaces = w->namespaces;
	if (!w->iam.results)
		w->iam.results = w->iam.uploads;
	if (w->iam.whom != IAM_CONTROLLER && !w->iam.uploads)
		return err_set(e, ERR_POLICY, "--bucket is missing: where the videos are");
	if (!w->iam.queue_count && !w->iam.policy_count && !w->iam.role_count)
		return err_set(
			e, ERR_POLICY,
			"nothing to allow is named -> give --policies, or set SQS_QUEUE_URL");
	if (w->iam.whom == IAM_WORKER && !w->iam.policy_count)
		fprintf(stderr, "windlass iam-policy: no group is named, so protection and hooks "
				"are left out -> give --policies\n");
	return 0;
}

static int run(struct wanted *w)
{
	AUTO(buf_done) struct buf out = BUF(IAM_BYTES_MAX);
	AUTO(json_freep) struct json *document = NULL;
	struct err e = { 0 };

	if (gather(w, &e) < 0)
		return cli_fail("iam-policy", &e);
	document = doctor_iam_policy(&w->iam);
	json_write_pretty(document, &out);
	return cli_print(&out, CLI_DONE);
}

int cli_iam_policy(int argc, char **argv)
{
	AUTO(own_freep) struct wanted *w = own_alloc(sizeof(*w));
	const struct option table[] = {
		{ .name = "policies",
		  .letter = 'p',
		  .type = OPTION_STR,
		  .value = &w->policies,
		  .meta = "PATH",
		  .env = "WINDLASS_POLICIES",
		  .doc = "a policy file, or a folder of them: their groups and queues" },
		{ .name = "role",
		  .type = OPTION_STR,
		  .value = &w->role,
		  .meta = "ARN",
		  .doc = "what this role of fleet.role_arn must be allowed, and not the base "
			 "keys" },
		{ .name = "bucket",
		  .type = OPTION_STR,
		  .value = &w->iam.uploads,
		  .meta = "NAME",
		  .doc = "bucket of the videos, for all but the controller" },
		{ .name = "results-bucket",
		  .type = OPTION_STR,
		  .value = &w->iam.results,
		  .meta = "NAME",
		  .doc = "bucket of the results; else the same" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &w->region,
		  .meta = "REGION",
		  .env = "AWS_REGION",
		  .doc = "of what names none; without it any" },
		{ .name = "account",
		  .type = OPTION_STR,
		  .value = &w->account,
		  .meta = "ID",
		  .doc = "of the groups; else that of the first queue's URL" },
	};
	const struct options opts = {
		.program = "windlass iam-policy",
		.summary = "The least that a program must be allowed, as an IAM policy.",
		.operands = "controller|worker|producer|gateway",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1,
		.details =
			"Dead-letter queues are taken to be named as windlass queue create names "
			"them. What doctor --fix writes is not\namong it; what a worker "
			"publishes is, where WINDLASS_PUBLISH names its namespace. Nothing is "
			"called.\n",
	};
	char **operands;
	struct err e = { 0 };
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("iam-policy", &e) : CLI_DONE;
	if (whom_of(operands[0], &w->iam.whom, &e) < 0)
		return cli_usage("iam-policy", &e);
	status = run(w);
	doctor_iam_done(&w->iam);
	policy_set_done(&w->set);
	return status;
}
