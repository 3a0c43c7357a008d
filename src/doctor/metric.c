/* A metric of CloudWatch that a policy follows. */
#include "aws/cloudwatch_newest.h"
#include "base/clock.h"
#include "doctor/doctor.h"

#define LOOK_S 900

_Static_assert(POLICY_QUERIES_MAX <= CLOUDWATCH_PARTS_MAX, "an expression fits");

static void parts_of(const struct policy_cloudwatch *w,
		     struct cloudwatch_query ret[static CLOUDWATCH_PARTS_MAX])
{
	for (size_t i = 0; i < w->query_count; i++)
		ret[i] =
			(struct cloudwatch_query){ .id = w->queries[i].id,
						   .name_space = w->queries[i].name_space,
						   .metric = w->queries[i].metric,
						   .statistic = w->queries[i].statistic,
						   .names = w->queries[i].names,
						   .values = w->queries[i].values,
						   .account_id = w->queries[i].account_id
									 ? w->queries[i].account_id
									 : w->account_id,
						   .dimension_count = w->queries[i].dimension_count,
						   .period_s = w->period.ms / 1000 };
}

void doctor_metric_look(struct doctor *d, struct lane *l, const struct policy_metric *m)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	const struct policy_cloudwatch *w = &m->cloudwatch;
	struct cloudwatch_query parts[CLOUDWATCH_PARTS_MAX];
	const struct cloudwatch_query q = { .name_space = w->name_space,
					    .metric = w->metric,
					    .statistic = w->statistic,
					    .names = w->names,
					    .values = w->values,
					    .account_id = w->account_id,
					    .dimension_count = w->dimension_count,
					    .expression = w->expression,
					    .parts = parts,
					    .part_count = w->query_count,
					    .period_s = w->period.ms / 1000 };
	const struct cloudwatch_query *const list[] = { &q };
	struct cloudwatch_newest seen = { .at = INSTANT_NEVER };
	struct instant now = clock_wall(), to = { now.ms / 60000 * 60000 + 60000 };
	int64_t back = 5 * q.period_s > LOOK_S ? 5 * q.period_s : LOOK_S;
	AUTO(own_freep) char *next = NULL;
	struct err e = { 0 };

	parts_of(w, parts);
	aws_cloudwatch_newest_ask(&c.request, list, 1, instant_add(to, span_s(-back)), to, NULL);
	if (!doctor_call(d, l, &c, m->name, NULL))
		return;
	if (aws_cloudwatch_newest_read(&c.reply, list, 1, now, &seen, &next, &e) < 0)
		doctor_add(d, DOCTOR_ERROR, "call-failed", m->name, NULL, "%s", e.text);
	else if (seen.denied)
		doctor_add(d, DOCTOR_ERROR, "permission", m->name,
			   "share the metric's account with this one",
			   "CloudWatch does not show %.100s %.100s to us",
			   w->expression ? "the metrics of" : w->name_space,
			   w->expression ? w->expression : w->metric);
	else if (seen.several)
		doctor_add(d, DOCTOR_ERROR, "call-failed", m->name,
			   "make one series of them by SUM, AVG, MIN or MAX",
			   "the expression '%.100s' gives several series", w->expression);
	else if (instant_is_never(seen.at) && !next)
		doctor_add(d, DOCTOR_WARN, "no-values", m->name,
			   "check namespace, metric, dimensions and region; all dimensions of the "
			   "metric must be named",
			   "CloudWatch has no value of %.100s %.100s in the last %lld minutes",
			   w->expression ? "the expression" : w->name_space,
			   w->expression ? w->expression : w->metric, (long long)back / 60);
}
