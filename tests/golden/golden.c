/* Goldens: what is read from a policy and what is decided, compared with what was once looked at
 * and kept.
 *
 *   policy/X.yaml             -> X.ok (the policy printed) or X.err (its problems)
 *   lint/X.yaml               -> X.warn (what validate warns of)
 *   decide/X.yaml + X.json    -> X.ok (the staircase of each turn)
 *   policies/X.yaml           printed, read again and printed again: the same; has tests
 *   policies                  have no error together: no two of them enforce one group
 *   policies/tests/X.yaml     passes, as windlass test runs it
 *
 * golden -update rewrites what differs.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "decide/decide.h"
#include "model/say.h"
#include "policy/policy.h"
#include "rehearse/trial.h"

#define TEXT_MAX (1u << 20)

struct run {
	const char *top; /* of the sources */
	bool update;
	int passed, failed;
};

static void judge(struct run *r, const char *name, bool good, const char *why)
{
	if (good) {
		r->passed++;
		return;
	}
	r->failed++;
	printf("FAIL %s: %s\n", name, why);
}

/* Compares with the file, or rewrites it. */
static void settle(struct run *r, const char *name, const char *path, const struct buf *got)
{
	AUTO(buf_done) struct buf want = BUF(TEXT_MAX);
	struct err e = { 0 };
	bool same =
		buf_read_file(&want, path, &e) == 0 && strcmp(buf_str(&want), buf_str(got)) == 0;

	if (!same && r->update) {
		same = buf_write_file(got, path, 0644, &e) == 0;
		printf("rewrote %s\n", path);
	}
	judge(r, name, same, same ? "" : "differs from what was kept");
	if (!same)
		printf("--- kept\n%s+++ now\n%s", buf_str(&want), buf_str(got));
}

static const struct policy *read_policy(const char *path, const char *shown, struct policy_set *set,
					struct buf *problems)
{
	struct policy_reading how = { .env = KEYS_ENV_WARN, .lint = true };
	AUTO(buf_done) struct buf text = BUF(TEXT_MAX);
	struct err e;

	if (buf_read_file(&text, path, &e) < 0) {
		buf_addf(problems, "%s\n", e.text);
		return NULL;
	}
	policy_read_text(shown, buf_str(&text), text.len, &how, set);
	policy_set_check(set);
	for (size_t i = 0; i < set->problem_count; i++) {
		policy_problem_print(&set->problems[i], problems);
		buf_addc(problems, '\n');
	}
	return set->count == 1 ? set->items[0].policy : NULL;
}

static void swap_end(const char *path, const char *end, char out[static 512])
{
	size_t n = strlen(path) - strlen(".yaml");

	snprintf(out, 512, "%.*s%s", (int)n, path, end);
}

static void golden_policy(struct run *r, const char *path, const char *shown)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf problems = BUF(TEXT_MAX), printed = BUF(TEXT_MAX);
	const struct policy *p = read_policy(path, shown, &set, &problems);
	char ok[512], bad[512];

	swap_end(path, ".ok", ok);
	swap_end(path, ".err", bad);
	if (p)
		policy_print(p, &printed);
	settle(r, shown, p ? ok : bad, p ? &printed : &problems);
	judge(r, shown, access(p ? bad : ok, F_OK) != 0, "has both an .ok and an .err");
}

static void golden_lint(struct run *r, const char *path, const char *shown)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf problems = BUF(TEXT_MAX);
	char warn[512];

	swap_end(path, ".warn", warn);
	judge(r, shown, read_policy(path, shown, &set, &problems) != NULL, "has errors");
	settle(r, shown, warn, &problems);
}

/* A shipped policy has tests of its own name, and they pass. */
static void tried(struct run *r, const char *path, const char *shown)
{
	AUTO(trial_done) struct trial_file f = { 0 };
	struct err e = { 0 };

	if (trial_read(path, &f, &e) < 0) {
		judge(r, shown, false, e.text);
		return;
	}
	for (size_t i = 0; i < f.count; i++) {
		struct trial_result result;

		trial_run(&f, &f.trials[i], &result);
		judge(r, f.trials[i].name, result.failures == 0, buf_str(&result.text));
		trial_result_done(&result);
	}
}

static void has_tests(struct run *r, const char *path, const char *shown)
{
	const char *slash = strrchr(path, '/');
	char tests[512];

	snprintf(tests, sizeof(tests), "%.*s/tests%s", (int)(slash - path), path, slash);
	judge(r, shown, access(tests, R_OK) == 0,
	      "has no tests: policies/tests/ wants one of its name");
}

/* Printed and read again, a policy prints the same. */
static void round_trip(struct run *r, const char *path, const char *shown)
{
	AUTO(policy_set_done) struct policy_set set = { 0 }, again = { 0 };
	AUTO(buf_done)
	struct buf problems = BUF(TEXT_MAX), one = BUF(TEXT_MAX), two = BUF(TEXT_MAX);
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	const struct policy *p = read_policy(path, shown, &set, &problems);

	if (!p) {
		judge(r, shown, false, buf_str(&problems));
		return;
	}
	policy_print(p, &one);
	policy_read_text("printed", buf_str(&one), one.len, &how, &again);
	if (again.count == 1)
		policy_print(again.items[0].policy, &two);
	judge(r, shown, again.count == 1 && strcmp(buf_str(&one), buf_str(&two)) == 0,
	      "does not read back as it prints");
}

static int turn(const struct policy *p, const struct json *j, struct memory *m, struct buf *out,
		struct err *e)
{
	const char *at = json_get_str(j, "at");
	struct outcome done = { .kind = OUTCOME_DONE };
	struct facts f;
	struct plan plan;
	struct instant now;

	if (!at || clock_parse(at, strlen(at), &now, e) < 0)
		return err_set(e, ERR_POLICY, "a turn has no time 'at'");
	if (say_facts_read(p, json_get(j, "facts"), &f, e) < 0)
		return -1;
	if (instant_is_never(f.group.seen_at))
		f.group.seen_at = now;
	for (size_t i = 0; i < f.metric_count; i++)
		if (f.metric[i].why == FACT_READABLE && instant_is_never(f.metric[i].seen_at))
			f.metric[i].seen_at = now;
	if (json_get(j, "memory") && memory_read(p, json_get(j, "memory"), now, m, e) < 0)
		return -1;
	decide_learn(p, &f, now, m);
	plan = decide(p, &f, m, now);
	decide_presume(&plan, now, m);
	decide_settle(p, &done, now, m);
	buf_addf(out, "%s  ", at);
	say_plan(p, &f, &plan, now, out);
	buf_addf(out, "  = %s %d\n", plan.act == PLAN_SET ? "set" : "hold", plan.desired);
	return 0;
}

static void golden_decide(struct run *r, const char *path, const char *shown)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done)
	struct buf problems = BUF(TEXT_MAX), text = BUF(TEXT_MAX), out = BUF(TEXT_MAX);
	AUTO(json_freep) struct json *j = NULL;
	const struct policy *p = read_policy(path, shown, &set, &problems);
	struct memory m;
	char other[512];
	struct err e = { 0 };

	swap_end(path, ".json", other);
	if (p && buf_read_file(&text, other, &e) == 0)
		j = json_parse(buf_str(&text), text.len, &e);
	if (!j) {
		judge(r, shown, false, p ? e.text : buf_str(&problems));
		return;
	}
	memory_init(&m);
	for (size_t i = 0; i < json_count(j); i++)
		if (turn(p, json_at(j, i), &m, &out, &e) < 0) {
			judge(r, shown, false, e.text);
			return;
		}
	swap_end(path, ".ok", other);
	settle(r, shown, other, &out);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static void each(struct run *r, const char *folder,
		 void (*one)(struct run *, const char *, const char *))
{
	char dir[512], path[512], shown[512];
	struct dirent **list;
	int n;

	snprintf(dir, sizeof(dir), "%s/%s", r->top, folder);
	n = scandir(dir, &list, is_yaml, by_name);
	judge(r, folder, n > 0, "holds no case");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%.250s/%.250s", dir, list[i]->d_name);
		snprintf(shown, sizeof(shown), "%.250s/%.250s", folder, list[i]->d_name);
		one(r, path, shown);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* They are installed as one folder, so as one folder they must be fit to run. */
static void fit_together(struct run *r)
{
	struct policy_reading how = { .env = KEYS_ENV_WARN };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf problems = BUF(TEXT_MAX);
	struct err e = { 0 };
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/policies", r->top);
	if (policy_set_read(dir, &how, &set, &e) < 0)
		buf_adds(&problems, e.text);
	for (size_t i = 0; i < set.problem_count; i++) {
		policy_problem_print(&set.problems[i], &problems);
		buf_addc(&problems, '\n');
	}
	judge(r, "policies", set.count >= 10 && set.error_count == 0, buf_str(&problems));
}

int main(int argc, char **argv)
{
	struct run r = { .top = getenv("WINDLASS_SRC"),
			 .update = argc > 1 && strcmp(argv[1], "-update") == 0 };

	if (!r.top) {
		fprintf(stderr, "golden: WINDLASS_SRC does not say where the sources are\n");
		return 2;
	}
	unsetenv("SQS_QUEUE_URL");
	setenv("GOLDEN_QUEUE", "http://127.0.0.1:1/000000000000/golden", 1);
	each(&r, "tests/golden/policy", golden_policy);
	each(&r, "tests/golden/lint", golden_lint);
	each(&r, "tests/golden/decide", golden_decide);
	each(&r, "policies", round_trip);
	each(&r, "policies", has_tests);
	fit_together(&r);
	each(&r, "policies/tests", tried);
	printf("%d passed, %d failed\n", r.passed, r.failed);
	return r.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
