/* windlass eval: what a policy would do, without a cloud. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "policy/policy.h"
#include "rehearse/stream.h"

#define EVAL_OUT_MAX (1u << 20)

/* --set PATH=VALUE, taken apart. */
static int overrides(const struct option_list *sets, struct policy_override *ret, char **copies,
		     struct err *e)
{
	for (size_t i = 0; i < sets->count; i++) {
		char *eq;

		copies[i] = own_strdup(sets->items[i]);
		eq = strchr(copies[i], '=');
		if (!eq || eq == copies[i])
			return err_set(e, ERR_POLICY, "--set '%.100s' is not PATH=VALUE",
				       sets->items[i]);
		*eq = '\0';
		ret[i] = (struct policy_override){ .path = copies[i], .value = eq + 1 };
	}
	return 0;
}

static int read_policy(const char *path, const struct option_list *sets, struct policy_set *ret,
		       struct err *e)
{
	struct policy_override *over = own_array(sets->count + 1, sizeof(*over));
	char **copies = own_array(sets->count + 1, sizeof(*copies));
	struct policy_reading how = { .env = KEYS_ENV_WARN,
				      .overrides = over,
				      .override_count = sets->count };
	int rc = overrides(sets, over, copies, e);

	if (rc == 0)
		rc = policy_set_read(path, &how, ret, e);
	for (size_t i = 0; i < sets->count; i++)
		own_free(copies[i]);
	own_free(copies);
	own_free(over);
	return rc;
}

static int run(struct stream *s)
{
	AUTO(buf_done) struct buf out = BUF(EVAL_OUT_MAX);
	AUTO(lines_done) struct lines l;
	const char *line;
	size_t len;
	int status = CLI_DONE;

	lines_init(&l, STDIN_FILENO, STREAM_LINE_MAX);
	while (status == CLI_DONE && lines_next(&l, true, &line, &len) == LINES_LINE) {
		buf_clear(&out);
		stream_line(s, line, len, &out);
		status = cli_print(&out, CLI_DONE);
	}
	return status;
}

static int eval_stream(const char *path, const char *queue, const struct option_list *sets)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	struct stream s;
	struct err e;

	if (read_policy(path, sets, &set, &e) < 0)
		return cli_fail("eval", &e);
	for (size_t i = 0; i < set.problem_count; i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		policy_problem_print(&set.problems[i], &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
	if (set.error_count > 0)
		return CLI_USAGE;
	if (set.count != 1) {
		err_set(&e, ERR_POLICY, "%s holds %zu policies; name the file of one", path,
			set.count);
		return cli_fail("eval", &e);
	}
	if (stream_init(&s, set.items[0].policy, queue, &e) < 0)
		return cli_fail("eval", &e);
	return run(&s);
}

int cli_eval(int argc, char **argv)
{
	const char *queue = NULL;
	struct option_list sets = { 0 };
	bool stream = false;
	const struct option table[] = {
		{ .name = "stream",
		  .type = OPTION_FLAG,
		  .value = &stream,
		  .doc = "read one JSON observation a line, write one JSON decision a line" },
		{ .name = "queue",
		  .type = OPTION_STR,
		  .value = &queue,
		  .meta = "METRIC",
		  .doc = "the metric that the observations feed; default: the first queue" },
		{ .name = "set",
		  .type = OPTION_LIST,
		  .value = &sets,
		  .meta = "PATH=VALUE",
		  .doc = "override a key of the policy: keys joined by dots, an entry of a list by "
			 "its name" },
	};
	const struct options o = {
		.program = "windlass eval",
		.summary = "Evaluates a policy over observations, without a cloud.",
		.operands = "POLICY",
		.details = "Time is the observations' own. Nothing is remembered from run to run.",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1
	};
	char **operands;
	int n, rc;
	struct err e;

	rc = options_parse(&o, argc, argv, &operands, &n, &e);
	if (rc == 0 && !stream)
		rc = err_set(&e, ERR_POLICY, "say how: --stream");
	rc = rc < 0   ? cli_usage("eval", &e)
	     : rc > 0 ? CLI_DONE
		      : eval_stream(operands[0], queue, &sets);
	options_list_done(&sets);
	return rc;
}
