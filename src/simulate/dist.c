#include "simulate/dist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define DIST_US_MAX 31536000000000.0 /* a year: nothing takes longer */

static int64_t to_us(double us)
{
	if (!(us > 0))
		return 0;
	return us > DIST_US_MAX ? (int64_t)DIST_US_MAX : (int64_t)(us + 0.5);
}

static int read_number(const char *path, int line, const char *text, const char *end,
		       int64_t *ret_us, struct err *e)
{
	char *stop;
	double seconds;

	errno = 0;
	seconds = strtod(text, &stop);
	while (stop < end && (*stop == ' ' || *stop == '\t' || *stop == '\r'))
		stop++;
	if (stop != end || errno != 0 || !(seconds >= 0) || seconds > DIST_US_MAX / 1e6)
		return err_set(e, ERR_POLICY, "%s:%d: not a number of seconds from 0", path, line);
	*ret_us = to_us(seconds * 1e6);
	return 0;
}

static int read_samples(struct dist *d, const char *path, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(DIST_FILE_BYTES_MAX);
	const char *at, *end;
	size_t size = 0;
	int line = 0;

	if (buf_read_file(&text, path, e) < 0)
		return -1;
	at = buf_str(&text);
	for (end = at + text.len; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl ? nl : end;

		line++;
		if (stop > at && *at != '#') {
			if (d->count == size) {
				size = size ? 2 * size : 256;
				d->sample_us = own_grow(d->sample_us, size, sizeof(int64_t));
			}
			if (read_number(path, line, at, stop, &d->sample_us[d->count], e) < 0)
				return -1;
			d->mean_us += (double)d->sample_us[d->count++];
		}
		at = stop + 1;
	}
	if (d->count == 0)
		return err_set(e, ERR_POLICY, "%s holds no number of seconds", path);
	d->mean_us /= (double)d->count;
	return 0;
}

static int read_span(const char *text, size_t len, double *ret_us, struct err *e)
{
	char copy[64];
	struct span s;

	if (len == 0 || len >= sizeof(copy))
		return err_set(e, ERR_POLICY, "a length of time is missing");
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (clock_parse_span(copy, &s, e) < 0)
		return -1;
	if (s.ms < 0 || (double)s.ms > DIST_US_MAX / 1e3)
		return err_set(e, ERR_POLICY, "'%s' is not between 0 and a year", copy);
	*ret_us = (double)s.ms * 1e3;
	return 0;
}

static int read_lognormal(struct dist *d, const char *rest, struct err *e)
{
	const char *colon = strchr(rest, ':');
	char *stop;
	double cv;

	if (!colon || read_span(rest, (size_t)(colon - rest), &d->mean_us, e) < 0)
		return err_set(e, ERR_POLICY, "write lognormal:MEAN:CV, as lognormal:60s:1");
	cv = strtod(colon + 1, &stop);
	if (stop == colon + 1 || *stop || !(cv >= 0) || cv > 100)
		return err_set(e, ERR_POLICY, "the cv '%.40s' is not a number from 0 to 100",
			       colon + 1);
	if (cv == 0 || d->mean_us == 0) {
		d->kind = DIST_CONSTANT;
		return 0;
	}
	d->sigma = sqrt(log1p(cv * cv));
	d->mu = log(d->mean_us) - d->sigma * d->sigma / 2;
	return 0;
}

int dist_parse(const char *text, struct dist *ret, struct err *e)
{
	static const char *const words[] = { "constant", "exponential", "lognormal", "file",
					     "list" };
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int rc;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; colon && i < COUNT_OF(words); i++) {
		if (strlen(words[i]) != len || memcmp(words[i], text, len) != 0)
			continue;
		ret->kind = (enum dist_kind)i;
		if (i >= DIST_FILE)
			rc = read_samples(ret, colon + 1, e);
		else if (i == DIST_LOGNORMAL)
			rc = read_lognormal(ret, colon + 1, e);
		else
			rc = read_span(colon + 1, strlen(colon + 1), &ret->mean_us, e);
		if (rc < 0)
			dist_done(ret);
		return rc;
	}
	return err_set(e, ERR_POLICY,
		       "'%.80s' is none of constant:TIME, exponential:TIME, lognormal:MEAN:CV, "
		       "file:PATH, list:PATH",
		       text);
}

void dist_done(struct dist *d)
{
	own_free(d->sample_us);
	memset(d, 0, sizeof(*d));
}

/* Polar method of Marsaglia; the second of each pair is left out, so that a draw depends on
 * nothing but the generator. */
static double draw_normal(struct rng *r)
{
	for (;;) {
		double x = 2 * rng_unit(r) - 1, y = 2 * rng_unit(r) - 1, s = x * x + y * y;

		if (s > 0 && s < 1)
			return x * sqrt(-2 * log(s) / s);
	}
}

int64_t dist_draw(struct dist *d, struct rng *r)
{
	switch (d->kind) {
	case DIST_EXPONENTIAL:
		return to_us(-d->mean_us * log1p(-rng_unit(r)));
	case DIST_LOGNORMAL:
		return to_us(exp(d->mu + d->sigma * draw_normal(r)));
	case DIST_FILE:
		return d->sample_us[rng_below(r, d->count)];
	case DIST_LIST:
		d->next = d->next < d->count ? d->next : 0;
		return d->sample_us[d->next++];
	case DIST_CONSTANT:
		break;
	}
	return to_us(d->mean_us);
}

double dist_mean_us(const struct dist *d)
{
	return d->mean_us;
}

int64_t dist_poisson(struct rng *r, double mean)
{
	int64_t n = 0;

	/* Sums of Poisson draws are Poisson; parts keep exp() far from zero. */
	while (mean > 0) {
		double part = mean > 30 ? 30 : mean, floor_ = exp(-part), product = rng_unit(r);

		while (product > floor_) {
			n++;
			product *= rng_unit(r);
		}
		mean -= part;
	}
	return n;
}
