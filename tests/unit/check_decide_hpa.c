/* The Kubernetes HPA beside decide, turn by turn, on generated behaviors and backlogs.
 *
 * The HPA is written here a second time, with unbounded lists, after its own source:
 * pkg/controller/podautoscaler/replica_calculator.go (AverageValue of an external metric) and
 * horizontal.go (stabilizeRecommendationWithBehaviors, convertDesiredReplicasWithBehaviorRate).
 */
#include "check_decide.h"

#include "base/rng.h"

#define WALKS 10000
#define TURNS 60

struct hpa {
	const struct policy_behavior *b;
	int64_t target, min, max, now_s;
	struct {
		int64_t at_s, value;
	} recommended[TURNS + 1], up[TURNS], down[TURNS];
	size_t recommended_count, up_count, down_count;
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
	return a / b + (a % b != 0);
}

/* 1 - tolerance <= usage / (target * replicas) <= 1 + tolerance, in whole numbers. */
static int64_t hpa_propose(const struct hpa *h, int64_t usage, int64_t current)
{
	int64_t at = h->target * current * 1000;

	if (usage * 1000 * 1000 >= at * (1000 - h->b->scale_in.tolerance_milli) &&
	    usage * 1000 * 1000 <= at * (1000 + h->b->scale_out.tolerance_milli))
		return current;
	return ceil_div(usage, h->target);
}

static int64_t hpa_stabilize(struct hpa *h, int64_t wish, int64_t current)
{
	int64_t up = wish, down = wish, s = current;

	if (h->recommended_count == 0) { /* the first look: as if the size had been recommended */
		h->recommended[0].at_s = h->now_s;
		h->recommended[h->recommended_count++].value = current;
	}
	for (size_t i = 0; i < h->recommended_count; i++) {
		int64_t age_ms = (h->now_s - h->recommended[i].at_s) * 1000;

		if (age_ms < h->b->scale_out.stabilization.ms)
			up = least(up, h->recommended[i].value);
		if (age_ms < h->b->scale_in.stabilization.ms)
			down = most(down, h->recommended[i].value);
	}
	h->recommended[h->recommended_count].at_s = h->now_s;
	h->recommended[h->recommended_count++].value = wish;
	if (s < up)
		s = up;
	if (s > down)
		s = down;
	return s;
}

static int64_t hpa_start(const struct hpa *h, int64_t current, struct span period)
{
	int64_t start = current;

	for (size_t i = 0; i < h->up_count; i++)
		if ((h->now_s - h->up[i].at_s) * 1000 < period.ms)
			start -= h->up[i].value;
	for (size_t i = 0; i < h->down_count; i++)
		if ((h->now_s - h->down[i].at_s) * 1000 < period.ms)
			start += h->down[i].value;
	return start;
}

static int64_t hpa_limit(const struct hpa *h, const struct policy_direction *d, bool out,
			 int64_t current)
{
	int64_t picked = 0;

	for (size_t i = 0; i < d->limit_count; i++) {
		const struct policy_limit *l = &d->limits[i];
		int64_t start = hpa_start(h, current, l->per), one;

		if (out)
			one = start +
			      (l->is_percent ? ceil_div(start * l->amount, 100) : l->amount);
		else
			one = l->is_percent ? start * (100 - l->amount) / 100 : start - l->amount;
		if (i == 0)
			picked = one;
		else
			picked = (d->select == POLICY_SELECT_MAX) == out ? most(picked, one)
									 : least(picked, one);
	}
	return picked;
}

static int64_t hpa_rate(const struct hpa *h, int64_t wish, int64_t current)
{
	const struct policy_direction *d = wish > current ? &h->b->scale_out : &h->b->scale_in;

	if (wish == current)
		return current;
	if (d->select == POLICY_SELECT_DISABLED)
		return current;
	if (d->limit_count == 0)
		return wish;
	if (wish > current)
		return least(wish, most(hpa_limit(h, d, true, current), current));
	return most(wish, least(hpa_limit(h, d, false, current), current));
}

static int64_t hpa_turn(struct hpa *h, int64_t usage, int64_t current)
{
	int64_t wish = hpa_stabilize(h, hpa_propose(h, usage, current), current);

	wish = hpa_rate(h, wish, current);
	wish = most(least(wish, h->max), h->min);
	if (wish > current) {
		h->up[h->up_count].at_s = h->now_s;
		h->up[h->up_count++].value = wish - current;
	} else if (wish < current) {
		h->down[h->down_count].at_s = h->now_s;
		h->down[h->down_count++].value = current - wish;
	}
	return wish;
}

static void some_direction(struct rng *r, struct policy_direction *d)
{
	d->stabilization = span_s((int64_t)rng_below(r, 4) * 75);
	d->tolerance_given = true;
	d->tolerance_milli = (int64_t)rng_below(r, 4) * 50;
	d->select = (enum policy_select)rng_below(r, 8) == 0 ? POLICY_SELECT_DISABLED
		    : rng_below(r, 3) == 0                   ? POLICY_SELECT_MIN
							     : POLICY_SELECT_MAX;
	d->limit_count = rng_below(r, 3);
	for (size_t i = 0; i < d->limit_count; i++)
		d->limits[i] = (struct policy_limit){
			.is_percent = rng_below(r, 2),
			.amount = 1 + (int64_t)rng_below(r, 100),
			.per = span_s(15 * (1 + (int64_t)rng_below(r, 12))),
		};
}

static int64_t some_usage(struct rng *r, int64_t before)
{
	switch (rng_below(r, 4)) {
	case 0:
		return (int64_t)rng_below(r, 2000);
	case 1:
		return before + (int64_t)rng_below(r, 40);
	case 2:
		return before > 40 ? before - (int64_t)rng_below(r, 40) : before;
	default:
		return before;
	}
}

START_TEST(each_turn_is_the_hpas)
{
	int moved = 0;

	for (uint64_t walk = 0; walk < WALKS; walk++) {
		struct stage s = { 0 };
		struct hpa h = { 0 };
		int64_t usage = 100;
		struct rng r;

		rng_seed(&r, walk);
		made_init(&s.made);
		memory_init(&s.memory);
		some_direction(&r, &s.made.p.behavior.scale_out);
		some_direction(&r, &s.made.p.behavior.scale_in);
		s.min = 1 + (int)rng_below(&r, 5);
		s.max = s.min + (int)rng_below(&r, 200);
		s.desired = s.min + (int)rng_below(&r, (uint64_t)(s.max - s.min + 1));
		h = (struct hpa){
			.b = &s.made.p.behavior, .target = 10, .min = s.min, .max = s.max
		};
		for (int t = 0; t < TURNS; t++) {
			int64_t want, before = s.desired;
			struct facts f;

			usage = some_usage(&r, usage);
			want = hpa_turn(&h, usage, before);
			f = seen(s.desired, s.min, s.max, usage, 0, at_s(h.now_s));
			turn(&s, &f, at_s(h.now_s));
			if (s.desired != want)
				ck_abort_msg("walk %llu, turn %d: %d jobs for %d: %d, the HPA %d",
					     (unsigned long long)walk, t, (int)usage, (int)before,
					     s.desired, (int)want);
			moved += s.desired != before;
			h.now_s += 15 * (1 + (int64_t)rng_below(&r, 3));
		}
	}
	ck_assert_int_gt(moved, WALKS); /* they do not agree by standing still */
}
END_TEST

Suite *suite_hpa(void)
{
	Suite *s = suite_create("decide beside the HPA");
	TCase *t = tcase_create("hpa");

	tcase_add_test(t, each_turn_is_the_hpas);
	suite_add_tcase(s, t);
	return s;
}
