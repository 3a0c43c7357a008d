#include "simulate/trace.h"

#include <string.h>

#include "base/own.h"
#include "simulate/load.h"

#define ROOM 8 /* an eighth of the bins is for what runs on after the load has ended */

/* Whole seconds, past a minute whole minutes. */
static int64_t round_up(int64_t us)
{
	int64_t unit = us > 60 * (int64_t)LOAD_US ? 60 * (int64_t)LOAD_US : LOAD_US;

	return us <= unit ? unit : (us + unit - 1) / unit * unit;
}

void trace_begin(struct trace *t, int64_t horizon_us, const struct trace_state *first)
{
	int64_t bins = TRACE_BINS - TRACE_BINS / ROOM;

	*t = (struct trace){ .bin = own_array(TRACE_BINS, sizeof(*t->bin)),
			     .width_us = round_up((horizon_us + bins - 1) / bins),
			     .count = 1,
			     .state = *first };
	t->bin[0].least = t->bin[0].most = *first;
}

void trace_done(struct trace *t)
{
	for (size_t i = 0; t->bin && i < t->count; i++)
		own_free(t->bin[i].why);
	own_free(t->bin);
	memset(t, 0, sizeof(*t));
}

static int64_t size_of(const struct trace_bin *b)
{
	return b->to > b->from ? b->to - b->from : b->from - b->to;
}

static int64_t least_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void widen(struct trace_bin *b, const struct trace_state *least,
		  const struct trace_state *most)
{
	b->least.backlog = least_of(b->least.backlog, least->backlog);
	b->least.desired = least_of(b->least.desired, least->desired);
	b->least.ready = least_of(b->least.ready, least->ready);
	b->most.backlog = most_of(b->most.backlog, most->backlog);
	b->most.desired = most_of(b->most.desired, most->desired);
	b->most.ready = most_of(b->most.ready, most->ready);
}

void trace_merge(struct trace_bin *b, struct trace_bin *next)
{
	b->arrivals += next->arrivals;
	b->starts += next->starts;
	b->wait_sum_us += next->wait_sum_us;
	b->wait_most_us = most_of(b->wait_most_us, next->wait_most_us);
	b->changes += next->changes;
	widen(b, &next->least, &next->most);
	if (!b->why || (next->why && size_of(next) > size_of(b))) {
		own_free(b->why);
		b->why = next->why;
		b->from = next->from;
		b->to = next->to;
	} else {
		own_free(next->why);
	}
	*next = (struct trace_bin){ 0 };
}

static void halve(struct trace *t)
{
	size_t n = (t->count + 1) / 2;

	for (size_t i = 0; i < n; i++) {
		struct trace_bin held = t->bin[2 * i];

		if (2 * i + 1 < t->count)
			trace_merge(&held, &t->bin[2 * i + 1]);
		t->bin[2 * i] = (struct trace_bin){ 0 };
		t->bin[i] = held;
	}
	t->count = n;
	t->width_us *= 2;
}

/* The bin of a time; those before it are filled with the state that held on. */
static struct trace_bin *bin_at(struct trace *t, int64_t at_us)
{
	while (at_us / t->width_us >= TRACE_BINS)
		halve(t);
	for (; t->count <= (size_t)(at_us / t->width_us); t->count++)
		t->bin[t->count].least = t->bin[t->count].most = t->state;
	return &t->bin[at_us / t->width_us];
}

void trace_arrival(struct trace *t, int64_t at_us)
{
	bin_at(t, at_us)->arrivals++;
}

void trace_start(struct trace *t, int64_t at_us, int64_t wait_us)
{
	struct trace_bin *b = bin_at(t, at_us);

	b->starts++;
	b->wait_sum_us += (double)wait_us;
	b->wait_most_us = most_of(b->wait_most_us, wait_us);
}

void trace_state(struct trace *t, int64_t at_us, const struct trace_state *s)
{
	struct trace_bin *b = bin_at(t, at_us);

	widen(b, s, s);
	b->changes += s->desired != t->state.desired;
	t->state = *s;
}

bool trace_wants(struct trace *t, int64_t at_us, int64_t from, int64_t to)
{
	const struct trace_bin *b = bin_at(t, at_us);

	return !b->why || size_of(&(struct trace_bin){ .from = from, .to = to }) > size_of(b);
}

void trace_look(struct trace *t, int64_t at_us, int64_t from, int64_t to, const char *why)
{
	struct trace_bin *b = bin_at(t, at_us);

	if (!why)
		return;
	own_free(b->why);
	b->why = own_strndup(why, TRACE_WHY_MAX);
	b->from = from;
	b->to = to;
}

void trace_end(struct trace *t, int64_t at_us)
{
	if (at_us > 0)
		bin_at(t, at_us - 1);
}

void trace_fit(struct trace *t, size_t most)
{
	while (t->count > most && t->count > 1)
		halve(t);
}
