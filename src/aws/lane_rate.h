/* The SDKs' client rate limiter, what their retry mode "adaptive" adds to "standard": after the
 * first throttle calls are let out of a token bucket, whose rate falls to 0.7 of what was sent and
 * grows back along CUBIC's curve (RFC 9438), at most to twice what is sent. Source: botocore's
 * retries/adaptive.py, throttling.py and bucket.py, as "Retry behavior" of the AWS SDKs and Tools
 * Reference Guide describes it. Pure: time is an argument.
 */
#ifndef AWS_LANE_RATE_H
#define AWS_LANE_RATE_H

#include <stdbool.h>

#include "base/instant.h"

struct lane_rate { /* zeroed is fresh: off until the first throttle */
	bool on;
	double rate, room, tokens; /* of the bucket: calls a second, calls, calls */
	struct tick filled_at;
	double measured; /* calls a second, smoothed */
	int64_t counted, half_second;
	double most;   /* the rate at the last throttle */
	double flat_s; /* from the throttle until the curve is back at `most` */
	struct tick throttled_at;
};

/* An answer came; both kinds count as sent. */
void lane_rate_answered(struct lane_rate *r, bool throttled, struct tick now);
/* Takes a token: 0; or how long until there is one, nothing taken. */
struct span lane_rate_take(struct lane_rate *r, struct tick now);

#endif
