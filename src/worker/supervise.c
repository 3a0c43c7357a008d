#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"
#include "worker/sandbox.h"

#define HOLD_LEAST_S 3     /* less leaves no time between a receive and the first renewal */
#define HOLD_UNKNOWN_S 300 /* the migration's, where the queue does not tell */
#define KEYS_MARGIN_S 300
#define LACKS_MAX 1024

/* --- start what waits */

static bool keys_live(const struct worker *w)
{
	const struct cred *keys = lane_keys(w->lane);

	return keys && (instant_is_never(keys->expires) ||
			instant_since(keys->expires, clock_wall()).ms > 0);
}

static void keys_come(const struct cred *keys, const struct err *e, void *arg)
{
	struct worker *w = arg;

	w->waiting_keys = false;
	if (keys) {
		worker_crew_keys(w);
		worker_supervise_turn(w);
		return;
	}
	if (!keys_live(w)) {
		w->receive_failures++;
		if (worker_receive_gives_up(w, e))
			return;
	}
	LOG_WARN("no new credentials: when there are none, no job is received", LOG_E(e));
	if (!loop_timer_active(w->receive_again))
		loop_timer_start(w->receive_again, span_ms(WORKER_RECEIVE_AGAIN_MS));
}

/* Keys that a job of some minutes can use. */
static bool keys_ready(struct worker *w)
{
	const struct cred *keys = lane_keys(w->lane);

	if (keys && (instant_is_never(keys->expires) ||
		     instant_since(keys->expires, clock_wall()).ms > KEYS_MARGIN_S * 1000))
		return true;
	if (!w->waiting_keys) {
		w->waiting_keys = true;
		lane_need_keys(w->lane, span_s(KEYS_MARGIN_S), keys_come, w);
	}
	return keys_live(w); /* a refresh that fails is no reason to stop using them */
}

static void dispatch(struct worker *w)
{
	if (!worker_claim_count(w, CLAIM_WAITING) || !worker_encoders_ready(w) ||
	    !worker_guard_ready(w) || !keys_ready(w))
		return;
	for (struct claim *c = w->claims, *next; c && worker_crew_idle(w) > 0; c = next) {
		next = c->next;
		if (c->state != CLAIM_WAITING)
			continue;
		if (worker_lease_live(&c->lease, clock_mono()))
			worker_crew_assign(c);
		else
			worker_finish_lost(c);
	}
}

/* --- end */

static bool done(const struct worker *w)
{
	if (w->o->jobs_max > 0 && w->jobs_ended >= w->o->jobs_max)
		return true;
	return w->o->until_empty && w->empty && !w->claims && !w->receiving;
}

static void maybe_end(struct worker *w)
{
	/* A poll is read to its end, or what it brings stays hidden for its time-out; unless told
	 * twice. */
	if (w->claims || (w->evidence && w->phase != WORKER_HURRYING) ||
	    (w->phase != WORKER_HURRYING &&
	     (w->receiving || !worker_record_closed(w) || !worker_publish_closed(w))))
		return;
	worker_guard_release(w);
	worker_crew_dismiss(w);
	if (worker_crew_gone(w) && worker_guard_released(w))
		loop_stop(w->loop);
}

static void turn(struct worker *w)
{
	if (w->phase == WORKER_RUNNING && done(w))
		worker_supervise_drain(w);
	dispatch(w);
	if (!w->claims)
		worker_life_idle(w);
	if (w->phase != WORKER_RUNNING)
		maybe_end(w);
	else if (worker_receive_room(w) && !loop_timer_active(w->receive_again) &&
		 worker_life_may_receive(w) && worker_guard_may_receive(w) &&
		 worker_ground_fit(w) && keys_ready(w)) /* each receive counts */
		worker_receive(w);
	worker_watch_turn(w);
}

static void turn_soon(void *arg)
{
	struct worker *w = arg;

	w->turning = false;
	turn(w);
}

void worker_supervise_turn(struct worker *w)
{
	if (w->turning)
		return;
	w->turning = true;
	loop_timer_start(w->turns, span_ms(0));
}

static void turn_again(void *arg)
{
	worker_supervise_turn(arg);
}

void worker_supervise_job_ended(struct worker *w)
{
	w->jobs_ended++;
	worker_guard_job_ended(w);
	worker_supervise_turn(w);
}

void worker_supervise_interrupt(struct worker *w, const char *why)
{
	if (w->claims)
		LOG_WARN("giving back the jobs under way", LOG_S("why", why));
	for (struct claim *c = w->claims, *next; c; c = next) {
		next = c->next;
		if (c->state != CLAIM_ENDING)
			worker_crew_kill(c, CLAIM_INTERRUPTED);
	}
	worker_supervise_turn(w);
}

static void drain_over(void *arg)
{
	struct worker *w = arg;

	w->phase = WORKER_HURRYING;
	worker_supervise_interrupt(w, "the drain's time is over");
}

void worker_supervise_drain(struct worker *w)
{
	w->phase = WORKER_DRAINING;
	loop_timer_stop(w->receive_again);
	worker_watch_stopping(w);
	for (struct claim *c = w->claims, *next; c; c = next) {
		next = c->next;
		if (c->state == CLAIM_WAITING)
			worker_finish_interrupted(c, "not begun before the end");
	}
	worker_supervise_turn(w);
}

static void signalled(int signum, void *arg)
{
	struct worker *w = arg;

	if (w->phase == WORKER_RUNNING) {
		LOG_INFO("draining: no new job, and the current ones may end",
			 LOG_I("signal", signum),
			 LOG_I("jobs", (int64_t)worker_claim_count(w, CLAIM_WORKING)),
			 LOG_I("seconds", w->o->drain.ms / 1000));
		loop_timer_start(w->drain, w->o->drain);
		worker_supervise_drain(w);
	} else if (w->phase == WORKER_DRAINING && !loop_timer_active(w->drain)) {
		loop_timer_start(w->drain, w->o->drain); /* it was ending by itself */
	} else {
		drain_over(w);
	}
}

/* --- start */

static void described(const struct broker_traits *t, const struct err *e, void *arg)
{
	struct worker *w = arg;
	int64_t hold_s = w->o->visibility_s;

	if (!t && (e->kind == ERR_NOT_FOUND || e->kind == ERR_POLICY || w->o->until_empty)) {
		w->failure = *e;
		if (e->kind == ERR_NOT_FOUND)
			err_set(&w->failure, e->kind,
				"%.700s -> check --queue-url; windlass queue create makes a queue",
				e->text);
		loop_stop(w->loop);
		return;
	}
	if (!t &&
	    e->kind !=
		    ERR_DENIED) { /* away for a while: without its answer nothing could be parked */
		LOG_WARN("the queue does not answer: trying again", LOG_E(e));
		worker_watch_ready(w);
		loop_timer_start(w->describe_again,
				 span_ms(WORKER_RECEIVE_AGAIN_MS << WORKER_RECEIVE_DOUBLINGS / 2));
		return;
	}
	w->traits =
		t ? *t : (struct broker_traits){ .dead_letters = w->o->dead_letter_url != NULL };
	if (!hold_s)
		hold_s = w->traits.hold.ms > 0 ? w->traits.hold.ms / 1000 : HOLD_UNKNOWN_S;
	if (w->traits.hold_most.ms > 0 && hold_s > w->traits.hold_most.ms / 1000)
		hold_s = w->traits.hold_most.ms / 1000;
	if (hold_s < HOLD_LEAST_S)
		hold_s = HOLD_LEAST_S;
	w->rule = worker_lease_rule(span_s(hold_s));
	w->receive_max = (size_t)(w->o->receives_max ? w->o->receives_max : w->traits.receives_max);
	if (t && !w->traits.dead_letters)
		LOG_WARN("the queue has no dead-letter queue: what can never succeed comes back "
			 "again and again; "
			 "windlass queue create makes one");
	if (t)
		LOG_INFO("worker ready", LOG_S("broker", w->broker->ops->word),
			 LOG_S("queue", w->o->queue_url), LOG_S("profile", w->profile.name),
			 LOG_I("slots", w->o->slots), LOG_I("visibility_s", hold_s),
			 LOG_I("receives_max", (int64_t)w->receive_max));
	else
		LOG_WARN("worker begins without knowing its queue, whose attributes it may not "
			 "read (sqs:GetQueueAttributes) -> messages are hidden for as long as "
			 "--visibility-timeout says, parked where --dead-letter-url says, and "
			 "have their last receive when --max-receives says",
			 LOG_S("queue", w->o->queue_url), LOG_I("visibility_s", hold_s),
			 LOG_S("dead_letters", w->o->dead_letter_url ? "named" : "unknown"),
			 LOG_I("receives_max", (int64_t)w->receive_max), LOG_E(e));
	worker_crew_start(w);
	worker_life_start(w);
	worker_watch_ready(w);
}

static void describe(void *arg)
{
	struct worker *w = arg;

	broker_describe(w->broker, described, w);
}

static int read_profile(struct worker *w, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(PROFILE_BYTES_MAX), problems = BUF(PROFILE_BYTES_MAX);
	int rc;

	if (w->o->command)
		worker_command_profile(w->o, &text);
	else if (buf_read_file(&text, w->o->profile, e) < 0)
		return err_wrap(e, "profile");
	rc = worker_profile_read(worker_command_profile_file(w->o), buf_str(&text), text.len,
				 &w->profile, &problems, e);
	for (char *line = (char *)buf_str(&problems); *line;) {
		char *end = strchr(line, '\n');

		*end = '\0';
		LOG_ERROR("profile", LOG_S("problem", line));
		line = end + 1;
	}
	w->profile_text = buf_take(&text);
	return rc;
}

/* Says what the sandbox is made of here. */
static int sandbox_told(const struct worker *w, struct err *e)
{
	AUTO(buf_done) struct buf lacks = BUF(LACKS_MAX);
	struct sandbox_layers l = worker_sandbox_layers();

	worker_sandbox_lacks(&lacks);
	if (w->o->all_layers && w->o->unconfined)
		return err_set(e, ERR_POLICY,
			       "--no-sandbox and --require-sandbox exclude each other");
	if (w->o->all_layers && lacks.len)
		return err_set(e, ERR_LOCAL, "the sandbox that is required lacks a layer: %.700s",
			       buf_str(&lacks));
	if (w->o->unconfined)
		LOG_WARN("no sandbox, as asked: a hostile video could reach what this user can");
	else if (lacks.len)
		LOG_WARN("the sandbox lacks a layer", LOG_S("lacks", buf_str(&lacks)));
	LOG_INFO("sandbox", LOG_I("landlock_abi", w->o->unconfined ? 0 : l.landlock),
		 LOG_S("seccomp", l.seccomp && !w->o->unconfined ? "on" : "off"));
	return 0;
}

static int prepare(struct worker *w, struct err *e)
{
	struct lane_options lane = { .region = w->o->region };

	if (worker_evidence_check(w->o, e) < 0 || read_profile(w, e) < 0 ||
	    sandbox_told(w, e) < 0 || worker_folder_open(&w->folder, w->o->work_dir, e) < 0)
		return -1;
	w->lane = lane_new(w->loop, &lane, e);
	if (!w->lane)
		return -1;
	w->broker = worker_queues(w, e);
	if (!w->broker)
		return -1;
	worker_encoders_start(w);
	if (worker_event_start(w, e) < 0)
		return -1;
	return worker_outside_start(w, e);
}

static void finish(struct worker *w)
{
	worker_outside_stop(w);
	worker_encoders_stop(w);
	worker_crew_stop(w);
	broker_free(w->broker);
	worker_receive_stop(w);
	worker_event_stop(w);
	worker_claim_stop_all(w);
	worker_evidence_stop(w);
	worker_record_stop(w);
	worker_guard_stop(w);
	worker_ground_stop(w);
	worker_life_stop(w);
	worker_watch_stop(w);
	worker_publish_stop(w);
	loop_timer_free(w->drain);
	loop_timer_free(w->receive_again);
	loop_timer_free(w->receive_held);
	loop_timer_free(w->describe_again);
	loop_timer_free(w->turns);
	for (size_t i = 0; i < COUNT_OF(w->signals); i++)
		loop_signal_free(w->signals[i]);
	lane_free(w->lane);
	worker_folder_close(&w->folder);
	worker_profile_done(&w->profile);
	own_free(w->profile_text);
	loop_free(w->loop);
}

int worker_supervise(const struct worker_options *o, struct err *e)
{
	struct worker w = { .o = o, .folder = { .lock = -1 } };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	rng_seed_os(&w.rng);
	if (gethostname(w.host, sizeof(w.host) - 1) < 0)
		memcpy(w.host, "unknown", sizeof("unknown"));
	w.loop = loop_new();
	w.drain = loop_timer_new(w.loop, drain_over, &w);
	w.receive_again = loop_timer_new(w.loop, turn_again, &w);
	w.receive_held = loop_timer_new(w.loop, turn_again, &w);
	w.room_since = TICK_NEVER;
	w.describe_again = loop_timer_new(w.loop, describe, &w);
	w.turns = loop_timer_new(w.loop, turn_soon, &w);
	w.signals[0] = loop_signal_new(w.loop, SIGTERM, signalled, &w);
	w.signals[1] = loop_signal_new(w.loop, SIGINT, signalled, &w);
	worker_claim_start(&w);
	worker_ground_start(&w);
	rc = prepare(&w, e);
	if (rc == 0) {
		worker_watch_start(&w);
		worker_publish_start(&w);
		describe(&w);
		loop_run(w.loop);
		LOG_INFO("worker ended", LOG_I("stored", w.stored), LOG_I("parked", w.parked),
			 LOG_I("returned", w.returned));
	}
	finish(&w);
	if (rc == 0 && w.failure.kind != ERR_NONE) {
		*e = w.failure;
		rc = -1;
	}
	return rc;
}
