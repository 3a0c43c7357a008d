/* The rule predictive: what a metric will be within the horizon, from the same hour of earlier
 * days, those of the same weekday weighed most, and the trend of the last day. It acts once its own
 * past forecasts have been right enough, and better than "as it is now"; it never shrinks a fleet
 * alone.
 *
 * Netflix's Scryer and Google's Autopilot (EuroSys 2020) let a forecast act beside a reactive rule,
 * and only after its record was seen; so does this. */
#include <string.h>

#include "decide/climb.h"
#include "decide/forecast.h"

#define WEEKDAY_WEIGHT 12 /* two of it outweigh the other days of two weeks */
#define DAYS_LEAST 2
#define SAMPLES_MAX SEASON_DAYS
#define FADE 256                         /* sums of the grade fade by so much each bucket */
#define TREND_LEAST (SEASON_DAY * 3 / 4) /* buckets of a day that must be known for a trend */
#define MILLI 1000

struct sample {
	int64_t value, weight;
};

struct samples {
	struct sample item[SAMPLES_MAX];
	size_t count;
	int64_t weight;
};

static void insert(struct samples *s, int64_t value, int64_t weight)
{
	size_t i = s->count++;

	while (i > 0 && s->item[i - 1].value > value) {
		s->item[i] = s->item[i - 1];
		i--;
	}
	s->item[i] = (struct sample){ value, weight };
	s->weight += weight;
}

static void gather(const struct season *s, int64_t bucket, int64_t days, struct samples *ret)
{
	*ret = (struct samples){ 0 };
	for (int64_t day = 1; day <= days && day <= SEASON_DAYS; day++) {
		int64_t v = season_mean(s, bucket - day * SEASON_DAY);

		if (v != SEASON_MISSING)
			insert(ret, v, day % 7 == 0 ? WEEKDAY_WEIGHT : 1);
	}
}

/* The least value that so many thousandths of the weight are at or below; missing with too few
 * days. */
static int64_t quantile(const struct samples *s, int64_t share_milli)
{
	int64_t below = 0;

	if (s->count < DAYS_LEAST)
		return SEASON_MISSING;
	for (size_t i = 0; i < s->count; i++) {
		below += s->item[i].weight;
		if (below * MILLI >= s->weight * share_milli)
			return s->item[i].value;
	}
	return s->item[s->count - 1].value;
}

static int day_sum(const struct season *s, int64_t end, int64_t *ret)
{
	int known = 0;

	*ret = 0;
	for (int64_t b = end - SEASON_DAY; b < end; b++) {
		int64_t v = season_mean(s, b);

		if (v == SEASON_MISSING)
			continue;
		*ret += v;
		known++;
	}
	return known;
}

/* How the last day compares with the same weekday a week before, halved, in thousandths: between
 * three quarters and one and a half. */
static int64_t trend(const struct season *s)
{
	int64_t last, before, ratio;
	int known = day_sum(s, s->open, &last);
	int known_before = day_sum(s, s->open - 7 * SEASON_DAY, &before);

	if (known < TREND_LEAST || known_before < TREND_LEAST || before == 0)
		return MILLI;
	ratio = last / known * MILLI / (before / known_before > 0 ? before / known_before : 1);
	ratio = ratio < 500 ? 500 : ratio > 2000 ? 2000 : ratio;
	return (MILLI + ratio) / 2;
}

static int64_t scaled(int64_t v, int64_t by_milli)
{
	int64_t r;

	if (v == SEASON_MISSING)
		return v;
	r = v / MILLI * by_milli + v % MILLI * by_milli / MILLI;
	return r > SEASON_VALUE_MAX ? SEASON_VALUE_MAX : r;
}

static int64_t days_of(const struct policy_rule *r)
{
	return r->predictive.history.ms / 86400000;
}

static int64_t horizon(const struct climb *c, const struct policy_rule *r)
{
	int64_t ms = r->predictive.horizon.ms, buckets;

	if (ms == POLICY_AUTO)
		ms = c->p->fleet.warm_up.ms != POLICY_AUTO ? c->p->fleet.warm_up.ms : 600000;
	buckets = (ms + SEASON_BUCKET_MS - 1) / SEASON_BUCKET_MS;
	return buckets < 1 ? 1 : buckets > SEASON_AHEAD - 1 ? SEASON_AHEAD - 1 : buckets;
}

static int64_t off_by(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void grade(struct season *s, int64_t bucket, int64_t actual)
{
	size_t i = (size_t)(bucket % SEASON_AHEAD);

	if (s->ahead[i].bucket != bucket)
		return;
	s->error += off_by(s->ahead[i].value, actual) - s->error / FADE;
	s->naive_error += off_by(s->ahead[i].naive, actual) - s->naive_error / FADE;
	s->actual += actual - s->actual / FADE;
	s->graded += s->graded < INT32_MAX;
	s->ahead[i].bucket = -1;
}

/* Forecasts the bucket at the horizon, to be graded when it has come. */
static void forecast_ahead(const struct climb *c, const struct policy_rule *r, struct season *s)
{
	int64_t bucket = s->open + horizon(c, r), naive = season_mean(s, s->open - 1), value;
	size_t i = (size_t)(bucket % SEASON_AHEAD);
	struct samples all;

	gather(s, bucket, days_of(r), &all);
	value = scaled(quantile(&all, MILLI / 2), trend(s));
	if (value == SEASON_MISSING || naive == SEASON_MISSING)
		return;
	s->ahead[i].bucket = bucket;
	s->ahead[i].value = value;
	s->ahead[i].naive = naive;
}

/* Ends the open bucket and begins @p number. A clock that went back begins anew there. */
static void next_bucket(const struct climb *c, const struct policy_rule *r, struct season *s,
			int64_t number)
{
	int64_t old = s->open, mean = s->count > 0 ? s->sum / s->count : SEASON_MISSING;

	if (old >= 0 && number > old) {
		int64_t first = number - old > SEASON_BUCKETS ? number - SEASON_BUCKETS : old;

		for (int64_t b = first; b < number; b++)
			s->mean[b % SEASON_BUCKETS] = b == old ? mean : SEASON_MISSING;
		if (mean != SEASON_MISSING)
			grade(s, old, mean);
	}
	s->open = number;
	s->sum = s->count = 0;
	for (size_t i = 0; i < SEASON_AHEAD; i++)
		if (s->ahead[i].bucket < number || s->ahead[i].bucket > number + SEASON_AHEAD)
			s->ahead[i].bucket = -1;
	if (old >= 0 && number > old)
		forecast_ahead(c, r, s);
}

static void make(const struct policy_rule *r, struct season *s)
{
	int64_t by = trend(s), share = r->predictive.percentile_milli / 100;
	struct samples all;

	for (int64_t i = 0; i <= SEASON_AHEAD; i++) {
		gather(s, s->open + i, days_of(r), &all);
		s->high[i] = scaled(quantile(&all, share), by);
	}
	s->made_for = s->open;
}

void decide_forecast_learn(const struct climb *c, struct memory *m)
{
	const struct policy_rule *r = NULL;
	struct season *s = m->season;
	int64_t number = c->now.ms < 0 ? 0 : c->now.ms / SEASON_BUCKET_MS, v;

	for (size_t i = 0; i < c->p->rule_count; i++)
		if (c->p->rules[i].kind == POLICY_PREDICTIVE)
			r = &c->p->rules[i];
	if (!s || !r)
		return;
	if (number != s->open)
		next_bucket(c, r, s, number);
	if (s->made_for != s->open)
		make(r, s);
	if (c->trust[r->metric] != FACT_READABLE || c->guessed[r->metric])
		return;
	v = c->milli[r->metric] < 0 ? 0 : c->milli[r->metric];
	if (s->count < SEASON_BUCKET_MS) {
		s->sum += v > SEASON_VALUE_MAX ? SEASON_VALUE_MAX : v;
		s->count++;
	}
}

/* At least a day of forecasts, right enough, and no worse than to expect no change. */
static bool proven(const struct season *s, const struct policy_rule *r)
{
	return s->graded >= SEASON_DAY && s->error <= s->naive_error &&
	       s->error / MILLI * MILLI <= s->actual / MILLI * r->predictive.max_error_milli;
}

static int64_t highest(const struct climb *c, const struct policy_rule *r, const struct season *s)
{
	int64_t most = SEASON_MISSING, n = horizon(c, r);

	for (int64_t i = 0; i <= n; i++)
		if (s->high[i] > most)
			most = s->high[i];
	return most;
}

/* Jobs for each instance: the rule's own, that of a target_tracking of the same metric, or the
 * slots. */
static int64_t per_instance(const struct climb *c, const struct policy_rule *r)
{
	int64_t least = 0; /* of several rules: the order of rules must not matter */

	if (r->predictive.per_instance_milli != POLICY_AUTO)
		return r->predictive.per_instance_milli > 0 ? r->predictive.per_instance_milli : 1;
	for (size_t i = 0; i < c->p->rule_count; i++) {
		const struct policy_rule *other = &c->p->rules[i];
		int64_t per = other->target_tracking.per_instance_milli;

		if (other->kind == POLICY_TARGET_TRACKING && other->metric == r->metric &&
		    per > 0 && (least == 0 || per < least))
			least = per;
	}
	if (least > 0)
		return least;
	return c->p->fleet.jobs_per_instance > 0 ? c->p->fleet.jobs_per_instance * MILLI : MILLI;
}

struct proposal decide_forecast_propose(const struct climb *c, const struct policy_rule *r)
{
	const struct season *s = c->m->season;
	int64_t most = s && s->made_for == s->open ? highest(c, r, s) : SEASON_MISSING, per, off;

	if (most == SEASON_MISSING || !proven(s, r)) {
		off = s && s->actual > 0 ? s->error / (s->actual / MILLI + 1) : 0;
		return (struct proposal){ .silent = true,
					  .stair = { .code = REASON_UNPROVEN,
						     .arg = { s ? s->graded : 0, off,
							      r->predictive.max_error_milli } } };
	}
	per = per_instance(c, r);
	return (struct proposal){ .wish = capped(most / per + (most % per != 0)),
				  .forecast = true,
				  .stair = { .code = REASON_FORECAST,
					     .arg = { most, horizon(c, r) * SEASON_BUCKET_MS,
						      per } } };
}
