#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/load.h"

#define LOAD_COLUMNS_MAX 16

struct cells {
	const char *at[LOAD_COLUMNS_MAX];
	size_t len[LOAD_COLUMNS_MAX];
	size_t count;
};

/* What the columns are; -1: not there. */
struct columns {
	int time, count, service;
};

static void split(const char *line, size_t len, struct cells *ret)
{
	const char *end = line + len;

	ret->count = 0;
	while (ret->count < LOAD_COLUMNS_MAX) {
		const char *comma = memchr(line, ',', (size_t)(end - line));
		const char *stop = comma ? comma : end, *from = line, *to = stop;

		while (from < to && strchr(" \t\r\"", *from))
			from++;
		while (to > from && strchr(" \t\r\"", to[-1]))
			to--;
		ret->at[ret->count] = from;
		ret->len[ret->count++] = (size_t)(to - from);
		if (!comma)
			break;
		line = comma + 1;
	}
}

static bool is_one_of(const struct cells *c, size_t i, const char *const *words, size_t n)
{
	for (size_t w = 0; w < n; w++)
		if (strlen(words[w]) == c->len[i] && memcmp(words[w], c->at[i], c->len[i]) == 0)
			return true;
	return false;
}

static int read_header(const char *name, const struct cells *c, struct columns *ret, struct err *e)
{
	static const char *const times[] = { "t_seconds", "timestamp", "time", "t", "enqueued_at" };
	static const char *const counts[] = { "arrivals", "count", "jobs", "messages", "sum" };
	static const char *const services[] = { "service_seconds" };

	*ret = (struct columns){ -1, -1, -1 };
	for (size_t i = 0; i < c->count; i++) {
		if (is_one_of(c, i, times, COUNT_OF(times)))
			ret->time = (int)i;
		else if (is_one_of(c, i, counts, COUNT_OF(counts)))
			ret->count = (int)i;
		else if (is_one_of(c, i, services, COUNT_OF(services)))
			ret->service = (int)i;
	}
	if (ret->time < 0)
		return err_set(e, ERR_POLICY,
			       "%s:1: no column is named t_seconds or timestamp; write "
			       "\"t_seconds,arrivals\" first",
			       name);
	if (ret->count >= 0 && ret->service >= 0)
		return err_set(e, ERR_POLICY,
			       "%s:1: service_seconds is one job's, arrivals are many", name);
	return 0;
}

static bool read_number(const struct cells *c, int i, double *ret)
{
	char copy[48], *stop;

	if (i < 0 || (size_t)i >= c->count || c->len[i] == 0 || c->len[i] >= sizeof(copy))
		return false;
	memcpy(copy, c->at[i], c->len[i]);
	copy[c->len[i]] = '\0';
	errno = 0;
	*ret = strtod(copy, &stop);
	return stop != copy && !*stop && !errno;
}

static int read_value(const struct cells *c, const struct columns *col, int64_t *ret, struct err *e)
{
	double x = 0;

	if (col->count >= 0) {
		if (!read_number(c, col->count, &x) || !(x >= 0) || x > (double)LOAD_JOBS_MAX)
			return err_set(e, ERR_POLICY, "the count is not a number from 0");
		if (x != floor(x))
			return err_set(e, ERR_POLICY, "the count is not a whole number");
		*ret = (int64_t)x;
	} else if (col->service >= 0) {
		if (!read_number(c, col->service, &x) || !(x >= 0) || x > 3e7)
			return err_set(e, ERR_POLICY,
				       "service_seconds is not a number from 0 to a year");
		*ret = llround(x * LOAD_US);
	}
	return 0;
}

static int read_row(struct load *l, const struct cells *c, const struct columns *col,
		    int64_t *origin, struct err *e)
{
	int64_t at, value = 0;
	bool wall = false;

	if ((size_t)col->time >= c->count ||
	    !load_time(c->at[col->time], c->len[col->time], &at, &wall))
		return err_set(e, ERR_POLICY,
			       "the time is neither seconds from 0 nor as 2024-01-31T09:00:00Z");
	if (l->count == 0) {
		/* Seconds since 1970 are a wall clock too. */
		wall = wall || at > 1000000000 * (int64_t)LOAD_US;
		*origin = wall ? at : 0;
		if (wall)
			l->start = (struct instant){ at / 1000 };
	}
	if (at < *origin)
		return err_set(e, ERR_POLICY, "times are out of order");
	if (read_value(c, col, &value, e) < 0)
		return -1;
	return load_add(l, at - *origin, value, e);
}

int load_csv(const char *name, const char *text, size_t len, struct load *ret, struct err *e)
{
	const char *at = text, *end = text + len;
	struct columns col = { -1, -1, -1 };
	int64_t origin = 0;
	bool titled = false;

	load_init(ret, false);
	for (int line = 1; at < end; line++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at)), *stop = nl ? nl : end;
		struct cells c;

		split(at, (size_t)(stop - at), &c);
		at = stop + 1;
		if (c.count == 1 && c.len[0] == 0)
			continue;
		if (titled) {
			if (read_row(ret, &c, &col, &origin, e) < 0)
				return err_wrap(e, "%s:%d", name, line);
			continue;
		}
		titled = true;
		if (read_header(name, &c, &col, e) < 0)
			return -1;
		ret->binned = col.count >= 0;
		ret->has_service = col.service >= 0;
	}
	return 0;
}
