#include "control/daemon.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "control/control.h"
#include "control/watch.h"
#include "model/say.h"

#define DAEMON_STANDBY_MS 2000
#define DAEMON_TELL_MS 500

struct daemon {
	const struct daemon_options *o;
	struct loop *loop;
	struct control *control; /* NULL while somebody else holds the lease */
	struct loop_timer *standby;
	struct watch *watch;
	struct tick told; /* the service manager: that we live, and a turn */
	bool standing_by;
	bool ready;
	int status;
};

static void on_report(const struct err *e, void *arg)
{
	(void)arg;
	LOG_ERROR("the controller goes on", LOG_E(e));
}

static void on_lane(enum lane_change what, const struct lane_state *s, void *arg)
{
	static const char *const events[] = {
		[LANE_BROKEN] = "an endpoint fails -> one call at a time looks whether it answers",
		[LANE_MENDED] = "an endpoint answers again",
		[LANE_SLOWED] = "an endpoint throttles -> fewer calls are sent",
	};

	(void)arg;
	LOG_AT(what == LANE_MENDED ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, events[what],
	       LOG_S("service", service_info(s->service)->title), LOG_S("region", s->region),
	       LOG_S("origin", s->origin), LOG_S("breaker", lane_breaker_word(s->breaker)),
	       LOG_I("failures", s->failures), LOG_I("rate_milli", s->rate_milli));
}

static void on_turn(const struct turn *t, void *arg)
{
	struct daemon *d = arg;

	struct tick now = clock_mono();

	control_watch_turn(d->watch, t);
	if (tick_since(now, d->told).ms < DAEMON_TELL_MS)
		return;
	d->told = now;
	notify_alive();
	notify_status("%s: desired %d, wanted %d", t->policy->name, t->work->plan.current,
		      t->work->plan.desired);
}

static void log_problems(const struct policy_set *set)
{
	for (size_t i = 0; i < set->problem_count; i++) {
		const struct policy_problem *p = &set->problems[i];

		LOG_AT(p->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
		       p->warning ? "policy warning" : "policy error", LOG_S("file", p->file),
		       LOG_I("line", p->line), LOG_I("column", p->column), LOG_S("text", p->text));
	}
}

static void stop(struct daemon *d, int status)
{
	d->status = status;
	notify_stopping();
	if (d->control)
		control_stop(d->control);
	else
		loop_stop(d->loop);
}

static void log_start(struct daemon *d)
{
	const struct policy_set *set = control_policies(d->control);

	log_problems(set);
	for (size_t i = 0; i < set->count; i++) {
		const struct policy *p = set->items[i].policy;

		LOG_INFO("policy runs", LOG_S("policy", p->name),
			 LOG_S("mode", say_mode_word(p->mode)),
			 LOG_S("group", p->fleet.auto_scaling_group),
			 LOG_B("blocked", set->items[i].blocked), LOG_S("file", p->file));
	}
	LOG_INFO("windlassd is ready", LOG_I("policies", (int64_t)set->count),
		 LOG_S("journal", d->o->journal));
	if (!d->ready)
		notify_ready();
	d->ready = true;
}

static void begin(void *arg)
{
	struct daemon *d = arg;
	struct control_options o = {
		.loop = d->loop,
		.policies = d->o->policies,
		.journal = d->o->journal,
		.act = true,
		.on_turn = on_turn,
		.on_report = on_report,
		.on_lane = on_lane,
		.arg = d,
	};
	struct err e = { 0 };

	d->control = control_new(&o, &e);
	if (!d->control && e.kind == ERR_CONFLICT) {
		if (!d->standing_by)
			LOG_WARN("standing by until the lease is free", LOG_E(&e));
		d->standing_by = true;
		loop_timer_start(d->standby, span_ms(DAEMON_STANDBY_MS));
		return;
	}
	if (!d->control) {
		LOG_ERROR("windlassd cannot start", LOG_E(&e));
		stop(d, e.kind == ERR_POLICY ? 2 : 1);
		return;
	}
	if (control_policies(d->control)->count == 0) {
		log_problems(control_policies(d->control));
		LOG_ERROR("no policy can run -> mend the files named above, or name others with "
			  "--policies",
			  LOG_S("policies", d->o->policies));
		control_free(d->control);
		d->control = NULL;
		stop(d, 2);
		return;
	}
	d->standing_by = false;
	if (control_turning(d->control) == 0) {
		LOG_ERROR("no policy can take a turn -> mend what is named above");
		control_free(d->control);
		d->control = NULL;
		stop(d, 1);
		return;
	}
	log_start(d);
	control_start(d->control);
}

static void on_signal(int signum, void *arg)
{
	struct daemon *d = arg;
	struct err e = { 0 };

	if (signum != SIGHUP) {
		LOG_INFO("stopping", LOG_S("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
		stop(d, 0);
	} else if (d->control) {
		if (control_reload(d->control, &e) < 0)
			LOG_ERROR("policies not read anew", LOG_E(&e));
		else
			LOG_INFO("policies read anew");
	}
}

int control_daemon_run(const struct daemon_options *o)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct loop_signal *handlers[COUNT_OF(signals)];
	struct daemon d = { .o = o, .loop = loop_new() };

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		handlers[i] = loop_signal_new(d.loop, signals[i], on_signal, &d);
	d.standby = loop_timer_new(d.loop, begin, &d);
	d.watch = control_watch_new();
	loop_soon(d.loop, begin, &d);
	loop_run(d.loop);
	control_free(d.control);
	control_watch_free(d.watch);
	loop_timer_free(d.standby);
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		loop_signal_free(handlers[i]);
	loop_free(d.loop);
	LOG_INFO("windlassd has ended", LOG_I("status", d.status));
	return d.status;
}
