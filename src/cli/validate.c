/* windlass validate: what is wrong with policy files, all of it at once. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "policy/policy.h"

#define VALIDATE_BYTES_MAX (4u << 20)

struct validate {
	bool print;
	int64_t next; /* firings of schedules to show */
	struct instant from;
};

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

/* The next moments at which a schedule begins, earliest first, with the local time. */
static void show_next(const struct policy *p, struct instant now, int64_t most, struct buf *out)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	struct instant next[POLICY_SCHEDULES_MAX];

	for (size_t i = 0; i < p->schedule_count; i++)
		next[i] = calendar_next(&p->schedules[i].cron, p->schedules[i].zone, now);
	for (int64_t n = 0; n < most; n++) {
		const struct policy_schedule *s = NULL;
		char at[CLOCK_TEXT_MAX], lasts[CLOCK_TEXT_MAX];
		int64_t local;
		size_t first = 0;

		for (size_t i = 0; i < p->schedule_count; i++)
			if (!instant_is_never(next[i]) && (!s || next[i].ms < next[first].ms)) {
				first = i;
				s = &p->schedules[i];
			}
		if (!s)
			return;
		local = next[first].ms / 1000 + calendar_offset(s->zone, next[first].ms / 1000);
		buf_addf(out, "%s  %s %02d:%02d %s  %s for %s:", clock_print(next[first], at),
			 days[(local / 86400 + 4) % 7], (int)(local % 86400 / 3600),
			 (int)(local % 3600 / 60), s->zone->name, s->name,
			 clock_print_span(s->duration, lasts));
		if (s->min_given)
			buf_addf(out, " min %lld", (long long)s->min);
		if (s->max_given)
			buf_addf(out, " max %lld", (long long)s->max);
		buf_addc(out, '\n');
		next[first] = calendar_next(&s->cron, s->zone, next[first]);
	}
}

/* One operand; false when something in it is wrong. */
static bool validate_path(const char *path, const struct validate *v, struct buf *out,
			  struct err *e)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	struct policy_reading how = { .env = KEYS_ENV_WARN, .lint = true };
	size_t shown = 0;

	if (policy_set_read(path, &how, &set, e) < 0)
		return false;
	show_problems(&set);
	for (size_t i = 0; i < set.count; i++)
		if (!set.items[i].blocked) {
			if (v->print && shown++ > 0)
				buf_adds(out, "---\n");
			show_policy(set.items[i].policy, v->print, out);
			show_next(set.items[i].policy, v->from, v->next, out);
		}
	if (set.files == 0)
		err_set(e, ERR_POLICY, "%s holds no *.yaml or *.yml file", path);
	return set.error_count == 0 && set.files > 0;
}

int cli_validate(int argc, char **argv)
{
	struct validate v = { .from = clock_wall() };
	const char *from = NULL;
	bool good = true;
	const struct option table[] = {
		{ .name = "print",
		  .type = OPTION_FLAG,
		  .value = &v.print,
		  .doc = "print each valid policy back as YAML, without defaults" },
		{ .name = "next",
		  .type = OPTION_INT,
		  .value = &v.next,
		  .meta = "N",
		  .init = "0",
		  .least = 0,
		  .most = 1000,
		  .doc = "list the next N times at which a schedule begins" },
		{ .name = "from",
		  .type = OPTION_STR,
		  .value = &from,
		  .meta = "TIME",
		  .doc = "count --next from then, as 2024-01-31T09:00:00Z; default: now" },
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
	if (rc == 0 && from)
		rc = clock_parse(from, strlen(from), &v.from, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("validate", &e) : CLI_DONE;
	for (int i = 0; i < n; i++) {
		err_clear(&e);
		if (validate_path(paths[i], &v, &out, &e))
			continue;
		good = false;
		if (e.kind != ERR_NONE && cli_fail("validate", &e) == CLI_FAILED)
			status = CLI_FAILED;
	}
	return cli_print(&out, status != CLI_DONE ? status : good ? CLI_DONE : CLI_USAGE);
}
