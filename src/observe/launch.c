/* Launches that fail: they show in a group's activities and nowhere else. Pure. */
#include <stdio.h>
#include <string.h>

#include "observe/observe.h"

#define ASK_EVERY_MS 30000
#define OLD_MS 3600000 /* a group tries again sooner: an older failure is of another time */

bool observe_launch_due(const struct observe_seen *seen, struct instant now)
{
	int64_t ago = instant_since(now, seen->asked_at).ms;

	return seen->short_looks >= 2 && (ago < 0 || ago >= ASK_EVERY_MS);
}

/* What EC2 says, as "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures" lists it.
 * The first that fits. */
static enum launch_why why_of(const char *message)
{
	static const struct {
		const char *part;
		enum launch_why why;
	} parts[] = {
		{ "SpotMaxPriceTooLow", LAUNCH_SPOT },
		{ "pot request price", LAUNCH_SPOT },
		{ "no Spot capacity", LAUNCH_SPOT },
		{ "MaxSpotInstanceCountExceeded", LAUNCH_LIMIT },
		{ "sufficient", LAUNCH_CAPACITY },
		{ "InsufficientInstanceCapacity", LAUNCH_CAPACITY },
		{ "UnfulfillableCapacity", LAUNCH_CAPACITY },
		{ "limit", LAUNCH_LIMIT },
		{ "already running", LAUNCH_LIMIT },
		{ "LimitExceeded", LAUNCH_LIMIT },
		{ "does not exist", LAUNCH_SETUP },
		{ "nvalid", LAUNCH_SETUP },
		{ "supported", LAUNCH_SETUP },
		{ "not authorized", LAUNCH_SETUP },
		{ "AccessDenied", LAUNCH_SETUP },
		{ "launch template", LAUNCH_SETUP },
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (strstr(message, parts[i].part))
			return parts[i].why;
	return LAUNCH_OTHER;
}

static bool is_launch(const struct asg_activity *a)
{
	return a->description && strncmp(a->description, "Launching", 9) == 0;
}

static bool failed(const struct asg_activity *a)
{
	return strcmp(a->status, "Failed") == 0;
}

/* When the newest launch began that did not fail: whatever failed before it is over. */
static struct instant worked_at(const struct asg_activities *list)
{
	struct instant at = INSTANT_NEVER;

	for (size_t i = 0; i < list->count; i++) {
		const struct asg_activity *a = &list->list[i];

		if (is_launch(a) && !failed(a) && strcmp(a->status, "Cancelled") != 0 &&
		    (instant_is_never(at) || a->start.ms > at.ms))
			at = a->start;
	}
	return at;
}

/* In one line, whole characters. */
static void keep_text(const char *message, char out[static FACTS_LAUNCH_TEXT_MAX])
{
	size_t n = 0;

	for (; message[n] && n < FACTS_LAUNCH_TEXT_MAX - 1; n++)
		out[n] = (unsigned char)message[n] < ' ' ? ' ' : message[n];
	if (message[n]) /* cut: not within a character */
		while (n > 0 && ((unsigned char)message[n] & 0xc0) == 0x80)
			n--;
	out[n] = '\0';
}

void observe_launch_count(const struct asg_activities *list, const struct observe_seen *seen,
			  struct instant now, struct capacity *ret)
{
	struct instant after = worked_at(list), newest = INSTANT_NEVER;

	ret->launch_read = FACT_READABLE;
	ret->launch_failures = 0;
	ret->launch_why = LAUNCH_OTHER;
	ret->launch_text[0] = '\0';
	if (instant_is_never(after) || after.ms < seen->full_at.ms)
		after = seen->full_at;
	for (size_t i = 0; i < list->count; i++) {
		const struct asg_activity *a = &list->list[i];

		if (!is_launch(a) || !failed(a) || a->start.ms < after.ms ||
		    a->start.ms < now.ms - OLD_MS)
			continue;
		ret->launch_failures++;
		if (!instant_is_never(newest) && a->start.ms <= newest.ms)
			continue;
		newest = a->start;
		ret->launch_why = why_of(a->message);
		keep_text(a->message, ret->launch_text);
	}
}
