/* Loads with a name:
 *   constant  per_hour=60             one after the other, evenly
 *   poisson   per_hour=60             at random
 *   diurnal   per_hour=60,swing=0.8,peak=15h   a day's sine around the mean, at random
 *   burst     per_hour=60,jobs=500,every=6h,lasts=5m   at random, and a burst on top
 *   batch     jobs=100,every=1h       all at once
 *   ramp      per_hour=0,to=600       from the one to the other, at random
 * and for=1d for all of them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"
#include "simulate/dist.h"
#include "simulate/load.h"

#define WORDS "constant|poisson|diurnal|burst|batch|ramp"
#define BIN_US (60 * (int64_t)LOAD_US)

enum shape { CONSTANT, POISSON, DIURNAL, BURST, BATCH, RAMP };

struct recipe {
	enum shape shape;
	double per_hour, to, swing, jobs;
	struct span every, lasts, peak, for_;
};

static int shape_of(const char *what, const char **ret_rest)
{
	size_t len = strcspn(what, ":");
	char word[16];

	if (len >= sizeof(word))
		return -1;
	memcpy(word, what, len);
	word[len] = '\0';
	*ret_rest = what[len] ? what + len + 1 : what + len;
	return text_choice(WORDS, word);
}

bool load_makes(const char *what)
{
	const char *rest;

	return shape_of(what, &rest) >= 0;
}

static int read_real(const char *text, double most, double *ret, struct err *e)
{
	char *stop;

	errno = 0;
	*ret = strtod(text, &stop);
	if (stop != text && *stop == '%' && most <= 1) {
		*ret /= 100;
		stop++;
	}
	if (stop == text || *stop || errno || !(*ret >= 0) || *ret > most)
		return err_set(e, ERR_POLICY, "'%.40s' is not a number from 0 to %g", text, most);
	return 0;
}

static int read_pair(struct recipe *r, const char *name, const char *value, struct err *e)
{
	const struct {
		const char *name;
		double most;
		double *real;
		struct span *span;
	} known[] = {
		{ "per_hour", 1e9, &r->per_hour, NULL }, { "to", 1e9, &r->to, NULL },
		{ "swing", 1, &r->swing, NULL },         { "jobs", 1e9, &r->jobs, NULL },
		{ "every", 0, NULL, &r->every },         { "lasts", 0, NULL, &r->lasts },
		{ "peak", 0, NULL, &r->peak },           { "for", 0, NULL, &r->for_ },
	};
	const char *names[COUNT_OF(known)], *near;

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		names[i] = known[i].name;
		if (strcmp(name, known[i].name) != 0)
			continue;
		return known[i].span ? clock_parse_span(value, known[i].span, e)
				     : read_real(value, known[i].most, known[i].real, e);
	}
	near = options_nearest(name, names, COUNT_OF(known));
	return err_set(e, ERR_POLICY, "'%.40s' is not known%s%s%s", name,
		       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_pairs(struct recipe *r, const char *rest, struct err *e)
{
	while (*rest) {
		size_t len = strcspn(rest, ",");
		char pair[96], *eq;

		if (len >= sizeof(pair))
			return err_set(e, ERR_POLICY, "'%.40s' is too long", rest);
		memcpy(pair, rest, len);
		pair[len] = '\0';
		eq = strchr(pair, '=');
		if (!eq)
			return err_set(e, ERR_POLICY, "'%.80s' is not NAME=VALUE", pair);
		*eq = '\0';
		if (read_pair(r, pair, eq + 1, e) < 0)
			return err_wrap(e, "%.40s", pair);
		rest += len + (rest[len] == ',');
	}
	if (r->for_.ms < 60000 || r->for_.ms > 10 * 366 * (int64_t)86400000)
		return err_set(e, ERR_POLICY, "for= is not between a minute and ten years");
	if (r->every.ms < 60000 || r->lasts.ms < 60000)
		return err_set(e, ERR_POLICY, "every= and lasts= are a minute at least");
	return 0;
}

static bool begins(int64_t t_us, struct span every)
{
	return t_us % (every.ms * 1000) < BIN_US;
}

/* Jobs that are expected in the minute from @p t on. */
static double expected(const struct recipe *r, int64_t t)
{
	double base = r->per_hour / 60, day;

	switch (r->shape) {
	case DIURNAL:
		day = (double)(t - r->peak.ms * 1000) / (86400.0 * LOAD_US);
		return base * (1 + r->swing * cos(2 * M_PI * day));
	case BURST:
		if (t % (r->every.ms * 1000) < r->lasts.ms * 1000)
			base += r->jobs * 60000 / (double)r->lasts.ms;
		return base;
	case RAMP:
		return base + (r->to - r->per_hour) / 60 * (double)t / (double)(r->for_.ms * 1000);
	default:
		return base;
	}
}

int load_make(const char *what, uint64_t seed, struct load *ret, struct err *e)
{
	struct recipe r = { .per_hour = 60, .to = 600, .swing = 0.8, .jobs = 100 };
	struct rng rng;
	double owed = 0;
	const char *rest;

	r.shape = (enum shape)shape_of(what, &rest);
	r.every = span_s(r.shape == BURST ? 21600 : 3600);
	r.lasts = span_s(300);
	r.peak = span_s(15 * 3600);
	r.for_ = span_s(86400);
	load_init(ret, true);
	if (read_pairs(&r, rest, e) < 0)
		return -1;
	rng_seed(&rng, seed ^ 0x6c6f6164);
	ret->bin_us = BIN_US;
	ret->horizon_us = r.for_.ms * 1000;
	ret->spread = r.shape == CONSTANT ? LOAD_EVEN
		      : r.shape == BATCH  ? LOAD_AT_ONCE
					  : LOAD_RANDOM;
	for (int64_t t = 0; t + BIN_US <= ret->horizon_us; t += BIN_US) {
		int64_t n;

		if (r.shape == BATCH) {
			n = begins(t, r.every) ? (int64_t)r.jobs : 0;
		} else if (r.shape == CONSTANT) {
			owed += expected(&r, t);
			n = (int64_t)owed;
			owed -= (double)n;
		} else {
			n = dist_poisson(&rng, expected(&r, t));
		}
		if (load_add(ret, t, n, e) < 0)
			return -1;
	}
	return 0;
}
