/* The instance that this runs on: what is to become of it, by its own metadata; and the hook that
 * waits for us. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/autoscaling.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

#define CALL_S 20
#define TRIES_MOST 5
#define VENDOR_MAX 64
#define HOOK_MOST_MS (48LL * 3600 * 1000)
#define HEARTBEATS_MOST 100
#define HEARTBEAT_PART 3
#define TERMINATING "autoscaling:EC2_INSTANCE_TERMINATING"

static void look(void *arg);

/* Whether metadata can be there at all: off EC2 its address does not answer, and asking costs
 * seconds. */
bool worker_life_on_ec2(void)
{
	static const char *const files[] = { "/sys/class/dmi/id/sys_vendor",
					     "/sys/class/dmi/id/board_vendor",
					     "/sys/hypervisor/uuid" };
	const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");

	if (disabled && strcmp(disabled, "true") == 0)
		return false;
	if (getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
		return true;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		AUTO(buf_done) struct buf text = BUF(VENDOR_MAX);
		struct err ignored = { 0 };

		if (buf_read_file(&text, files[i], &ignored) == 0 &&
		    (strstr(buf_str(&text), "Amazon") || strncmp(buf_str(&text), "ec2", 3) == 0))
			return true;
	}
	return false;
}

static void settle(struct worker *w, enum life_mode mode, bool is_protected)
{
	w->life.mode = mode;
	worker_guard_start(w, is_protected);
	worker_supervise_turn(w);
}

/* --- who we are */

static void alone(struct worker *w, const char *why, const struct err *e)
{
	LOG_INFO("no Auto Scaling group here: nothing to protect, yield or hand over",
		 LOG_S("why", why), LOG_S("detail", e ? e->text : NULL));
	settle(w, LIFE_NONE, false);
	if (w->life.id[0]) /* a spot instance without a group gets its notice all the same */
		loop_timer_start(w->life.look, w->o->look);
}

static void hooks_come(struct aws_call *c, void *arg)
{
	struct worker *w = arg;
	struct life *l = &w->life;
	AUTO(asg_hooks_done) struct asg_hooks hooks = { 0 };
	struct err e = { 0 };

	if (aws_autoscaling_hooks_read(&c->reply, &hooks, &e) < 0)
		LOG_WARN("the group's hooks cannot be read: a termination will not wait for a job",
			 LOG_E(&e));
	for (size_t i = 0; i < hooks.count && l->hook_count < WORKER_HOOKS_MAX; i++) {
		int64_t beat_ms = hooks.list[i].heartbeat_s * 1000;

		if (!hooks.list[i].transition || strcmp(hooks.list[i].transition, TERMINATING) != 0)
			continue;
		l->hooks[l->hook_count++] =
			(struct hook){ .name = own_strdup(hooks.list[i].name),
				       .every = span_ms(beat_ms / HEARTBEAT_PART),
				       .until = { beat_ms * HEARTBEATS_MOST < HOOK_MOST_MS
							  ? beat_ms * HEARTBEATS_MOST
							  : HOOK_MOST_MS } };
	}
	if (e.kind == ERR_NONE && l->hook_count == 0)
		LOG_WARN("the group has no termination hook: a machine that goes can not wait for "
			 "its job; add one "
			 "for " TERMINATING,
			 LOG_S("group", l->group));
	aws_call_done(c);
	look(w);
}

static void read_hooks(struct worker *w)
{
	aws_call_done(&w->life.call);
	aws_autoscaling_hooks_ask(&w->life.call.request, w->life.group);
	lane_start(w->lane, &w->life.call, span_s(CALL_S), hooks_come, w);
}

static void group_come(struct aws_call *c, void *arg)
{
	struct worker *w = arg;
	struct life *l = &w->life;
	AUTO(asg_instances_done) struct asg_instances found = { 0 };
	struct err e = { 0 };

	if (aws_autoscaling_instances_read(&c->reply, &found, &e) < 0) {
		if (e.kind != ERR_DENIED && ++l->tries < TRIES_MOST) {
			loop_timer_start(l->look, w->o->look);
			return;
		}
		if (!w->o->group) {
			alone(w, "the instance's group cannot be read", &e);
			return;
		}
	} else if (found.count == 0 && !w->o->group) {
		alone(w, "the instance belongs to no group", NULL);
		return;
	}
	snprintf(l->group, sizeof(l->group), "%s", found.count ? found.list[0].group : w->o->group);
	LOG_INFO("instance of a group", LOG_S("instance", l->id), LOG_S("group", l->group));
	l->mode = LIFE_GROUP;
	worker_guard_start(w, found.count && found.list[0].protected);
	read_hooks(w);
}

static void id_come(const char *text, const struct err *e, void *arg)
{
	struct worker *w = arg;

	w->life.state_get = NULL;
	if (!text) {
		if (++w->life.tries < TRIES_MOST && getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
			loop_timer_start(w->life.look, w->o->look);
		else
			alone(w, "the instance's metadata does not answer", e);
		return;
	}
	w->life.tries = 0;
	snprintf(w->life.id, sizeof(w->life.id), "%s", text);
	look(w);
}

/* --- what is to become of us */

static void record_beat(struct aws_call *c, void *arg)
{
	struct worker *w = arg;
	struct err e = { 0 };

	(void)w;
	/* "No active Lifecycle Action": it is over, one way or the other. */
	if (aws_autoscaling_none_read(&c->reply, &e) < 0)
		LOG_DEBUG("lifecycle hook", LOG_E(&e));
}

static void each_hook(struct worker *w, bool complete)
{
	struct life *l = &w->life;

	for (size_t i = 0; i < l->hook_count; i++) {
		struct aws_call *c = &l->hook_calls[i];

		if (!complete && clock_mono().ms > l->hooks[i].until.ms)
			continue;
		lane_cancel(w->lane, c);
		aws_call_done(c);
		if (complete)
			aws_autoscaling_complete_ask(&c->request, l->group, l->hooks[i].name, l->id,
						     NULL, "CONTINUE");
		else
			aws_autoscaling_heartbeat_ask(&c->request, l->group, l->hooks[i].name,
						      l->id, NULL);
		lane_start(w->lane, c, span_s(CALL_S), record_beat, w);
	}
}

static void heartbeat(void *arg)
{
	struct worker *w = arg;
	struct span next = span_ms(HOOK_MOST_MS);

	if (!w->life.terminating || w->life.completed)
		return;
	each_hook(w, false);
	for (size_t i = 0; i < w->life.hook_count; i++)
		if (w->life.hooks[i].every.ms < next.ms)
			next = w->life.hooks[i].every;
	loop_timer_start(w->life.heartbeat, next);
}

void worker_life_idle(struct worker *w)
{
	struct life *l = &w->life;

	if (!l->terminating || l->completed || w->receiving)
		return;
	l->completed = true;
	LOG_INFO("all jobs have ended: the termination may go on", LOG_S("instance", l->id));
	each_hook(w, true);
}

static void terminating(struct worker *w)
{
	struct life *l = &w->life;
	struct tick now = clock_mono();

	l->terminating = true;
	LOG_WARN("the instance is being terminated: no new job", LOG_S("instance", l->id),
		 LOG_I("hooks", (int64_t)l->hook_count));
	for (size_t i = 0; i < l->hook_count; i++) /* until counts from here */
		l->hooks[i].until = tick_add(now, span_ms(l->hooks[i].until.ms));
	if (l->hook_count)
		heartbeat(w);
	else
		worker_supervise_interrupt(w, "the instance is being terminated and no hook waits");
}

static void state_come(const char *text, const struct err *e, void *arg)
{
	struct worker *w = arg;
	struct life *l = &w->life;
	bool before = l->in_service;

	l->state_get = NULL;
	/* 404: a fresh instance. Other failures: what was seen last stands. */
	if (text)
		l->in_service = strcmp(text, "InService") == 0;
	else if (e->kind == ERR_NOT_FOUND)
		l->in_service = false;
	if (text && strcmp(text, "Terminated") == 0 && !l->terminating)
		terminating(w);
	if (l->in_service != before)
		LOG_INFO("target lifecycle state", LOG_S("state", text ? text : "not told"));
	worker_supervise_turn(w);
}

/* --- looking, again and again */

static void again(struct worker *w)
{
	struct life *l = &w->life;

	if (!l->state_get && l->mode == LIFE_GROUP)
		l->state_get = imds_get(l->imds, IMDS_TARGET_STATE, state_come, w);
	worker_spot_look(w);
	loop_timer_start(l->look, w->o->look);
}

static void look(void *arg)
{
	struct worker *w = arg;
	struct life *l = &w->life;

	if (l->mode != LIFE_UNKNOWN) {
		again(w);
	} else if (!l->id[0]) {
		l->state_get = imds_get(l->imds, IMDS_INSTANCE_ID, id_come, w);
	} else {
		const char *const ids[] = { l->id };

		aws_call_done(&l->call);
		aws_autoscaling_instances_ask(&l->call.request, ids, 1, NULL);
		lane_start(w->lane, &l->call, span_s(CALL_S), group_come, w);
	}
}

void worker_life_look(struct worker *w)
{
	if (w->life.look)
		loop_timer_start(w->life.look, span_ms(0));
}

static void beat_or_over(void *arg)
{
	struct worker *w = arg;

	if (w->life.spot)
		worker_supervise_interrupt(w, "the spot instance goes");
	else
		heartbeat(w);
}

void worker_life_start(struct worker *w)
{
	struct life *l = &w->life;

	if (w->o->no_instance || !worker_life_on_ec2()) {
		settle(w, LIFE_NONE, false);
		return;
	}
	l->look = loop_timer_new(w->loop, look, w);
	l->heartbeat = loop_timer_new(w->loop, beat_or_over, w);
	l->imds = imds_new(w->loop);
	look(w);
}

bool worker_life_may_receive(const struct worker *w)
{
	const struct life *l = &w->life;

	if (l->mode == LIFE_UNKNOWN || l->terminating || l->spot)
		return false;
	return l->mode == LIFE_NONE || l->in_service;
}

void worker_life_stop(struct worker *w)
{
	struct life *l = &w->life;

	imds_free(l->imds);
	lane_cancel(w->lane, &l->call);
	aws_call_done(&l->call);
	for (size_t i = 0; i < l->hook_count; i++) {
		lane_cancel(w->lane, &l->hook_calls[i]);
		aws_call_done(&l->hook_calls[i]);
		own_free(l->hooks[i].name);
	}
	loop_timer_free(l->look);
	loop_timer_free(l->heartbeat);
}
