/* windlass-worker top: what the workers do just now. */
#include "programs/windlass-worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/own.h"
#include "base/table.h"
#include "worker/top.h"

#define ANSWERS_MAX (4u << 20)
#define CLEAR "\033[H\033[2J"

static int show(char **where, int n, bool as_json, bool again)
{
	AUTO(buf_done) struct buf out = BUF(ANSWERS_MAX);
	int status = 0;

	for (int i = 0; i < n; i++) {
		struct err e = { 0 };

		if (worker_top(where[i], as_json, &out, &e) == 0)
			continue;
		status = 1;
		if (again)
			buf_addf(&out, "%s\n", e.text);
		else
			fprintf(stderr, "windlass-worker top: %s\n", e.text);
	}
	printf("%s%s", again ? CLEAR : "", buf_str(&out));
	fflush(stdout);
	return status;
}

int windlass_worker_top(int argc, char **argv)
{
	const char *output = NULL, *usual = getenv("WINDLASS_WORKER_LISTEN");
	struct span every = { 0 };
	const struct option table[] = {
		{ "output", 'o', OPTION_CHOICE, &output, "FORMAT", NULL, "text",
		  .choices = "text|json", .doc = "json: as /jobs answers, one line a worker" },
		{ "every", 0, OPTION_SPAN, &every, "TIME", NULL, "1s",
		  .doc = "between looks, on a terminal; elsewhere it looks once" },
	};
	const struct options o = {
		.program = "windlass-worker top",
		.summary = "Shows the jobs of workers: how far, how long still, how long they are "
			   "held.",
		.operands = "[ADDRESS:PORT…]",
		.details = "ADDRESS:PORT is what a worker was given as --listen, by default the "
			   "value of WINDLASS_WORKER_LISTEN.\n"
			   "Exit status: 0 all answered, 1 one did not, 2 wrong arguments.\n",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = -1,
	};
	char **where, *one[1];
	struct err e = { 0 };
	int n, rc = options_parse(&o, argc, argv, &where, &n, &e);
	bool as_json;

	if (rc > 0)
		return 0;
	if (rc == 0 && n == 0 && usual && *usual) {
		one[0] = (char *)usual;
		where = one;
		n = 1;
	}
	if (rc == 0 && n == 0)
		rc = err_set(&e, ERR_POLICY, "say which worker: ADDRESS:PORT");
	if (rc < 0) {
		fprintf(stderr, "windlass-worker top: %s; see windlass-worker top --help\n",
			e.text);
		return 2;
	}
	as_json = strcmp(output, "json") == 0;
	if (as_json || !table_is_tty(stdout))
		return show(where, n, as_json, false);
	for (;;) {
		show(where, n, false, true);
		clock_sleep(every);
	}
}
