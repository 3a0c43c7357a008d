/* The loop: timers, children, names, work. */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "check_base_io.h"

static struct loop *loop;

static void setup(void)
{
	loop = loop_new();
}

static void teardown(void)
{
	loop_free(loop);
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(ten_thousand_timers_all_fire_and_none_early)
{
	enum { N = 10000 };
	struct loop_timer **t = own_array(N, sizeof(*t));
	struct tick began = clock_mono();
	int fired = 0;

	for (int i = 0; i < N; i++) {
		t[i] = loop_timer_new(loop, count, &fired);
		loop_timer_start(t[i], span_ms(20 + i % 50));
	}
	loop_run(loop);
	ck_assert_int_eq(fired, N);
	ck_assert_int_ge(tick_since(clock_mono(), began).ms, 69);
	for (int i = 0; i < N; i++)
		loop_timer_free(t[i]);
	own_free(t);
}
END_TEST

struct self_free {
	struct loop_timer *t;
	int fired;
};

static void free_self(void *arg)
{
	struct self_free *s = arg;

	s->fired++;
	loop_timer_free(TAKE(s->t));
}

START_TEST(a_timer_may_free_itself_and_others_are_closed_with_the_loop)
{
	struct self_free s = { 0 };
	struct loop_timer *left = loop_timer_new(loop, stop, NULL);

	s.t = loop_timer_new(loop, free_self, &s);
	loop_timer_start(s.t, span_ms(-5));
	loop_run(loop);
	ck_assert_int_eq(s.fired, 1);
	loop_timer_start(left, span_s(3600)); /* teardown must not wait for it */
	ck_assert(loop_timer_active(left));
	loop_timer_unref(left);
	loop_run(loop);
}
END_TEST

struct chain {
	int left, others;
};

static void again(void *arg)
{
	struct chain *c = arg;

	if (--c->left > 0)
		loop_soon(loop, again, c);
}

START_TEST(soon_runs_after_return_and_starves_nobody)
{
	struct chain c = { .left = 100 };
	struct loop_timer *t = loop_timer_new(loop, count, &c.others);
	int ran = 0;

	loop_soon(loop, count, &ran);
	loop_soon(loop, again, &c);
	loop_timer_start(t, span_ms(0));
	ck_assert_int_eq(ran, 0);
	loop_run(loop);
	ck_assert_int_eq(ran, 1);
	ck_assert_int_eq(c.left, 0);
	ck_assert_int_eq(c.others, 1);
	loop_timer_free(t);
	loop_soon(loop, count, &ran); /* dropped with the loop */
}
END_TEST

static void signal_came(int signum, void *arg)
{
	*(int *)arg = signum;
	loop_stop(loop);
}

static void raise_term(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

START_TEST(signals_are_handled_and_keep_no_loop_alive)
{
	int seen = 0;
	struct loop_signal *s = loop_signal_new(loop, SIGTERM, signal_came, &seen);
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);

	loop_run(loop);
	loop_soon(loop, raise_term, NULL);
	loop_timer_start(t, span_s(5));
	loop_run(loop);
	ck_assert_int_eq(seen, SIGTERM);
	loop_signal_free(s);
	loop_timer_free(t);
}
END_TEST

struct seen_fd {
	struct loop_fd *f;
	int fd, events;
	char got[16];
};

static void fd_seen(int events, void *arg)
{
	struct seen_fd *s = arg;

	s->events |= events;
	if (events & LOOP_HANGUP) {
		loop_fd_free(TAKE(s->f));
		return;
	}
	if (events & LOOP_READ)
		ck_assert_int_eq(read(s->fd, s->got, sizeof(s->got)), 5);
	loop_fd_watch(s->f, LOOP_HANGUP);
}

START_TEST(descriptors_tell_data_and_hangup)
{
	struct seen_fd s = { 0 };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s.fd = pair[0];
	s.f = loop_fd_new(loop, pair[0], fd_seen, &s);
	loop_fd_watch(s.f, LOOP_READ);
	ck_assert_int_eq(write(pair[1], "hello", 5), 5);
	close(pair[1]);
	loop_run(loop);
	ck_assert_str_eq(s.got, "hello");
	ck_assert(s.events & LOOP_HANGUP);
	close(pair[0]);
}
END_TEST

static void work_sum(void *arg)
{
	int *v = arg;

	v[1] = v[0] * 2;
}

static void work_after(void *arg)
{
	int *v = arg;

	v[2]++;
}

START_TEST(work_runs_off_the_loop_and_always_comes_back)
{
	int v[3] = { 21 }, w[3] = { 1 };

	loop_work(loop, work_sum, work_after, v);
	loop_run(loop);
	ck_assert_int_eq(v[1], 42);
	ck_assert_int_eq(v[2], 1);
	loop_work(loop, work_sum, work_after, w);
	loop_free(loop);
	ck_assert_int_eq(w[2], 1);
	loop = loop_new();
}
END_TEST

struct ended {
	int calls, status, signum;
	struct loop_child *c;
};

static void child_ended(int status, int signum, void *arg)
{
	struct ended *d = arg;

	d->calls++;
	d->status = status;
	d->signum = signum;
	ck_assert_int_eq(loop_child_pid(d->c), 0);
	loop_child_kill(d->c, SIGKILL); /* harmless */
	loop_child_free(TAKE(d->c));
}

#define NO_FDS                 \
	{                      \
		-1, -1, -1, -1 \
	}
#define SH(script) ((const char *const[]){ "sh", "-c", (script), NULL })

static const struct {
	const char *what, *script;
	int status, signum;
} ends[] = {
	{ "success", "exit 0", 0, 0 },
	{ "a status", "exit 7", 7, 0 },
	{ "killed", "kill -9 $$", 0, SIGKILL },
	{ "an ignored signal is not ignored in the child", "kill -PIPE $$; exit 3", 0, SIGPIPE },
	/* 3 is the shell's own, for what it substitutes; had it another, that would be 4 */
	{ "no descriptors but those named",
	  "test \"$(ls /proc/$$/fd | tr '\\n' ' ')\" = '0 1 2 3 '", 0, 0 },
	{ "nothing to read", "read x; test $? != 0", 0, 0 },
	{ "a session of its own", "test $(cut -d' ' -f6 /proc/$$/stat) = $$", 0, 0 },
};

START_TEST(children_tell_how_they_ended)
{
	struct ended d = { 0 };
	struct err e = { 0 };
	struct loop_spawn s = { .argv = SH(ends[_i].script), .fd = NO_FDS };

	d.c = loop_child_new(loop, &s, child_ended, &d, &e);
	ck_assert_msg(d.c, "%s", e.text);
	ck_assert_int_gt(loop_child_pid(d.c), 0);
	loop_run(loop);
	ck_assert_int_eq(d.calls, 1);
	ck_assert_msg(d.status == ends[_i].status && d.signum == ends[_i].signum, "%s: %d %d",
		      ends[_i].what, d.status, d.signum);
}
END_TEST

static void prepare(void *arg)
{
	if (write(*(int *)arg, "prepared ", 9) != 9)
		_exit(1);
}

START_TEST(children_get_descriptors_environment_folder_and_hook)
{
	struct ended d = { 0 };
	struct err e = { 0 };
	int out[2], other[2];
	char text[256] = "";

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(other, O_CLOEXEC), 0);
	ck_assert_int_eq(write(other[1], "in\n", 3), 3);
	close(other[1]);
	/* 3 and 1 are the same, and 0 comes from one that may lie among the targets */
	struct loop_spawn s = { .argv = SH("read a; echo $a $X $(pwd) >&3; echo end"),
				.env = (const char *const[]){ "X=y", NULL },
				.cwd = "/usr",
				.fd = { other[0], out[1], -1, out[1] },
				.prepare = prepare,
				.prepare_arg = &out[1] };
	d.c = loop_child_new(loop, &s, child_ended, &d, &e);
	ck_assert_msg(d.c, "%s", e.text);
	close(out[1]);
	close(other[0]);
	loop_run(loop);
	ck_assert_int_eq(d.status, 0);
	ck_assert_int_gt(read(out[0], text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "prepared in y /usr\nend\n");
	close(out[0]);
}
END_TEST

static const struct {
	const char *file, *cwd, *text;
} failures[] = {
	{ "no-such-program-here", NULL,
	  "running no-such-program-here: there is no such program in PATH" },
	{ "/nowhere/x", NULL, "running /nowhere/x: No such file or directory" },
	{ "/etc/passwd", NULL, "running /etc/passwd: Permission denied" },
	{ "sh", "/nowhere", "running sh in /nowhere: No such file or directory" },
};

START_TEST(children_that_cannot_start_are_errors)
{
	struct loop_spawn s = { .argv = (const char *const[]){ failures[_i].file, NULL },
				.cwd = failures[_i].cwd,
				.fd = NO_FDS };
	struct err e = { 0 };

	ck_assert_ptr_null(loop_child_new(loop, &s, child_ended, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_LOCAL);
	ck_assert_str_eq(e.text, failures[_i].text);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static void kill_group(void *arg)
{
	struct ended *d = arg;

	loop_child_kill(d->c, SIGTERM);
}

/* The reading end closes when nobody of the group is left. */
static void expect_all_gone(int fd)
{
	struct seen_fd s = { .fd = fd };
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);

	s.f = loop_fd_new(loop, fd, fd_seen, &s);
	loop_fd_watch(s.f, LOOP_HANGUP);
	loop_timer_start(t, span_s(5));
	loop_timer_unref(t);
	loop_run(loop);
	ck_assert_msg(s.events & LOOP_HANGUP, "somebody of the group lives on");
	loop_timer_free(t);
}

static const char *const groups[] = {
	"sleep 100 & sleep 100; wait",      /* killed whole */
	"trap '' TERM; sleep 100 & exit 0", /* left behind by its leader */
};

START_TEST(nobody_of_a_group_outlives_it)
{
	struct ended d = { 0 };
	struct err e = { 0 };
	struct loop_timer *t = loop_timer_new(loop, kill_group, &d);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	struct loop_spawn s = { .argv = SH(groups[_i]), .fd = { -1, pair[1], -1, -1 } };
	d.c = loop_child_new(loop, &s, child_ended, &d, &e);
	ck_assert_msg(d.c, "%s", e.text);
	close(pair[1]);
	loop_timer_start(t, span_ms(100));
	loop_run(loop);
	ck_assert_int_eq(d.calls, 1);
	expect_all_gone(pair[0]);
	close(pair[0]);
	loop_timer_free(t);
}
END_TEST

START_TEST(a_forgotten_child_is_reaped_and_other_children_are_not)
{
	struct loop_spawn s = { .argv = SH("exit 0"), .fd = NO_FDS };
	struct loop_timer *t = loop_timer_new(loop, stop, NULL);
	struct err e = { 0 };
	struct loop_child *c;
	pid_t pid, foreign = fork();

	if (foreign == 0)
		_exit(9);
	c = loop_child_new(loop, &s, child_ended, NULL, &e);
	ck_assert_msg(c, "%s", e.text);
	pid = loop_child_pid(c);
	loop_child_free(c);
	loop_timer_start(t, span_ms(200));
	loop_run(loop);
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(waitpid(foreign, NULL, 0), foreign);
	loop_timer_free(t);
}
END_TEST

START_TEST(a_strange_process_is_watched)
{
	struct err e = { 0 };
	int gone = 0;
	pid_t pid = fork();
	struct loop_watch *w;

	if (pid == 0) {
		usleep(50000);
		_exit(0);
	}
	w = loop_watch_pid(loop, pid, count, &gone, &e);
	ck_assert_msg(w, "%s", e.text);
	loop_run(loop);
	ck_assert_int_eq(gone, 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	loop_watch_free(w);
	ck_assert_ptr_null(loop_watch_pid(loop, pid, count, &gone, &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
}
END_TEST

struct resolved {
	int calls;
	size_t n;
	char first[64];
	struct err e;
	struct loop_resolve *cancel;
};

static void resolved(const char *const *addresses, size_t n, const struct err *e, void *arg)
{
	struct resolved *r = arg;

	r->calls++;
	r->n = n;
	if (n > 0)
		snprintf(r->first, sizeof(r->first), "%s", addresses[0]);
	if (e)
		r->e = *e;
	loop_resolve_cancel(TAKE(r->cancel));
}

static const struct {
	const char *host, *first; /* NULL: cannot be resolved */
} names[] = {
	{ "127.0.0.1", "127.0.0.1" }, { "::1", "::1" },           { "[::1]", "::1" },
	{ "localhost", "" },          { "nosuch.invalid", NULL }, { "", NULL },
	{ "two words", NULL },        { "evil\nname", NULL },
};

START_TEST(names_are_resolved_or_say_why_not)
{
	for (int again = 0; again < 2; again++) {
		struct resolved r = { 0 };

		loop_resolve(loop, names[_i].host, resolved, &r);
		ck_assert_int_eq(r.calls, 0);
		loop_run(loop);
		ck_assert_int_eq(r.calls, 1);
		if (names[_i].first) {
			ck_assert_uint_gt(r.n, 0);
			ck_assert_msg(strstr(r.first, names[_i].first), "%s", r.first);
		} else {
			ck_assert_uint_eq(r.n, 0);
			ck_assert_int_eq(r.e.kind, ERR_UNREACHABLE);
			ck_assert_ptr_nonnull(strstr(r.e.text, "resolving "));
		}
	}
}
END_TEST

/* Names that end in .fake are answered here, and time goes as it is told. */
static struct {
	atomic_int lookups, at_once, most;
	atomic_bool fails;
	atomic_int slow_ms;
	atomic_long later_s;
} fake;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(__typeof__(real))dlsym(RTLD_NEXT, "getaddrinfo");
	size_t len = strlen(name);
	int now;

	if (len < 5 || strcmp(name + len - 5, ".fake") != 0)
		return real(name, service, hints, list);
	atomic_fetch_add(&fake.lookups, 1);
	now = atomic_fetch_add(&fake.at_once, 1) + 1;
	if (now > fake.most)
		fake.most = now;
	usleep((useconds_t)fake.slow_ms * 1000);
	atomic_fetch_sub(&fake.at_once, 1);
	return fake.fails ? EAI_AGAIN : real("192.0.2.1", service, hints, list);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	if (id == CLOCK_BOOTTIME)
		t->tv_sec += fake.later_s;
	return rc;
}

static void expect_fake(const char *first, int lookups, int within_ms)
{
	struct resolved r = { 0 };
	struct timespec began, ended;

	clock_gettime(CLOCK_MONOTONIC, &began);
	loop_resolve(loop, "name.fake", resolved, &r);
	while (r.calls == 0)
		io_wait(loop, 1);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	ck_assert_str_eq(r.first, first);
	ck_assert_int_eq(fake.lookups, lookups);
	ck_assert_int_lt((ended.tv_sec - began.tv_sec) * 1000 +
				 (ended.tv_nsec - began.tv_nsec) / 1000000,
			 within_ms);
}

START_TEST(a_name_once_known_outlives_its_name_server)
{
	memset(&fake, 0, sizeof(fake));
	fake.fails = true;
	expect_fake("", 1, 500);
	expect_fake("", 2, 500); /* a failure is not kept */
	fake.fails = false;
	expect_fake("192.0.2.1", 3, 500);
	expect_fake("192.0.2.1", 3, 500);
	fake.later_s = 61;
	fake.fails = true;
	expect_fake("192.0.2.1", 4, 500);
	expect_fake("192.0.2.1", 4, 500); /* and not asked for at each call meanwhile */
	fake.later_s += 6;
	fake.slow_ms = 1800;
	expect_fake("192.0.2.1", 5, 1700); /* not waited for */
	expect_fake("192.0.2.1", 5, 1700);
}
END_TEST

START_TEST(lookups_are_few_at_once_and_nobody_waits_for_them_at_the_end)
{
	struct resolved r = { 0 };
	char host[32];

	memset(&fake, 0, sizeof(fake));
	fake.slow_ms = 50;
	for (int i = 0; i < 20; i++) {
		snprintf(host, sizeof(host), "%d.fake", i);
		loop_resolve(loop, host, resolved, &r);
		loop_resolve(loop, host, resolved, &r);
	}
	loop_run(loop);
	ck_assert_int_eq(r.calls, 40);
	ck_assert_int_eq(fake.lookups, 20);
	ck_assert_int_le(fake.most, 8);
	fake.slow_ms = 2000;
	loop_resolve(loop, "slow.fake", resolved, &r);
	for (int i = 0; i < 200 && fake.at_once == 0; i++)
		io_wait(loop, 5);
	loop_free(loop);
	ck_assert_int_eq(fake.at_once, 1); /* it still runs */
	for (int i = 0; i < 1000 && fake.at_once > 0; i++)
		usleep(10000); /* what was left behind comes to its end alone */
	ck_assert_int_eq(fake.at_once, 0);
	loop = loop_new();
}
END_TEST

START_TEST(lookups_can_be_cancelled_also_from_each_other)
{
	struct resolved a = { 0 }, b = { 0 }, c = { 0 };
	struct loop_resolve *gone = loop_resolve(loop, "localhost", resolved, &c);

	loop_resolve(loop, "127.0.0.1", resolved, &a);
	a.cancel = loop_resolve(loop, "127.0.0.1", resolved, &b);
	loop_resolve_cancel(gone);
	loop_run(loop);
	ck_assert_int_eq(a.calls, 1);
	ck_assert_int_eq(b.calls, 0);
	ck_assert_int_eq(c.calls, 0);
	loop_resolve(loop, "nosuch.invalid", resolved, &c); /* left behind with the loop */
}
END_TEST

START_TEST(more_names_than_the_cache_holds)
{
	struct resolved r = { 0 };
	char host[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "127.0.%d.%d", i / 250, i % 250 + 1);
		loop_resolve(loop, host, resolved, &r);
		if (i % 100 == 0)
			loop_run(loop);
	}
	loop_run(loop);
	ck_assert_int_eq(r.calls, 1000);
}
END_TEST

Suite *check_base_loop(void)
{
	Suite *s = suite_create("base loop");
	TCase *t = tcase_create("loop");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ten_thousand_timers_all_fire_and_none_early);
	tcase_add_test(t, a_timer_may_free_itself_and_others_are_closed_with_the_loop);
	tcase_add_test(t, soon_runs_after_return_and_starves_nobody);
	tcase_add_test(t, signals_are_handled_and_keep_no_loop_alive);
	tcase_add_test(t, descriptors_tell_data_and_hangup);
	tcase_add_test(t, work_runs_off_the_loop_and_always_comes_back);
	tcase_add_loop_test(t, children_tell_how_they_ended, 0, COUNT_OF(ends));
	tcase_add_test(t, children_get_descriptors_environment_folder_and_hook);
	tcase_add_loop_test(t, children_that_cannot_start_are_errors, 0, COUNT_OF(failures));
	tcase_add_loop_test(t, nobody_of_a_group_outlives_it, 0, COUNT_OF(groups));
	tcase_add_test(t, a_forgotten_child_is_reaped_and_other_children_are_not);
	tcase_add_test(t, a_strange_process_is_watched);
	tcase_add_loop_test(t, names_are_resolved_or_say_why_not, 0, COUNT_OF(names));
	tcase_add_test(t, a_name_once_known_outlives_its_name_server);
	tcase_add_test(t, lookups_are_few_at_once_and_nobody_waits_for_them_at_the_end);
	tcase_add_test(t, lookups_can_be_cancelled_also_from_each_other);
	tcase_add_test(t, more_names_than_the_cache_holds);
	suite_add_tcase(s, t);
	return s;
}
