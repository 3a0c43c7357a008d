#include <math.h>
#include <string.h>

#include "simulate/plant_own.h"

static bool fault(struct plant *p, double share)
{
	return share > 0 && rng_unit(&p->fault_rng) < share;
}

static uint32_t new_instance(struct plant *p)
{
	uint32_t i = p->free_inst, gen = 0;
	struct plant_instance *x;

	if (i != PLANT_NONE) {
		p->free_inst = p->inst[i].next;
		gen = p->inst[i].gen;
	} else {
		if (p->inst_count == p->inst_size) {
			p->inst_size = p->inst_size ? 2 * p->inst_size : 64;
			p->inst = own_grow(p->inst, p->inst_size, sizeof(*p->inst));
		}
		i = (uint32_t)p->inst_count++;
	}
	x = &p->inst[i];
	*x = (struct plant_instance){ .launched = p->now,
				      .idle_since = p->now,
				      .looked = INT64_MIN / 2,
				      .hash = rng_u64(&p->choice_rng),
				      .gen = gen + 1,
				      .prev = p->last,
				      .next = PLANT_NONE,
				      .jobs = PLANT_NONE };
	if (p->last != PLANT_NONE)
		p->inst[p->last].next = i;
	else
		p->first = i;
	p->last = i;
	return i;
}

uint32_t plant_launch(struct plant *p, bool in_service)
{
	uint32_t i = new_instance(p);
	int64_t boot;

	if (in_service) {
		plant_serve(p, i);
		return i;
	}
	p->inst[i].state = PLANT_PENDING;
	p->pending++;
	p->r->launches++;
	boot = dist_draw(&p->boot, &p->boot_rng);
	if (fault(p, p->k->launch_failure))
		events_add(&p->events, p->now + p->k->launch_failure_after.ms * 1000, PLANT_FAILED,
			   i, p->inst[i].gen);
	else
		events_add(&p->events, p->now + boot, PLANT_BOOTED, i, p->inst[i].gen);
	return i;
}

static void open_slots(struct plant *p, uint32_t i)
{
	for (int64_t s = p->inst[i].busy; s < p->c->slots; s++) {
		if (p->queue.count > 0)
			plant_start(p, plant_ring_take(&p->queue).what, i);
		else
			plant_ring_add(&p->idle, i, p->inst[i].gen);
	}
}

void plant_serve(struct plant *p, uint32_t i)
{
	struct plant_instance *x = &p->inst[i];

	x->state = PLANT_SERVING;
	x->idle_since = p->now;
	p->serving++;
	if (p->serving > p->r->capacity_peak)
		p->r->capacity_peak = p->serving;
	if (p->k->spot_per_hour > 0) {
		double hours = -log1p(-rng_unit(&p->fault_rng)) / p->k->spot_per_hour;

		if (hours < 87600)
			events_add(&p->events, p->now + (int64_t)(hours * 3600 * LOAD_US),
				   PLANT_NOTICE, i, x->gen);
	}
	open_slots(p, i);
	plant_note(p);
}

/* Time until the horizon is billed for whole; after it only work is. */
static void charge(struct plant *p, const struct plant_instance *x, int64_t until)
{
	int64_t end = until < p->horizon ? until : p->horizon, lived = end - x->launched;
	int64_t least = p->k->minimum_billing.ms * 1000;

	if (lived < 0 || x->launched >= p->horizon)
		return;
	p->r->cost_us += lived < least && !p->ended ? least : lived;
	if (x->state == PLANT_PENDING)
		p->r->boot_us += lived;
}

void plant_charge_end(struct plant *p)
{
	for (uint32_t i = p->first; i != PLANT_NONE; i = p->inst[i].next) {
		charge(p, &p->inst[i], p->horizon);
		p->inst[i].launched = p->horizon;
	}
}

static void drop(struct plant *p, uint32_t i)
{
	struct plant_instance *x = &p->inst[i];

	if (x->state == PLANT_PENDING)
		p->pending--;
	else if (x->state == PLANT_SERVING)
		p->serving--;
	else
		p->draining--;
	x->state = PLANT_GONE;
	x->gen++;
	if (x->prev != PLANT_NONE)
		p->inst[x->prev].next = x->next;
	else
		p->first = x->next;
	if (x->next != PLANT_NONE)
		p->inst[x->next].prev = x->prev;
	else
		p->last = x->prev;
	x->next = p->free_inst;
	p->free_inst = i;
}

void plant_gone(struct plant *p, uint32_t i)
{
	charge(p, &p->inst[i], p->now);
	drop(p, i);
}

static void kill_jobs(struct plant *p, uint32_t i, bool at_once)
{
	while (p->inst[i].jobs != PLANT_NONE) {
		uint32_t job = p->inst[i].jobs;

		p->inst[i].jobs = p->job[job].next;
		plant_lose(p, job, at_once);
	}
	p->inst[i].busy = 0;
}

/* Those to choose from, oldest first: in service, busy or not (-1: either), and pending ones if
 * asked. Owned by the caller. */
static uint32_t *candidates(struct plant *p, bool pending, int busy, size_t *ret_n)
{
	uint32_t *list = own_array((size_t)(p->pending + p->serving) + 1, sizeof(*list));
	size_t n = 0;

	for (uint32_t i = p->first; i != PLANT_NONE; i = p->inst[i].next) {
		const struct plant_instance *x = &p->inst[i];

		if ((x->state == PLANT_SERVING && (busy < 0 || (x->busy > 0) == busy)) ||
		    (pending && x->state == PLANT_PENDING))
			list[n++] = i;
	}
	*ret_n = n;
	return list;
}

/* The first @p n of @p list become a random sample of it. */
static void sample(struct plant *p, uint32_t *list, size_t count, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t other = i + (size_t)rng_below(&p->choice_rng, count - i);
		uint32_t held = list[i];

		list[i] = list[other];
		list[other] = held;
	}
}

static void release_killing(struct plant *p, int64_t n)
{
	size_t count;
	uint32_t *list = candidates(p, true, -1, &count);

	sample(p, list, count, (size_t)n);
	for (int64_t i = 0; i < n; i++) {
		kill_jobs(p, list[i], false);
		plant_gone(p, list[i]);
	}
	own_free(list);
}

static int64_t release_pending(struct plant *p, int64_t n)
{
	for (uint32_t i = p->last, prev; n > 0 && p->pending > 0 && i != PLANT_NONE; i = prev) {
		prev = p->inst[i].prev;
		if (p->inst[i].state != PLANT_PENDING)
			continue;
		plant_gone(p, i);
		n--;
	}
	return n;
}

static void release_draining(struct plant *p, int64_t n)
{
	size_t count;
	uint32_t *list = candidates(p, false, 0, &count);

	for (size_t i = 0; i < count && n > 0; i++, n--)
		plant_gone(p, list[i]);
	own_free(list);
	list = candidates(p, false, 1, &count);
	sample(p, list, count, (size_t)n);
	for (int64_t i = 0; i < n; i++) {
		p->inst[list[i]].state = PLANT_DRAINING;
		p->serving--;
		p->draining++;
	}
	own_free(list);
}

/* The group takes the unprotected: who has been idle for the debounce. The others come to it by
 * yielding (plant_freed), or when their debounce is over. */
static void release_protected(struct plant *p, int64_t n)
{
	int64_t debounce = p->k->idle_debounce.ms * 1000;
	size_t count;
	uint32_t *list = candidates(p, false, 0, &count);

	for (size_t i = 0; i < count; i++) {
		const struct plant_instance *x = &p->inst[list[i]];

		if (p->now - x->idle_since < debounce)
			events_add(&p->events, x->idle_since + debounce, PLANT_IDLE, list[i],
				   x->gen);
		else if (n-- > 0)
			plant_gone(p, list[i]);
	}
	own_free(list);
}

/* Protect and yield: a rise of desired takes back who has not left yet. */
static void unyield(struct plant *p)
{
	int64_t keep = p->serving - p->desired;

	for (uint32_t i = p->last; i != PLANT_NONE; i = p->inst[i].prev) {
		struct plant_instance *x = &p->inst[i];

		if (x->state != PLANT_SERVING || !x->yielding || keep-- > 0)
			continue;
		x->yielding = false;
		open_slots(p, i);
	}
}

static void launch(struct plant *p, int64_t n)
{
	int64_t room = p->k->capacity_limit - p->pending - p->serving - p->draining;

	if (p->k->capacity_limit > 0 && n > room) {
		p->r->failed_launches += n - (room > 0 ? room : 0);
		n = room;
		if (!p->retrying)
			events_add(&p->events,
				   p->now + p->k->launch_failure_after.ms * 1000 + LOAD_US,
				   PLANT_RETRY, 0, 0);
		p->retrying = true;
	}
	for (; n > 0; n--)
		plant_launch(p, false);
}

void plant_reconcile(struct plant *p)
{
	int64_t have = p->pending + p->serving, n;

	if (p->k->scale_in == KNOBS_PROTECT)
		unyield(p);
	if (p->desired > have) {
		launch(p, p->desired - have);
	} else if (p->desired < have) {
		n = have - p->desired;
		if (p->k->scale_in == KNOBS_KILL) {
			release_killing(p, n);
		} else {
			n = release_pending(p, n);
			if (n > 0 && p->k->scale_in == KNOBS_DRAIN)
				release_draining(p, n);
			else if (n > 0)
				release_protected(p, n);
		}
	}
	plant_note(p);
}

void plant_want(struct plant *p, int64_t n)
{
	int step;

	n = n < p->c->min ? p->c->min : n > p->c->max ? p->c->max : n;
	if (n != p->desired && p->now < p->horizon) {
		step = n > p->desired ? 1 : -1;
		p->r->actions++;
		p->r->flips += p->direction && step != p->direction;
		p->direction = step;
	}
	p->desired = n;
	plant_reconcile(p);
}

/* Whether a protected instance is among those that are too many: all rank the protected by the
 * same hash, so that they agree without talking. */
static bool is_surplus(struct plant *p, uint32_t i)
{
	int64_t surplus = p->serving - p->desired, before = 0;

	if (surplus <= 0 || p->now - p->inst[i].looked < p->k->yield_every.ms * 1000)
		return false;
	p->inst[i].looked = p->now;
	for (uint32_t o = p->first; o != PLANT_NONE; o = p->inst[o].next)
		before += p->inst[o].state == PLANT_SERVING && p->inst[o].hash < p->inst[i].hash;
	return before < surplus;
}

void plant_freed(struct plant *p, uint32_t i)
{
	struct plant_instance *x = &p->inst[i];
	bool protects = p->k->scale_in == KNOBS_PROTECT && p->serving > p->desired;

	if (x->busy == 0)
		x->idle_since = p->now;
	if (x->state == PLANT_DRAINING) {
		if (x->busy == 0)
			plant_gone(p, i);
		return;
	}
	if (protects && !x->yielding)
		x->yielding = is_surplus(p, i);
	if (x->yielding) {
		if (x->busy == 0)
			plant_gone(p, i);
		return;
	}
	if (p->queue.count > 0)
		plant_start(p, plant_ring_take(&p->queue).what, i);
	else
		plant_ring_add(&p->idle, i, x->gen);
	if (protects && x->busy == 0)
		events_add(&p->events, p->now + p->k->idle_debounce.ms * 1000, PLANT_IDLE, i,
			   x->gen);
}

/* Two minutes' notice: what fits is finished, the rest given back at once. */
static void notice(struct plant *p, uint32_t i)
{
	struct plant_instance *x = &p->inst[i];
	int64_t end = p->now + p->k->spot_notice.ms * 1000;
	uint32_t *at = &x->jobs;

	p->r->interruptions++;
	x->state = PLANT_DRAINING;
	p->serving--;
	p->draining++;
	while (*at != PLANT_NONE) {
		uint32_t job = *at;

		if (p->job[job].started + p->job[job].service <= end) {
			at = &p->job[job].next;
			continue;
		}
		*at = p->job[job].next;
		x->busy--;
		plant_lose(p, job, true);
	}
	if (x->busy == 0)
		plant_gone(p, i);
	plant_reconcile(p);
}

void plant_fleet_event(struct plant *p, const struct event *e)
{
	struct plant_instance *x = &p->inst[e->what];
	unsigned kind = event_kind(e);

	if (kind == PLANT_RETRY) {
		p->retrying = false;
		plant_reconcile(p);
		return;
	}
	if (x->gen != e->gen)
		return;
	switch (kind) {
	case PLANT_BOOTED:
		if (!p->ended)
			p->r->boot_us += p->now - x->launched;
		p->pending--;
		plant_serve(p, e->what);
		break;
	case PLANT_FAILED: /* never ran, is not billed */
		p->r->failed_launches++;
		drop(p, e->what);
		plant_reconcile(p);
		break;
	case PLANT_IDLE:
		if (x->state == PLANT_SERVING && x->busy == 0 && p->serving > p->desired &&
		    p->now - x->idle_since >= p->k->idle_debounce.ms * 1000)
			plant_gone(p, e->what);
		break;
	case PLANT_NOTICE:
		if (x->state == PLANT_SERVING)
			notice(p, e->what);
		break;
	}
}
