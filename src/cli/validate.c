/* windlass validate: what is wrong with policy files, all of it at once. */
#include <stdio.h>

#include "base/options.h"
#include "cli/cli.h"
#include "policy/policy.h"

#define VALIDATE_BYTES_MAX (4u << 20)

static void show_problems(const struct policy_set *set)
{
	for (size_t i = 0; i < set->problem_count; i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		policy_problem_print(&set->problems[i], &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
}

static void show_policy(const struct policy *p, bool print, struct buf *out)
{
	if (print)
		policy_print(p, out);
	else
		buf_addf(out, "%s: policy %s is valid\n", p->file, p->name);
}

/* One operand; false when something in it is wrong. */
static bool validate_path(const char *path, bool print, struct buf *out, struct err *e)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	struct policy_reading how = { .env = KEYS_ENV_WARN };
	size_t shown = 0;

	if (policy_set_read(path, &how, &set, e) < 0)
		return false;
	show_problems(&set);
	for (size_t i = 0; i < set.count; i++)
		if (!set.items[i].blocked) {
			if (print && shown++ > 0)
				buf_adds(out, "---\n");
			show_policy(set.items[i].policy, print, out);
		}
	if (set.files == 0)
		err_set(e, ERR_POLICY, "%s holds no *.yaml or *.yml file", path);
	return set.error_count == 0 && set.files > 0;
}

int cli_validate(int argc, char **argv)
{
	bool print = false, good = true;
	const struct option table[] = {
		{ .name = "print",
		  .type = OPTION_FLAG,
		  .value = &print,
		  .doc = "print each valid policy back as YAML, without defaults" },
	};
	const struct options o = {
		.program = "windlass validate",
		.summary = "Checks policy files, or the *.yaml of directories.",
		.operands = "PATH…",
		.details = "Prints file:line:column: message for each mistake, all of them in one "
			   "run. An unset ${NAME} is a warning.\n"
			   "Exit status: 0 all are valid, 1 a path cannot be read, 2 a policy is "
			   "wrong.",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = -1
	};
	AUTO(buf_done) struct buf out = BUF(VALIDATE_BYTES_MAX);
	int n, rc, status = CLI_DONE;
	char **paths;
	struct err e;

	rc = options_parse(&o, argc, argv, &paths, &n, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("validate", &e) : CLI_DONE;
	for (int i = 0; i < n; i++) {
		err_clear(&e);
		if (validate_path(paths[i], print, &out, &e))
			continue;
		good = false;
		if (e.kind != ERR_NONE && cli_fail("validate", &e) == CLI_FAILED)
			status = CLI_FAILED;
	}
	return cli_print(&out, status != CLI_DONE ? status : good ? CLI_DONE : CLI_USAGE);
}
