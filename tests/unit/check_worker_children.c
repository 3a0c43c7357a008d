#include "check_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/folder.h"
#include "worker/frames.h"
#include "worker/run.h"

/* --- one child */

struct seen {
	struct loop *loop;
	bool done;
	enum run_end how;
	int status, signum;
	bool flooded;
	char out[256], complaint[256];
	size_t complaint_len;
	enum err_kind verdict;
};

static void done(struct run_result *r, void *arg)
{
	struct seen *s = arg;
	struct err e = { 0 };

	s->done = true;
	s->how = r->how;
	s->status = r->status;
	s->signum = r->signum;
	s->flooded = r->flooded;
	snprintf(s->out, sizeof(s->out), "%s", buf_str(&r->out));
	snprintf(s->complaint, sizeof(s->complaint), "%s", r->complaint);
	s->complaint_len = strlen(r->complaint);
	if (worker_run_verdict("it", r, &e) < 0)
		s->verdict = e.kind;
	loop_stop(s->loop);
}

static const struct {
	const char *name, *script;
	struct sandbox box;
	int limit_ms, stall_ms;
	enum run_end how;
	int status, signum;
	enum err_kind verdict;
	const char *out, *complaint;
	bool flooded;
} runs[] = {
	{ "a good end",
	  "echo hello; echo oops >&2",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  0,
	  ERR_NONE,
	  "hello\n",
	  "oops",
	  false },
	{ "a bad one",
	  "echo no >&2; exit 3",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  3,
	  0,
	  ERR_POLICY,
	  "",
	  "no",
	  false },
	{ "too late",
	  "exec sleep 60",
	  { 0 },
	  100,
	  0,
	  RUN_LATE,
	  0,
	  SIGKILL,
	  ERR_LOCAL,
	  "",
	  "",
	  false },
	{ "stalled",
	  "exec sleep 60",
	  { 0 },
	  9000,
	  100,
	  RUN_STALLED,
	  0,
	  SIGKILL,
	  ERR_LOCAL,
	  "",
	  "",
	  false },
	{ "a flood is cut",
	  "yes | head -c 100000",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  0,
	  ERR_NONE,
	  NULL,
	  "",
	  true },
	{ "a file past its bound",
	  "exec dd if=/dev/zero of=big bs=65536 count=64",
	  { .file_bytes = 65536 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  SIGXFSZ,
	  ERR_POLICY,
	  "",
	  NULL,
	  false },
	{ "no standard input",
	  "read x || echo none",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  0,
	  ERR_NONE,
	  "none\n",
	  "",
	  false },
	{ "nothing of our environment",
	  "echo ${WINDLASS_SECRET-unset}",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  0,
	  ERR_NONE,
	  "unset\n",
	  "",
	  false },
	{ "no new privileges",
	  "grep NoNewPrivs: /proc/self/status | tr -d '\\t'",
	  { 0 },
	  9000,
	  0,
	  RUN_ENDED,
	  0,
	  0,
	  ERR_NONE,
	  "NoNewPrivs:1\n",
	  "",
	  false },
};

START_TEST(a_child_ends_in_any_case)
{
	char folder[] = "/tmp/check-worker-XXXXXX";
	struct loop *l = loop_new();
	const char *const argv[] = { "sh", "-c", runs[_i].script, NULL };
	struct run_spec s = { .argv = argv,
			      .cwd = folder,
			      .sandbox = runs[_i].box,
			      .out_cap = 200,
			      .limit = span_ms(runs[_i].limit_ms),
			      .stall = span_ms(runs[_i].stall_ms) };
	struct seen seen = { .loop = l };
	struct run *r;
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("WINDLASS_SECRET", "s3cret", 1);
	ck_assert_msg(worker_run_start(l, &s, done, &seen, &r, &e) == 0, "%s", e.text);
	loop_run(l);
	ck_assert(seen.done);
	ck_assert_msg(seen.how == runs[_i].how, "%s", runs[_i].name);
	ck_assert_msg(seen.status == runs[_i].status && seen.signum == runs[_i].signum, "%s: %d %d",
		      runs[_i].name, seen.status, seen.signum);
	ck_assert_msg(seen.verdict == runs[_i].verdict, "%s", runs[_i].name);
	ck_assert(seen.flooded == runs[_i].flooded);
	if (runs[_i].out)
		ck_assert_str_eq(seen.out, runs[_i].out);
	if (runs[_i].complaint)
		ck_assert_str_eq(seen.complaint, runs[_i].complaint);
	ck_assert_int_eq(worker_folder_remove(folder, &e), 0);
	loop_free(l);
}
END_TEST

START_TEST(of_a_long_complaint_the_end_is_kept)
{
	struct loop *l = loop_new();
	const char *const argv[] = { "sh", "-c",
				     "yes 123456789 | head -c 100000 >&2; echo the end >&2", NULL };
	struct run_spec s = { .argv = argv, .cwd = "/tmp", .limit = span_s(20) };
	struct seen seen = { .loop = l };
	struct run *r;
	struct err e = { 0 };

	ck_assert_int_eq(worker_run_start(l, &s, done, &seen, &r, &e), 0);
	loop_run(l);
	ck_assert_uint_le(seen.complaint_len, RUN_COMPLAINT_MAX);
	ck_assert_uint_gt(seen.complaint_len, RUN_COMPLAINT_MAX / 2);
	loop_free(l);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error)
{
	struct loop *l = loop_new();
	const char *const argv[] = { "windlass-no-such-program", NULL };
	struct run_spec s = { .argv = argv, .cwd = "/tmp", .limit = span_s(5) };
	struct seen seen = { .loop = l };
	struct run *r;
	struct err e = { 0 };

	ck_assert_int_lt(worker_run_start(l, &s, done, &seen, &r, &e), 0);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(e.kind, ERR_LOCAL);
	loop_free(l);
}
END_TEST

/* --- folders */

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

START_TEST(a_fresh_folder_holds_nothing_of_the_job_before)
{
	char folder[] = "/tmp/check-worker-XXXXXX";
	AUTO(own_freep) char *path = NULL, *out = NULL, *file = NULL, *below = NULL;
	struct err e = { 0 };
	struct stat first, second, st;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = own_printf("%s/job", folder);
	out = own_printf("%s/out", path);
	file = own_printf("%s/left", path);
	below = own_printf("%s/left", out);
	ck_assert_int_eq(worker_folder_fresh(path, "out", &e), 0);
	ck_assert_int_eq(stat(out, &first), 0);
	write_file(file);
	write_file(below);
	ck_assert_int_eq(chmod(out, 0777), 0);
	ck_assert_int_eq(worker_folder_fresh(path, "out", &e), 0);
	ck_assert_int_eq(stat(out, &second), 0);
	ck_assert_int_eq(first.st_ino, second.st_ino);
	ck_assert_int_eq(second.st_mode & 07777, 0700);
	ck_assert(access(file, F_OK) < 0 && access(below, F_OK) < 0);
	/* A link in its place is no folder of ours. */
	ck_assert_int_eq(rmdir(out), 0);
	ck_assert_int_eq(symlink("/tmp", out), 0);
	ck_assert_int_eq(worker_folder_fresh(path, "out", &e), 0);
	ck_assert(lstat(out, &st) == 0 && S_ISDIR(st.st_mode));
	ck_assert_int_eq(worker_folder_remove(folder, &e), 0);
}
END_TEST

START_TEST(what_the_dead_left_is_removed_and_the_living_are_left_alone)
{
	char top[] = "/tmp/check-worker-XXXXXX";
	AUTO(own_freep)
	char *dead = NULL, *file = NULL, *link = NULL, *outside = NULL, *work = NULL;
	struct folder living, mine;
	struct stat st;
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(top));
	work = own_printf("%s/a/b/work", top);
	outside = own_printf("%s/outside", top);
	write_file(outside);
	ck_assert_msg(worker_folder_open(&living, work, &e) == 0, "%s", e.text);
	dead = own_printf("%s/worker-dead", work);
	ck_assert_int_eq(worker_folder_make(dead, &e), 0);
	file = own_printf("%s/lock", dead);
	write_file(file);
	link = own_printf("%s/link", dead);
	ck_assert_int_eq(symlink(outside, link), 0);
	ck_assert_int_eq(worker_folder_open(&mine, work, &e), 0);
	ck_assert_int_lt(stat(dead, &st), 0);
	ck_assert_int_eq(stat(living.path, &st), 0);
	ck_assert_int_eq(stat(outside, &st), 0); /* a link is removed, not followed */
	worker_folder_close(&mine);
	ck_assert_int_eq(stat(living.path, &st), 0);
	worker_folder_close(&living);
	ck_assert_int_eq(worker_folder_remove(top, &e), 0);
	ck_assert_int_eq(worker_folder_remove(top, &e), 0); /* not there is fine */
}
END_TEST

START_TEST(a_full_disk_is_told_before_the_fetch)
{
	struct err e = { 0 };

	ck_assert_int_eq(worker_folder_need("/tmp", 1, &e), 0);
	ck_assert_int_lt(worker_folder_need("/tmp", INT64_MAX / 2, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "are needed"));
	ck_assert_int_eq(worker_folder_could("/tmp", 1, &e), 0);
	ck_assert_int_lt(worker_folder_could("/tmp", INT64_MAX / 2, &e), 0);
	ck_assert_int_eq(e.kind, ERR_POLICY); /* it will never fit */
}
END_TEST

/* --- frames */

struct heard {
	struct loop *loop;
	int frames, closed;
	enum err_kind kind;
	int stop_at;
};

static void hear(const struct json *j, const struct err *e, void *arg)
{
	struct heard *h = arg;

	if (j) {
		h->frames++;
	} else {
		h->closed++;
		h->kind = e->kind;
	}
	if (!j || h->frames == h->stop_at)
		loop_stop(h->loop);
}

static const struct {
	const char *name, *text;
	int frames;
	enum err_kind kind;
} wires[] = {
	{ "two in one", "{\"a\":1}\n{\"b\":2}\n", 2, ERR_NONE },
	{ "a half at the end", "{\"a\":1}\n{\"b\"", 1, ERR_NONE },
	{ "nonsense", "{\"a\":1}\nhello\n{\"b\":2}\n", 1, ERR_PROTOCOL },
	{ "nothing", "", 0, ERR_NONE },
	{ "an empty line", "\n", 0, ERR_PROTOCOL },
};

START_TEST(frames_are_whole_or_the_end)
{
	struct loop *l = loop_new();
	struct heard h = { .loop = l };
	struct frames f;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	worker_frames_open(&f, l, pair[0], hear, &h);
	ck_assert_int_eq(write(pair[1], wires[_i].text, strlen(wires[_i].text)),
			 (ssize_t)strlen(wires[_i].text));
	close(pair[1]);
	loop_run(l);
	ck_assert_msg(h.frames == wires[_i].frames, "%s: %d", wires[_i].name, h.frames);
	ck_assert_int_eq(h.closed, 1);
	ck_assert_int_eq(h.kind, wires[_i].kind);
	ck_assert(!worker_frames_are_open(&f));
	worker_frames_close(&f);
	loop_free(l);
}
END_TEST

START_TEST(a_frame_without_end_is_the_end)
{
	struct loop *l = loop_new();
	struct heard h = { .loop = l };
	struct frames f;
	char junk[4096];
	int pair[2];

	memset(junk, 'x', sizeof(junk));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if (fork() == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(pair[0]);
		while (write(pair[1], junk, sizeof(junk)) > 0)
			continue;
		_exit(0);
	}
	close(pair[1]);
	worker_frames_open(&f, l, pair[0], hear, &h);
	loop_run(l);
	ck_assert_int_eq(h.kind, ERR_PROTOCOL);
	worker_frames_close(&f);
	loop_free(l);
}
END_TEST

START_TEST(who_does_not_read_is_given_up)
{
	struct loop *l = loop_new();
	struct heard h = { .loop = l };
	struct frames f;
	int pair[2], sent = 0;
	char text[2001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	worker_frames_open(&f, l, pair[0], hear, &h);
	for (;;) {
		struct json *j = json_object();

		json_set_str(j, "t", text);
		if (!worker_frames_send(&f, j))
			break;
		ck_assert_int_lt(++sent, 100000);
	}
	ck_assert_uint_le(f.out.len, FRAMES_WAITING_MAX);
	worker_frames_close(&f);
	close(pair[1]);
	loop_free(l);
}
END_TEST

TCase *check_worker_children(void)
{
	TCase *t = tcase_create("children");

	tcase_set_timeout(t, 60); /* its children have 9 s each; libcheck gives 4 */

	tcase_add_loop_test(t, a_child_ends_in_any_case, 0, COUNT_OF(runs));
	tcase_add_test(t, of_a_long_complaint_the_end_is_kept);
	tcase_add_test(t, a_program_that_is_not_there_is_an_error);
	tcase_add_test(t, a_fresh_folder_holds_nothing_of_the_job_before);
	tcase_add_test(t, what_the_dead_left_is_removed_and_the_living_are_left_alone);
	tcase_add_test(t, a_full_disk_is_told_before_the_fetch);
	tcase_add_loop_test(t, frames_are_whole_or_the_end, 0, COUNT_OF(wires));
	tcase_add_test(t, a_frame_without_end_is_the_end);
	tcase_add_test(t, who_does_not_read_is_given_up);
	return t;
}
