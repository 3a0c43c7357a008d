/* What CloudWatch remembers of a queue. Its permission is the doctor's alone, so that a refusal is
 * only noted. */
#include <string.h>

#include "aws/cloudwatch.h"
#include "base/clock.h"
#include "doctor/doctor.h"

#define DAY_S 86400
#define HOUR_S 3600
#define SIT_LEAST_S 3600
#define SIT_JOBS 10 /* a wait of so many jobs' time, where that is known */

static bool points(struct doctor *d, struct lane *l, const char *queue, const char *metric,
		   int64_t period_s, int64_t back_s, struct cloudwatch_points *ret)
{
	static const char *const names[] = { "QueueName" };
	AUTO(aws_call_done) struct aws_call c = { 0 };
	struct instant to = { clock_wall().ms / 60000 * 60000 + 60000 };
	const struct cloudwatch_query q = { .name_space = "AWS/SQS",
					    .metric = metric,
					    .statistic = "Maximum",
					    .names = names,
					    .values = &queue,
					    .dimension_count = 1,
					    .period_s = period_s,
					    .from = instant_add(to, span_s(-back_s)),
					    .to = to };
	struct err e = { 0 };

	if (d->blind_past)
		return false;
	aws_cloudwatch_data_ask(&c.request, &q);
	aws_run_one(l, &c, span_s(20));
	if (aws_cloudwatch_data_read(&c.reply, ret, &e) == 0)
		return true;
	d->blind_past = true;
	doctor_add(d, DOCTOR_NOTE, "past-unknown", queue, NULL,
		   "how long messages have waited, and since when jobs are given up, is not "
		   "known: %s",
		   e.text);
	return false;
}

void doctor_queue_age(struct doctor *d, struct lane *l, const char *queue)
{
	AUTO(cloudwatch_points_done) struct cloudwatch_points p = { 0 };
	int64_t most_s = d->job.ms * SIT_JOBS / 1000;
	char age[CLOCK_TEXT_MAX];

	if (most_s < SIT_LEAST_S)
		most_s = SIT_LEAST_S;
	if (!points(d, l, queue, "ApproximateAgeOfOldestMessage", 300, 1800, &p) || p.count == 0 ||
	    p.list[p.count - 1].value <= (double)most_s)
		return;
	doctor_add(d, DOCTOR_WARN, "messages-sit", queue,
		   "raise max, or see what holds the fleet with windlass explain; are all workers "
		   "well?",
		   "its oldest message has waited for %s",
		   clock_print_span(span_s((int64_t)p.list[p.count - 1].value), age));
}

int64_t doctor_queue_grown(struct doctor *d, struct lane *l, const char *queue)
{
	AUTO(cloudwatch_points_done) struct cloudwatch_points p = { 0 };
	double grown;

	if (!points(d, l, queue, "ApproximateNumberOfMessagesVisible", HOUR_S, DAY_S, &p) ||
	    p.count < 2)
		return 0;
	grown = p.list[p.count - 1].value - p.list[0].value;
	return grown > 0 && grown < 1e15 ? (int64_t)grown : 0;
}
