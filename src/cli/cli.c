#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "policy/policy.h"

#define HELP_BYTES_MAX 65536

static const struct cli_verb verbs[] = {
#define VERB(name, group, summary) { #name, summary, group, cli_##name },
#define VERB_AS(name, word, group, summary) { word, summary, group, cli_##name },
#include "cli/verbs.def"
#undef VERB
#undef VERB_AS
};

static const char *const group_titles[] = {
	[CLI_FILES] = "Touch nothing but files",
	[CLI_READS] = "Read a cloud, never write",
	[CLI_ACTS] = "Act",
};

static const struct cli_verb *find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COUNT_OF(verbs)];
	const char *near;

	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		names[i] = verbs[i].name;
	near = options_nearest(name, names, COUNT_OF(verbs));
	if (near)
		fprintf(stderr, "windlass: there is no verb '%.64s'; did you mean '%s'?\n", name,
			near);
	else
		fprintf(stderr, "windlass: there is no verb '%.64s'; see windlass help\n", name);
	return CLI_USAGE;
}

static void overview(struct buf *out)
{
	buf_adds(out, "usage: windlass VERB [OPTION]… [OPERAND]…\n");
	for (enum cli_group g = CLI_FILES; g <= CLI_ACTS; g++) {
		bool titled = false;

		for (size_t i = 0; i < COUNT_OF(verbs); i++) {
			if (verbs[i].group != g)
				continue;
			if (!titled)
				buf_addf(out, "\n%s:\n", group_titles[g]);
			titled = true;
			buf_addf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
		}
	}
	buf_adds(out,
		 "\nwindlass help VERB shows the options of one verb, windlass help policy the "
		 "keys of a policy.\n"
		 "Exit status: 0 done, 1 failed, 2 usage or policy error, 3 a change is due "
		 "(plan).\n");
}

int cli_help(int argc, char **argv)
{
	AUTO(buf_done) struct buf out = BUF(HELP_BYTES_MAX);
	char name[64], flag[] = "--help";

	if (argc > 1 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "help") != 0) {
		const struct cli_verb *v = find(argv[1]);

		if (strcmp(argv[1], "policy") == 0) {
			policy_schema_manual(&out);
			return cli_print(&out, CLI_DONE);
		}
		if (!v)
			return unknown(argv[1]);
		snprintf(name, sizeof(name), "%s", v->name);
		return v->run(2, (char *[]){ name, flag, NULL });
	}
	overview(&out);
	return cli_print(&out, CLI_DONE);
}

int cli_fail(const char *verb, const struct err *e)
{
	fprintf(stderr, "windlass %s: %s\n", verb, e->text);
	return e->kind == ERR_POLICY ? CLI_USAGE : CLI_FAILED;
}

int cli_usage(const char *verb, const struct err *e)
{
	fprintf(stderr, "windlass %s: %s; see windlass help %s\n", verb, e->text, verb);
	return CLI_USAGE;
}

int cli_print(const struct buf *out, int status)
{
	if (out->full) {
		fprintf(stderr, "windlass: the output is longer than %zu bytes\n", out->cap);
		return CLI_FAILED;
	}
	for (size_t done = 0; done < out->len;) {
		ssize_t n = write(STDOUT_FILENO, out->data + done, out->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "windlass: standard output cannot be written: %s\n",
				strerror(errno));
			return CLI_FAILED;
		}
		done += (size_t)n;
	}
	return status;
}

int cli_run(int argc, char **argv)
{
	const struct cli_verb *v;

	if (argc < 2) {
		fprintf(stderr, "windlass: which verb? see windlass help\n");
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("windlass %s\n", PACKAGE_VERSION);
		return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cli_help(1, argv + 1);
	v = find(argv[1]);
	if (!v)
		return unknown(argv[1]);
	return v->run(argc - 1, argv + 1);
}
