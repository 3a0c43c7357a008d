/* Policies beside the goldens: directories, shared groups, overrides, regions, the environment. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "policy/policy.h"

Suite *suite_zone(void);

#define HEAD "version: 1\nname: %s\nmode: %s\nfleet: { auto_scaling_group: %s, %s }\n"
#define TAIL                                                                                      \
	"metrics:\n  backlog: { sqs: { queue_url: \"https://sqs.eu-west-1.amazonaws.com/1/q\" } " \
	"}\n"                                                                                     \
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 10 } }\n"

static char dir[] = "/tmp/check_policy.XXXXXX";

static void put(const char *file, const char *text)
{
	char path[256];
	AUTO(buf_done) struct buf b = BUF(65536);

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	buf_adds(&b, text);
	ck_assert_int_eq(buf_write_file(&b, path, 0644, NULL), 0);
}

static void put_policy(const char *file, const char *name, const char *mode, const char *group,
		       const char *fleet)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD TAIL, name, mode, group, fleet);
	put(file, text);
}

static void make_dir(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[512];
	static const char *const files[] = { "a.yaml",    "b.yaml", "c.yml",        ".hidden.yaml",
					     "notes.txt", "d.yaml", "defaults.yaml" };

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(command, sizeof(command), "%s/%s", dir, files[i]);
		unlink(command);
		rmdir(command);
	}
	rmdir(dir);
}

static void read_dir(struct policy_set *set)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	struct err e;

	ck_assert_int_eq(policy_set_read(dir, &how, set, &e), 0);
}

static bool has_problem(const struct policy_set *set, const char *file, const char *part)
{
	for (size_t i = 0; i < set->problem_count; i++)
		if (strstr(set->problems[i].file, file) && strstr(set->problems[i].text, part))
			return true;
	return false;
}

START_TEST(one_bad_file_leaves_the_good_ones)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };

	put_policy("a.yaml", "one", "enforce", "g1", "min: 1");
	put("b.yaml", "version: 1\nname: [\n");
	put_policy("c.yml", "three", "enforce", "g3", "min: 1");
	put(".hidden.yaml", "not: read");
	put("notes.txt", "not read either");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(set.files, 3);
	ck_assert_uint_eq(set.bad_files, 1);
	ck_assert_str_eq(set.items[0].policy->name, "one");
	ck_assert_str_eq(set.items[1].policy->name, "three");
	ck_assert_uint_eq(set.error_count, 1);
	ck_assert(has_problem(&set, "b.yaml", ""));
	ck_assert_int_gt(set.problems[0].line, 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_a_problem_of_its_own)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	char path[256];

	put_policy("a.yaml", "one", "enforce", "g1", "min: 1");
	snprintf(path, sizeof(path), "%s/d.yaml", dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	read_dir(&set);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(set.bad_files, 1);
	ck_assert(has_problem(&set, "d.yaml", ""));
}
END_TEST

START_TEST(a_path_that_is_not_there_is_an_error)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	struct policy_set set;
	struct err e;

	ck_assert_int_eq(policy_set_read("/nonexistent/policies", &how, &set, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/policies"));
}
END_TEST

static const struct pair {
	const char *name, *mode, *group,
		*fleet; /* of the second; the first enforces g in us-east-1 */
	bool blocked;
} pairs[] = {
	{ "the same group", "enforce", "g", "region: us-east-1", true },
	{ "another group", "enforce", "h", "region: us-east-1", false },
	{ "another region", "enforce", "g", "region: eu-west-1", false },
	{ "a region that is not named", "enforce", "g", "min: 1", true },
	{ "another account", "enforce", "g",
	  "region: us-east-1, role_arn: \"arn:aws:iam::2:role/x\"", false },
	{ "a shadow", "shadow", "g", "region: us-east-1", false },
	{ "a dry run", "dry_run", "g", "region: us-east-1", false },
};

START_TEST(two_that_enforce_one_group_are_both_blocked)
{
	const struct pair *c = &pairs[_i];
	AUTO(policy_set_done) struct policy_set set = { 0 };

	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	put_policy("a.yaml", "one", "enforce", "g", "region: us-east-1");
	put_policy("b.yaml", "two", c->mode, c->group, c->fleet);
	read_dir(&set);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_msg(set.items[0].blocked == c->blocked && set.items[1].blocked == c->blocked,
		      "%s", c->name);
	ck_assert_uint_eq(set.error_count, c->blocked ? 2 : 0);
	if (c->blocked)
		ck_assert(has_problem(&set, "a.yaml", "two") && has_problem(&set, "b.yaml", "one"));
}
END_TEST

START_TEST(two_roles_of_one_account_are_one_account)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };

	put_policy("a.yaml", "one", "enforce", "g",
		   "region: r1, role_arn: \"arn:aws:iam::7:role/a\"");
	put_policy("b.yaml", "two", "enforce", "g",
		   "region: r1, role_arn: \"arn:aws:iam::7:role/b\"");
	read_dir(&set);
	ck_assert(set.items[0].blocked && set.items[1].blocked);
}
END_TEST

START_TEST(the_later_of_two_with_one_name_is_left_out)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };

	put_policy("a.yaml", "one", "enforce", "g", "min: 1");
	put_policy("b.yaml", "one", "enforce", "h", "min: 1");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_str_eq(set.items[0].policy->fleet.auto_scaling_group, "g");
	ck_assert_uint_eq(set.bad_files, 1);
	ck_assert(has_problem(&set, "b.yaml", "one"));
}
END_TEST

static const struct over {
	const char *path, *value;
	const char *error; /* NULL: per_instance becomes 3000 or min 4 */
} overs[] = {
	{ "rules.r.target_tracking.per_instance", "3", NULL },
	{ "rules.r.target_tracking", "{ metric: backlog, per_instance: 3 }", NULL },
	{ "rules.q.target_tracking.per_instance", "3", "no entry" },
	{ "rules.r.target_tracking.per_instances", "3", "did you mean" },
	{ "rules.r.name.x", "3", "plain value" },
	{ "rules..x", "3", "empty name" },
	{ "fleet.min", "four", "whole number" },
	{ "fleet.min", "[", "--set fleet.min" },
	{ "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "1", "deeper" },
};

START_TEST(a_key_is_overridden)
{
	const struct over *c = &overs[_i];
	struct policy_override o = { c->path, c->value };
	struct policy_reading how = { .env = KEYS_ENV_REFUSE,
				      .overrides = &o,
				      .override_count = 1 };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	char text[1024];
	int n = snprintf(text, sizeof(text), HEAD TAIL, "one", "enforce", "g", "min: 1");
	bool good = policy_read_text("a.yaml", text, (size_t)n, &how, &set);

	ck_assert_msg(good == (c->error == NULL), "%s", c->path);
	if (good)
		ck_assert_int_eq(set.items[0].policy->rules[0].target_tracking.per_instance_milli,
				 3000);
	else
		ck_assert_msg(has_problem(&set, "", c->error), "%s: %s", c->path,
			      set.problems[0].text);
}
END_TEST

START_TEST(overrides_add_what_the_file_has_not)
{
	struct policy_override o[] = { { "fleet.max", "4" },
				       { "behavior.scale_in.cooldown", "9s" } };
	struct policy_reading how = { .env = KEYS_ENV_REFUSE, .overrides = o, .override_count = 2 };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	char text[1024];
	int n = snprintf(text, sizeof(text), HEAD TAIL, "one", "enforce", "g", "min: 1");

	ck_assert(policy_read_text("a.yaml", text, (size_t)n, &how, &set));
	ck_assert_int_eq(set.items[0].policy->fleet.max, 4);
	ck_assert_int_eq(set.items[0].policy->behavior.scale_in.cooldown.ms, 9000);
	ck_assert_int_eq(set.items[0].policy->behavior.scale_in.stabilization.ms, 300000);
}
END_TEST

static const struct {
	const char *url, *region; /* NULL: the fleet's */
} urls[] = {
	{ "https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1" },
	{ "https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1" },
	{ "https://sqs-fips.us-west-2.amazonaws.com/1/q", "us-west-2" },
	{ "https://ap-south-1.queue.amazonaws.com/1/q", "ap-south-1" },
	{ "http://127.0.0.1:9324/1/q", NULL },
	{ "https://sqs.eu-west-1.amazonaws.com.evil.example/1/q", NULL },
	{ "https://example.com/sqs.eu-west-1.amazonaws.com", NULL },
	{ "https://s3.eu-west-1.amazonaws.com/1/q", NULL },
};

START_TEST(a_queue_is_in_its_urls_region)
{
	struct policy p = { .fleet = { .region = "the-fleet" } };
	struct policy_metric m = { .sqs = { .queue_url = urls[_i].url } };
	char buf[64];

	ck_assert_str_eq(policy_region_metric(&p, &m, buf, sizeof(buf)),
			 urls[_i].region ? urls[_i].region : "the-fleet");
	m.sqs.region = "its-own";
	ck_assert_str_eq(policy_region_metric(&p, &m, buf, sizeof(buf)), "its-own");
}
END_TEST

START_TEST(an_unset_name_is_refused_or_taken_literally)
{
	static const char text[] =
		"version: 1\nname: one\nfleet: { auto_scaling_group: g }\n"
		"metrics: { backlog: { sqs: { queue_url: \"${CHECK_POLICY_URL}\" } } }\n"
		"rules: [ { name: r, target_tracking: { metric: backlog, per_instance: 1 } } ]\n";
	struct policy_reading refuse = { .env = KEYS_ENV_REFUSE }, warn = { .env = KEYS_ENV_WARN };
	AUTO(policy_set_done) struct policy_set one = { 0 }, two = { 0 }, three = { 0 };

	unsetenv("CHECK_POLICY_URL");
	ck_assert(!policy_read_text("a", text, strlen(text), &refuse, &one));
	ck_assert_int_eq(one.problems[0].line, 4);
	ck_assert(policy_read_text("a", text, strlen(text), &warn, &two));
	ck_assert(two.problems[0].warning);
	ck_assert_str_eq(two.items[0].policy->metrics[0].sqs.queue_url, "${CHECK_POLICY_URL}");
	setenv("CHECK_POLICY_URL", "http://h/1/q", 1);
	ck_assert(policy_read_text("a", text, strlen(text), &refuse, &three));
	ck_assert_str_eq(three.items[0].policy->metrics[0].sqs.queue_url, "http://h/1/q");
}
END_TEST

START_TEST(what_a_folder_has_in_common)
{
	struct policy_set set;
	char path[256];
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	struct err e;

	put("defaults.yaml", "fleet: { max: 7, region: eu-west-1 }\nbehavior: { tolerance: 20% }\n"
			     "evaluate: { every: 30s }\nmode: dry_run\n");
	put_policy("a.yaml", "a", "enforce", "ga", "max: 3");
	put("b.yaml", "version: 1\nname: b\nfleet: { auto_scaling_group: gb }\n" TAIL);
	read_dir(&set);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(set.error_count, 0);
	ck_assert_int_eq(set.items[0].policy->fleet.max, 3);
	ck_assert_int_eq(set.items[1].policy->fleet.max, 7);
	ck_assert_str_eq(set.items[0].policy->fleet.region, "eu-west-1");
	ck_assert_int_eq(set.items[0].policy->mode, POLICY_ENFORCE);
	ck_assert_int_eq(set.items[1].policy->mode, POLICY_DRY_RUN);
	ck_assert_int_eq(set.items[1].policy->behavior.tolerance_milli, 200);
	policy_set_done(&set);
	snprintf(path, sizeof(path), "%s/b.yaml", dir);
	ck_assert_int_eq(policy_set_read(path, &how, &set, &e), 0);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_int_eq(set.items[0].policy->evaluate.every.ms, 30000);
	policy_set_done(&set);
}
END_TEST

START_TEST(wrong_defaults_are_told_at_their_place)
{
	struct policy_set set;

	put("defaults.yaml", "fleet: { maxx: 7 }\n");
	put_policy("a.yaml", "a", "enforce", "ga", "max: 3");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 0);
	ck_assert(has_problem(&set, "defaults.yaml", "did you mean 'max'?"));
	policy_set_done(&set);
	put("defaults.yaml", "[ a ]\n");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 0);
	ck_assert(has_problem(&set, "defaults.yaml", "not a map"));
	policy_set_done(&set);
	put("defaults.yaml", "a: [\n");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 0);
	ck_assert_uint_eq(set.error_count, 1);
	policy_set_done(&set);
}
END_TEST

START_TEST(a_printed_policy_holds_no_password)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf out = BUF(65536);

	put("a.yaml",
	    "version: 1\nname: a\nfleet: { auto_scaling_group: g, region: us-east-1 }\n"
	    "metrics:\n  old: { celery: { broker_url: \"redis://me:hu@sh@h:7/1\" } }\n"
	    "rules:\n  - { name: r, target_tracking: { metric: old, per_instance: 10 } }\n");
	read_dir(&set);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_str_eq(set.items[0].policy->metrics[0].celery.broker_url,
			 "redis://me:hu@sh@h:7/1");
	ck_assert_int_eq(policy_print(set.items[0].policy, &out), 0);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "redis://***@h:7/1"));
	ck_assert_ptr_null(strstr(buf_str(&out), "hu@"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("directory");
	SRunner *r;

	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_test(t, a_printed_policy_holds_no_password);
	tcase_add_test(t, one_bad_file_leaves_the_good_ones);
	tcase_add_test(t, a_file_that_cannot_be_read_is_a_problem_of_its_own);
	tcase_add_test(t, a_path_that_is_not_there_is_an_error);
	tcase_add_loop_test(t, two_that_enforce_one_group_are_both_blocked, 0, COUNT_OF(pairs));
	tcase_add_test(t, two_roles_of_one_account_are_one_account);
	tcase_add_test(t, the_later_of_two_with_one_name_is_left_out);
	tcase_add_test(t, what_a_folder_has_in_common);
	tcase_add_test(t, wrong_defaults_are_told_at_their_place);
	suite_add_tcase(s, t);
	t = tcase_create("text");
	tcase_add_loop_test(t, a_key_is_overridden, 0, COUNT_OF(overs));
	tcase_add_test(t, overrides_add_what_the_file_has_not);
	tcase_add_loop_test(t, a_queue_is_in_its_urls_region, 0, COUNT_OF(urls));
	tcase_add_test(t, an_unset_name_is_refused_or_taken_literally);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_add_suite(r, suite_zone());
	return check_main_run(r);
}
