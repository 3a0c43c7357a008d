#include "simulate/peer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/text.h"

static const struct {
	double target; /* 0: must be given */
	int64_t every_s, sqs_calls, metrics;
} kinds[] = {
	[PEER_FIXED] = { 0, 3600, 0, 0 },  [PEER_NAIVE] = { 1, 30, 1, 0 },
	[PEER_HPA] = { 5, 15, 1, 0 },      [PEER_KEDA] = { 5, 15, 1, 0 },
	[PEER_TRACKING] = { 5, 60, 0, 2 }, [PEER_STEP] = { 20, 60, 0, 1 },
	[PEER_NOMAD] = { 5, 10, 1, 0 },    [PEER_BUILDKITE] = { 1, 10, 1, 0 },
};

static int unknown(const char *word, struct err *e)
{
	static const char *const names[] = { "fixed",           "naive", "hpa",   "keda",
					     "target-tracking", "step",  "nomad", "buildkite" };
	const char *near = options_nearest(word, names, COUNT_OF(names));

	return err_set(e, ERR_POLICY, "there is no peer '%.40s'%s%s%s; there are " PEER_WORDS, word,
		       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int peer_init(struct peer *p, const char *text, int64_t slots, struct err *e)
{
	const char *colon = strchr(text, ':');
	char word[24] = "", *stop;
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int kind;

	memset(p, 0, sizeof(*p));
	if (len < sizeof(word))
		memcpy(word, text, len);
	kind = text_choice(PEER_WORDS, word);
	if (kind < 0)
		return unknown(len < sizeof(word) ? word : text, e);
	p->kind = (enum peer_kind)kind;
	p->target = kinds[kind].target * (double)slots;
	p->slots = slots;
	if (p->kind == PEER_STEP)
		p->target = kinds[kind].target;
	if (colon) {
		errno = 0;
		p->target = strtod(colon + 1, &stop);
		if (stop == colon + 1 || *stop || errno || !(p->target >= 0.001) || p->target > 1e6)
			return err_set(e, ERR_POLICY, "%s: '%.40s' is not a number from 0.001",
				       word, colon + 1);
	} else if (kinds[kind].target == 0) {
		return err_set(e, ERR_POLICY, "say how many instances: %s:N", word);
	}
	snprintf(p->name, sizeof(p->name), "%s:%g", word, p->target);
	return 0;
}

int64_t peer_floor(const struct peer *p)
{
	/* Target tracking's metric has no value at zero in service, so it never starts again. */
	return p->kind == PEER_TRACKING || p->kind == PEER_HPA;
}

static int64_t decide(void *self, const struct plant_view *v, struct span *ret_next)
{
	struct peer *p = self;

	*ret_next = span_s(kinds[p->kind].every_s);
	switch (p->kind) {
	case PEER_FIXED:
		return (int64_t)ceil(p->target);
	case PEER_NAIVE: /* the home-made one: backlog over target, nothing else */
		return (int64_t)ceil((double)(v->visible + v->in_flight) / p->target);
	case PEER_HPA:
		return peer_hpa(p, v);
	case PEER_KEDA:
		return peer_keda(p, v);
	case PEER_TRACKING:
		return peer_aws_tracking(p, v);
	case PEER_STEP:
		return peer_aws_step(p, v);
	case PEER_NOMAD:
		return peer_nomad(p, v);
	case PEER_BUILDKITE:
		return peer_buildkite(p, v);
	}
	return -1;
}

struct plant_scaler peer_plant(struct peer *p)
{
	return (struct plant_scaler){ .self = p,
				      .decide = decide,
				      .sqs_calls_per_look = kinds[p->kind].sqs_calls,
				      .metrics_per_minute = kinds[p->kind].metrics };
}
