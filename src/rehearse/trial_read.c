/* Files of tests: keys, checks, and the policy that they are of. */
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"
#include "model/say.h"
#include "rehearse/trial.h"

#define TRIAL_TESTS_MAX 256
#define TRIAL_SERIES_MAX 64
#define TRIAL_EXPECTS_MAX 256

struct raw_pairs {
	const char **names, **values;
	const struct yaml_node *node;
	size_t count;
};

struct raw_group {
	int64_t desired, min, max;
	struct span boot;
};

struct raw_expect {
	struct span at;
	int64_t desired, least, most;
	bool desired_given, least_given, most_given;
	const char **reasons, **without;
	size_t reason_count, without_count;
};

struct raw_trial {
	const char *name, *start;
	struct span every;
	bool every_given;
	struct raw_group group;
	struct raw_pairs series;
	struct raw_expect *expects;
	size_t expect_count;
};

struct raw_file {
	const char *policy;
	struct raw_pairs set;
	struct raw_trial *tests;
	size_t test_count;
};

static int pairs_read(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		      void *field)
{
	struct raw_pairs *p = field;
	struct keys_arena *a = keys_reader_arena(r);

	if (n->kind != YAML_MAP || n->count > TRIAL_SERIES_MAX) {
		keys_error(r, n->at, "'%s' wants a map of at most %d names and texts", k->name,
			   TRIAL_SERIES_MAX);
		return -1;
	}
	p->names = keys_arena_alloc(a, (n->count + 1) * sizeof(*p->names));
	p->values = keys_arena_alloc(a, (n->count + 1) * sizeof(*p->values));
	p->node = n;
	p->count = n->count;
	for (size_t i = 0; i < n->count; i++) {
		const char *value = keys_text(r, k, n->items[i]);

		p->names[i] = keys_arena_str(a, n->keys[i]->text);
		p->values[i] = value ? value : "";
	}
	return 0;
}

#define TABLE(id, what, type)                                             \
	static const struct key_table id = { .name = #id,                 \
					     .doc = what,                 \
					     .size = sizeof(struct type), \
					     .keys = id##_keys,           \
					     .count = COUNT_OF(id##_keys) }
#define COUNT(key, in, field, usual, text)                                                         \
	{                                                                                          \
		.name = key, .type = KEY_INT, .offset = offsetof(struct in, field), .init = usual, \
		.least = 0, .most = POLICY_CAPACITY_MAX, .doc = text                               \
	}
#define GIVEN(key, in, field, text)                                                                \
	{                                                                                          \
		.name = key, .type = KEY_INT, .offset = offsetof(struct in, field),                \
		.has_given = true, .given_offset = offsetof(struct in, field##_given), .least = 0, \
		.most = POLICY_CAPACITY_MAX, .doc = text                                           \
	}

static const struct key group_keys[] = {
	COUNT("desired", raw_group, desired, "1", "the size at the start"),
	COUNT("min", raw_group, min, "0", "the group's MinSize"),
	COUNT("max", raw_group, max, "100000", "the group's MaxSize"),
	{ .name = "boot",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_group, boot),
	  .least = 0,
	  .most = 86400000,
	  .init = "0s",
	  .doc = "from launch until in service" },
};
TABLE(group, "the group at the start", raw_group);

static const struct key expect_keys[] = {
	{ .name = "at",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_expect, at),
	  .required = true,
	  .least = 0,
	  .most = 31536000000,
	  .doc = "since the start; the turn at or before it" },
	GIVEN("desired", raw_expect, desired, "the size that is wanted then"),
	GIVEN("at_least", raw_expect, least, "or no fewer than"),
	GIVEN("at_most", raw_expect, most, "or no more than"),
	{ .name = "reasons",
	  .type = KEY_STRS,
	  .offset = offsetof(struct raw_expect, reasons),
	  .count_offset = offsetof(struct raw_expect, reason_count),
	  .doc = "reasons that must be among the stairs" },
	{ .name = "without",
	  .type = KEY_STRS,
	  .offset = offsetof(struct raw_expect, without),
	  .count_offset = offsetof(struct raw_expect, without_count),
	  .doc = "reasons that must not be" },
};
TABLE(expect, "what must be decided", raw_expect);

static const struct key test_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_trial, name),
	  .required = true,
	  .doc = "what it shows" },
	{ .name = "start",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_trial, start),
	  .init = "2024-01-01T00:00:00Z",
	  .doc = "the time of the first turn" },
	{ .name = "every",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_trial, every),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_trial, every_given),
	  .least = 1000,
	  .most = 86400000,
	  .doc = "between turns; default: the policy's evaluate.every" },
	{ .name = "group",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_trial, group),
	  .sub = &group,
	  .doc = "the group at the start" },
	{ .name = "series",
	  .type = KEY_CUSTOM,
	  .offset = offsetof(struct raw_trial, series),
	  .required = true,
	  .read = pairs_read,
	  .doc = "METRIC, METRIC.in_flight and the like, group, group.desired, group.failed (so "
		 "many "
		 "instances cannot be launched): one value a turn" },
	{ .name = "expect",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_trial, expects),
	  .count_offset = offsetof(struct raw_trial, expect_count),
	  .required = true,
	  .most_items = TRIAL_EXPECTS_MAX,
	  .sub = &expect,
	  .doc = "what must be decided, by time" },
};
TABLE(test, "one test, from a start that remembers nothing", raw_trial);

static const struct key file_keys[] = {
	{ .name = "policy",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_file, policy),
	  .required = true,
	  .doc = "the policy's file, from the folder of this one" },
	{ .name = "set",
	  .type = KEY_CUSTOM,
	  .offset = offsetof(struct raw_file, set),
	  .read = pairs_read,
	  .doc = "keys of the policy to override, as eval --set: PATH: VALUE" },
	{ .name = "tests",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_file, tests),
	  .count_offset = offsetof(struct raw_file, test_count),
	  .required = true,
	  .most_items = TRIAL_TESTS_MAX,
	  .sub = &test,
	  .doc = "the tests" },
};
TABLE(file, "tests of a policy", raw_file);

static int find_metric(const struct policy *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->metric_count; i++)
		if (strlen(p->metrics[i].name) == len && memcmp(p->metrics[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

static int target_of(const struct policy *p, const char *name, struct trial_series *s,
		     struct err *e)
{
	static const char members[] = "value|visible|in_flight|delayed|oldest_age|sent|deleted";
	const char *dot = strchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);
	int metric = find_metric(p, name, len);

	s->target = TRIAL_METRIC;
	s->metric = metric < 0 ? 0 : (size_t)metric;
	if (metric < 0 && strcmp(name, "group") == 0)
		s->target = TRIAL_GROUP;
	else if (metric < 0 && strcmp(name, "group.desired") == 0)
		s->target = TRIAL_DESIRED;
	else if (metric < 0 && strcmp(name, "group.failed") == 0)
		s->target = TRIAL_FAILED;
	else if (metric < 0)
		return err_set(e, ERR_POLICY, "policy %s has no metric '%.*s'", p->name,
			       (int)(len < 64 ? len : 64), name);
	if (metric < 0 || !dot)
		return metric >= 0 && policy_metric_is_derived(&p->metrics[metric])
			       ? err_set(e, ERR_POLICY, "'%.64s' is computed, not seen", name)
			       : 0;
	s->target = TRIAL_MEMBER;
	s->member = text_choice(members, dot + 1);
	if (s->member < 0)
		return err_set(e, ERR_POLICY, "a queue has no '%.40s'", dot + 1);
	return 0;
}

static void check_reasons(struct keys_reader *r, struct yaml_place at, const char **words, size_t n)
{
	const char *known[REASON_COUNT];
	enum reason code;

	for (size_t i = 0; i < REASON_COUNT; i++)
		known[i] = say_reason_word((enum reason)i);
	for (size_t i = 0; i < n; i++) {
		const char *near;

		if (say_reason_parse(words[i], &code) == 0)
			continue;
		near = options_nearest(words[i], known, REASON_COUNT);
		keys_error(r, at, "there is no reason '%.40s'%s%s%s", words[i],
			   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
}

static const struct yaml_node *item(const struct yaml_node *n, const char *key, size_t i)
{
	const struct yaml_node *list = n ? yaml_get(n, key) : NULL;

	return list && list->kind == YAML_LIST && i < list->count ? list->items[i] : NULL;
}

static void take_expects(struct trial_file *f, const struct yaml_node *n,
			 const struct raw_trial *raw, struct trial *t)
{
	t->expects = keys_arena_alloc(f->arena, (raw->expect_count + 1) * sizeof(*t->expects));
	t->expect_count = raw->expect_count;
	for (size_t i = 0; i < raw->expect_count; i++) {
		const struct raw_expect *x = &raw->expects[i];
		const struct yaml_node *at = item(n, "expect", i);
		struct yaml_place place = at ? at->at : n->at;

		t->expects[i] = (struct trial_expect){ .line = place.line,
						       .at = x->at,
						       .desired_given = x->desired_given,
						       .least_given = x->least_given,
						       .most_given = x->most_given,
						       .desired = x->desired,
						       .least = x->least,
						       .most = x->most,
						       .reasons = x->reasons,
						       .without = x->without,
						       .reason_count = x->reason_count,
						       .without_count = x->without_count };
		check_reasons(f->problems, place, x->reasons, x->reason_count);
		check_reasons(f->problems, place, x->without, x->without_count);
		if (i > 0 && x->at.ms < raw->expects[i - 1].at.ms)
			keys_error(f->problems, place, "times of expect do not rise");
		if (x->at.ms / t->every.ms >= TRIAL_VALUES_MAX)
			keys_error(f->problems, place, "more than %d turns away", TRIAL_VALUES_MAX);
	}
}

static void take_series(struct trial_file *f, const struct raw_trial *raw, struct trial *t)
{
	const struct raw_pairs *s = &raw->series;

	t->series = keys_arena_alloc(f->arena, (s->count + 1) * sizeof(*t->series));
	t->series_count = s->count;
	for (size_t i = 0; i < s->count; i++) {
		struct err e;

		if (target_of(f->policy, s->names[i], &t->series[i], &e) < 0)
			keys_error(f->problems, s->node->keys[i]->at, "%s", e.text);
		if (trial_series_parse(f->arena, s->values[i], &t->series[i], &e) < 0)
			keys_error(f->problems, s->node->items[i]->at, "%s", e.text);
	}
}

static void take_trial(struct trial_file *f, const struct yaml_node *n, const struct raw_trial *raw,
		       struct trial *t)
{
	const char *start = raw->start ? raw->start : "";
	struct err e;

	*t = (struct trial){ .name = raw->name ? raw->name : "?",
			     .line = n->at.line,
			     .every = raw->every_given ? raw->every : f->policy->evaluate.every,
			     .boot = raw->group.boot,
			     .desired = raw->group.desired,
			     .min = raw->group.min,
			     .max = raw->group.max };
	if (clock_parse(start, strlen(start), &t->start, &e) < 0)
		keys_error(f->problems, n->at, "start: %s", e.text);
	if (t->every.ms < 1)
		t->every.ms = 1000;
	take_series(f, raw, t);
	take_expects(f, n, raw, t);
}

static int read_policy(struct trial_file *f, const struct raw_file *raw, const char *policy,
		       struct err *e)
{
	struct policy_override *over = own_array(raw->set.count + 1, sizeof(*over));
	struct policy_reading how = { .env = KEYS_ENV_WARN,
				      .overrides = over,
				      .override_count = raw->set.count };
	const char *slash = strrchr(f->path, '/');
	AUTO(own_freep) char *beside = NULL;
	int rc = 0;

	for (size_t i = 0; i < raw->set.count; i++)
		over[i] = (struct policy_override){ raw->set.names[i], raw->set.values[i] };
	beside = slash && raw->policy[0] != '/'
			 ? own_printf("%.*s/%s", (int)(slash - f->path), f->path, raw->policy)
			 : own_strdup(raw->policy);
	if (policy)
		(void)policy_read_text(raw->policy, policy, strlen(policy), &how, &f->set);
	else
		rc = policy_set_read(beside, &how, &f->set, e);
	own_free(over);
	if (rc < 0)
		return -1;
	if (f->set.error_count > 0 || f->set.count != 1)
		return err_set(e, ERR_POLICY, "%s: %s does not give one policy", f->path, beside);
	f->policy = f->set.items[0].policy;
	return 0;
}

int trial_read_text(const char *path, const char *text, size_t len, const char *policy,
		    struct trial_file *ret, struct err *e)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	const struct yaml_node *root;
	struct raw_file *raw;

	*ret = (struct trial_file){ .path = own_strdup(path), .arena = keys_arena_new() };
	ret->problems = keys_reader_new(ret->arena, KEYS_ENV_WARN);
	keys_reader_file(ret->problems, path);
	doc = yaml_parse(path, text, len, e);
	if (!doc)
		return -1;
	root = yaml_root(doc);
	raw = keys_arena_alloc(ret->arena, sizeof(*raw));
	if (keys_read(ret->problems, &file, root, raw) > 0)
		return err_set(e, ERR_POLICY, "%s has mistakes", path);
	if (read_policy(ret, raw, policy, e) < 0)
		return -1;
	ret->trials = keys_arena_alloc(ret->arena, (raw->test_count + 1) * sizeof(*ret->trials));
	ret->count = raw->test_count;
	for (size_t i = 0; i < raw->test_count; i++)
		take_trial(ret, item(root, "tests", i), &raw->tests[i], &ret->trials[i]);
	if (keys_error_count(ret->problems) > 0)
		return err_set(e, ERR_POLICY, "%s has mistakes", path);
	return ret->count > 0 ? 0 : err_set(e, ERR_POLICY, "%s holds no test", path);
}

int trial_read(const char *path, struct trial_file *ret, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(YAML_BYTES_MAX);

	*ret = (struct trial_file){ 0 };
	if (buf_read_file(&text, path, e) < 0)
		return -1;
	return trial_read_text(path, buf_str(&text), text.len, NULL, ret, e);
}

void trial_done(struct trial_file *f)
{
	policy_set_done(&f->set);
	keys_reader_free(f->problems);
	keys_arena_free(f->arena);
	own_free(f->path);
	*f = (struct trial_file){ 0 };
}
