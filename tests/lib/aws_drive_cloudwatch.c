#include "aws/cloudwatch.h"
#include "aws/cloudwatch_newest.h"
#include "aws/cloudwatch_put.h"
#include "aws_drive.h"
#include "base/clock.h"

#include <stdio.h>
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

/* NAMESPACE COUNT: metrics m0 … of the dimension Policy p, each with its number as value, now */
static struct json *put(struct drive *d)
{
	size_t n = (size_t)drive_int(d, 1, 1);
	AUTO(own_freep) struct cloudwatch_datum *list = own_array(n + 1, sizeof(*list));
	AUTO(own_freep) char(*names)[24] = own_array(n + 1, sizeof(*names));
	struct json *out;
	size_t taken;

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "m%zu", i);
		list[i] = (struct cloudwatch_datum){ .metric = names[i],
						     .names = { "Policy" },
						     .values = { "p" },
						     .dimension_count = 1,
						     .unit = "Count",
						     .value = (double)i + 0.5,
						     .at = clock_wall() };
	}
	taken = aws_cloudwatch_put_ask(&d->call.request, d->a[0], list, n);
	drive_go(d);
	if (aws_cloudwatch_put_read(&d->call.reply, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_int(out, "taken", (int64_t)taken);
	return out;
}

/* NAMESPACE COUNT MINUTES: the newest Maximum of each of those, seen from so many minutes on */
static struct json *newest(struct drive *d)
{
	static const char *const names[] = { "Policy" }, *const values[] = { "p" };
	size_t n = (size_t)drive_int(d, 1, 1);
	AUTO(own_freep) struct cloudwatch_query *q = own_array(n + 1, sizeof(*q));
	AUTO(own_freep) const struct cloudwatch_query **list = own_array(n + 1, sizeof(*list));
	AUTO(own_freep) struct cloudwatch_newest *seen = own_array(n + 1, sizeof(*seen));
	AUTO(own_freep) char(*metrics)[24] = own_array(n + 1, sizeof(*metrics));
	struct instant now = instant_add(clock_wall(), span_s(60 * drive_int(d, 2, 0)));
	AUTO(own_freep) char *next = NULL;
	struct json *out, *found;
	int64_t pages = 0;

	for (size_t i = 0; i < n; i++) {
		snprintf(metrics[i], sizeof(metrics[i]), "m%zu", i);
		q[i] = (struct cloudwatch_query){ .name_space = d->a[0],
						  .metric = metrics[i],
						  .statistic = "Maximum",
						  .names = names,
						  .values = values,
						  .dimension_count = 1,
						  .period_s = 60 };
		list[i] = &q[i];
		seen[i].at = INSTANT_NEVER;
	}
	do {
		AUTO(own_freep) char *token = next;

		next = NULL;
		aws_cloudwatch_newest_ask(&d->call.request, list, n, instant_add(now, span_s(-900)),
					  now, token);
		drive_go(d);
		if (aws_cloudwatch_newest_read(&d->call.reply, list, n, now, seen, &next, &d->e) <
		    0)
			return NULL;
		pages++;
	} while (next);
	out = json_object();
	found = json_array();
	for (size_t i = 0; i < n; i++)
		if (!instant_is_never(seen[i].at))
			json_add(found, json_new_real(seen[i].value));
	json_set(out, "values", found);
	json_set_int(out, "pages", pages);
	return out;
}

const struct drive_verb drive_cloudwatch[] = { { "cloudwatch-data", 7, data },
					       { "cloudwatch-put", 2, put },
					       { "cloudwatch-newest", 3, newest },
					       { 0 } };
