/* windlass history: backlog and capacity over time, from the journal, for charts and spreadsheets.
 */
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "journal/journal.h"

#define HISTORY_BYTES_MAX (256u << 20)

struct history {
	bool json;
	struct buf out;
	struct instant first; /* of the first sample: "seconds" counts from it */
	size_t count;
};

static const struct {
	const char *name;
	size_t offset;
} columns[] = {
	{ "visible", offsetof(struct journal_sample, visible) },
	{ "in_flight", offsetof(struct journal_sample, in_flight) },
	{ "desired", offsetof(struct journal_sample, desired) },
	{ "wanted", offsetof(struct journal_sample, wanted) },
	{ "in_service", offsetof(struct journal_sample, in_service) },
	{ "pending", offsetof(struct journal_sample, pending) },
	{ "busy", offsetof(struct journal_sample, busy) },
	{ "draining", offsetof(struct journal_sample, draining) },
};

static int64_t column(const struct journal_sample *s, size_t i)
{
	int64_t v;

	memcpy(&v, (const char *)s + columns[i].offset, sizeof(v));
	return v;
}

static int on_sample(const struct journal_sample *s, void *arg)
{
	struct history *h = arg;
	char when[CLOCK_TEXT_MAX];

	if (h->count++ == 0)
		h->first = s->at;
	clock_print(s->at, when);
	if (h->json) {
		buf_addf(&h->out, "{\"time\":\"%s\",\"policy\":", when);
		json_quote(&h->out, s->policy, strlen(s->policy));
	} else {
		buf_addf(&h->out, "%s,%s,%.3f", when, s->policy,
			 (double)instant_since(s->at, h->first).ms / 1000.0);
	}
	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		int64_t v = column(s, i);

		if (h->json)
			buf_addf(&h->out, ",\"%s\":", columns[i].name);
		else
			buf_addc(&h->out, ',');
		if (v != JOURNAL_UNKNOWN)
			buf_addf(&h->out, "%lld", (long long)v);
		else if (h->json)
			buf_adds(&h->out, "null");
	}
	buf_adds(&h->out, h->json ? "}\n" : "\n");
	return h->out.full;
}

static int run(struct history *h, const char *path, const char *policy, struct instant since)
{
	struct err e;
	AUTO(journal_freep) struct journal *j = journal_open_read(path, &e);

	if (!j)
		return cli_fail("history", &e);
	if (!h->json) {
		buf_adds(&h->out, "time,policy,seconds");
		for (size_t i = 0; i < COUNT_OF(columns); i++)
			buf_addf(&h->out, ",%s", columns[i].name);
		buf_addc(&h->out, '\n');
	}
	if (journal_read_samples(j, policy, since, on_sample, h, &e) < 0 ||
	    buf_ok(&h->out, "the history", &e) < 0)
		return cli_fail("history", &e);
	if (h->count == 0) {
		err_ignore(err_set(&e, ERR_NOT_FOUND,
				   "the journal %s has no sample of policy '%s' since then", path,
				   policy ? policy : "(any)"));
		return cli_fail("history", &e);
	}
	return cli_print(&h->out, CLI_DONE);
}

int cli_history(int argc, char **argv)
{
	struct history h = { .out = BUF(HISTORY_BYTES_MAX) };
	const char *output, *journal, *since_text = NULL;
	struct instant since = { 0 };
	AUTO(options_list_done) struct option_list plant = { 0 };
	bool compare = false;
	const struct option table[] = {
		CLI_ROW_JOURNAL(&journal, "the journal to read"),
		CLI_ROW_OUTPUT(&output, "csv", "csv|json"),
		{ .name = "compare",
		  .type = OPTION_FLAG,
		  .value = &compare,
		  .doc = "score the policy that enforced and those that ran in its shadow" },
		{ .name = "plant",
		  .type = OPTION_LIST,
		  .value = &plant,
		  .meta = "NAME=VALUE",
		  .doc = "with --compare: a knob of the imitation cloud, as "
			 "service=lognormal:90s:1" },
		{ .name = "since",
		  .type = OPTION_STR,
		  .value = &since_text,
		  .meta = "TIME",
		  .doc = "from then on, as 2024-01-31T09:00:00Z" },
	};
	const struct options opts = {
		.program = "windlass history",
		.summary = "Backlog and capacity at every turn, oldest first.",
		.operands = "[POLICY]",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
		.details = "An empty field, or null, is a number that could not be read.\n"
			   "--compare prints a table, or JSON. Only what ran is recorded: what a "
			   "shadow would "
			   "have cost and let wait is estimated, by playing both policies on the "
			   "arrivals that "
			   "the recorded counts let guess. What ran is played too, and stands "
			   "beside what was "
			   "recorded of it: the difference is how far the estimates may be off.",
	};
	char **operands;
	struct err e;
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc == 0 && since_text)
		rc = clock_parse(since_text, strlen(since_text), &since, &e);
	if (rc != 0)
		return rc < 0 ? cli_usage("history", &e) : CLI_DONE;
	h.json = strcmp(output, "json") == 0;
	if (compare)
		return cli_history_compare(&(struct cli_history_asked){
			.journal = journal,
			.policy = n == 1 ? operands[0] : NULL,
			.since = since,
			.plant = &plant,
			.json = h.json,
		});
	status = run(&h, journal, n == 1 ? operands[0] : NULL, since);
	buf_done(&h.out);
	return status;
}
