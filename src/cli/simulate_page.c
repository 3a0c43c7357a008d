/* windlass simulate --report: one page with the numbers, in words and tables, and the course of
 * each policy in charts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/chartjs.h"
#include "base/clock.h"
#include "base/html.h"
#include "cli/simulate.h"
#include "config.h"

EMBED(style, "cli/simulate_page.css");
EMBED(program, "cli/simulate_page.js");

#define PAGE_MAX (48u << 20)
#define BINS_MAX 16384 /* of all policies together, so that a page stays at a few megabytes */
#define PERIODS 24     /* rows of the tables beside the charts */

static void cell(const struct cli_simulate_report *r, const struct cli_simulate_row *row,
		 enum cli_simulate_what what, struct buf *out)
{
	struct cli_simulate_measure m;
	char text[CLI_SIMULATE_TEXT_MAX];

	cli_simulate_measure(r, row, what, &m);
	buf_addf(out, "<td><data data-key=\"%s\" value=\"", m.key);
	if (m.unit == CLI_SIMULATE_UNIT_COUNT)
		buf_addf(out, "%.0f", m.value);
	else if (isfinite(m.value))
		json_number(out, m.value);
	buf_addf(out, "\">%s</data></td>", cli_simulate_say(&m, text));
}

/* What a sentence says of a measure. */
static const char *said(const struct cli_simulate_report *r, const struct cli_simulate_row *row,
			enum cli_simulate_what what, char text[static CLI_SIMULATE_TEXT_MAX])
{
	struct cli_simulate_measure m;

	cli_simulate_measure(r, row, what, &m);
	return cli_simulate_say(&m, text);
}

static void name_of(const struct cli_simulate_row *row, struct buf *out)
{
	buf_adds(out, "<b>");
	html_text(out, row->name);
	buf_adds(out, "</b>");
}

static bool one_promise(const struct cli_simulate_report *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (r->row[i].percentile != r->row[0].percentile ||
		    r->row[i].promise.ms != r->row[0].promise.ms)
			return false;
	return true;
}

static void promise_of(const struct cli_simulate_row *row, struct buf *out)
{
	char span[CLOCK_TEXT_MAX];

	buf_addf(out, "that %g %% of the jobs start within %s", row->percentile,
		 clock_print_span(row->promise, span));
}

static void verdict(const struct cli_simulate_report *r, struct buf *out)
{
	const struct cli_simulate_row *best = cli_simulate_best(r);
	char text[CLI_SIMULATE_TEXT_MAX];

	buf_adds(out, "<p class=\"verdict\">");
	if (best) {
		name_of(best, out);
		buf_adds(out, " is the cheapest that keeps the promise");
	} else {
		buf_adds(out, "Nothing here keeps the promise");
	}
	if (one_promise(r)) {
		buf_adds(out, " ");
		promise_of(&r->row[0], out);
	}
	if (best)
		buf_addf(out, ": %s.</p>\n", said(r, best, CLI_SIMULATE_TOTAL, text));
	else
		buf_adds(out, ", so there is no best to compare with.</p>\n");
}

/* What nobody can go below, where that is the same for all. */
static void bound(const struct cli_simulate_report *r, struct buf *out)
{
	struct cli_simulate_measure first, other;
	char text[CLI_SIMULATE_TEXT_MAX];

	cli_simulate_measure(r, &r->row[0], CLI_SIMULATE_BOUND, &first);
	for (size_t i = 1; i < r->count; i++) {
		cli_simulate_measure(r, &r->row[i], CLI_SIMULATE_BOUND, &other);
		if (other.value != first.value)
			return;
	}
	if (first.value > 0)
		buf_addf(out,
			 "<p>Whoever knew all that comes, and let no job wait longer than "
			 "promised, would "
			 "pay at least %s for instances.</p>\n",
			 cli_simulate_say(&first, text));
}

static void sentence(const struct cli_simulate_report *r, const struct cli_simulate_row *row,
		     struct buf *out)
{
	const struct cli_simulate_row *best = cli_simulate_best(r);
	const struct plant_result *x = &row->result;
	char cost[CLI_SIMULATE_TEXT_MAX], other[CLI_SIMULATE_TEXT_MAX];

	buf_adds(out, "<li>");
	name_of(row, out);
	buf_addf(out, " costs %s", said(r, row, CLI_SIMULATE_TOTAL, cost));
	if (best && best != row)
		buf_addf(out, ", %s times the best", said(r, row, CLI_SIMULATE_TO_BEST, other));
	buf_addf(out, ", and %s the promise", cli_simulate_kept(row) ? "keeps" : "breaks");
	if (!one_promise(r)) {
		buf_adds(out, " ");
		promise_of(row, out);
	}
	buf_addf(out, ": %s of the jobs wait longer", said(r, row, CLI_SIMULATE_LATE, other));
	buf_addf(out, ", the longest wait is %s.", said(r, row, CLI_SIMULATE_MOST, other));
	if (x->killed > 0)
		buf_addf(out, " It kills %" PRId64 " jobs while they run; they start again.",
			 x->killed);
	if (x->unfinished > 0)
		buf_addf(out, " %" PRId64 " jobs are never done.", x->unfinished);
	buf_adds(out, "</li>\n");
}

static void summary(const struct cli_simulate_report *r, struct buf *out)
{
	static const enum cli_simulate_what columns[] = {
		CLI_SIMULATE_TOTAL,  CLI_SIMULATE_TO_BEST, CLI_SIMULATE_TO_BOUND,
		CLI_SIMULATE_MONEY,  CLI_SIMULATE_HOURS,   CLI_SIMULATE_P50,
		CLI_SIMULATE_P95,    CLI_SIMULATE_MOST,    CLI_SIMULATE_LATE,
		CLI_SIMULATE_KILLED, CLI_SIMULATE_CALLS,   CLI_SIMULATE_CALLS_MONEY
	};
	char promise[CLI_SIMULATE_TEXT_MAX];

	buf_adds(out, "<section id=\"summary\">\n<h2>In short</h2>\n");
	verdict(r, out);
	bound(r, out);
	buf_adds(out, "<ul>\n");
	for (size_t i = 0; i < r->count; i++)
		sentence(r, &r->row[i], out);
	buf_adds(out, "</ul>\n<div class=\"scroll\" tabindex=\"0\"><table "
		      "id=\"policies\">\n<caption>The policies "
		      "beside each "
		      "other</caption>\n<thead><tr><th scope=\"col\">policy</th><th "
		      "scope=\"col\">promise</th>"
		      "<th scope=\"col\">kept</th>");
	for (size_t c = 0; c < COUNT_OF(columns); c++) {
		struct cli_simulate_measure m;

		cli_simulate_measure(NULL, NULL, columns[c], &m);
		buf_addf(out, "<th scope=\"col\">%s</th>", m.title);
	}
	buf_adds(out, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->count; i++) {
		const struct cli_simulate_row *row = &r->row[i];

		buf_addf(out, "<tr%s><th scope=\"row\">",
			 row == cli_simulate_best(r) ? " class=\"best\"" : "");
		html_text(out, row->name);
		buf_adds(out, "</th><td>");
		html_text(out, cli_simulate_promise(row, promise));
		buf_addf(out, "</td><td class=\"%s\">%s</td>",
			 cli_simulate_kept(row) ? "kept" : "broken",
			 cli_simulate_kept(row) ? "yes" : "no");
		for (size_t c = 0; c < COUNT_OF(columns); c++)
			cell(r, row, columns[c], out);
		buf_adds(out, "</tr>\n");
	}
	buf_adds(out, "</tbody></table></div>\n</section>\n");
}

static void numbers(const struct cli_simulate_report *r, struct buf *out)
{
	buf_adds(out, "<section id=\"numbers\">\n<h2>Every number</h2>\n<div class=\"scroll\" "
		      "tabindex=\"0\"><table>\n"
		      "<caption>All that was measured</caption>\n<thead><tr><td></td>");
	for (size_t i = 0; i < r->count; i++) {
		buf_adds(out, "<th scope=\"col\">");
		html_text(out, r->row[i].name);
		buf_adds(out, "</th>");
	}
	buf_adds(out, "<th scope=\"col\" class=\"what\">what it is</th></tr></thead>\n<tbody>\n");
	for (int i = 0; i < CLI_SIMULATE_MEASURES; i++) {
		struct cli_simulate_measure m;

		cli_simulate_measure(NULL, NULL, (enum cli_simulate_what)i, &m);
		buf_addf(out, "<tr><th scope=\"row\">%s</th>", m.title);
		for (size_t c = 0; c < r->count; c++)
			cell(r, &r->row[c], (enum cli_simulate_what)i, out);
		buf_addf(out, "<td class=\"what\">%s</td></tr>\n", m.doc);
	}
	buf_adds(out, "</tbody></table></div>\n</section>\n");
}

static void time_of(const struct cli_simulate_report *r, int64_t us, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];

	clock_print((struct instant){ (r->load->start.ms + us / 1000) / 1000 * 1000 }, at);
	buf_adds(out, at);
}

static void range(int64_t least, int64_t most, struct buf *out)
{
	buf_addf(out, "<td>%" PRId64, least);
	if (most != least)
		buf_addf(out, " to %" PRId64, most);
	buf_adds(out, "</td>");
}

static void period(const struct cli_simulate_report *r, const struct trace *t, size_t from,
		   size_t to, struct buf *out)
{
	struct trace_bin all = t->bin[from];
	struct cli_simulate_measure wait = { .unit = CLI_SIMULATE_UNIT_WAIT };
	char text[CLI_SIMULATE_TEXT_MAX];

	all.why = NULL;
	for (size_t i = from + 1; i < to; i++) {
		struct trace_bin next = t->bin[i];

		next.why = NULL;
		trace_merge(&all, &next);
	}
	buf_adds(out, "<tr><th scope=\"row\">");
	time_of(r, (int64_t)from * t->width_us, out);
	buf_addf(out, "</th><td>%" PRId64 "</td>", all.arrivals);
	range(all.least.backlog, all.most.backlog, out);
	wait.value = all.starts ? (double)all.wait_most_us / LOAD_US : NAN;
	buf_addf(out, "<td>%s</td>", cli_simulate_say(&wait, text));
	range(all.least.desired, all.most.desired, out);
	range(all.least.ready, all.most.ready, out);
	buf_addf(out, "<td>%" PRId64 "</td></tr>\n", all.changes);
}

static void periods(const struct cli_simulate_report *r, const struct cli_simulate_row *row,
		    struct buf *out)
{
	const struct trace *t = &row->trace;
	size_t n = t->count < PERIODS ? t->count : PERIODS;

	buf_adds(out, "<details><summary>The same as a table</summary>\n<div "
		      "class=\"scroll\"><table class=\"course\">\n"
		      "<caption>The course of ");
	html_text(out, row->name);
	buf_adds(out,
		 "</caption>\n<thead><tr><th scope=\"col\">from, UTC</th><th scope=\"col\">jobs "
		 "arrived</th>"
		 "<th scope=\"col\">jobs waiting</th><th scope=\"col\">longest wait</th>"
		 "<th scope=\"col\">instances desired</th><th scope=\"col\">instances ready</th>"
		 "<th scope=\"col\">scale actions</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++)
		period(r, t, i * t->count / n, (i + 1) * t->count / n, out);
	buf_adds(out, "</tbody></table></div></details>\n");
}

static void figure(const struct cli_simulate_row *row, size_t number, const char *chart,
		   const char *title, struct buf *out)
{
	buf_addf(out,
		 "<figure><figcaption>%s</figcaption><div class=\"chart\"><canvas tabindex=\"0\" "
		 "role=\"img\" "
		 "data-row=\"%zu\" data-chart=\"%s\" aria-label=\"%s",
		 title, number, chart, title);
	if (row) {
		buf_adds(out, ", ");
		html_text(out, row->name);
	}
	buf_adds(out, "; the numbers are in the table below\"></canvas></div></figure>\n");
}

static void course(const struct cli_simulate_report *r, struct buf *out)
{
	char title[64], width[CLOCK_TEXT_MAX];

	buf_adds(out, "<section id=\"course\">\n<h2>The course</h2>\n<p class=\"hint\">Point at a "
		      "chart, or step through "
		      "it with the arrow keys: what happened then, and why, stands below it. Each "
		      "point is a length of "
		      "time with its least and its most. Times are UTC.</p>\n<noscript><p>The "
		      "charts need scripts; the "
		      "tables hold the same.</p></noscript>\n<p class=\"hint\"><label><input "
		      "type=\"checkbox\" id=\"same\" "
		      "checked> the same scale for every policy</label></p>\n");
	snprintf(title, sizeof(title), "jobs arriving, in %s each",
		 clock_print_span(span_ms(r->row[0].trace.width_us / 1000), width));
	figure(NULL, 0, "arrivals", title, out);
	for (size_t i = 0; i < r->count; i++) {
		const struct cli_simulate_row *row = &r->row[i];

		buf_adds(out, "<section class=\"policy\">\n<h3>");
		html_text(out, row->name);
		buf_adds(out, "</h3>\n<div class=\"charts\">\n");
		figure(row, i, "backlog", "jobs waiting", out);
		figure(row, i, "wait", "how long jobs waited", out);
		figure(row, i, "capacity", "instances desired and ready", out);
		buf_addf(out,
			 "</div>\n<p class=\"why\" data-row=\"%zu\" aria-live=\"polite\"></p>\n",
			 i);
		periods(r, row, out);
		buf_adds(out, "</section>\n");
	}
	buf_adds(out, "</section>\n");
}

static void assumptions(const struct cli_simulate_report *r, struct buf *out)
{
	const struct knobs_row *row;

	buf_adds(out, "<section id=\"plant\">\n<h2>What the imitation cloud was like</h2>\n<p>The "
		      "results are as good as "
		      "these assumptions; <code>--plant NAME=VALUE</code> changes one.</p>\n<div "
		      "class=\"scroll\"><table>\n"
		      "<thead><tr><th scope=\"col\">knob</th><th scope=\"col\">value</th><th "
		      "scope=\"col\" class=\"what\">"
		      "where its default is from</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; (row = knobs_list(i)); i++) {
		const char *value = cli_simulate_knob(r->plant, row);

		buf_addf(out, "<tr%s><th scope=\"row\">%s</th><td>",
			 strcmp(value, row->init) == 0 ? "" : " class=\"given\"", row->name);
		html_text(out, value);
		buf_adds(out, "</td><td class=\"what\">");
		html_text(out, row->source);
		buf_adds(out, "</td></tr>\n");
	}
	buf_adds(out, "</tbody></table></div>\n</section>\n");
}

static void head(const struct cli_simulate_report *r, struct buf *out)
{
	char lasts[CLOCK_TEXT_MAX];

	buf_adds(out,
		 "<header>\n<h1>What these policies would cost and promise</h1>\n<p>Load <code>");
	html_text(out, r->load_name);
	buf_addf(out, "</code>: %" PRId64 " jobs within %s from ", r->row[0].result.jobs,
		 clock_print_span(span_ms(r->load->horizon_us / 1000), lasts));
	time_of(r, 0, out);
	buf_addf(out,
		 ", up to %.3g a minute. Every policy met the same jobs and the same imitation of "
		 "the cloud (seed "
		 "%" PRId64 "); no real machine was started. Made by windlass " PACKAGE_VERSION
		 ".</p>\n</header>\n",
		 60 * load_peak(r->load), r->seed);
}

int cli_simulate_page(struct cli_simulate_report *r, struct buf *out, struct err *e)
{
	AUTO(buf_done) struct buf body = BUF(PAGE_MAX);
	AUTO(json_freep) struct json *data = NULL;
	struct embed scripts[2];
	struct html_page page = { .title = "windlass simulate",
				  .style = style(),
				  .data_id = "data",
				  .scripts = scripts,
				  .script_count = COUNT_OF(scripts) };

	if (chartjs_script(&scripts[0], e) < 0)
		return -1;
	scripts[1] = program();
	for (size_t i = 0; i < r->count; i++)
		trace_fit(&r->row[i].trace, BINS_MAX / r->count);
	head(r, &body);
	buf_adds(&body, "<main>\n");
	summary(r, &body);
	course(r, &body);
	numbers(r, &body);
	assumptions(r, &body);
	buf_adds(&body, "</main>\n<footer><p>Charts by Chart.js (MIT License), inside this file. "
			"It loads nothing and "
			"sends nothing.</p></footer>\n");
	if (buf_ok(&body, "the page", e) < 0)
		return -1;
	page.body = buf_str(&body);
	page.data = data = cli_simulate_course(r);
	return html_page(&page, out, e);
}
