/* The control service: signed calls of windlass local, on loopback only, that move the clock and
 * make things go wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "local/call.h"
#include "local/fault.h"
#include "local/fleet.h"
#include "local/local_snapshot.h"

#define ADVANCE_MAX_MS (3660ll * 24 * 3600 * 1000)
#define RATE_LEAST 0.001
#define RATE_MOST 100000.0

static bool allowed(struct local_call *c)
{
	if (local_serve_is_loopback(c->local->options.listen))
		return true;
	local_fail(c, "AccessDenied", "The clock and the faults are for a loopback address only.");
	return false;
}

/* A number in a text; false: the call has ended. Absent: *ret stays. */
static bool real_of(struct local_call *c, const char *name, double least, double most, double *ret)
{
	const char *text = local_str(c->params, name);
	char *end;
	double d;

	if (!text)
		return true;
	d = strtod(text, &end);
	if (*text && !*end && d >= least && d <= most) {
		*ret = d;
		return true;
	}
	local_fail(c, "ValidationError", "%s must be a number from %g to %g.", name, least, most);
	return false;
}

static bool whole_of(struct local_call *c, const char *name, int64_t most, int64_t *ret)
{
	if (local_int(c, c->params, name, ret) < 0)
		return false;
	if (*ret >= 0 && *ret <= most)
		return true;
	local_fail(c, "ValidationError", "%s must be from 0 to %" PRId64 ".", name, most);
	return false;
}

/* ---- the clock ---- */

static void put_clock(struct local_call *c)
{
	char rate[32];

	local_put_time(c, "Time", local_wall(c->local));
	local_put_int(c, "AheadMilliseconds", instant_since(local_wall(c->local), clock_wall()).ms);
	snprintf(rate, sizeof(rate), "%.10g", c->local->clock.rate);
	local_put(c, "Rate", rate);
	local_done(c);
}

static void set_clock(struct local_call *c)
{
	double rate = c->local->clock.rate;
	int64_t by = 0;
	struct err e;

	if (!allowed(c) || !whole_of(c, "Milliseconds", ADVANCE_MAX_MS, &by) ||
	    !real_of(c, "Rate", RATE_LEAST, RATE_MOST, &rate))
		return;
	err_clear(&e);
	if (local_clock_set(c->local, span_ms(by), rate, &e) < 0)
		local_fail_internal(c, &e);
	else
		put_clock(c);
}

static void describe_clock(struct local_call *c)
{
	if (allowed(c))
		put_clock(c);
}

/* ---- faults ---- */

static bool word_of(struct local_call *c, const char *name, char ret[static LOCAL_FAULT_WORD_MAX])
{
	const char *text = local_str(c->params, name);

	if (text && strlen(text) >= LOCAL_FAULT_WORD_MAX) {
		local_fail(c, "ValidationError", "%s is too long.", name);
		return false;
	}
	snprintf(ret, LOCAL_FAULT_WORD_MAX, "%s", text ? text : "");
	return true;
}

static void add_fault(struct local_call *c)
{
	struct local_fault f = { .share = 1, .left = -1, .until = INSTANT_NEVER };
	int64_t after = 0, lasts = 0, count = 0, seed = 1;

	if (!allowed(c))
		return;
	if (!local_fault_kind(local_str(c->params, "Kind"), &f.kind)) {
		local_fail(
			c, "ValidationError",
			"Kind must be throttle, fail, hang, lose, lie, twice, capacity or delay.");
		return;
	}
	if (!word_of(c, "OnService", f.service) || !word_of(c, "OnAction", f.action) ||
	    !word_of(c, "Code", f.code) || !real_of(c, "Share", 0, 1, &f.share) ||
	    !whole_of(c, "AfterMilliseconds", ADVANCE_MAX_MS, &after) ||
	    !whole_of(c, "ForMilliseconds", ADVANCE_MAX_MS, &lasts) ||
	    !whole_of(c, "Count", INT32_MAX, &count) ||
	    !whole_of(c, "Value", INT32_MAX, &f.value) || !whole_of(c, "Seed", INT64_MAX, &seed))
		return;
	f.from = instant_add(local_wall(c->local), span_ms(after));
	if (lasts)
		f.until = instant_add(f.from, span_ms(lasts));
	if (count)
		f.left = count;
	local_put_int(c, "Id", local_fault_add(c->local, &f, (uint64_t)seed));
	local_done(c);
}

static void describe_faults(struct local_call *c)
{
	char share[32];

	if (!allowed(c))
		return;
	local_list(c, "Faults", NULL);
	for (const struct local_fault *f = local_fault_first(c->local); f; f = f->next) {
		local_object(c, NULL);
		local_put_int(c, "Id", f->id);
		local_put(c, "Kind", local_fault_word(f->kind));
		local_put(c, "OnService", f->service);
		local_put(c, "OnAction", f->action);
		snprintf(share, sizeof(share), "%g", f->share);
		local_put(c, "Share", share);
		local_put_int(c, "Left", f->left);
		local_end(c);
	}
	local_end(c);
	local_done(c);
}

static void clear_faults(struct local_call *c)
{
	int64_t id = 0;

	if (!allowed(c) || !whole_of(c, "Id", INT64_MAX, &id))
		return;
	local_put_int(c, "Cleared", (int64_t)local_fault_clear(c->local, id));
	local_done(c);
}

static void notify_instance(struct local_call *c)
{
	const char *id = local_str(c->params, "InstanceId"), *kind = local_str(c->params, "Kind");
	struct err e;
	int rc;

	if (!allowed(c))
		return;
	if (!id || !kind || (strcmp(kind, "spot") && strcmp(kind, "rebalance"))) {
		local_fail(c, "ValidationError",
			   "InstanceId and Kind, which is spot or rebalance, are needed.");
		return;
	}
	err_clear(&e);
	rc = local_fleet_notice(c->local, id, !strcmp(kind, "spot"), &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 0)
		local_fail(c, "ValidationError", "There is no instance %.100s.", id);
	else
		local_done(c);
}

/* ---- the state ---- */

static void snapshot_done(struct local_call *c, const struct err *failed)
{
	struct err e;

	if (local_write(c->local, &e) < 0)
		local_fail_internal(c, &e);
	else if (failed)
		local_fail(c, "ValidationError", "%s", failed->text);
	else
		local_done(c);
}

/* Between two batches, so that all of it is of one moment. */
static void snapshot_take(struct local *l, bool committed, void *arg)
{
	struct local_call *c = arg;
	struct err e;

	err_clear(&e);
	if (!committed)
		err_ignore(err_set(&e, ERR_LOCAL, "the calls before it could not be stored"));
	else if (local_snapshot_take(l, local_str(c->params, "Folder"), &e) == 0)
		err_clear(&e);
	snapshot_done(c, e.kind == ERR_NONE ? NULL : &e);
}

static void take_snapshot(struct local_call *c)
{
	const char *folder = local_str(c->params, "Folder");

	if (!allowed(c))
		return;
	if (!folder || folder[0] != '/')
		local_fail(c, "ValidationError", "Folder must be an absolute path.");
	else
		local_after_commit(c->local, snapshot_take, c);
}

static void reset(struct local_call *c)
{
	const char *service = local_str(c->params, "OnService");
	int64_t left = 0;
	struct err e;

	if (!allowed(c))
		return;
	if (service && !local_reset_knows(service)) {
		local_fail(c, "ValidationError",
			   "OnService must be autoscaling, cloudwatch, s3 or sqs.");
		return;
	}
	err_clear(&e);
	if (local_reset(c->local, service, &left, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_put_int(c, "Left", left);
	local_done(c);
}

static const struct local_action actions[] = {
	{ "AddFault", add_fault },
	{ "ClearFaults", clear_faults },
	{ "DescribeClock", describe_clock },
	{ "DescribeFaults", describe_faults },
	{ "NotifyInstance", notify_instance },
	{ "Reset", reset },
	{ "SetClock", set_clock },
	{ "TakeSnapshot", take_snapshot },
};

const struct local_service local_control_service = {
	.id = SERVICE_CONTROL,
	.actions = actions,
	.action_count = COUNT_OF(actions),
};
