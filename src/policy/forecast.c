/* The rule predictive: its keys and checks. */
#include "policy/check.h"

static const struct key predictive_keys[] = {
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_predictive, metric),
	  .required = true,
	  .doc = "name of the metric whose days and weeks are learnt" },
	{ .name = "per_instance",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_predictive, per_instance_milli),
	  .least = 1,
	  .most = 1000000000000,
	  .init = "auto",
	  .also = "auto",
	  .doc = "so much of the forecast for each instance; auto: that of a target_tracking of "
		 "the same metric, else jobs_per_instance" },
	{ .name = "horizon",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_predictive, horizon),
	  .least = 60000,
	  .most = 13500000,
	  .init = "auto",
	  .also = "auto",
	  .doc = "so far ahead it looks, in quarters of an hour; auto: the warm-up, else 10m" },
	{ .name = "history",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_predictive, history),
	  .least = 172800000,
	  .most = 2419200000,
	  .init = "14d",
	  .doc = "so many days count, the same weekdays most" },
	{ .name = "percentile",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_predictive, percentile_milli),
	  .least = 1000,
	  .most = 99900,
	  .init = "90",
	  .unit = "percent",
	  .doc = "of what was seen at this hour: the forecast that acts" },
	{ .name = "max_error",
	  .type = KEY_PERCENT,
	  .offset = offsetof(struct raw_predictive, max_error_milli),
	  .least = 1,
	  .most = 10000,
	  .init = "50%",
	  .doc = "it acts after a day of forecasts that were off by no more than this on average, "
		 "and by no more than to expect no change" },
};

const struct key_table policy_forecast_table = {
	.name = "predictive",
	.doc = "launch ahead of what comes each day or week; grows only, others agree to fewer",
	.size = sizeof(struct raw_predictive),
	.keys = predictive_keys,
	.count = COUNT_OF(predictive_keys),
};

const char *policy_forecast_take(const struct raw_predictive *f, struct policy_rule *ret)
{
	ret->kind = POLICY_PREDICTIVE;
	ret->predictive.per_instance_milli = f->per_instance_milli;
	ret->predictive.horizon = f->horizon;
	ret->predictive.history = f->history;
	ret->predictive.percentile_milli = f->percentile_milli;
	ret->predictive.max_error_milli = f->max_error_milli;
	return f->metric;
}

struct raw_predictive policy_forecast_raw(const struct policy *p, const struct policy_rule *r)
{
	return (struct raw_predictive){ .metric = p->metrics[r->metric].name,
					.per_instance_milli = r->predictive.per_instance_milli,
					.horizon = r->predictive.horizon,
					.history = r->predictive.history,
					.percentile_milli = r->predictive.percentile_milli,
					.max_error_milli = r->predictive.max_error_milli };
}

void policy_forecast_check(const struct check *c, const struct policy *p)
{
	bool one = false;

	for (size_t i = 0; i < p->rule_count; i++) {
		if (p->rules[i].kind != POLICY_PREDICTIVE)
			continue;
		if (one)
			keys_error(c->r, check_place(c, check_item(yaml_get(c->root, "rules"), i)),
				   "a policy has one forecast: another rule is predictive too");
		one = true;
	}
}
