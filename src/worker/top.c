#include "worker/top.h"

#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "base/own.h"
#include "base/table.h"

#define ANSWER_MAX 262144
#define ASK_S 5
#define CELL_MAX 32

enum { SLOT, VIDEO, STAGE, DONE, ETA, SPEED, RUNNING, LEASE, RECEIVES, COLUMNS };

/* "4:31", "1:02:09"; "-" where nothing is known. */
static void span_cell(const struct json *j, const char *key, char cell[static CELL_MAX])
{
	int64_t ms, s;

	snprintf(cell, CELL_MAX, "-");
	if (!json_get_int(j, key, &ms) || ms < 0)
		return;
	s = ms / 1000;
	if (s >= 3600)
		snprintf(cell, CELL_MAX, "%lld:%02d:%02d", (long long)(s / 3600),
			 (int)(s / 60 % 60), (int)(s % 60));
	else
		snprintf(cell, CELL_MAX, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

static void int_cell(const struct json *j, const char *key, char cell[static CELL_MAX])
{
	int64_t n;

	if (json_get_int(j, key, &n))
		snprintf(cell, CELL_MAX, "%lld", (long long)n);
	else
		snprintf(cell, CELL_MAX, "-");
}

static const char *text_cell(const struct json *j, const char *key)
{
	const char *text = json_get_str(j, key);

	return text && *text ? text : "-";
}

static void job_row(struct table *t, const struct json *j)
{
	char cell[COLUMNS][CELL_MAX] = { 0 };
	const char *row[COLUMNS];
	int64_t permille = 0, speed = 0;

	for (int i = 0; i < COLUMNS; i++)
		row[i] = cell[i];
	row[VIDEO] = text_cell(j, "video_id");
	row[STAGE] = text_cell(j, "stage");
	int_cell(j, "slot", cell[SLOT]);
	int_cell(j, "receives", cell[RECEIVES]);
	if (json_get_int(j, "permille", &permille))
		snprintf(cell[DONE], CELL_MAX, "%d %%", (int)(permille / 10));
	snprintf(cell[SPEED], CELL_MAX, "-");
	if (json_get_int(j, "speed_milli", &speed) && speed > 0)
		snprintf(cell[SPEED], CELL_MAX, "%.1fx", (double)speed / 1000);
	span_cell(j, "estimate_ms", cell[ETA]);
	span_cell(j, "running_ms", cell[RUNNING]);
	span_cell(j, "lease_left_ms", cell[LEASE]);
	table_row(t, row);
}

int worker_top_table(const char *text, size_t len, struct buf *out, struct err *e)
{
	static const char *const titles[COLUMNS] = { "SLOT",  "VIDEO",   "STAGE", "DONE",    "ETA",
						     "SPEED", "RUNNING", "LEASE", "RECEIVES" };
	static const enum table_align align[COLUMNS] = {
		[SLOT] = TABLE_RIGHT,    [DONE] = TABLE_RIGHT,    [ETA] = TABLE_RIGHT,
		[SPEED] = TABLE_RIGHT,   [RUNNING] = TABLE_RIGHT, [LEASE] = TABLE_RIGHT,
		[RECEIVES] = TABLE_RIGHT
	};
	AUTO(json_freep) struct json *j = json_parse(text, len, e);
	AUTO(table_freep) struct table *t = table_new(titles, align, COLUMNS);
	const struct json *jobs = json_get(j, "jobs");
	int64_t slots;

	if (!j)
		return err_wrap(e, "the answer");
	if (!jobs || !json_get_int(j, "slots", &slots))
		return err_set(e, ERR_PROTOCOL, "the answer is not a worker's");
	for (size_t i = 0; i < json_count(jobs); i++)
		job_row(t, json_at(jobs, i));
	buf_addf(out, "%s: %zu of %lld slots busy, queue %s\n", text_cell(j, "host"),
		 json_count(jobs), (long long)slots, text_cell(j, "queue"));
	return json_count(jobs) ? table_print(t, out) : 0;
}

int worker_top(const char *where, bool as_json, struct buf *out, struct err *e)
{
	AUTO(own_freep) char *url = own_printf("http://%s/jobs", where);
	struct http_request q = HTTP_REQUEST(.method = "GET", .url = url, .reply_cap = ANSWER_MAX,
					     .timeout = span_s(ASK_S));
	AUTO(http_reply_done) struct http_reply r = { 0 };

	if (http_fetch(&q, &r, e) < 0)
		return err_wrap(e, "the worker at %s", where);
	if (r.status != 200)
		return err_set(e, ERR_PROTOCOL, "the worker at %s: status %d", where, r.status);
	if (as_json)
		return buf_add(out, buf_str(&r.body), r.body.len);
	if (worker_top_table(buf_str(&r.body), r.body.len, out, e) < 0)
		return err_wrap(e, "the worker at %s", where);
	return 0;
}
