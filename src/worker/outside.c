/* The worker seen from outside: metrics, health and jobs, to whoever asks at --listen. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/httpd.h"
#include "base/json.h"
#include "base/own.h"
#include "worker/inside.h"

#define PAGE_MAX 262144
#define POLL_SLACK_S 90 /* a few tries may fail before anybody is told */
#define WORK_BODY_MAX 1024
#define CONNECTIONS 32

static int64_t poll_age_ms(const struct worker *w)
{
	return tick_since(clock_mono(), w->poll_good).ms;
}

static int health(const struct worker *w, struct buf *out)
{
	if (worker_watch_starved(w, span_s(POLL_SLACK_S))) {
		buf_addf(out, "no good poll for %lld s\n", (long long)poll_age_ms(w) / 1000);
		return 503;
	}
	buf_addf(out, "ok, last good poll %lld s ago\n", (long long)poll_age_ms(w) / 1000);
	return 200;
}

static int readiness(const struct worker *w, struct buf *out)
{
	const char *why = !w->seats                            ? "starting"
			  : w->phase != WORKER_RUNNING         ? "draining"
			  : !worker_life_may_receive(w)        ? "the instance is not in service"
			  : w->guard.yielding                  ? "yielding: the group has too many"
			  : worker_spot_avoids(w)              ? "the instance is to be replaced"
			  : loop_timer_active(w->ground.again) ? "paused: jobs failed here"
							       : NULL;

	buf_addf(out, "%s\n", why ? why : "ready");
	return why ? 503 : 200;
}

static const char *state_word(enum claim_state s)
{
	return s == CLAIM_WAITING   ? "waiting"
	       : s == CLAIM_WORKING ? "working"
	       : s == CLAIM_TELLING ? "telling"
				    : "ending";
}

static struct json *job_json(const struct claim *c, struct tick now)
{
	struct json *j = json_object();
	struct span left = worker_claim_estimate(c, now);

	json_set_str(j, "video_id", c->job.video_id);
	json_set_str(j, "task_id", c->job.task_id);
	json_set_str(j, "message_id", c->message.id);
	json_set_int(j, "receives", c->message.receives);
	json_set_str(j, "state", state_word(c->state));
	json_set_str(j, "stage",
		     worker_task_stage_word(c->stage < TASK_STAGES ? c->stage : TASK_STORE));
	json_set_int(j, "permille", c->permille);
	json_set_int(j, "speed_milli", c->speed_milli);
	if (c->started.ms != TICK_NEVER.ms)
		json_set_int(j, "running_ms", tick_since(now, c->started).ms);
	if (left.ms >= 0)
		json_set_int(j, "estimate_ms", left.ms);
	json_set_int(j, "lease_left_ms", worker_lease_left(&c->lease, now).ms);
	if (c->seat)
		json_set_int(j, "slot", c->seat->number);
	return j;
}

static int jobs(const struct worker *w, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();
	struct json *list = json_array();
	struct tick now = clock_mono();

	for (const struct claim *c = w->claims; c; c = c->next)
		json_add(list, job_json(c, now));
	json_set_str(j, "queue", w->o->queue_url);
	json_set_str(j, "host", w->host);
	json_set_int(j, "slots", w->o->slots);
	json_set(j, "jobs", list);
	if (json_write(j, out) < 0)
		return 500;
	buf_addc(out, '\n');
	return 200;
}

static void speeds(const struct worker *w, struct buf *out)
{
	worker_meter_head(out, "transcode_speed", "gauge",
			  "Of the job of a slot, played time to time, as ffmpeg says.");
	for (const struct claim *c = w->claims; c; c = c->next)
		if (c->seat && c->speed_milli > 0)
			buf_addf(out, "windlass_worker_transcode_speed{slot=\"%d\"} %lld.%03lld\n",
				 c->seat->number, (long long)c->speed_milli / 1000,
				 (long long)c->speed_milli % 1000);
}

static void events(const struct worker *w, struct buf *out)
{
	worker_meter_head(out, "events_total", "counter",
			  "Ends of jobs told to a queue, a webhook or a command, by each try's "
			  "result.");
	buf_addf(out, "windlass_worker_events_total{result=\"told\"} %lld\n",
		 (long long)w->events_told);
	buf_addf(out, "windlass_worker_events_total{result=\"failed\"} %lld\n",
		 (long long)w->events_failed);
}

static int metrics(const struct worker *w, struct buf *out)
{
	const struct {
		const char *result;
		int64_t n;
	} results[] = { { "stored", w->stored },
			{ "parked", w->parked },
			{ "returned", w->returned },
			{ "lost", w->lost } };

	worker_meter_head(out, "jobs_total", "counter", "Messages by how they ended.");
	for (size_t i = 0; i < COUNT_OF(results); i++)
		buf_addf(out, "windlass_worker_jobs_total{result=\"%s\"} %lld\n", results[i].result,
			 (long long)results[i].n);
	worker_meter_count(out, "received_total", "counter", "Messages received.", w->jobs_begun);
	worker_meter_count(out, "receive_failures", "gauge", "Receives that failed in a row.",
			   w->receive_failures);
	worker_meter_count(out, "leases_lost_total", "counter",
			   "Claims on messages that ended under a job.", w->lost);
	events(w, out);
	worker_meter_write(&w->meter, out);
	speeds(w, out);
	worker_meter_seconds(out, "poll_age_seconds", "gauge", "Since the last good poll.",
			     poll_age_ms(w));
	worker_meter_count(out, "slots", "gauge", "Jobs at a time.", w->o->slots);
	worker_meter_count(out, "slots_busy", "gauge", "Slots with a job.",
			   (int64_t)worker_claim_count(w, CLAIM_WORKING));
	worker_meter_count(out, "protected", "gauge",
			   "1 while the instance is protected from scale-in.",
			   w->guard.state == GUARD_ON);
	return 200;
}

static const struct page {
	const char *path, *type;
	int (*write)(const struct worker *w, struct buf *out); /* the status */
} pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics },
	{ "/healthz", "text/plain; charset=utf-8", health },
	{ "/readyz", "text/plain; charset=utf-8", readiness },
	{ "/jobs", "application/json", jobs },
};

static void asked(struct httpd_exchange *x, void *arg)
{
	AUTO(buf_done) struct buf out = BUF(PAGE_MAX);
	const char *target = httpd_target(x), *method = httpd_method(x), *type = "text/plain";
	size_t len = strcspn(target, "?");
	int status = 404;

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		status = 405;
		buf_adds(&out, "only GET\n");
	}
	for (size_t i = 0; status == 404 && i < COUNT_OF(pages); i++) {
		if (strlen(pages[i].path) != len || strncmp(target, pages[i].path, len) != 0)
			continue;
		status = pages[i].write(arg, &out);
		type = pages[i].type;
	}
	if (!out.len)
		buf_adds(&out, "there are /metrics, /healthz, /readyz and /jobs\n");
	httpd_answer(x, status, (struct httpd_header[]){ { "Content-Type", type } }, 1,
		     buf_str(&out), out.len);
}

int worker_outside_start(struct worker *w, struct err *e)
{
	const struct httpd_limits limits = { .body_cap = WORK_BODY_MAX,
					     .connections = CONNECTIONS };
	const struct httpd_handler handler = { .on_request = asked, .arg = w };
	const char *where = w->o->listen, *colon;
	AUTO(own_freep) char *address = NULL;
	char *end;
	long port;

	w->poll_good = clock_mono();
	if (!where || !*where)
		return 0;
	colon = strrchr(where, ':');
	port = colon ? strtol(colon + 1, &end, 10) : -1;
	if (!colon || colon == where || end == colon + 1 || *end || port < 0 || port > 65535)
		return err_set(e, ERR_POLICY, "--listen %s: give ADDRESS:PORT, as 127.0.0.1:9100",
			       where);
	address = *where == '[' && colon[-1] == ']'
			  ? own_printf("%.*s", (int)(colon - where - 2), where + 1)
			  : own_printf("%.*s", (int)(colon - where), where);
	w->httpd = httpd_new(w->loop, address, (uint16_t)port, &limits, &handler, e);
	if (!w->httpd)
		return err_wrap(e, "--listen %s", where);
	LOG_INFO("listening", LOG_S("address", address), LOG_I("port", httpd_port(w->httpd)));
	return 0;
}

void worker_outside_stop(struct worker *w)
{
	httpd_free(w->httpd);
}
