/* Start, signals, end. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define HEADER_BYTES (256u << 10) /* of a connection; a piece of a body takes half of it */
#define TICK_MS 1000

char *gateway_pending_prefix(const struct gateway *g)
{
	return own_printf("%spending/", g->place.prefix);
}

char *gateway_pending_key(const struct gateway *g, const char *video_id)
{
	return own_printf("%spending/%s", g->place.prefix, video_id);
}

/* Each connection has a socket, a spool and a socket to the store. */
static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int parse_listen(const char *where, char **ret_address, uint16_t *ret_port, struct err *e)
{
	const char *colon = strrchr(where, ':');
	char *end;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;

	if (!colon || colon == where || end == colon + 1 || *end || port < 0 || port > 65535)
		return err_set(e, ERR_POLICY, "--listen %s: give ADDRESS:PORT, as 127.0.0.1:8080",
			       where);
	*ret_address = *where == '[' && colon[-1] == ']'
			       ? own_strndup(where + 1, (size_t)(colon - where - 2))
			       : own_strndup(where, (size_t)(colon - where));
	*ret_port = (uint16_t)port;
	return 0;
}

static int write_port(const struct gateway *g, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(16);

	if (!g->o->port_file)
		return 0;
	buf_addf(&text, "%d\n", httpd_port(g->httpd));
	return buf_write_file(&text, g->o->port_file, 0644, e);
}

static int serve(struct gateway *g, struct err *e)
{
	const struct httpd_limits limits = { .body_cap = 64u << 10,
					     .connections = (int)g->o->connections,
					     .idle_seconds = (int)((g->o->idle.ms + 999) / 1000),
					     .header_cap = HEADER_BYTES };
	const struct httpd_handler handler = { .on_head = gateway_route_head,
					       .on_request = gateway_route_request,
					       .on_gone = gateway_route_gone,
					       .arg = g };
	AUTO(own_freep) char *address = NULL;
	uint16_t port = 0;

	if (parse_listen(g->o->listen, &address, &port, e) < 0)
		return -1;
	g->httpd = httpd_new(g->loop, address, port, &limits, &handler, e);
	if (!g->httpd)
		return err_wrap(e, "--listen %s", g->o->listen);
	LOG_INFO("listening", LOG_S("address", address), LOG_I("port", httpd_port(g->httpd)),
		 LOG_S("path", produce_word(g->path)), LOG_S("bucket", g->o->bucket));
	return write_port(g, e);
}

static void drained(void *arg)
{
	struct gateway *g = arg;

	loop_stop(g->loop);
}

void gateway_idle(struct gateway *g)
{
	if (g->draining && !g->uploads && !g->errands)
		loop_timer_start(g->drain, span_ms(200)); /* until the last answer is out */
}

static void asked_to_end(int signum, void *arg)
{
	struct gateway *g = arg;

	if (g->draining) {
		loop_stop(g->loop);
		return;
	}
	LOG_INFO("ending: uploads under way are still taken", LOG_I("signal", signum));
	g->draining = true;
	gateway_watch_stop_all(g);
	loop_timer_start(g->drain, g->o->drain);
	gateway_idle(g);
}

static void tick(void *arg)
{
	struct gateway *g = arg;
	struct tick now = clock_mono();

	gateway_upload_tick(g, now);
	gateway_health_tick(g, now);
	loop_timer_start(g->tick, span_ms(TICK_MS));
}

static void sweep(void *arg)
{
	struct gateway *g = arg;

	if (!g->draining)
		gateway_sweep_start(g);
	loop_timer_start(g->sweep, g->o->sweep_every);
}

static int set_up(struct gateway *g, struct err *e)
{
	const struct gateway_options *o = g->o;

	if (!o->bucket || !*o->bucket)
		return err_set(e, ERR_POLICY, "no bucket: give --bucket, or set WINDLASS_BUCKET");
	if (produce_route(&o->to, &g->path, e) < 0)
		return -1;
	g->token = gateway_token_new(&o->token, e);
	if (!g->token)
		return -1;
	g->lane = lane_new(g->loop, &(struct lane_options){ .region = o->region }, e);
	if (!g->lane)
		return -1;
	if (g->path == PRODUCE_CELERY) {
		g->celery = produce_celery_new(g->loop, &o->celery, e);
		if (!g->celery)
			return -1;
	}
	g->place = (struct broker_record_place){ o->bucket, o->records };
	return gateway_page_make(g, e);
}

static void stop(struct gateway *g)
{
	gateway_sweep_stop(g);
	gateway_health_stop(g);
	httpd_free(g->httpd); /* tells uploads, looks and watches that they are gone */
	while (g->uploads)
		gateway_upload_free(g->uploads);
	gateway_errand_stop(g);
	produce_celery_free(g->celery);
	gateway_send_stop(g);
	lane_free(g->lane);
	gateway_token_free(g->token);
	loop_timer_free(g->drain);
	loop_timer_free(g->tick);
	loop_timer_free(g->sweep);
	for (size_t i = 0; i < COUNT_OF(g->signals); i++)
		loop_signal_free(g->signals[i]);
	own_free(g->page);
	own_free(g->page_policy);
	loop_free(g->loop);
}

int gateway_serve(const struct gateway_options *o, struct err *e)
{
	struct gateway g = { .o = o };
	int rc;

	raise_files();
	g.loop = loop_new();
	g.drain = loop_timer_new(g.loop, drained, &g);
	g.tick = loop_timer_new(g.loop, tick, &g);
	g.sweep = loop_timer_new(g.loop, sweep, &g);
	g.signals[0] = loop_signal_new(g.loop, SIGTERM, asked_to_end, &g);
	g.signals[1] = loop_signal_new(g.loop, SIGINT, asked_to_end, &g);
	rc = set_up(&g, e);
	if (rc == 0)
		rc = serve(&g, e);
	if (rc == 0) {
		loop_timer_start(g.tick, span_ms(0));
		loop_timer_start(g.sweep, span_ms(0));
		loop_run(g.loop);
		LOG_INFO("ended", LOG_I("uploads", g.results[GATEWAY_ACCEPTED]));
	}
	stop(&g);
	return rc;
}
