/* Commands that stay: what they say, and what becomes of their jobs. */
#include "check_worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/folder.h"
#include "worker/mate.h"

#define GUARD_S 60
#define HELLO "echo '{\"hello\":1}'; "
#define ANSWER(state) "echo '{\"job\":1,\"state\":\"" state "\"}'; "

struct world {
	struct loop *loop;
	struct mate *mate;
	struct loop_timer *guard;
	struct profile profile;
	const char *words[3];
	char top[64], folder[80];
	char tale[512]; /* what was told, in words */
	int ends, most_ends, readies, most_readies, unreadies;
	enum mate_end how;
	char reason[256], complaint[256];
	int permille;
};

static void maybe_stop(struct world *w)
{
	if (w->ends >= w->most_ends && w->readies >= w->most_readies)
		loop_stop(w->loop);
}

static void ready(bool is, const char *why, int failures, void *arg)
{
	struct world *w = arg;

	(void)failures;
	if (is)
		w->readies++;
	else
		w->unreadies++;
	if (!is && *why)
		snprintf(w->tale, sizeof(w->tale), "%s", why);
	maybe_stop(w);
}

static void running(pid_t group, void *arg)
{
	(void)group;
	(void)arg;
}

static void progress(int permille, void *arg)
{
	((struct world *)arg)->permille = permille;
}

static void end(enum mate_end how, const char *reason, const char *complaint, void *arg)
{
	struct world *w = arg;

	w->how = how;
	snprintf(w->reason, sizeof(w->reason), "%s", reason);
	snprintf(w->complaint, sizeof(w->complaint), "%s", complaint);
	w->ends++;
	maybe_stop(w);
}

static void too_long(void *arg)
{
	ck_abort_msg("nothing in a minute: %s", (char *)((struct world *)arg)->tale);
}

static void up(struct world *w, const char *script, int wall_ms)
{
	struct mate_spec spec;
	struct err e = { 0 };

	*w = (struct world){ .loop = loop_new(), .words = { "/bin/sh", "-c", script } };
	w->profile.exec.command = w->words;
	w->profile.exec.command_count = 3;
	w->profile.limits.wall = span_ms(wall_ms);
	w->profile.limits.cpu = span_s(60);
	snprintf(w->top, sizeof(w->top), "/tmp/windlass-mate-%d", (int)getpid());
	snprintf(w->folder, sizeof(w->folder), "%s/job", w->top);
	ck_assert_int_eq(worker_folder_make(w->top, &e), 0);
	w->guard = loop_timer_new(w->loop, too_long, w);
	loop_timer_start(w->guard, span_s(GUARD_S));
	spec = (struct mate_spec){ .loop = w->loop,
				   .profile = &w->profile,
				   .folder = w->folder,
				   .ready = ready,
				   .running = running,
				   .arg = w };
	w->mate = worker_mate_new(&spec);
}

static void give(struct world *w)
{
	struct mate_job job = { .ask = json_object(), .progress = progress, .end = end, .arg = w };

	json_set_str(job.ask, "body", "a \"body\"\n");
	worker_mate_give(w->mate, &job);
}

static void down(struct world *w)
{
	struct err ignored = { 0 };

	worker_mate_free(w->mate);
	loop_timer_free(w->guard);
	loop_free(w->loop);
	err_ignore(worker_folder_remove(w->top, &ignored));
}

static const struct {
	const char *name, *script;
	int wall_ms;
	enum mate_end how;
	const char *reason, *complaint;
	int permille;
} words[] = {
	{ "a job that is done", HELLO "read j; " ANSWER("done") "read j", 0, MATE_DONE, "", "", 0 },
	{ "its line is one line with all of it",
	  HELLO "read -r j; case $j in '{\"body\":\"a "
		"\\\"body\\\"\\n\",'*'\"job\":1,'*'\"out\":'*) " ANSWER("done") ";; esac; read j",
	  9000, MATE_DONE, "", "", 0 },
	{ "one that works on",
	  HELLO "read j; echo '{\"job\":1,\"state\":\"working\",\"progress\":0.25}'; " ANSWER(
		  "done") "read j",
	  0, MATE_DONE, "", "", 250 },
	{ "one that may go better",
	  HELLO
	  "read j; echo oops >&2; sleep 0.1; "
	  "printf '%s\\n' '{\"job\":1,\"state\":\"failed\",\"reason\":\"no\\nluck\"}'; read j",
	  0, MATE_TRANSIENT, "no luck", "oops", 0 },
	{ "one that never can",
	  HELLO "read j; echo "
		"'{\"job\":1,\"state\":\"failed\",\"reason\":\"bad\",\"permanent\":true}'; read j",
	  0, MATE_PERMANENT, "bad", "", 0 },
	{ "a failure without a word", HELLO "read j; " ANSWER("failed") "read j", 0, MATE_TRANSIENT,
	  "the command says that it failed", "", 0 },
	{ "rubbish", HELLO "read j; echo hello; read j", 0, MATE_TRANSIENT,
	  "the command's line is no JSON object", "", 0 },
	{ "JSON, and no object", HELLO "read j; echo '[1]'; read j", 0, MATE_TRANSIENT,
	  "the command's line is no JSON object", "", 0 },
	{ "an empty line", HELLO "read j; echo; read j", 0, MATE_TRANSIENT,
	  "the command's line is no JSON object", "", 0 },
	{ "for another job", HELLO "read j; echo '{\"job\":2,\"state\":\"done\"}'; read j", 0,
	  MATE_TRANSIENT, "the command answered for job 2 while 1 is under way", "", 0 },
	{ "for no job", HELLO "read j; echo '{\"state\":\"done\"}'; read j", 0, MATE_TRANSIENT,
	  "the command's line has no job or no state", "", 0 },
	{ "a state that nobody knows", HELLO "read j; " ANSWER("perfect") "read j", 0,
	  MATE_TRANSIENT, "the command's state is none of working, done and failed", "", 0 },
	{ "a line that is too long", HELLO "read j; head -c 70000 /dev/zero | tr '\\0' x; read j",
	  0, MATE_TRANSIENT, "the command's line is longer than 64 KiB", "", 0 },
	{ "a death", HELLO "read j; echo last words >&2; exit 3", 0, MATE_TRANSIENT,
	  "the command ended with status 3", "last words", 0 },
	{ "a good end that is none", HELLO "read j; exit 0", 0, MATE_TRANSIENT,
	  "the command ended, and was to stay", "", 0 },
	{ "a kill", HELLO "read j; kill -9 $$", 0, MATE_TRANSIENT,
	  "the command was ended by signal 9", "", 0 },
	{ "past its time", HELLO "read j; sleep 600 & wait", 300, MATE_TRANSIENT,
	  "the command had not ended at its time limit", "", 0 },
	{ "another version", "echo '{\"hello\":2}'; read j", 0, MATE_MACHINE,
	  "the command speaks version 2 of the lines, and we 1", "", 0 },
	{ "no hello", "echo '{\"job\":1,\"state\":\"done\"}'; read j", 0, MATE_MACHINE,
	  "the command's first line is no {\"hello\":1}", "", 0 },
	{ "dead before its hello", "echo sorry >&2; exit 1", 0, MATE_MACHINE,
	  "the command ended with status 1", "sorry", 0 },
};

START_TEST(what_it_says_is_what_becomes_of_its_job)
{
	struct world w;

	up(&w, words[_i].script, words[_i].wall_ms ? words[_i].wall_ms : GUARD_S * 1000);
	w.most_ends = 1;
	give(&w);
	if (!w.ends)
		loop_run(w.loop);
	ck_assert_msg(w.how == words[_i].how && strcmp(w.reason, words[_i].reason) == 0,
		      "%s: %d %s", words[_i].name, w.how, w.reason);
	ck_assert_msg(strcmp(w.complaint, words[_i].complaint) == 0, "%s: %s", words[_i].name,
		      w.complaint);
	ck_assert_int_eq(w.permille, words[_i].permille);
	down(&w);
}
END_TEST

/* Another is started after each of these, and takes the next job. */
static const struct {
	const char *name, *script, *tale;
} agains[] = {
	{ "killed for what it said while it had no job",
	  HELLO "read j; [ -e ../once ] || { : > ../once; " ANSWER("done")
		  ANSWER("done") "sleep 60; }; " ANSWER("done") "read j",
	  "the command spoke while it had no job" },
	{ "died with no job",
	  HELLO "read j; " ANSWER("done") "[ -e ../once ] || { : > ../once; exit 4; }; read j",
	  "the command ended with status 4" },
};

START_TEST(another_takes_its_place)
{
	struct world w;

	up(&w, agains[_i].script, GUARD_S * 1000);
	w.most_ends = 1;
	w.most_readies = 2;
	give(&w);
	loop_run(w.loop);
	ck_assert_int_eq(w.how, MATE_DONE);
	ck_assert_msg(strcmp(w.tale, agains[_i].tale) == 0, "%s: %s", agains[_i].name, w.tale);
	ck_assert_int_eq(w.unreadies, 1);
	down(&w);
}
END_TEST

#define MANY                                                                         \
	HELLO "n=0; while read j; do n=$((n+1)); echo x > left; echo x > out/left; " \
	      "echo '{\"job\":'$n',\"state\":\"done\"}'; done"

START_TEST(its_folder_is_cleared_between_jobs)
{
	AUTO(own_freep) char *left = NULL, *below = NULL;
	struct world w;

	up(&w, MANY, GUARD_S * 1000);
	left = own_printf("%s/left", w.folder);
	below = own_printf("%s/out/left", w.folder);
	for (int i = 1; i <= 3; i++) {
		w.most_ends = i;
		give(&w);
		loop_run(w.loop);
		ck_assert_int_eq(w.how, MATE_DONE);
		ck_assert_int_eq(access(left, F_OK) + access(below, F_OK), 0);
		worker_mate_tidy(w.mate);
		ck_assert_int_eq(access(left, F_OK) + access(below, F_OK), -2);
	}
	ck_assert_int_eq(w.readies, 1);
	down(&w);
}
END_TEST

START_TEST(it_is_replaced_after_so_many_jobs_and_told_by_the_end_of_its_input)
{
	struct world w;

	up(&w,
	   HELLO "read j; " ANSWER("done") "read j; read j; " /* numbers go on in the next */
					   "echo unreached",
	   GUARD_S * 1000);
	w.profile.exec.max_jobs = 1;
	w.most_ends = 1;
	w.most_readies = 2;
	give(&w);
	loop_run(w.loop);
	ck_assert_int_eq(w.how, MATE_DONE);
	ck_assert_str_eq(w.tale, "replaced");
	ck_assert_int_eq(w.unreadies, 1);
	down(&w);
}
END_TEST

START_TEST(a_job_that_is_given_up_costs_the_process)
{
	struct world w;

	up(&w, HELLO "read j; sleep 600 & wait", GUARD_S * 1000);
	w.most_readies = 1;
	loop_run(w.loop);
	give(&w);
	worker_mate_drop(w.mate);
	w.most_readies = 2;
	loop_run(w.loop);
	ck_assert_int_eq(w.ends, 0);
	ck_assert_str_eq(w.tale, "its job was given up");
	down(&w);
}
END_TEST

START_TEST(one_that_says_no_line_for_too_long_is_killed)
{
	struct world w;

	up(&w,
	   HELLO "read j; sleep 0.1; echo '{\"job\":1,\"state\":\"working\"}'; sleep 600 & wait",
	   GUARD_S * 1000);
	w.profile.limits.has_stall = true;
	w.profile.limits.stall = span_ms(400);
	w.most_ends = 1;
	give(&w);
	loop_run(w.loop);
	ck_assert_int_eq(w.how, MATE_TRANSIENT);
	ck_assert_str_eq(w.reason, "the command made no progress for too long");
	down(&w);
}
END_TEST

START_TEST(one_that_is_idle_leaves_kindly)
{
	struct world w;

	up(&w, HELLO "read j || echo bye >&2", GUARD_S * 1000);
	w.most_readies = 1;
	loop_run(w.loop);
	ck_assert(!worker_mate_leave(w.mate));
	w.most_readies = 1;
	loop_run(w.loop);
	ck_assert_str_eq(w.tale, "gone");
	ck_assert(worker_mate_leave(w.mate));
	down(&w);
}
END_TEST

TCase *check_worker_mate(void)
{
	TCase *t = tcase_create("mate");

	tcase_set_timeout(t, 2 * GUARD_S);
	tcase_add_loop_test(t, what_it_says_is_what_becomes_of_its_job, 0, COUNT_OF(words));
	tcase_add_loop_test(t, another_takes_its_place, 0, COUNT_OF(agains));
	tcase_add_test(t, its_folder_is_cleared_between_jobs);
	tcase_add_test(t, it_is_replaced_after_so_many_jobs_and_told_by_the_end_of_its_input);
	tcase_add_test(t, a_job_that_is_given_up_costs_the_process);
	tcase_add_test(t, one_that_says_no_line_for_too_long_is_killed);
	tcase_add_test(t, one_that_is_idle_leaves_kindly);
	return t;
}
