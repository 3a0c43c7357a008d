/* The event loop (libuv; the only file that includes it): timers, signals, children, pipes,
 * descriptors, work off the loop, names. One thread runs it; nothing called from it may wait.
 *
 * Handles are heap values that live until their _free(); freeing one inside its own callback
 * is allowed, NULL is fine. A loop ends when loop_stop() is called or no active handle is left.
 * loop_new() makes the process ignore SIGPIPE; children get it back.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/instant.h"

struct loop;
struct loop *loop_new(void);
void loop_free(struct loop *l); /* closes what is left */
DEFINE_FREEP(struct loop, loop);
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Timers. A timer fires once; start it again for the next time (no drift is the caller's sum). */
typedef void loop_fn(void *arg);
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
void loop_timer_start(struct loop_timer *t,
		      struct span after); /* replaces an earlier start; < 0 is 0 */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_active(const struct loop_timer *t);
void loop_timer_unref(struct loop_timer *t); /* from now on it keeps no loop alive */
void loop_timer_free(struct loop_timer *t);
/* Runs fn from the loop as soon as it turns, not now. Nothing to free. */
void loop_soon(struct loop *l, loop_fn *fn, void *arg);

/* Signals. Handlers keep no loop alive. */
typedef void loop_signal_fn(int signum, void *arg);
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_signal_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *s);

/* Descriptors that somebody else owns (a socketpair, curl's, libmicrohttpd's); not regular files.
 * They are made non-blocking. */
enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4 /* the peer of a stream socket sends no more; seen without reading */
};
typedef void loop_fd_fn(int events,
			void *arg); /* what of the watched; errors come as all of them */
struct loop_fd;
struct loop_fd *loop_fd_new(struct loop *l, int fd, loop_fd_fn *fn, void *arg);
void loop_fd_watch(struct loop_fd *f, int events); /* 0 stops */
void loop_fd_unref(struct loop_fd *f);             /* from now on it keeps no loop alive */
void loop_fd_free(struct loop_fd *f); /* does not close the descriptor: close it afterwards */

/* Children. Each runs in its own session and process group (killable whole) and with no
 * descriptor but those named. When it ends, what is left of its group is killed, so that
 * nobody is orphaned. env NULL inherits the environment. A child has been executed when
 * loop_child_new() returns; what fails before that is its error. */
struct loop_spawn {
	const char *const *argv; /* argv[0] is looked up in PATH; NULL-terminated */
	const char *const *env;  /* NULL-terminated "NAME=value", or NULL */
	const char *cwd;         /* or NULL */
	int fd[4];        /* what the child sees as 0…3; -1: /dev/null for 0…2, closed for 3 */
	bool same_group;  /* stay in our process group; kill then means the child alone */
	int death_signal; /* what the child gets when this process dies, however; 0: nothing */
	void (*prepare)(void *arg); /* run in the child before exec (sandbox); async-signal-safe
				       only; or NULL */
	void *prepare_arg;
};
typedef void loop_exit_fn(int status, int signum,
			  void *arg); /* exit status, or the signal that killed it */
struct loop_child;
MUST struct loop_child *loop_child_new(struct loop *l, const struct loop_spawn *s, loop_exit_fn *fn,
				       void *arg, struct err *e);
char *
loop_child_find(const char *program); /* its file, as argv[0] is looked up in PATH; NULL: none */
bool loop_child_findable(const char *program);
pid_t loop_child_pid(const struct loop_child *c); /* 0 once it has ended */
void loop_child_kill(struct loop_child *c,
		     int signum);           /* the whole process group; harmless after the end */
void loop_child_free(struct loop_child *c); /* forgets it (does not kill it); it is still reaped */

/* A process that is not our child (adopted after a restart): gone() when it has ended, by pidfd.
 * Where there is no such process now, the error is ERR_NOT_FOUND. */
struct loop_watch;
MUST struct loop_watch *loop_watch_pid(struct loop *l, pid_t pid, loop_fn *gone, void *arg,
				       struct err *e);
void loop_watch_free(struct loop_watch *w);

/* Work off the loop, on libuv's thread pool; after() runs on the loop. The work may not touch
 * anything that the loop touches meanwhile. There is no cancel: after() always runs. */
void loop_work(struct loop *l, loop_fn *work, loop_fn *after, void *arg);

/* Names, resolved off the loop. addresses are numeric texts, borrowed for the call; n == 0: @p e
 * says why. Results are cached (60 s), and past that time when a lookup fails or is slow. A numeric
 * host answers from the loop soon. fn is never called before loop_resolve() returns. */
typedef void loop_resolve_fn(const char *const *addresses, size_t n, const struct err *e,
			     void *arg);
struct loop_resolve;
struct loop_resolve *loop_resolve(struct loop *l, const char *host, loop_resolve_fn *fn, void *arg);
void loop_resolve_cancel(struct loop_resolve *r); /* fn will not be called; only before it was */

#endif
