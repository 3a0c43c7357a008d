#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "simulate/load.h"

#define JSON_MS_MAX 253402300799000 /* the year 9999 */

struct point {
	int64_t at;
	double sum;
};

static int by_time(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static bool json_time(const struct json *j, int64_t *ret_us, bool *ret_wall)
{
	size_t len;
	const char *text = json_strn(j, &len);
	double seconds;

	if (text)
		return load_time(text, len, ret_us, ret_wall);
	*ret_wall = false;
	if (!json_real(j, &seconds) || !(seconds >= 0) || seconds > 253402300799.0)
		return false;
	*ret_us = llround(seconds * LOAD_US);
	return true;
}

/* CloudWatch answers in any order. */
static int take_points(struct load *l, struct point *points, size_t n, struct err *e)
{
	qsort(points, n, sizeof(*points), by_time);
	for (size_t i = 0; i < n; i++) {
		if (!(points[i].sum >= 0) || points[i].sum > (double)LOAD_JOBS_MAX)
			return err_set(e, ERR_POLICY, "a count is not a number from 0");
		if (load_add(l, points[i].at - points[0].at, llround(points[i].sum), e) < 0)
			return -1;
	}
	if (n > 0)
		l->start = (struct instant){ points[0].at / 1000 };
	return 0;
}

/* aws cloudwatch get-metric-statistics --statistics Sum */
static int read_statistics(const struct json *list, struct load *l, struct err *e)
{
	size_t n = json_count(list);
	struct point *points = own_array(n + 1, sizeof(*points));
	bool wall, good = true;
	int rc;

	for (size_t i = 0; i < n && good; i++) {
		const struct json *p = json_at(list, i);

		good = json_time(json_get(p, "Timestamp"), &points[i].at, &wall) &&
		       json_get_real(p, "Sum", &points[i].sum);
	}
	rc = good ? take_points(l, points, n, e)
		  : err_set(e, ERR_POLICY,
			    "a datapoint has no Timestamp or no Sum; ask for "
			    "--statistics Sum");
	own_free(points);
	return rc;
}

/* The result of NumberOfMessagesSent, or the only one there is. */
static const struct json *pick_result(const struct json *results)
{
	for (size_t i = 0; i < json_count(results); i++) {
		const struct json *r = json_at(results, i);
		const char *label = json_get_str(r, "Label"), *id = json_get_str(r, "Id");

		if ((label && strstr(label, "NumberOfMessagesSent")) || (id && strstr(id, "sent")))
			return r;
	}
	return json_count(results) == 1 ? json_at(results, 0) : NULL;
}

/* aws cloudwatch get-metric-data */
static int read_data(const struct json *results, struct load *l, struct err *e)
{
	const struct json *r = pick_result(results), *times = json_get(r, "Timestamps");
	const struct json *values = json_get(r, "Values");
	size_t n = json_count(times);
	struct point *points;
	bool wall, good = n == json_count(values);
	int rc;

	if (!r)
		return err_set(e, ERR_POLICY, "no result is labelled NumberOfMessagesSent");
	points = own_array(n + 1, sizeof(*points));
	for (size_t i = 0; i < n && good; i++)
		good = json_time(json_at(times, i), &points[i].at, &wall) &&
		       json_real(json_at(values, i), &points[i].sum);
	rc = good ? take_points(l, points, n, e)
		  : err_set(e, ERR_POLICY, "Timestamps and Values do not go together");
	own_free(points);
	return rc;
}

/* One job: a time, or an object that holds one. SentTimestamp is milliseconds, as SQS writes. */
static bool job_time(const struct json *j, int64_t *ret_us, bool *ret_wall)
{
	static const char *const names[] = { "enqueued_at", "t_seconds", "time", "timestamp" };
	const struct json *sent = json_get(j, "SentTimestamp");

	if (json_type(j) != JSON_OBJECT)
		return json_time(j, ret_us, ret_wall);
	if (json_type(sent) != JSON_ABSENT) {
		const char *text = json_str(sent);
		int64_t ms = -1;

		if (!(text ? text_int(text, &ms) : json_int(sent, &ms)) || ms < 0 ||
		    ms > JSON_MS_MAX)
			return false;
		*ret_us = ms * 1000;
		*ret_wall = true;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (json_type(json_get(j, names[i])) != JSON_ABSENT)
			return json_time(json_get(j, names[i]), ret_us, ret_wall);
	return false;
}

static int read_job(struct load *l, const char *text, size_t len, int64_t *origin, struct err *e)
{
	AUTO(json_freep) struct json *j = json_parse(text, len, e);
	int64_t at = 0;
	bool wall = false;

	if (!j)
		return -1;
	if (!job_time(j, &at, &wall))
		return err_set(e, ERR_POLICY,
			       "no time of sending: enqueued_at, t_seconds or SentTimestamp");
	if (l->count == 0 && (wall || at > 1000000000 * (int64_t)LOAD_US)) {
		*origin = at;
		l->start = (struct instant){ at / 1000 };
	}
	if (at < *origin)
		return err_set(e, ERR_POLICY, "times are out of order");
	return load_add(l, at - *origin, 0, e);
}

static int read_lines(const char *name, const char *text, size_t len, struct load *l, struct err *e)
{
	const char *at = text, *end = text + len;
	int64_t origin = 0;

	for (int line = 1; at < end; line++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at)), *stop = nl ? nl : end;

		if (stop > at && !(stop - at == 1 && *at == '\r') &&
		    read_job(l, at, (size_t)(stop - at), &origin, e) < 0) {
			if (e)
				e->kind = ERR_POLICY;
			return err_wrap(e, "%s:%d", name, line);
		}
		at = stop + 1;
	}
	return 0;
}

int load_json(const char *name, const char *text, size_t len, struct load *ret, struct err *e)
{
	AUTO(json_freep) struct json *whole = json_parse(text, len, NULL);
	const struct json *statistics = json_get(whole, "Datapoints");
	const struct json *data = json_get(whole, "MetricDataResults");
	int rc;

	load_init(ret, json_type(statistics) == JSON_ARRAY || json_type(data) == JSON_ARRAY);
	if (!ret->binned)
		return read_lines(name, text, len, ret, e);
	rc = json_type(data) == JSON_ARRAY ? read_data(data, ret, e)
					   : read_statistics(statistics, ret, e);
	return rc < 0 ? err_wrap(e, "%s", name) : 0;
}
