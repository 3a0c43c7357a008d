/* How often a fleet changes direction.
 *
 * To let go soon after growing, and to grow again, costs launches and unsettles what else looks at
 * the group. So turns downwards are rationed: each is saved up for, and when few are left only
 * those are taken that let go of many. The real fleet and the imagined ones obey the same rule. */
#include "decide/wait.h"

#define EVERY_MS 1333333 /* 2.7 turns an hour, each two changes of direction */
#define MOST_MILLI 48000
#define PLENTY_MILLI 12000
#define TURN_MILLI 1000

bool decide_wait_turn_worth(int64_t turns_milli, int64_t have, int64_t want)
{
	int64_t scarce = PLENTY_MILLI - turns_milli;

	if (turns_milli < TURN_MILLI)
		return false;
	return scarce <= 0 || (have - want) * 5 * PLENTY_MILLI >= have * scarce;
}

int64_t decide_wait_turn_earn(int64_t turns_milli, int64_t ms)
{
	int64_t sum = turns_milli + ms * TURN_MILLI / EVERY_MS;

	return sum > MOST_MILLI ? MOST_MILLI : sum;
}

int64_t decide_wait_turn_spend(int64_t turns_milli)
{
	return turns_milli > TURN_MILLI ? turns_milli - TURN_MILLI : 0;
}
