/* Calls of a lane: when they start, when they are repeated, how they end. */
#include "aws/lane.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/lane_own.h"
#include "base/clock.h"

#define ATTEMPTS 3
#define ATTEMPTS_MAX 100

/* The environment's, else the profile's; NULL: neither. *ret_from: where it stands. */
static const char *setting(const char *variable, const char *key, const struct profiles *p,
			   const struct lane_options *o, const char **ret_from)
{
	const char *text = getenv(variable);

	*ret_from = variable;
	if (text && *text)
		return text;
	*ret_from = key;
	text = profile_get(p, profile_name(o->profile), key);
	return text && *text ? text : NULL;
}

static int set_retries(struct lane *l, const struct lane_options *o, const struct profiles *p,
		       struct err *e)
{
	const char *from, *text = setting("AWS_MAX_ATTEMPTS", "max_attempts", p, o, &from);
	char *end = NULL;
	long n = text ? strtol(text, &end, 10) : ATTEMPTS;

	if (text && (*end || n < 1 || n > ATTEMPTS_MAX))
		return err_set(e, ERR_POLICY, "%s is '%.40s' -> a number from 1 to %d", from, text,
			       ATTEMPTS_MAX);
	l->attempts = o->attempts > 0 ? o->attempts : (int)n;
	text = setting("AWS_RETRY_MODE", "retry_mode", p, o, &from);
	l->adaptive = text ? strcmp(text, "adaptive") == 0 : o->adaptive;
	if (text && !l->adaptive && strcmp(text, "standard") != 0 && strcmp(text, "legacy") != 0)
		return err_set(e, ERR_POLICY, "%s is '%.40s' -> standard or adaptive", from, text);
	return 0;
}

struct lane *lane_new(struct loop *l, const struct lane_options *o, struct err *e)
{
	static const struct lane_options none = { 0 };
	AUTO(profile_freep) struct profiles *p = profile_load(e);
	const char *bundle = getenv("AWS_CA_BUNDLE");
	AUTO(own_freep) struct lane *lane = own_alloc(sizeof(*lane));

	if (!o)
		o = &none;
	if (!p || set_retries(lane, o, p, e) < 0 ||
	    endpoint_init(&lane->endpoint,
			  &(struct endpoint_options){ .region = o->region,
						      .profile = o->profile,
						      .endpoint = o->endpoint },
			  p, e) < 0)
		return NULL;
	lane->own_loop = !l;
	lane->loop = l ? l : loop_new();
	lane->http = http_new(lane->loop);
	lane->profile = own_strdup(o->profile);
	lane->given_endpoint = own_strdup(o->endpoint);
	lane->ca_file = own_strdup(o->ca_file ? o->ca_file : bundle && *bundle ? bundle : NULL);
	lane->on_change = o->on_change;
	lane->on_change_arg = o->on_change_arg;
	lane->tokens = LANE_TOKENS_MAX;
	lane->chain = o->chain;
	lane->base = o->base;
	if (o->role)
		lane->role = (struct lane_role){ .arn = own_strdup(o->role->arn),
						 .session = own_strdup(o->role->session),
						 .external_id = own_strdup(o->role->external_id),
						 .seconds = o->role->seconds };
	lane->keys.expires = INSTANT_NEVER;
	rng_seed_os(&lane->rng);
	if (o->keys)
		lane_set_keys(lane, o->keys);
	return TAKE(lane);
}

void lane_free(struct lane *l)
{
	if (!l)
		return;
	while (l->flights)
		lane_cancel(l, l->flights->call);
	lane_keys_done(l);
	lane_gates_done(l);
	http_free(l->http);
	endpoint_done(&l->endpoint);
	own_free(l->profile);
	own_free(l->ca_file);
	own_free(l->given_endpoint);
	if (l->own_loop)
		loop_free(l->loop);
	own_free(l);
}

struct loop *lane_loop(const struct lane *l)
{
	return l->loop;
}

const char *lane_region(const struct lane *l)
{
	return l->endpoint.region;
}

struct span lane_left(const struct aws_flight *f)
{
	return tick_since(f->deadline, clock_mono());
}

void lane_body_more(struct aws_call *c)
{
	if (c->flight && c->flight->http)
		http_body_more(c->flight->http);
}

void lane_cancel(struct lane *l, struct aws_call *c)
{
	struct aws_flight *f = c->flight;

	if (!f)
		return;
	if (f->http)
		http_cancel(f->http);
	loop_timer_free(f->timer);
	lane_gate_leave(f);
	if (f->prev)
		f->prev->next = f->next;
	else
		l->flights = f->next;
	if (f->next)
		f->next->prev = f->prev;
	c->flight = NULL;
	own_free(f);
}

void lane_end(struct aws_flight *f)
{
	struct aws_call *c = f->call;
	lane_done_fn *fn = f->fn;
	void *arg = f->arg;

	c->reply.attempts = f->attempts;
	lane_cancel(f->lane, c);
	fn(c, arg);
}

void lane_fail(struct aws_flight *f, const struct err *e)
{
	struct reply *r = &f->call->reply;

	r->err = *e;
	err_wrap(&r->err, "%s %s", service_info(r->service)->title, r->action);
	lane_end(f);
}

static void clear_reply(struct aws_flight *f)
{
	const struct request *q = &f->call->request;
	struct reply *r = &f->call->reply;

	reply_done(r);
	r->service = q->service;
	r->action = q->action;
}

/* What an attempt wrote to the descriptor is taken back before the next. */
static int rewind_fd(const struct aws_flight *f, struct err *e)
{
	int fd = f->call->request.reply_fd;

	if (fd < 0 || f->attempts == 0 || f->fd_start < 0)
		return 0;
	if (lseek(fd, (off_t)f->fd_start, SEEK_SET) < 0 ||
	    (!f->call->request.reply_shared && ftruncate(fd, (off_t)f->fd_start) < 0))
		return err_errno(e, errno, "taking back what the last attempt wrote");
	return 0;
}

static int check_request(const struct request *r, struct err *e)
{
	if (r->service == SERVICE_IMDS)
		return err_set(e, ERR_LOCAL, "instance metadata is not called through a lane");
	if (buf_ok(&r->path, "path", e) < 0 || buf_ok(&r->query, "query", e) < 0)
		return -1;
	return buf_ok(&r->body, "request body", e);
}

/* False: it waits, or has ended. */
static bool enter(struct aws_flight *f)
{
	struct err e = { 0 };
	int rc = lane_gate_enter(f, &e);

	if (rc < 0)
		lane_fail(f, &e);
	else if (rc == 0)
		loop_timer_start(f->timer, lane_left(f));
	return rc > 0;
}

void lane_go(struct aws_flight *f)
{
	struct err e = { 0 };

	if (f->no_keys) {
		e = f->call->reply.err;
		lane_fail(f, &e);
		return;
	}
	if (lane_left(f).ms <= 0) {
		err_set(&e, ERR_UNREACHABLE, "out of time after %d attempts", f->attempts);
		lane_fail(f, &e);
		return;
	}
	if (!f->call->request.anonymous && lane_keys_ready(f->lane) == LANE_KEYS_AWAITED) {
		lane_gate_leave(f); /* it may have been let in before the keys ended */
		f->state = FLIGHT_KEYS;
		loop_timer_start(f->timer, lane_left(f));
		return;
	}
	if (f->state != FLIGHT_LET_IN && !enter(f))
		return;
	clear_reply(f);
	if (check_request(&f->call->request, &e) < 0 || rewind_fd(f, &e) < 0 ||
	    lane_send(f, lane_answered, &e) < 0) {
		lane_fail(f, &e);
		return;
	}
	f->state = FLIGHT_SENT;
	f->attempts++;
}

static void timer_fired(void *arg)
{
	struct aws_flight *f = arg;
	struct err e = { 0 };

	if (f->state == FLIGHT_KEYS)
		err_set(&e, ERR_DENIED, "no credentials came in time");
	else if (f->state == FLIGHT_QUEUED)
		err_ignore(lane_gate_late(f, &e));
	else
		lane_go(f);
	if (e.kind != ERR_NONE)
		lane_fail(f, &e);
}

void lane_start(struct lane *l, struct aws_call *c, struct span deadline, lane_done_fn *fn,
		void *arg)
{
	struct aws_flight *f = own_alloc(sizeof(*f));

	assert(!c->flight);
	f->lane = l;
	f->call = c;
	f->fn = fn;
	f->arg = arg;
	f->deadline = tick_add(clock_mono(), deadline);
	f->fd_start = c->request.reply_fd >= 0 ? lseek(c->request.reply_fd, 0, SEEK_CUR) : -1;
	f->timer = loop_timer_new(l->loop, timer_fired, f);
	f->next = l->flights;
	if (f->next)
		f->next->prev = f;
	l->flights = f;
	c->flight = f;
	clear_reply(f);
	loop_timer_start(f->timer, span_ms(0));
}
