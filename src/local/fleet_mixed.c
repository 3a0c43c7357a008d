#include "local/fleet_mixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define WEIGHT_MOST 999 /* AWS */

/* Query gives every value as a text. */
static int64_t number(const struct json *object, const char *name, int64_t otherwise)
{
	const char *text = json_str(json_get(object, name));

	return text && text[0] ? strtoll(text, NULL, 10) : otherwise;
}

/* Must the next one be on demand? AWS: the base first, and of what is above it a percentage,
 * rounded up. */
static bool wants_on_demand(const struct json *spread, const struct local_fleet_mix *m)
{
	const int64_t base = number(spread, "OnDemandBaseCapacity", 0);
	const int64_t percent = number(spread, "OnDemandPercentageAboveBaseCapacity", 100);
	const int64_t above = m->on_demand + m->spot - base + 1;

	if (m->on_demand < base)
		return true;
	return m->on_demand - base < (above * percent + 99) / 100;
}

void local_fleet_mixed_pick(const char *policy, const struct local_fleet_mix *m,
			    struct local_fleet_mixed *ret)
{
	AUTO(json_freep)
	struct json *j = policy ? json_parse(policy, strlen(policy), NULL) : NULL;
	const struct json *first = json_at(json_get(json_get(j, "LaunchTemplate"), "Overrides"), 0);
	const char *type = json_str(json_get(first, "InstanceType"));

	*ret = (struct local_fleet_mixed){ .weight = number(first, "WeightedCapacity", 0) };
	if (ret->weight < 0 || ret->weight > WEIGHT_MOST)
		ret->weight = 0;
	snprintf(ret->type, sizeof(ret->type), "%s", type ? type : "");
	ret->spot = j && !wants_on_demand(json_get(j, "InstancesDistribution"), m);
}

void local_fleet_mixed_count(struct local_fleet_mix *m, int64_t weight, bool spot)
{
	*(spot ? &m->spot : &m->on_demand) += weight > 0 ? weight : 1;
}
