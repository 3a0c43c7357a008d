/* Credentials of a lane: fetched when first needed, again ahead of their end, kept while they last.
 */
#include "aws/cred_role.h"
#include "aws/lane_own.h"
#include "base/clock.h"

static bool ends_within(const struct lane *l, struct span margin)
{
	struct instant limit = instant_add(instant_add(clock_wall(), l->offset), margin);

	return !instant_is_never(l->keys.expires) && l->keys.expires.ms <= limit.ms;
}

/* Answers every waiting need from the loop, so that it may free the lane. */
static void answer_needs(struct lane *l, const struct err *e)
{
	for (struct lane_need *n = l->needs; n; n = n->next) {
		if (e)
			n->err = *e;
		loop_timer_start(n->timer, span_ms(0));
	}
}

/* The keys are there, or @p e says why not. */
static void settle(struct lane *l, const struct cred *c, const struct err *e)
{
	bool usable;

	if (c)
		cred_copy(&l->keys, c);
	else
		l->fetch_after = tick_add(clock_mono(), span_s(LANE_KEYS_PAUSE_S));
	usable = cred_given(&l->keys) && !ends_within(l, span_ms(0));
	answer_needs(l, usable ? NULL : e);
	for (struct aws_flight *f = l->flights, *next; f; f = next) {
		next = f->next;
		if (f->state != FLIGHT_KEYS)
			continue;
		f->state = FLIGHT_START;
		f->no_keys = !usable && e;
		if (f->no_keys)
			f->call->reply.err = *e;
		loop_timer_start(f->timer, span_ms(0));
	}
}

static void role_taken(const struct cred *c, const struct err *e, void *arg)
{
	struct lane *l = arg;

	l->role_ask = NULL;
	settle(l, c, e);
}

static void take_role(struct lane *l, const struct cred *base)
{
	struct cred_where where = { .loop = l->loop,
				    .region = l->endpoint.region,
				    .endpoint = l->given_endpoint,
				    .ca_file = l->ca_file,
				    .later = role_taken,
				    .later_arg = l };
	struct cred_role role = { .role = { .arn = l->role.arn,
					    .session = l->role.session,
					    .external_id = l->role.external_id,
					    .seconds = l->role.seconds },
				  .base = base };
	struct err e = { 0 };

	if (cred_role_start(&where, &role, &l->role_ask, &e) != CRED_LATER)
		settle(l, NULL, &e);
}

static void fetched(const struct cred *c, const struct err *e, void *arg)
{
	struct lane *l = arg;

	l->fetch = NULL;
	l->base_need = NULL;
	if (c && l->role.arn)
		take_role(l, c);
	else
		settle(l, c, e);
}

static void start_fetch(struct lane *l)
{
	if (l->fetch || l->base_need || l->role_ask)
		return;
	if (l->base)
		l->base_need = lane_need_keys(l->base, span_s(LANE_KEYS_AHEAD_S), fetched, l);
	else
		l->fetch = cred_fetch(l->loop,
				      &(struct cred_options){ .chain = l->chain,
							      .profile = l->profile,
							      .region = l->endpoint.region,
							      .endpoint = l->given_endpoint,
							      .ca_file = l->ca_file },
				      fetched, l);
}

enum lane_keys_state lane_keys_ready(struct lane *l)
{
	bool usable = cred_given(&l->keys);

	if (l->keys_fixed)
		return LANE_KEYS_READY;
	if (!usable || ends_within(l, span_s(10))) {
		start_fetch(l);
		return LANE_KEYS_AWAITED;
	}
	if (ends_within(l, span_s(LANE_KEYS_AHEAD_S)) &&
	    tick_since(clock_mono(), l->fetch_after).ms >= 0)
		start_fetch(l);
	return LANE_KEYS_READY;
}

void lane_keys_drop(struct lane *l)
{
	if (l->keys_fixed)
		return;
	cred_done(&l->keys);
	if (l->base && !l->role.arn)
		lane_keys_drop(l->base);
}

void lane_set_keys(struct lane *l, const struct cred *keys)
{
	cred_copy(&l->keys, keys);
	l->keys_fixed = true;
}

const struct cred *lane_keys(const struct lane *l)
{
	return cred_given(&l->keys) ? &l->keys : NULL;
}

void lane_need_cancel(struct lane_need *n)
{
	struct lane_need **at = n ? &n->lane->needs : NULL;

	if (!n)
		return;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	loop_timer_free(n->timer);
	own_free(n);
}

static void need_answer(void *arg)
{
	struct lane_need *n = arg;
	struct lane *l = n->lane;
	cred_fn *fn = n->fn;
	void *fn_arg = n->arg;
	struct err e = n->err;

	lane_need_cancel(n);
	fn(e.kind == ERR_NONE ? &l->keys : NULL, e.kind == ERR_NONE ? NULL : &e, fn_arg);
}

struct lane_need *lane_need_keys(struct lane *l, struct span margin, cred_fn *fn, void *arg)
{
	struct lane_need *n = own_alloc(sizeof(*n));

	n->lane = l;
	n->fn = fn;
	n->arg = arg;
	n->timer = loop_timer_new(l->loop, need_answer, n);
	n->next = l->needs;
	l->needs = n;
	if (l->keys_fixed || (cred_given(&l->keys) && !ends_within(l, margin)))
		loop_timer_start(n->timer, span_ms(0));
	else
		start_fetch(l);
	return n;
}

void lane_keys_done(struct lane *l)
{
	cred_fetch_cancel(l->fetch);
	lane_need_cancel(l->base_need);
	if (l->role_ask)
		cred_role_cancel(l->role_ask);
	while (l->needs)
		lane_need_cancel(l->needs);
	cred_done(&l->keys);
	own_free(l->role.arn);
	own_free(l->role.session);
	own_free(l->role.external_id);
}
