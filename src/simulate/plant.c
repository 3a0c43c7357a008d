#include "simulate/plant.h"

#include <math.h>
#include <string.h>

#include "simulate/plant_own.h"

#define PROGRESS_EVERY (1u << 18)

static uint32_t new_job(struct plant *p)
{
	uint32_t i = p->free_job;

	if (i != PLANT_NONE) {
		p->free_job = p->job[i].next;
		return i;
	}
	if (p->job_count == p->job_size) {
		p->job_size = p->job_size ? 2 * p->job_size : 1024;
		p->job = own_grow(p->job, p->job_size, sizeof(*p->job));
	}
	p->job[p->job_count].gen = 0;
	return (uint32_t)p->job_count++;
}

static void free_job(struct plant *p, uint32_t i)
{
	p->job[i].gen++;
	p->job[i].next = p->free_job;
	p->free_job = i;
}

void plant_start(struct plant *p, uint32_t job, uint32_t inst)
{
	struct plant_job *j = &p->job[job];
	struct plant_instance *x = &p->inst[inst];

	j->started = p->now;
	j->inst = inst;
	j->receives++;
	j->next = x->jobs;
	x->jobs = job;
	x->busy++;
	p->running++;
	events_add(&p->events, p->now + j->service, PLANT_DONE, job, j->gen);
}

void plant_send(struct plant *p, uint32_t job)
{
	while (p->idle.count > 0) {
		struct plant_slot s = plant_ring_take(&p->idle);
		const struct plant_instance *x = &p->inst[s.what];

		if (x->gen == s.gen && x->state == PLANT_SERVING && !x->yielding &&
		    x->busy < p->c->slots) {
			plant_start(p, job, s.what);
			return;
		}
	}
	plant_ring_add(&p->queue, job, 0);
	if ((int64_t)p->queue.count > p->r->backlog_peak)
		p->r->backlog_peak = (int64_t)p->queue.count;
}

static void look_ahead(struct plant *p)
{
	p->more = plant_jobs_next(&p->jobs, &p->ahead, &p->ahead_service);
	if (!p->more)
		p->ahead = INT64_MAX;
}

static void arrive(struct plant *p)
{
	uint32_t i = new_job(p);
	struct plant_job *j = &p->job[i];

	j->arrival = p->now = p->ahead;
	j->service = p->ahead_service;
	j->receives = 0;
	p->r->jobs++;
	p->sent_minute++;
	if (p->c->trace)
		trace_arrival(p->c->trace, p->now);
	plant_send(p, i);
	plant_note(p);
	look_ahead(p);
}

static void unlink_job(struct plant *p, uint32_t job)
{
	uint32_t *at = &p->inst[p->job[job].inst].jobs;

	while (*at != job)
		at = &p->job[*at].next;
	*at = p->job[job].next;
}

static void done(struct plant *p, const struct event *e)
{
	struct plant_job *j = &p->job[e->what];
	int64_t from = j->started > p->horizon ? j->started : p->horizon;
	uint32_t inst = j->inst;

	if (j->gen != e->gen)
		return; /* its instance was taken away meanwhile */
	if (p->now > p->horizon)
		p->late_work_us += p->now - from;
	unlink_job(p, e->what);
	sketch_add(&p->waits, j->started - j->arrival);
	if (p->c->trace)
		trace_start(p->c->trace, j->started, j->started - j->arrival);
	p->r->work_s += (double)j->service / LOAD_US;
	p->r->done++;
	p->deleted_minute++;
	p->running--;
	free_job(p, e->what);
	p->inst[inst].busy--;
	plant_freed(p, inst);
	plant_note(p);
}

/* A job that is not deleted is visible again: at once when it was given back, else when its
 * visibility timeout, which its worker renewed as it ran, is over. */
void plant_lose(struct plant *p, uint32_t job, bool at_once)
{
	struct plant_job *j = &p->job[job];
	int64_t hold = p->k->visibility_timeout.ms * 1000, ran = p->now - j->started;
	int64_t holds = (ran + hold - 1) / hold;

	j->gen++;
	p->running--;
	p->lost++;
	if (at_once)
		p->r->returned++;
	else
		p->r->killed++;
	events_add(&p->events, at_once ? p->now : j->started + (holds > 1 ? holds : 1) * hold,
		   PLANT_BACK, job, j->gen);
}

static void back(struct plant *p, const struct event *e)
{
	p->lost--;
	if (p->k->max_receive > 0 && p->job[e->what].receives >= p->k->max_receive) {
		p->r->dead++;
		free_job(p, e->what);
	} else {
		plant_send(p, e->what);
	}
	plant_note(p);
}

static void handle(struct plant *p, const struct event *e)
{
	switch (event_kind(e)) {
	case PLANT_DONE:
		done(p, e);
		break;
	case PLANT_BACK:
		back(p, e);
		break;
	case PLANT_MINUTE:
		plant_minute(p);
		break;
	case PLANT_LOOK:
		plant_look(p);
		break;
	case PLANT_END:
		p->ended = true;
		plant_charge_end(p);
		break;
	default:
		plant_fleet_event(p, e);
	}
}

static void note_course(struct plant *p)
{
	struct trace_state s = plant_state(p);

	trace_state(p->c->trace, p->now, &s);
}

static bool all_done(const struct plant *p)
{
	return p->ended && !p->more && p->r->done + p->r->dead == p->r->jobs;
}

static void loop(struct plant *p)
{
	int64_t deadline = p->horizon + PLANT_PATIENCE_US;

	while (!all_done(p)) {
		if (p->c->progress && p->r->events % PROGRESS_EVERY == 0)
			p->c->progress(p->c->progress_to, p->c, p->now);
		p->r->events++;
		if (p->ahead < p->events.heap[0].at) {
			arrive(p);
		} else {
			struct event e = events_take(&p->events);

			p->now = e.at;
			if (p->now > deadline)
				return;
			handle(p, &e);
		}
		if (p->c->trace)
			note_course(p);
	}
}

static void begin(struct plant *p)
{
	int64_t n = plant_initial(p->c);

	p->desired = n;
	for (int64_t i = 0; i < n; i++)
		plant_launch(p, true);
	if (p->c->trace) {
		struct trace_state s = plant_state(p);

		trace_begin(p->c->trace, p->horizon, &s);
	}
	events_add(&p->events, p->horizon, PLANT_END, 0, 0);
	events_add(&p->events, PLANT_MINUTE_US, PLANT_MINUTE, 0, 0);
	events_add(&p->events, p->k->first_look.ms * 1000, PLANT_LOOK, 0, 0);
	plant_note(p);
	look_ahead(p);
}

static void conclude(struct plant *p)
{
	struct plant_result *r = p->r;
	const struct plant_case *c = p->c;
	double cost_s;

	r->unfinished = r->jobs - r->done - r->dead;
	for (int64_t i = 0; i < r->unfinished; i++) /* they wait for ever; so long at least */
		sketch_add(&p->waits, p->horizon + PLANT_PATIENCE_US);
	r->cost_us += p->late_work_us / c->slots;
	cost_s = (double)r->cost_us / LOAD_US;
	r->hours = cost_s / 3600;
	r->money = r->hours * c->hour_price;
	r->utilisation = cost_s > 0 ? r->work_s / (cost_s * (double)c->slots) : 0;
	r->p50_us = sketch_quantile(&p->waits, 0.5);
	r->p95_us = sketch_quantile(&p->waits, 0.95);
	r->p99_us = sketch_quantile(&p->waits, 0.99);
	r->most_us = p->waits.most;
	r->mean_us = p->waits.count ? p->waits.sum / (double)p->waits.count : 0;
	r->late = sketch_beyond(&p->waits, c->promise.ms * 1000);
	r->flips_per_hour = (double)r->flips * 3600.0 * LOAD_US / (double)p->horizon;
	r->api_calls = r->looks * (c->scaler->sqs_calls_per_look + 1) + r->actions + r->throttled;
	r->api_money = (double)r->looks * (double)c->scaler->sqs_calls_per_look *
			       p->k->sqs_million_price / 1e6 +
		       (double)p->horizon / PLANT_MINUTE_US *
			       (double)c->scaler->metrics_per_minute * p->k->metric_thousand_price /
			       1e3;
}

void plant_run(const struct plant_case *c, struct plant_result *ret)
{
	struct plant *p = own_alloc(sizeof(*p));

	memset(p, 0, sizeof(*p));
	memset(ret, 0, sizeof(*ret));
	p->c = c;
	p->k = c->knobs;
	p->r = ret;
	p->boot = c->knobs->boot;
	p->horizon = c->load->horizon_us;
	p->free_job = p->free_inst = p->first = p->last = PLANT_NONE;
	plant_seed(&p->boot_rng, c->seed, 2);
	plant_seed(&p->choice_rng, c->seed, 3);
	plant_seed(&p->stale_rng, c->seed, 4);
	plant_seed(&p->lag_rng, c->seed, 5);
	plant_seed(&p->fault_rng, c->seed, 6);
	plant_jobs_begin(&p->jobs, c);
	begin(p);
	loop(p);
	conclude(p);
	if (c->trace)
		trace_end(c->trace, p->now);
	own_free(p->events.heap);
	own_free(p->job);
	own_free(p->inst);
	own_free(p->queue.item);
	own_free(p->idle.item);
	own_free(p);
}
