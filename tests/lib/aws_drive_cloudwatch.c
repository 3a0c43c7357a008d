#include "aws/cloudwatch.h"
#include "aws_drive.h"
#include "base/clock.h"

#include <string.h>

/* NAMESPACE METRIC DIMENSION VALUE PERIOD FROM TO */
static struct json *data(struct drive *d)
{
	struct cloudwatch_query q = { .name_space = d->a[0],
				      .metric = d->a[1],
				      .statistic = "Sum",
				      .names = (const char *const *)&d->a[2],
				      .values = (const char *const *)&d->a[3],
				      .dimension_count = 1,
				      .period_s = drive_int(d, 4, 60) };
	struct cloudwatch_points p = { 0 };
	struct json *out, *list;

	if (clock_parse(d->a[5], strlen(d->a[5]), &q.from, &d->e) < 0 ||
	    clock_parse(d->a[6], strlen(d->a[6]), &q.to, &d->e) < 0)
		return NULL;
	aws_cloudwatch_data_ask(&d->call.request, &q);
	drive_go(d);
	if (aws_cloudwatch_data_read(&d->call.reply, &p, &d->e) < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < p.count; i++) {
		struct json *one = json_array();

		json_add(one, json_new_int(p.list[i].at.ms / 1000));
		json_add(one, json_new_real(p.list[i].value));
		json_add(list, one);
	}
	json_set(out, "points", list);
	json_set_bool(out, "whole", p.whole);
	json_set_bool(out, "more", p.next_token != NULL);
	cloudwatch_points_done(&p);
	return out;
}

const struct drive_verb drive_cloudwatch[] = { { "cloudwatch-data", 7, data }, { 0 } };
