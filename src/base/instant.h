/* Points in time and lengths of time, as values. No clock is read here: see clock.h.
 *
 * instant  UTC milliseconds since 1970; windows, schedules; may be stored
 * tick     CLOCK_BOOTTIME milliseconds; deadlines and leases; never stored
 * span     milliseconds between two of a kind
 */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
	int64_t ms;
};
struct tick {
	int64_t ms;
};
struct span {
	int64_t ms;
};
struct now {
	struct instant wall;
	struct tick mono;
};

#define INSTANT_NEVER ((struct instant){ INT64_MIN })
#define TICK_NEVER ((struct tick){ INT64_MAX })

static inline struct span span_ms(int64_t ms)
{
	return (struct span){ ms };
}
static inline struct span span_s(int64_t s)
{
	return (struct span){ s * 1000 };
}
static inline bool instant_is_never(struct instant t)
{
	return t.ms == INT64_MIN;
}

/* Saturating, so that hostile stored times cannot overflow. */
static inline int64_t time_add_(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return r;
}
static inline int64_t time_sub_(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_sub_overflow(a, b, &r))
		return b > 0 ? INT64_MIN : INT64_MAX;
	return r;
}
static inline struct instant instant_add(struct instant t, struct span d)
{
	return (struct instant){ time_add_(t.ms, d.ms) };
}
static inline struct span instant_since(struct instant later, struct instant earlier)
{
	return (struct span){ time_sub_(later.ms, earlier.ms) };
}
static inline struct tick tick_add(struct tick t, struct span d)
{
	return (struct tick){ time_add_(t.ms, d.ms) };
}
static inline struct span tick_since(struct tick later, struct tick earlier)
{
	return (struct span){ time_sub_(later.ms, earlier.ms) };
}

#endif
