/* The page: tables, made anew at each look, which a browser takes every two seconds by the Refresh
 * header. No script, and nothing from elsewhere. */
#include "local/page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/html.h"
#include "base/log.h"
#include "local/fleet_choose.h"
#include "local/recent.h"
#include "local/sqs.h"
#include "local/trust.h"
#include "wire/uri.h"

#define PAGE_MAX (4u << 20)
#define ROWS_MOST 200
/* Objects of a bucket that are counted: a page must not cost what a listing does. */
#define OBJECTS_MOST 10000

static const char style[] =
	":root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}"
	"body{max-width:72rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .3rem}"
	"p{margin:.2rem 0;opacity:.75}"
	"table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #8884;"
	"vertical-align:top;overflow-wrap:anywhere}"
	"th{font-weight:600;font-size:.85rem;opacity:.75}"
	".n{text-align:right;font-variant-numeric:tabular-nums}"
	".bad{color:#c33}";

bool local_page_asked(const struct httpd_exchange *x)
{
	return !strcmp(httpd_method(x), "GET") && !strcmp(httpd_target(x), "/") &&
	       !httpd_header(x, "Authorization") && !httpd_header(x, "X-Amz-Target");
}

/* ---- tables ---- */

/* "Name|#Number": a column each, those with # to the right. */
static void table_open(struct buf *b, const char *title, const char *id, const char *columns)
{
	buf_addf(b, "<h2>%s</h2>\n<table id=\"%s\"><thead><tr>", title, id);
	for (const char *at = columns; *at;) {
		size_t n = strcspn(at, "|");
		bool number = *at == '#';

		buf_addf(b, "<th%s>%.*s</th>", number ? " class=\"n\"" : "", (int)n - number,
			 at + number);
		at += n + (at[n] == '|');
	}
	buf_adds(b, "</tr></thead><tbody>\n");
}

static void table_close(struct buf *b, size_t rows)
{
	buf_adds(b, "</tbody></table>\n");
	if (rows == 0)
		buf_adds(b, "<p>none</p>\n");
	if (rows > ROWS_MOST)
		buf_addf(b, "<p>and %zu more</p>\n", rows - ROWS_MOST);
}

static void cell(struct buf *b, const char *text)
{
	buf_adds(b, "<td>");
	html_text(b, text ? text : "");
	buf_adds(b, "</td>");
}

static void cell_number(struct buf *b, int64_t n, bool more)
{
	buf_addf(b, "<td class=\"n\">%" PRId64 "%s</td>", n, more ? "+" : "");
}

/* ---- what there is ---- */

static int put_queue(struct buf *b, struct queue *q, struct err *e)
{
	struct sqs_counts n;

	if (local_sqs_attr_count(q, local_wall(q->sqs->local), &n, e) < 0)
		return -1;
	buf_adds(b, "<tr>");
	cell(b, q->name);
	cell_number(b, n.visible, false);
	cell_number(b, n.in_flight, false);
	cell_number(b, n.delayed, false);
	cell(b, q->dead_letter);
	buf_adds(b, "</tr>\n");
	return 0;
}

static int put_queues(struct local *l, struct buf *b, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	char *names[ROWS_MOST];
	size_t rows = 0;
	int rc;

	table_open(b, "Queues", "queues", "Name|#Visible|#In flight|#Delayed|Dead letters to");
	r = db_query(l->db, "SELECT name FROM sqs_queues ORDER BY name", NULL, 0, e);
	while ((rc = r ? db_step(r, e) : -1) == 1) {
		if (rows < ROWS_MOST)
			names[rows] = own_strdup(db_str(r, 0));
		rows++;
	}
	db_endp(&r);
	for (size_t i = 0; i < rows && i < ROWS_MOST; i++) {
		struct queue *q = local_sqs_queue_find(l->sqs, names[i]);

		if (rc == 0 && q && put_queue(b, q, e) < 0)
			rc = -1;
		own_free(names[i]);
	}
	table_close(b, rows);
	return rc;
}

/* A row of @p sql a row of the table; @p kinds: 's' a text, 'n' a number, 't' a time. */
static int put_rows(struct local *l, struct buf *b, const char *sql, const char *kinds,
		    struct err *e)
{
	AUTO(db_endp) struct db_row *r = db_query(l->db, sql, NULL, 0, e);
	char time[CLOCK_TEXT_MAX];
	size_t rows = 0;
	int rc;

	while ((rc = r ? db_step(r, e) : -1) == 1) {
		if (++rows > ROWS_MOST)
			continue;
		buf_adds(b, "<tr>");
		for (int i = 0; kinds[i]; i++) {
			if (kinds[i] == 'n')
				cell_number(b, db_int(r, i), db_int(r, i) > OBJECTS_MOST);
			else if (kinds[i] == 't')
				cell(b, clock_print((struct instant){ db_int(r, i) }, time));
			else if (kinds[i] == 'i')
				cell(b, local_fleet_choose_state_word(
						(enum local_fleet_state)db_int(r, i)));
			else
				cell(b, db_str(r, i));
		}
		buf_adds(b, "</tr>\n");
	}
	table_close(b, rows);
	return rc;
}

static int put_buckets(struct local *l, struct buf *b, struct err *e)
{
	table_open(b, "Buckets", "buckets", "Name|#Objects|Made");
	return put_rows(l, b,
			"SELECT name, (SELECT count(*) FROM (SELECT 1 FROM s3_objects WHERE "
			"bucket=name LIMIT 10001)), created FROM s3_buckets ORDER BY name",
			"snt", e);
}

static int put_groups(struct local *l, struct buf *b, struct err *e)
{
	table_open(b, "Auto Scaling groups", "groups",
		   "Name|#Least|#Desired|#Most|#Instances|Status");
	return put_rows(l, b,
			"SELECT name, least, desired, most, (SELECT count(*) FROM fleet_instance "
			"WHERE grp=name), status FROM fleet_group ORDER BY name",
			"snnnns", e);
}

static int put_instances(struct local *l, struct buf *b, struct err *e)
{
	table_open(b, "Instances", "instances", "Id|Group|State|Protected|#Process|Launched");
	return put_rows(l, b,
			"SELECT id, grp, state, CASE protected WHEN 1 THEN 'yes' ELSE '' END, pid, "
			"launched_ms FROM fleet_instance ORDER BY grp, launched_ms",
			"ssisnt", e);
}

static void put_calls(struct local *l, struct buf *b)
{
	const struct local_recent_call *c;
	char time[CLOCK_TEXT_MAX];
	size_t rows = 0;

	table_open(b, "Recent calls", "calls", "At|Service|Action|Of|#Status|Error");
	while ((c = local_recent_at(l, rows))) {
		rows++;
		buf_addf(b, "<tr%s>", c->status >= 400 ? " class=\"bad\"" : "");
		cell(b, clock_print(c->at, time));
		cell(b, c->service);
		cell(b, c->action);
		cell(b, c->about);
		cell_number(b, c->status, false);
		cell(b, c->code);
		buf_adds(b, "</tr>\n");
	}
	table_close(b, rows);
}

static int page_body(struct local *l, struct buf *b, struct err *e)
{
	buf_addf(b, "<h1>windlass-local</h1>\n<p>");
	html_text(b, l->endpoint);
	buf_addf(b, " · region ");
	html_text(b, l->options.region);
	buf_adds(b, " · account ");
	html_text(b, l->options.account);
	buf_adds(b, l->options.memory ? " · keeps nothing</p>\n" : "</p>\n");
	if (put_queues(l, b, e) < 0 || put_buckets(l, b, e) < 0 || put_groups(l, b, e) < 0 ||
	    put_instances(l, b, e) < 0)
		return -1;
	put_calls(l, b);
	return buf_ok(b, "the page", e);
}

static int page_make(struct local *l, struct buf *out, struct err *e)
{
	AUTO(buf_done) struct buf body = BUF(PAGE_MAX);
	struct html_page page = { .title = "windlass-local",
				  .style = { style, sizeof(style) - 1 } };

	/* Counting a queue removes what is past its retention. */
	if (local_write(l, e) < 0 || page_body(l, &body, e) < 0)
		return -1;
	page.body = buf_str(&body);
	return html_page(&page, out, e);
}

void local_page_answer(struct local *l, struct httpd_exchange *x)
{
	static const struct httpd_header headers[] = { { "Content-Type",
							 "text/html; charset=utf-8" },
						       { "Refresh", "2" },
						       { "Cache-Control", "no-store" },
						       { "X-Frame-Options", "DENY" },
						       { "X-Content-Type-Options", "nosniff" },
						       { "Referrer-Policy", "no-referrer" } };
	static const struct httpd_header plain[] = { { "Content-Type", "text/plain" } };
	static const char refused[] = "this page is for the machine that it runs on\n",
			  failed[] = "the page could not be made\n";
	AUTO(buf_done) struct buf out = BUF(PAGE_MAX);
	struct err e;

	err_clear(&e);
	if (!local_trust_from_here(x)) {
		httpd_answer(x, 403, plain, 1, refused, sizeof(refused) - 1);
	} else if (page_make(l, &out, &e) < 0) {
		LOG_ERROR("the page could not be made", LOG_E(&e));
		local_undo(l);
		httpd_answer(x, 500, plain, 1, failed, sizeof(failed) - 1);
	} else {
		httpd_answer(x, 200, headers, COUNT_OF(headers), out.data, out.len);
	}
}
