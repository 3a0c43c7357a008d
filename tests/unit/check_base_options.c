/* options and table */
#include "check_base.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/options.h"
#include "base/table.h"

static bool verbose, quiet;
static const char *policy, *format, *token;
static int64_t port, count;
static struct span every;
static struct option_list defines;

static const struct option table[] = {
	{ .name = "verbose",
	  .letter = 'v',
	  .type = OPTION_FLAG,
	  .value = &verbose,
	  .env = "WL_T_VERBOSE",
	  .doc = "Say more." },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPTION_FLAG,
	  .value = &quiet,
	  .doc = "Say less." },
	{ .name = "policy",
	  .letter = 'p',
	  .type = OPTION_STR,
	  .value = &policy,
	  .meta = "FILE",
	  .env = "WL_T_POLICY",
	  .init = "policy.yaml",
	  .doc = "The policy." },
	{ .name = "port",
	  .type = OPTION_INT,
	  .value = &port,
	  .init = "80",
	  .least = 1,
	  .most = 65535,
	  .doc = "The port." },
	{ .name = "count",
	  .type = OPTION_INT,
	  .value = &count,
	  .env = "WL_T_COUNT",
	  .doc = "How many." },
	{ .name = "every",
	  .type = OPTION_SPAN,
	  .value = &every,
	  .init = "15s",
	  .doc = "How often." },
	{ .name = "define",
	  .letter = 'D',
	  .type = OPTION_LIST,
	  .value = &defines,
	  .meta = "NAME=VALUE",
	  .env = "WL_T_DEFINE",
	  .doc = "Define it." },
	{ .name = "format",
	  .type = OPTION_CHOICE,
	  .value = &format,
	  .init = "text",
	  .choices = "text|json",
	  .env = "WL_T_FORMAT",
	  .doc = "How it looks." },
	{ .name = "token",
	  .type = OPTION_STR,
	  .value = &token,
	  .env = "WL_T_TOKEN",
	  .secret = true,
	  .doc = "The token." },
};
static const struct options options = { .program = "windlass check",
					.summary = "Checks files.",
					.operands = "FILE...",
					.table = table,
					.count = COUNT_OF(table),
					.least_operands = 0,
					.most_operands = 2,
					.details = "Exit status: 0 when all is well." };

/* Splits @p line at blanks and parses it; what was read is told in one line, or the error. */
static int run(const char *line, struct buf *told)
{
	static char words[256];
	static char program[] = "prog";
	char *argv[32] = { program }, **operands = NULL;
	int argc = 1, n = 0, rc;
	struct err e = { 0 };

	snprintf(words, sizeof(words), "%s", line);
	for (char *at = words; *at && argc < 31;) {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	rc = options_parse(&options, argc, argv, &operands, &n, &e);
	if (rc < 0)
		buf_adds(told, e.text);
	else if (rc == 0) {
		buf_addf(told, "%d%d %s %lld %lld %lld %s %s:", verbose, quiet, policy,
			 (long long)port, (long long)count, (long long)every.ms, format,
			 token ? token : "-");
		for (size_t i = 0; i < defines.count; i++)
			buf_addf(told, " D%s", defines.items[i]);
		for (int i = 0; i < n; i++)
			buf_addf(told, " %s", operands[i]);
	}
	options_list_done(&defines);
	return rc;
}

#define USUAL "policy.yaml 80 0 15000 text -:"
static const struct {
	const char *line, *told;
} lines[] = {
	{ "", "00 " USUAL },
	{ "a -v b", "10 " USUAL " a b" },
	{ "-vq", "11 " USUAL },
	{ "-v -- -q --x", "10 " USUAL " -q --x" },
	{ "-", "00 " USUAL " -" },
	{ "--policy x", "00 x 80 0 15000 text -:" },
	{ "--policy=x=y", "00 x=y 80 0 15000 text -:" },
	{ "--policy=", "00  80 0 15000 text -:" },
	{ "-p x -py", "00 y 80 0 15000 text -:" },
	{ "-vpx", "10 x 80 0 15000 text -:" },
	{ "--policy --verbose", "00 --verbose 80 0 15000 text -:" },
	{ "-Da -D b --define=c", "00 " USUAL " Da Db Dc" },
	{ "--port 65535 --count -5 --every 1h30m --format json",
	  "00 policy.yaml 65535 -5 5400000 json -:" },
	{ "--verbose=false", "00 " USUAL },
	{ "--verbose=maybe", "--verbose wants true or false, found 'maybe'" },
	{ "--port 0", "--port wants a whole number from 1 to 65535, found '0'" },
	{ "--port 1x", "--port wants a whole number from 1 to 65535, found '1x'" },
	{ "--count 9223372036854775808",
	  "--count wants a whole number, found '9223372036854775808'" },
	{ "--format xml", "--format wants text or json, found 'xml'" },
	{ "--every soon", "--every: 'soon' is no length of time such as 90s, 5m, 1h30m or 14d" },
	{ "--policy", "--policy wants FILE after it" },
	{ "-p", "--policy wants FILE after it" },
	{ "--polcy x", "unknown option --polcy: did you mean --policy?" },
	{ "--polcy=x", "unknown option --polcy: did you mean --policy?" },
	{ "--pol", "unknown option --pol: did you mean --policy?" },
	{ "--hlep", "unknown option --hlep: did you mean --help?" },
	{ "--zzz", "unknown option --zzz" },
	{ "-vz", "unknown option -z" },
	{ "--token=abc", "--token would show in the list of processes: give it in the "
			 "environment as WL_T_TOKEN" },
	{ "a b c", "unexpected 'c'" },
};

static void options_read_row(size_t i)
{
	AUTO(buf_done) struct buf told = BUF(2000);

	run(lines[i].line, &told);
	ROW_ASSERT_STR(lines[i].line, buf_str(&told), lines[i].told);
}

START_TEST(options_read)
{
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		options_read_row(i);
}
END_TEST

START_TEST(options_environment)
{
	AUTO(buf_done) struct buf told = BUF(2000);

	setenv("WL_T_POLICY", "env.yaml", 1);
	setenv("WL_T_VERBOSE", "yes", 1);
	setenv("WL_T_COUNT", "7", 1);
	setenv("WL_T_DEFINE", "a", 1);
	setenv("WL_T_TOKEN", "secret", 1);
	setenv("WL_T_FORMAT", "", 1);
	ck_assert_int_eq(run("", &told), 0);
	ck_assert_str_eq(buf_str(&told), "10 env.yaml 80 7 15000 text secret: Da");
	buf_clear(&told);
	ck_assert_int_eq(run("-p cli.yaml --define b", &told), 0);
	ck_assert_str_eq(buf_str(&told), "10 cli.yaml 80 7 15000 text secret: Db");
	buf_clear(&told);
	setenv("WL_T_FORMAT", "xml", 1);
	ck_assert_int_eq(run("", &told), -1);
	ck_assert_str_eq(buf_str(&told), "environment WL_T_FORMAT wants text or json, found 'xml'");
}
END_TEST

START_TEST(options_helps)
{
	AUTO(buf_done) struct buf out = BUF(10000);
	const char *text;

	setenv("COLUMNS", "60", 1);
	options_help(&options, &out);
	text = buf_str(&out);
	ck_assert_ptr_nonnull(
		strstr(text, "Usage: windlass check [OPTION]... FILE...\nChecks files.\n"));
	ck_assert_ptr_nonnull(strstr(text, "  -v, --verbose           Say more."));
	ck_assert_ptr_nonnull(strstr(text, "WL_T_POLICY)"));
	ck_assert_ptr_nonnull(strstr(text, "  -D, --define NAME=VALUE\n"));
	ck_assert_ptr_nonnull(strstr(text, "  -h, --help "));
	ck_assert_ptr_nonnull(strstr(text, "Environment only:\n  WL_T_TOKEN\n"));
	ck_assert_ptr_null(strstr(text, "--token"));
	ck_assert_ptr_nonnull(strstr(text, "\nExit status: 0 when all is well.\n"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 60);
}
END_TEST

static int run_shown(const char *line, char *out, size_t size)
{
	AUTO(buf_done) struct buf told = BUF(2000);
	int saved = dup(1), pair[2], rc;
	ssize_t n;

	ck_assert_int_eq(pipe(pair), 0);
	fflush(stdout);
	dup2(pair[1], 1);
	rc = run(line, &told);
	dup2(saved, 1);
	close(saved);
	close(pair[1]);
	n = read(pair[0], out, size - 1);
	close(pair[0]);
	out[n > 0 ? n : 0] = '\0';
	return rc;
}

START_TEST(options_show)
{
	char out[8192];

	ck_assert_int_eq(run_shown("--version", out, sizeof(out)), 1);
	ck_assert_str_eq(out, "windlass (windlass) " PACKAGE_VERSION "\n");
	ck_assert_int_eq(run_shown("-V", out, sizeof(out)), 1);
	ck_assert_int_eq(run_shown("a b c -h --bad", out, sizeof(out)), 1);
	ck_assert_ptr_nonnull(strstr(out, "Usage: windlass check"));
}
END_TEST

static const struct {
	const char *word, *near;
} nearest[] = {
	{ "polcy", "policy" },
	{ "policyy", "policy" },
	{ "oplicy", "policy" },
	{ "min_size", "min" },
	{ "per-instance", "per_instance" },
	{ "per_instnce", "per_instance" },
	{ "quite", NULL },
	{ "x", NULL },
	{ "", NULL },
	{ "mni", "min" },
	{ "maximum", "max" },
};

static void options_nearest_word_row(size_t i)
{
	static const char *const words[] = { "policy", "min", "max", "per_instance", "mode" };
	const char *near = options_nearest(nearest[i].word, words, COUNT_OF(words));
	char many[10000];

	if (nearest[i].near)
		ROW_ASSERT_STR(nearest[i].word, near, nearest[i].near);
	else
		ROW_ASSERT(nearest[i].word, near == NULL);
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	ck_assert_ptr_null(options_nearest(many, words, COUNT_OF(words)));
}

START_TEST(options_nearest_word)
{
	for (size_t i = 0; i < COUNT_OF(nearest); i++)
		options_nearest_word_row(i);
}
END_TEST

START_TEST(table_aligns)
{
	static const char *const titles[] = { "NAME", "SIZE", "WHY" };
	static const enum table_align align[] = { TABLE_LEFT, TABLE_RIGHT, TABLE_LEFT };
	AUTO(table_freep) struct table *t = table_new(titles, align, 3);
	AUTO(buf_done) struct buf out = BUF(1000);

	table_row(t, (const char *const[]){ "é", "100", NULL });
	table_row(t, (const char *const[]){ "a\x1b[31m\nb\xFF", "7", "" });
	ck_assert_int_eq(table_print(t, &out), 0);
	ck_assert_str_eq(buf_str(&out), "NAME       SIZE  WHY\n"
					"é           100  -\n"
					"a?[31m?b?     7\n");
	table_freep(&t);
	t = table_new(NULL, NULL, 1);
	buf_clear(&out);
	ck_assert_int_eq(table_print(t, &out), 0);
	ck_assert_str_eq(buf_str(&out), "");
}
END_TEST

START_TEST(table_bars)
{
	static const struct {
		double share;
		const char *bar;
	} rows[] = { { 0, "[....]" }, { 0.5, "[##..]" }, { 0.99, "[###.]" },     { 1, "[####]" },
		     { 7, "[####]" }, { -1, "[....]" },  { 0.0 / 0.0, "[....]" } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(buf_done) struct buf out = BUF(20);

		ck_assert_int_eq(table_bar(&out, rows[i].share, 4), 0);
		ck_assert_str_eq(buf_str(&out), rows[i].bar);
	}
}
END_TEST

START_TEST(table_lives)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct table_live l = { .to = f };

	table_live_show(&l, "one\n");
	table_live_show(&l, "one\n");
	table_live_show(&l, "two");
	table_live_end(&l);
	l = (struct table_live){ .to = f, .tty = true };
	setenv("COLUMNS", "5", 1);
	table_live_show(&l, "éééééé");
	table_live_end(&l);
	fclose(f);
	ck_assert_str_eq(text, "one?\ntwo\n\réééé\x1b[K\n");
	free(text);
	unsetenv("COLUMNS");
	ck_assert_int_gt(table_width(stdout), 0);
}
END_TEST

Suite *suite_options(void)
{
	Suite *s = suite_create("options");
	TCase *c = suite_case(s, "options");

	tcase_add_test(c, options_read);
	tcase_add_test(c, options_environment);
	tcase_add_test(c, options_helps);
	tcase_add_test(c, options_show);
	tcase_add_test(c, options_nearest_word);
	tcase_add_test(c, table_aligns);
	tcase_add_test(c, table_bars);
	tcase_add_test(c, table_lives);
	return s;
}
