#include "cli/plan_cost.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "control/cost.h"

static double calls_of(const struct cost_rate *r)
{
	return r->sqs + r->autoscaling + r->cloudwatch;
}

static void add_rate(struct cost_rate *sum, const struct cost_rate *r)
{
	sum->turns += r->turns;
	sum->sqs += r->sqs;
	sum->autoscaling += r->autoscaling;
	sum->cloudwatch += r->cloudwatch;
	sum->metrics += r->metrics;
	sum->dollars += r->dollars;
}

static void sum_up(const struct cost *list, size_t n, struct cost *ret)
{
	*ret = (struct cost){ 0 };
	for (size_t i = 0; i < n; i++) {
		add_rate(&ret->busy, &list[i].busy);
		add_rate(&ret->idle, &list[i].idle);
		ret->published += list[i].published;
		ret->puts += list[i].puts;
		ret->published_dollars += list[i].published_dollars;
	}
}

/* What the requests that are free for the account take off. */
static double free_dollars(const struct cost_rate *r)
{
	double n = r->sqs < COST_SQS_FREE ? r->sqs : COST_SQS_FREE;

	return n * control_cost_price[COST_SQS].dollars / control_cost_price[COST_SQS].per;
}

static void row(struct table *t, const char *name, const struct cost *c)
{
	char n[5][32];
	const char *cells[] = { name, n[0], n[1], n[2], n[3], n[4] };

	snprintf(n[0], sizeof(n[0]), "%.0f", calls_of(&c->busy));
	snprintf(n[1], sizeof(n[1]), "%.4f", c->busy.dollars);
	snprintf(n[2], sizeof(n[2]), "%.0f", calls_of(&c->idle));
	snprintf(n[3], sizeof(n[3]), "%.4f", c->idle.dollars);
	snprintf(n[4], sizeof(n[4]), "%.4f", c->published_dollars);
	table_row(t, cells);
}

static void add_assumptions(struct buf *out)
{
	for (size_t i = 0; i < COST_PRICES; i++)
		buf_addf(out, "%s: $%g for %.10g (a %s), %s, as of %s\n",
			 control_cost_price[i].what, control_cost_price[i].dollars,
			 control_cost_price[i].per, control_cost_price[i].unit,
			 control_cost_price[i].source, control_cost_price[i].as_of);
	buf_adds(out,
		 "A month has 730 hours. List prices of US East (N. Virginia). Equal reads are "
		 "shared, and divided among the\npolicies that share them. Not in it: repeated "
		 "calls, writes, what is asked of a group in motion, and\nwhat workers and "
		 "producers call. windlass status shows what was counted.\n");
}

void cli_plan_cost_text(const struct control *c, struct buf *out)
{
	static const char *const titles[] = { "policy",       "calls/month busy",
					      "$/month busy", "calls/month idle",
					      "$/month idle", "$/month published" };
	static const enum table_align align[] = { TABLE_LEFT,  TABLE_RIGHT, TABLE_RIGHT,
						  TABLE_RIGHT, TABLE_RIGHT, TABLE_RIGHT };
	size_t n = control_turning(c);
	AUTO(own_freep) struct cost *list = own_array(n + 1, sizeof(*list));
	AUTO(table_freep) struct table *t = table_new(titles, align, COUNT_OF(titles));
	struct cost sum;

	control_cost(c, list);
	sum_up(list, n, &sum);
	for (size_t i = 0; i < n; i++)
		row(t, list[i].policy->name, &list[i]);
	row(t, "all", &sum);
	table_print(t, out);
	buf_addf(
		out,
		"with the first million SQS requests of the account free: $%.4f busy, $%.4f idle\n",
		sum.busy.dollars - free_dollars(&sum.busy),
		sum.idle.dollars - free_dollars(&sum.idle));
	add_assumptions(out);
}

static struct json *rate_json(const struct cost_rate *r)
{
	struct json *o = json_object();

	json_set_real(o, "turns", r->turns);
	json_set_real(o, "sqs_requests", r->sqs);
	json_set_real(o, "autoscaling_requests", r->autoscaling);
	json_set_real(o, "cloudwatch_requests", r->cloudwatch);
	json_set_real(o, "cloudwatch_metrics", r->metrics);
	json_set_real(o, "dollars", r->dollars);
	json_set_real(o, "dollars_free", free_dollars(r));
	return o;
}

static void cost_json(const struct cost *c, struct json *o)
{
	json_set(o, "busy", rate_json(&c->busy));
	json_set(o, "idle", rate_json(&c->idle));
	json_set_real(o, "published_metrics", c->published);
	json_set_real(o, "published_requests", c->puts);
	json_set_real(o, "published_dollars", c->published_dollars);
}

static struct json *prices_json(void)
{
	struct json *list = json_array();

	for (size_t i = 0; i < COST_PRICES; i++) {
		struct json *one = json_object();

		json_set_str(one, "what", control_cost_price[i].what);
		json_set_str(one, "unit", control_cost_price[i].unit);
		json_set_real(one, "dollars", control_cost_price[i].dollars);
		json_set_real(one, "per", control_cost_price[i].per);
		json_set_str(one, "source", control_cost_price[i].source);
		json_set_str(one, "as_of", control_cost_price[i].as_of);
		json_add(list, one);
	}
	return list;
}

void cli_plan_cost_json(const struct control *c, struct buf *out)
{
	AUTO(json_freep) struct json *top = json_object();
	size_t n = control_turning(c);
	AUTO(own_freep) struct cost *list = own_array(n + 1, sizeof(*list));
	struct json *policies = json_array(), *all = json_object();
	struct cost sum;

	control_cost(c, list);
	sum_up(list, n, &sum);
	for (size_t i = 0; i < n; i++) {
		struct json *one = json_object();

		json_set_str(one, "policy", list[i].policy->name);
		json_set_real(one, "every_seconds",
			      (double)list[i].policy->evaluate.every.ms / 1000);
		json_set_real(one, "idle_every_seconds",
			      (double)list[i].policy->evaluate.idle_every.ms / 1000);
		cost_json(&list[i], one);
		json_add(policies, one);
	}
	json_set(top, "policies", policies);
	cost_json(&sum, all);
	json_set(top, "all", all);
	json_set_real(top, "month_hours", COST_MONTH_S / 3600);
	json_set_real(top, "sqs_requests_free", COST_SQS_FREE);
	json_set(top, "prices", prices_json());
	json_write_pretty(top, out);
}
