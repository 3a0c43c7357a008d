#include "check_base.h"

#include <stdlib.h>

#include "base/keys.h"
#include "base/rng.h"

struct limit {
	int64_t percent;
	struct span per;
};
struct metric {
	const char *name;
	bool sqs_given;
	struct {
		const char *url;
		const char **count;
		size_t count_n;
	} sqs;
};
struct conf {
	const char *name;
	int mode;
	int64_t max, cost, share, slots;
	bool max_given;
	struct span every, warm_up;
	bool fast;
	int flags;
	struct limit *limits;
	size_t limit_count;
	struct metric *metrics;
	size_t metric_count;
};

static int flags_read(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		      void *field)
{
	int *flags = field;

	*flags = 0;
	if (n->kind != YAML_LIST) {
		keys_error_type(r, k, n);
		return -1;
	}
	for (size_t i = 0; i < n->count; i++) {
		const char *word = keys_text(r, k, n->items[i]);

		if (word && strcmp(word, "a") == 0)
			*flags |= 1;
		else if (word && strcmp(word, "b") == 0)
			*flags |= 2;
		else if (word)
			keys_error(r, n->items[i]->at, "'%s' is neither a nor b", word);
	}
	return 0;
}

static int flags_print(const struct key *k, const void *field, struct buf *out)
{
	int flags = *(const int *)field;

	(void)k;
	return buf_addf(out, "[%s%s%s]", flags & 1 ? "a" : "", flags == 3 ? ", " : "",
			flags & 2 ? "b" : "");
}

#define AT(s, f) .offset = offsetof(struct s, f)
static const struct key limit_keys[] = {
	{ "percent", KEY_INT, AT(limit, percent), .required = true, .least = 1, .most = 100 },
	{ "per", KEY_SPAN, AT(limit, per), .init = "60s" },
};
static const struct key_table limit_table = { "a limit", NULL, sizeof(struct limit), limit_keys,
					      COUNT_OF(limit_keys) };
static const struct key sqs_keys[] = {
	{ "queue_url", KEY_STR, 0, .required = true, .doc = "Where." },
	{ "count", KEY_STRS, offsetof(struct metric, sqs.count) - offsetof(struct metric, sqs),
	  .count_offset = offsetof(struct metric, sqs.count_n) - offsetof(struct metric, sqs),
	  .init = "[visible, in_flight]", .most_items = 3 },
};
static const struct key_table sqs_table = { "sqs", "A queue.", sizeof(((struct metric *)0)->sqs),
					    sqs_keys, COUNT_OF(sqs_keys) };
static const struct key metric_keys[] = {
	{ "name", KEY_STR, AT(metric, name), .is_name = true },
	{ "sqs", KEY_MAP, AT(metric, sqs), .given_offset = offsetof(struct metric, sqs_given),
	  .has_given = true, .sub = &sqs_table },
};
static const struct key_table metric_table = { "a metric", NULL, sizeof(struct metric), metric_keys,
					       COUNT_OF(metric_keys) };
static const struct key conf_keys[] = {
	{ "name", KEY_STR, AT(conf, name), .required = true, .doc = "What it is called." },
	{ "mode", KEY_CHOICE, AT(conf, mode), .choices = "enforce|dry_run|paused" },
	{ "max", KEY_INT, AT(conf, max), .least = 0, .most = 100000, .has_given = true,
	  .given_offset = offsetof(struct conf, max_given), .doc = "Largest size." },
	{ "cost", KEY_MILLI, AT(conf, cost), .init = "0.5" },
	{ "share", KEY_PERCENT, AT(conf, share), .init = "10%", .least = 0, .most = 1000 },
	{ "slots", KEY_INT, AT(conf, slots), .also = "auto", .init = "auto", .least = 1,
	  .most = 64 },
	{ "every", KEY_SPAN, AT(conf, every), .init = "15s", .least = 1000, .most = 3600000 },
	{ "warm_up", KEY_SPAN, AT(conf, warm_up), .also = "auto", .init = "auto" },
	{ "fast", KEY_BOOL, AT(conf, fast), .init = "true" },
	{ "flags", KEY_CUSTOM, AT(conf, flags), .read = flags_read, .print = flags_print,
	  .init = "[a]" },
	{ "limits", KEY_LIST, AT(conf, limits), .count_offset = offsetof(struct conf, limit_count),
	  .sub = &limit_table, .most_items = 4 },
	{ "metrics", KEY_ENTRIES, AT(conf, metrics),
	  .count_offset = offsetof(struct conf, metric_count), .sub = &metric_table },
};
static const struct key_table conf_table = { "the file", "A test.", sizeof(struct conf), conf_keys,
					     COUNT_OF(conf_keys) };

/* Reads; adds every problem as a line to @p problems. */
static void conf_read(const char *text, enum keys_env env, struct conf *ret, struct keys_arena *a,
		      struct buf *problems)
{
	AUTO(keys_reader_freep) struct keys_reader *r = keys_reader_new(a, env);
	AUTO(yaml_freep) struct yaml *y = NULL;
	struct err e = { 0 };

	y = yaml_parse("f", text, strlen(text), &e);
	ck_assert_msg(y != NULL, "%s", e.text);
	keys_reader_file(r, "f");
	keys_read(r, &conf_table, yaml_root(y), ret);
	for (size_t i = 0; i < keys_problem_count(r); i++) {
		keys_problem_print(keys_problem_at(r, i), problems);
		buf_addc(problems, '\n');
	}
}

static const struct {
	const char *name, *text, *problems;
} bad[] = {
	{ "nothing", "", "f:1:1: 'name' is missing in the file\n" },
	{ "type", "name: x\nmax: ten\n",
	  "f:2:6: 'max' wants a whole number from 0 to 100000, found 'ten'\n" },
	{ "bounds", "name: x\nmax: 100001\n",
	  "f:2:6: 'max' wants a whole number from 0 to 100000, found '100001'\n" },
	{ "overflow", "name: x\nmax: 99999999999999999999\n",
	  "f:2:6: 'max' wants a whole number from 0 to 100000, found '99999999999999999999'\n" },
	{ "fraction of a whole", "name: x\nmax: 1.5\n",
	  "f:2:6: 'max' wants a whole number from 0 to 100000, found '1.5'\n" },
	{ "list for a number", "name: x\nmax: [1]\n",
	  "f:2:6: 'max' wants a whole number from 0 to 100000, found a list\n" },
	{ "map for a text", "name: {}\n", "f:1:7: 'name' wants a text, found a map\n" },
	{ "nothing for a text", "name:\n", "f:1:6: 'name' wants a text, found nothing\n" },
	{ "empty required", "name: ''\n", "f:1:7: 'name' wants a text, found nothing\n" },
	{ "near key", "name: x\nmaxx: 1\n", "f:2:1: unknown key 'maxx': did you mean 'max'?\n" },
	{ "near key by swap", "name: x\nevrey: 1\n",
	  "f:2:1: unknown key 'evrey': did you mean 'every'?\n" },
	{ "far key", "name: x\nlimits: [ { percent: 5, zzzzz: 1 } ]\n",
	  "f:2:25: unknown key 'zzzzz' in a limit: known are percent, per\n" },
	{ "choice", "name: x\nmode: off\n",
	  "f:2:7: 'mode' wants enforce, dry_run or paused, found 'off'\n" },
	{ "bool", "name: x\nfast: yes\n", "f:2:7: 'fast' wants true or false, found 'yes'\n" },
	{ "also", "name: x\nslots: all\n",
	  "f:2:8: 'slots' wants a whole number from 1 to 64 or 'auto', found 'all'\n" },
	{ "span", "name: x\nevery: 2h\n",
	  "f:2:8: 'every' wants a length of time such as 90s or 5m from 1s to 1h, found '2h'\n" },
	{ "percent", "name: x\nshare: 110%\n",
	  "f:2:8: 'share' wants a share such as 10% from 0% to 100%, found '110%'\n" },
	{ "decimals", "name: x\ncost: 0.0001\n",
	  "f:2:7: 'cost' wants a number of at most three decimals, found '0.0001'\n" },
	{ "required below", "name: x\nlimits: [ { per: 5s } ]\n",
	  "f:2:11: 'percent' is missing in a limit\n" },
	{ "item is no map", "name: x\nlimits: [ 5 ]\n",
	  "f:2:11: a limit wants a map, found '5'\n" },
	{ "too many",
	  "name: x\nlimits: [ {percent: 1}, {percent: 1}, {percent: 1}, {percent: 1}, {percent: 1} "
	  "]\n",
	  "f:2:9: 'limits' has 5 items, more than 4\n" },
	{ "custom", "name: x\nflags: [a, c]\n", "f:2:12: 'c' is neither a nor b\n" },
	{ "document is a list", "- a\n", "f:1:1: the file wants a map, found a list\n" },
	{ "unset name", "name: ${WL_UNSET}\n", "f:1:7: 'name': the environment has no WL_UNSET\n" },
	{ "unset number", "name: x\nmax: ${WL_UNSET}\n",
	  "f:2:6: 'max': the environment has no WL_UNSET\n" },
	{ "no name in braces", "name: ${WL_SET:-x}\n",
	  "f:1:7: 'name': a '${' begins ${NAME}, and '$${' stands for itself\n" },
	{ "braces do not end", "name: a${WL_SET\n",
	  "f:1:7: 'name': a '${' begins ${NAME}, and '$${' stands for itself\n" },
	{ "all at once, in the order of the file",
	  "max: x\nnam: y\nmetrics:\n  a: { sqs: { queue_ur: b } }\n",
	  "f:1:1: 'name' is missing in the file\n"
	  "f:1:6: 'max' wants a whole number from 0 to 100000, found 'x'\n"
	  "f:2:1: unknown key 'nam': did you mean 'name'?\n"
	  "f:4:13: 'queue_url' is missing in sqs\n"
	  "f:4:15: unknown key 'queue_ur': did you mean 'queue_url'?\n" },
	{ "empty entry name", "name: x\nmetrics: { '': {} }\n",
	  "f:2:12: a name has 1 to 128 bytes\n" },
};

static void keys_refuses_row(size_t i)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf problems = BUF(100000);
	struct conf c;

	setenv("WL_SET", "7", 1);
	unsetenv("WL_UNSET");
	conf_read(bad[i].text, KEYS_ENV_REFUSE, &c, a, &problems);
	ROW_ASSERT_STR(bad[i].name, buf_str(&problems), bad[i].problems);
}

START_TEST(keys_refuses)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		keys_refuses_row(i);
}
END_TEST

START_TEST(keys_reads)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf problems = BUF(100000);
	struct conf c;

	setenv("WL_SET", "7", 1);
	conf_read(
		"name: 'a $$ ${WL_SET} $x $'\nmode: paused\nmax: ${WL_SET}\ncost: 1.25\nshare: "
		"12.5%\n"
		"slots: 3\nevery: 90\nwarm_up: 1h30m\nfast: false\nflags: [b]\n"
		"limits:\n- { percent: 50 }\n- { percent: 100, per: 2m }\n"
		"metrics:\n  m1: { sqs: { queue_url: https://q/1, count: [visible] } }\n  m2: {}\n",
		KEYS_ENV_REFUSE, &c, a, &problems);
	ck_assert_str_eq(buf_str(&problems), "");
	ck_assert_str_eq(c.name, "a $ 7 $x $");
	ck_assert_int_eq(c.mode, 2);
	ck_assert(c.max_given && c.max == 7);
	ck_assert_int_eq(c.cost, 1250);
	ck_assert_int_eq(c.share, 125);
	ck_assert_int_eq(c.slots, 3);
	ck_assert_int_eq(c.every.ms, 90000);
	ck_assert_int_eq(c.warm_up.ms, 5400000);
	ck_assert(!c.fast && c.flags == 2);
	ck_assert_uint_eq(c.limit_count, 2);
	ck_assert_int_eq(c.limits[0].per.ms, 60000);
	ck_assert_int_eq(c.limits[1].per.ms, 120000);
	ck_assert_uint_eq(c.metric_count, 2);
	ck_assert_str_eq(c.metrics[0].name, "m1");
	ck_assert(c.metrics[0].sqs_given && !c.metrics[1].sqs_given);
	ck_assert_uint_eq(c.metrics[0].sqs.count_n, 1);
	ck_assert_uint_eq(c.metrics[1].sqs.count_n, 2);
	ck_assert_str_eq(c.metrics[1].sqs.count[1], "in_flight");
}
END_TEST

START_TEST(keys_defaults_stand)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf problems = BUF(100000);
	struct conf c;

	unsetenv("WL_UNSET");
	conf_read("name: ${WL_UNSET}\nshare: ${WL_UNSET}\n", KEYS_ENV_WARN, &c, a, &problems);
	ck_assert_str_eq(buf_str(&problems), "f:1:7: warning: 'name': the environment has no "
					     "WL_UNSET; its name is taken as it stands\n"
					     "f:2:8: warning: 'share': the environment has no "
					     "WL_UNSET; its name is taken as it stands\n");
	ck_assert_str_eq(c.name, "${WL_UNSET}");
	ck_assert_int_eq(c.share, 100);
	ck_assert(!c.max_given);
	ck_assert_int_eq(c.cost, 500);
	ck_assert(c.slots == KEYS_AUTO && c.warm_up.ms == KEYS_AUTO);
	ck_assert(c.fast && c.flags == 1 && c.limit_count == 0);
}
END_TEST

/* Prints, reads the text again, prints that: the texts must be equal, and say what was read. */
static void check_round_trip(const struct conf *c, struct buf *text)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf problems = BUF(100000), again = BUF(1 << 20);
	struct conf back;

	buf_clear(text);
	ck_assert_int_eq(keys_print(&conf_table, c, text, 0), 0);
	conf_read(buf_str(text), KEYS_ENV_REFUSE, &back, a, &problems);
	ck_assert_msg(problems.len == 0, "%s\nin\n%s", buf_str(&problems), buf_str(text));
	ck_assert_int_eq(keys_print(&conf_table, &back, &again, 0), 0);
	ck_assert_str_eq(buf_str(&again), buf_str(text));
	ck_assert_str_eq(back.name, c->name);
	ck_assert(back.max == c->max && back.max_given == c->max_given && back.cost == c->cost);
	ck_assert(back.share == c->share && back.slots == c->slots && back.fast == c->fast);
	ck_assert(back.every.ms == c->every.ms && back.warm_up.ms == c->warm_up.ms);
	ck_assert(back.limit_count == c->limit_count && back.metric_count == c->metric_count);
	for (size_t i = 0; i < c->metric_count; i++)
		ck_assert_str_eq(back.metrics[i].name, c->metrics[i].name);
}

START_TEST(keys_prints)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf problems = BUF(100000), text = BUF(1 << 20);
	struct conf c;

	conf_read("name: 'a $$ \"b\"'\nmax: 0\nmode: enforce\nwarm_up: 300s\nlimits: [ { percent: "
		  "5 } ]\n"
		  "metrics: { 'm 1$': { sqs: { queue_url: 'https://q/1', count: [] } }, m2: {} }\n",
		  KEYS_ENV_REFUSE, &c, a, &problems);
	check_round_trip(&c, &text);
	ck_assert_str_eq(buf_str(&text), "name: \"a $$ \\\"b\\\"\"\n"
					 "max: 0\n"
					 "warm_up: 5m\n"
					 "limits:\n"
					 "  - percent: 5\n"
					 "metrics:\n"
					 "  \"m 1$\":\n"
					 "    sqs:\n"
					 "      queue_url: https://q/1\n"
					 "      count: []\n"
					 "  m2: {}\n");
}
END_TEST

/* Any text of valid characters, so that quoting meets what YAML minds. */
static const char *random_text(struct rng *g, struct keys_arena *a)
{
	static const char *const parts[] = { "a",
					     " ",
					     ":",
					     "#",
					     "-",
					     "\n",
					     "\t",
					     "'",
					     "\"",
					     "\\",
					     "$",
					     "${X}",
					     "{",
					     "}",
					     "[",
					     "]",
					     ",",
					     "&",
					     "*",
					     "!",
					     "|",
					     ">",
					     "%",
					     "@",
					     "`",
					     "~",
					     "null",
					     "true",
					     "1.",
					     "é",
					     "😀",
					     "\x01",
					     "?",
					     "=",
					     "\x7f",
					     "\xC2\x85",
					     "\xEF\xBB\xBF",
					     "\xE2\x80\xA8",
					     "\xEF\xBF\xBF",
					     "---",
					     "...",
					     "\r" };
	AUTO(buf_done) struct buf b = BUF(1000);

	for (uint64_t n = 1 + rng_below(g, 6); n; n--)
		buf_adds(&b, parts[rng_below(g, COUNT_OF(parts))]);
	return keys_arena_str(a, buf_str(&b));
}

START_TEST(keys_print_any_text)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(buf_done) struct buf text = BUF(1 << 20);
	struct rng g;

	rng_seed(&g, 11);
	for (int i = 0; i < 600; i++) {
		struct metric m[2] = { { .name = random_text(&g, a) }, { .name = "other" } };
		const char *count[2] = { random_text(&g, a), random_text(&g, a) };
		struct conf c = { .name = random_text(&g, a),
				  .max_given = rng_below(&g, 2),
				  .max = 0,
				  .cost = (int64_t)rng_u64(&g),
				  .share = (int64_t)rng_below(&g, 1001),
				  .slots = rng_below(&g, 2) ? KEYS_AUTO
							    : 1 + (int64_t)rng_below(&g, 64),
				  .every = { 1000 + (int64_t)rng_below(&g, 3599001) },
				  .warm_up = { (int64_t)(rng_u64(&g) >> 1) },
				  .fast = rng_below(&g, 2),
				  .flags = (int)rng_below(&g, 4),
				  .metrics = m,
				  .metric_count = 2 };

		if (c.max_given)
			c.max = (int64_t)rng_below(&g, 100001);
		if (c.cost == KEYS_AUTO)
			c.cost = 0;
		m[0].sqs_given = true;
		m[0].sqs.url = random_text(&g, a);
		m[0].sqs.count = count;
		m[0].sqs.count_n = 2;
		check_round_trip(&c, &text);
	}
}
END_TEST

START_TEST(keys_schema_and_manual)
{
	AUTO(json_freep) struct json *j = keys_schema(&conf_table);
	AUTO(buf_done) struct buf manual = BUF(100000);
	const struct json *p = json_get(j, "properties");
	bool more = true;

	ck_assert_str_eq(json_get_str(j, "type"), "object");
	ck_assert(json_get_bool(j, "additionalProperties", &more) && !more);
	ck_assert_str_eq(json_str(json_at(json_get(j, "required"), 0)), "name");
	for (size_t i = 0; i < COUNT_OF(conf_keys); i++)
		ROW_ASSERT(conf_keys[i].name, json_get(p, conf_keys[i].name) != NULL);
	ck_assert_str_eq(json_get_str(json_get(p, "share"), "default"), "10%");
	ck_assert_ptr_nonnull(json_get(
		json_get(json_get(json_get(p, "metrics"), "additionalProperties"), "properties"),
		"sqs"));
	ck_assert_int_eq(keys_manual(&conf_table, &manual), 0);
	ck_assert_ptr_nonnull(
		strstr(buf_str(&manual),
		       "max\n    a whole number from 0 to 100000.\n    Largest size.\n"));
	ck_assert_ptr_nonnull(
		strstr(buf_str(&manual), "metrics.NAME.sqs.queue_url\n    a text; required.\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&manual), "limits[].per\n"));
}
END_TEST

Suite *suite_keys(void)
{
	Suite *s = suite_create("keys");
	TCase *c = suite_case(s, "keys");

	tcase_add_test(c, keys_refuses);
	tcase_add_test(c, keys_reads);
	tcase_add_test(c, keys_defaults_stand);
	tcase_add_test(c, keys_prints);
	tcase_add_test(c, keys_print_any_text);
	tcase_add_test(c, keys_schema_and_manual);
	return s;
}
