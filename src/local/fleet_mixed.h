/* A mixed instances policy: of which type the next instance is, what it weighs, and whether it is a
 * spot instance. Types cost nothing here, so that the first override is the one that every
 * allocation strategy takes. Pure. */
#ifndef LOCAL_FLEET_MIXED_H
#define LOCAL_FLEET_MIXED_H

#include <stdbool.h>
#include <stdint.h>

struct local_fleet_mix {
	int64_t on_demand, spot; /* units in service or coming */
};

struct local_fleet_mixed {
	char type[64];  /* "": the launch configuration's */
	int64_t weight; /* 0: none */
	bool spot;
};

/* @p policy: MixedInstancesPolicy as JSON, NULL for none. */
void local_fleet_mixed_pick(const char *policy, const struct local_fleet_mix *m,
			    struct local_fleet_mixed *ret);
void local_fleet_mixed_count(struct local_fleet_mix *m, int64_t weight, bool spot);

#endif
