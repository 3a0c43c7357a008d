/* The loop itself: timers, signals, descriptors, work. Children are in loop_child.c and names
 * in loop_resolve.c; both stand on what is here and do not know libuv. */
#include "base/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/loop_own.h"

struct soon {
	struct soon *next;
	loop_fn *fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_idle_t idle; /* runs while something is to be done soon */
	struct soon *soon, **soon_end;
	struct loop_owned owned; /* head of a ring */
	struct loop_resolver *resolver;
};

void loop_must(int rc, const char *what)
{
	if (rc == 0)
		return;
	dprintf(STDERR_FILENO, "windlass: event loop: %s: %s\n", what, uv_strerror(rc));
	exit(70);
}

static void run_soon(uv_idle_t *idle)
{
	struct loop *l = idle->data;
	struct soon *s = l->soon, *next;

	/* Those added meanwhile belong to the next turn, or two that add each other would starve
	 * the rest. */
	l->soon = NULL;
	l->soon_end = &l->soon;
	for (; s; s = next) {
		next = s->next;
		s->fn(s->arg);
		own_free(s);
	}
	if (!l->soon)
		uv_idle_stop(&l->idle);
}

void loop_soon(struct loop *l, loop_fn *fn, void *arg)
{
	struct soon *s = own_alloc(sizeof(*s));

	*s = (struct soon){ .fn = fn, .arg = arg };
	*l->soon_end = s;
	l->soon_end = &s->next;
	uv_idle_start(&l->idle, run_soon);
}

/* A parent that ignored SIGCHLD hands that on, and the kernel would then reap behind our back. */
static void mend_signals(void)
{
	struct sigaction now;

	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

struct loop *loop_new(void)
{
	struct loop *l = own_alloc(sizeof(*l));

	mend_signals();
	loop_must(uv_loop_init(&l->uv), "starting");
	loop_must(uv_idle_init(&l->uv, &l->idle), "starting");
	l->idle.data = l;
	l->soon_end = &l->soon;
	l->owned.prev = l->owned.next = &l->owned;
	return l;
}

void loop_own(struct loop *l, struct loop_owned *o, void (*drop)(struct loop_owned *o))
{
	o->drop = drop;
	o->next = &l->owned;
	o->prev = l->owned.prev;
	o->prev->next = o->next->prev = o;
}

void loop_disown(struct loop_owned *o)
{
	o->prev->next = o->next;
	o->next->prev = o->prev;
}

struct loop_resolver **loop_resolver_of(struct loop *l)
{
	return &l->resolver;
}

static void drop_soon(struct loop *l)
{
	struct soon *s;

	while ((s = l->soon)) {
		l->soon = s->next;
		own_free(s);
	}
	l->soon_end = &l->soon;
	uv_idle_stop(&l->idle);
}

static void free_data(uv_handle_t *h)
{
	own_free(h->data);
}

static void close_handle(uv_handle_t *h, void *loop)
{
	if (!uv_is_closing(h))
		uv_close(h, h->data == loop ? NULL : free_data);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->owned.next != &l->owned)
		l->owned.next->drop(l->owned.next);
	drop_soon(l);
	uv_walk(&l->uv, close_handle, l);
	/* Work that runs is waited for: its after() owns memory. What that adds goes too. */
	do {
		uv_run(&l->uv, UV_RUN_DEFAULT);
		drop_soon(l);
		uv_walk(&l->uv, close_handle, l);
	} while (uv_loop_close(&l->uv) == UV_EBUSY);
	own_free(l);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

struct loop_timer {
	uv_timer_t uv; /* first: closing frees the whole by its data */
	loop_fn *fn;
	void *arg;
};

static void timer_fired(uv_timer_t *h)
{
	struct loop_timer *t = h->data;

	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t = own_alloc(sizeof(*t));

	t->fn = fn;
	t->arg = arg;
	loop_must(uv_timer_init(&l->uv, &t->uv), "making a timer");
	t->uv.data = t;
	return t;
}

void loop_timer_start(struct loop_timer *t, struct span after)
{
	/* libuv counts from the cached, rounded down time of this turn; one more makes it never
	 * early. */
	uint64_t ms = after.ms > 0 ? (uint64_t)after.ms + 1 : 0;

	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, timer_fired, ms, 0);
}

void loop_timer_stop(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

bool loop_timer_active(const struct loop_timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_unref(struct loop_timer *t)
{
	uv_unref((uv_handle_t *)&t->uv);
}

void loop_timer_free(struct loop_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_data);
}

struct loop_signal {
	uv_signal_t uv;
	loop_signal_fn *fn;
	void *arg;
};

static void signal_came(uv_signal_t *h, int signum)
{
	struct loop_signal *s = h->data;

	s->fn(signum, s->arg);
}

struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *s = own_alloc(sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	loop_must(uv_signal_init(&l->uv, &s->uv), "watching a signal");
	s->uv.data = s;
	loop_must(uv_signal_start(&s->uv, signal_came, signum), "watching a signal");
	uv_unref((uv_handle_t *)&s->uv);
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->uv, free_data);
}

struct loop_fd {
	uv_poll_t uv;
	loop_fd_fn *fn;
	void *arg;
	int events;
};

static void fd_ready(uv_poll_t *h, int status, int uv_events)
{
	struct loop_fd *f = h->data;
	int events = 0;

	if (uv_events & UV_READABLE)
		events |= LOOP_READ;
	if (uv_events & UV_WRITABLE)
		events |= LOOP_WRITE;
	if (uv_events & UV_DISCONNECT)
		events |= LOOP_HANGUP;
	if (status < 0) {
		events = f->events;
		loop_fd_watch(f, events); /* libuv has stopped it; the callback may still want it */
	}
	f->fn(events, f->arg);
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *f = own_alloc(sizeof(*f));

	f->fn = fn;
	f->arg = arg;
	loop_must(uv_poll_init(&l->uv, &f->uv, fd), "watching a descriptor");
	f->uv.data = f;
	return f;
}

void loop_fd_watch(struct loop_fd *f, int events)
{
	int uv_events = 0;

	f->events = events;
	if (events & LOOP_READ)
		uv_events |= UV_READABLE;
	if (events & LOOP_WRITE)
		uv_events |= UV_WRITABLE;
	if (events & LOOP_HANGUP)
		uv_events |= UV_DISCONNECT;
	if (uv_events)
		uv_poll_start(&f->uv, uv_events, fd_ready);
	else
		uv_poll_stop(&f->uv);
}

void loop_fd_unref(struct loop_fd *f)
{
	uv_unref((uv_handle_t *)&f->uv);
}

void loop_fd_free(struct loop_fd *f)
{
	if (f)
		uv_close((uv_handle_t *)&f->uv, free_data);
}

struct work {
	uv_work_t uv;
	loop_fn *work, *after;
	void *arg;
};

static void work_run(uv_work_t *req)
{
	struct work *w = req->data;

	w->work(w->arg);
}

static void work_ended(uv_work_t *req, int status)
{
	struct work *w = req->data;

	(void)status; /* nobody cancels */
	w->after(w->arg);
	own_free(w);
}

void loop_work(struct loop *l, loop_fn *work, loop_fn *after, void *arg)
{
	struct work *w = own_alloc(sizeof(*w));

	*w = (struct work){ .work = work, .after = after, .arg = arg };
	w->uv.data = w;
	loop_must(uv_queue_work(&l->uv, &w->uv, work_run, work_ended), "starting work");
}
