/* GetMetricData: metrics and expressions, in pages. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "local/cloudwatch.h"
#include "local/cloudwatch_label.h"
#include "local/cloudwatch_query.h"

#define PAGE_MOST 100800

struct page {
	bool rising;
	int64_t skip, left; /* points */
	int64_t next;       /* where the next page begins, 0: this is the last */
	int64_t seen;       /* points so far, told or not */
};

static int64_t points_of(const struct local_cloudwatch_series *x)
{
	int64_t n = 0;

	for (size_t i = 0; i < x->count; i++)
		n += !isnan(x->values[i]);
	return n;
}

struct part {
	const struct local_cloudwatch_series *x;
	int64_t from, to; /* of its points, in the order of the answer */
	bool rising;
};

/* Calls for each point of the part, in order. */
static void each_point(struct local_call *c, const struct part *p, bool times)
{
	int64_t k = 0;

	for (size_t i = 0; i < p->x->count; i++) {
		size_t at = p->rising ? i : p->x->count - 1 - i;

		if (isnan(p->x->values[at]))
			continue;
		if (k >= p->from && k < p->to) {
			int64_t t = p->x->start + (int64_t)at * p->x->period;

			if (times)
				local_put_time(c, NULL, (struct instant){ t * 1000 });
			else
				local_put_real(c, NULL, p->x->values[at]);
		}
		k++;
	}
}

static void put_series(struct local_call *c, const struct local_cloudwatch_query *q,
		       const struct local_cloudwatch_series *x, struct page *page)
{
	int64_t all = points_of(x), first = page->seen;
	struct part p = { .x = x, .rising = page->rising };
	AUTO(own_freep) char *label = NULL;
	bool more;

	page->seen += all;
	p.from = page->skip > first ? page->skip - first : 0;
	if (p.from > all || (p.from == all && all > 0))
		return; /* on a page before */
	if (all == 0 && page->skip > first)
		return;
	p.to = all - p.from > page->left ? p.from + page->left : all;
	if (all > 0 && p.to == p.from) {
		page->next = page->next ? page->next : first + p.from;
		return;
	}
	page->left -= p.to - p.from;
	more = p.to < all;
	if (more)
		page->next = first + p.to;
	label = local_cloudwatch_label(q, x);
	local_object(c, NULL);
	local_put(c, "Id", q->id);
	local_put(c, "Label", label);
	local_list(c, "Timestamps", NULL);
	each_point(c, &p, true);
	local_end(c);
	local_list(c, "Values", NULL);
	each_point(c, &p, false);
	local_end(c);
	local_put(c, "StatusCode", more ? "PartialData" : "Complete");
	local_end(c);
}

static void put_all(struct local_call *c, const struct local_cloudwatch_queries *q,
		    struct page *page)
{
	local_list(c, "MetricDataResults", NULL);
	for (size_t i = 0; i < q->count; i++)
		for (size_t k = 0; q->all[i].returned && k < q->all[i].result.count; k++)
			put_series(c, &q->all[i], &q->all[i].result.all[k], page);
	local_end(c);
	if (page->next)
		local_cloudwatch_put_token(c, "data:", page->next);
	local_list(c, "Messages", NULL);
	local_end(c);
	local_done(c);
}

static int page_read(struct local_call *c, struct page *page)
{
	const char *by = local_str(c->params, "ScanBy");

	page->left = PAGE_MOST;
	if (by && strcmp(by, "TimestampAscending") && strcmp(by, "TimestampDescending")) {
		local_fail(
			c, "ValidationError",
			"1 validation error detected: Value '%.40s' at 'scanBy' failed to satisfy "
			"constraint: Member must satisfy enum value set: [TimestampDescending, "
			"TimestampAscending]",
			by);
		return -1;
	}
	page->rising = by && !strcmp(by, "TimestampAscending");
	if (local_int(c, c->params, "MaxDatapoints", &page->left) < 0 ||
	    local_cloudwatch_token(c, "data:", &page->skip) < 0)
		return -1;
	if (page->left < 1 || page->left > PAGE_MOST) {
		local_fail(c, "ValidationError", "MaxDatapoints must be from 1 to %d.", PAGE_MOST);
		return -1;
	}
	return 0;
}

void local_cloudwatch_data(struct local_call *c)
{
	AUTO(local_cloudwatch_query_done) struct local_cloudwatch_queries q = { 0 };
	struct page page = { 0 };
	int64_t from, to;
	struct err e;

	err_clear(&e);
	if (page_read(c, &page) < 0)
		return;
	if (local_cloudwatch_query_read(json_get(c->params, "MetricDataQueries"), false, &q, &e) <
	    0) {
		local_cloudwatch_fail(c, &e);
		return;
	}
	if (local_cloudwatch_times(c, local_cloudwatch_query_period(&q), &from, &to) < 0)
		return;
	if (local_cloudwatch_query_run(c->local, &q, from, to, &e) < 0)
		local_cloudwatch_fail(c, &e);
	else
		put_all(c, &q, &page);
}
