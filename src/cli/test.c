/* windlass test: unit tests of policies. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "cli/cli.h"
#include "rehearse/trial.h"

#define TEST_BYTES_MAX (16u << 20)

struct test_run {
	bool as_json;
	size_t passed, failed;
	struct buf out;
	struct json *list;
};

static void show_problems(const struct trial_file *f)
{
	for (size_t i = 0; i < f->set.problem_count; i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		if (f->set.problems[i].warning)
			continue; /* validate tells those */
		policy_problem_print(&f->set.problems[i], &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
	for (size_t i = 0; f->problems && i < keys_problem_count(f->problems); i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		keys_problem_print(keys_problem_at(f->problems, i), &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
}

static void one(struct test_run *r, const struct trial_file *f, const struct trial *t)
{
	struct trial_result result;

	trial_run(f, t, &result);
	r->passed += result.failures == 0;
	r->failed += result.failures > 0;
	if (r->as_json) {
		struct json *j = json_object();

		json_set_str(j, "file", f->path);
		json_set_int(j, "line", t->line);
		json_set_str(j, "policy", f->policy->name);
		json_set_str(j, "name", t->name);
		json_set_bool(j, "passed", result.failures == 0);
		json_set(j, "failures", json_ref(result.json));
		json_add(r->list, j);
	} else if (result.failures > 0) {
		buf_addf(&r->out, "FAIL %s:%d: %s\n%s", f->path, t->line, t->name,
			 buf_str(&result.text));
	}
	trial_result_done(&result);
}

static int test_file(struct test_run *r, const char *path)
{
	AUTO(trial_done) struct trial_file f = { 0 };
	struct err e;

	if (trial_read(path, &f, &e) < 0) {
		show_problems(&f);
		return cli_fail("test", &e);
	}
	for (size_t i = 0; i < f.count; i++)
		one(r, &f, &f.trials[i]);
	return CLI_DONE;
}

int cli_test(int argc, char **argv)
{
	struct test_run r = { .out = BUF(TEST_BYTES_MAX) };
	const char *output;
	const struct option table[] = {
		CLI_ROW_OUTPUT(&output, "text", "text|json"),
	};
	const struct options o = {
		.program = "windlass test",
		.summary = "run unit tests of policies",
		.operands = "FILE…",
		.details =
			"A file names a policy and has tests: series of what is seen, and the "
			"size and reasons that must come of it.\n"
			"A failure shows the staircase of its turn. Exit status: 0 all passed, 1 "
			"some failed, 2 a file has mistakes.",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = -1
	};
	int n, rc, status = CLI_DONE;
	char **paths;
	struct err e;

	rc = options_parse(&o, argc, argv, &paths, &n, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("test", &e) : CLI_DONE;
	r.as_json = strcmp(output, "json") == 0;
	r.list = json_array();
	for (int i = 0; i < n; i++) {
		int one_status = test_file(&r, paths[i]);

		status = one_status > status ? one_status : status;
	}
	if (status == CLI_DONE && r.failed > 0)
		status = CLI_FAILED;
	if (r.as_json)
		json_write_pretty(r.list, &r.out);
	else
		buf_addf(&r.out, "%zu passed, %zu failed\n", r.passed, r.failed);
	status = cli_print(&r.out, status);
	json_free(r.list);
	buf_done(&r.out);
	return status;
}
