/* What policies cost in calls of AWS: as their read plan has it, and as it was counted.
 *
 * Computed for a month of 730 hours from how often each policy looks, which of them look together,
 * and what equal reads they share; a share is divided among those that have it. Repeated calls, the
 * few that only a group in motion causes (activities, refreshes) and writes are in the counted
 * figures and not in the computed ones. Workers and producers pay for their own.
 */
#ifndef CONTROL_COST_H
#define CONTROL_COST_H

#include "control/control.h"

struct cost_rate {                                  /* a month */
	double turns, sqs, autoscaling, cloudwatch; /* requests */
	double metrics;                             /* of CloudWatch's, asked for */
	double dollars;
};

struct cost {
	const struct policy *policy;
	struct cost_rate busy; /* looking at `every` all the month */
	struct cost_rate idle; /* at `idle_every` */
	/* What the policy publishes: metrics that CloudWatch keeps, and requests at most. */
	double published, puts, published_dollars;
};

/* One for each policy that takes turns, @p ret has room for control_turning() of them. */
void control_cost(const struct control *c, struct cost *ret);

/* List prices, in US East (N. Virginia), for requests past what is free. */
struct cost_price {
	const char *what, *unit;
	double dollars, per; /* so much for so many */
	const char *source, *as_of;
};
enum cost_price_of { COST_SQS, COST_METRICS, COST_PUTS, COST_KEPT, COST_AUTOSCALING, COST_PRICES };
extern const struct cost_price control_cost_price[COST_PRICES];
#define COST_SQS_FREE 1000000.0 /* requests a month and account */
#define COST_MONTH_S (730.0 * 3600)

/* Dollars of counted calls. */
double control_cost_dollars(const struct facts_spent *s);

#endif
