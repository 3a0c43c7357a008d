#include "check_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/folder.h"
#include "worker/run.h"

#define CREATE_RULESET 444

/* What a confined child says, and how it ends. */
struct end {
	struct loop *loop;
	int status, signum;
	char out[1024], reason[1024];
};

static void ended(struct run_result *r, void *arg)
{
	struct end *s = arg;
	struct err e = { 0 };

	s->status = r->status;
	s->signum = r->signum;
	if (worker_run_verdict("it", r, &e) < 0)
		snprintf(s->reason, sizeof(s->reason), "%s", e.text);
	snprintf(s->out, sizeof(s->out), "%s%s", buf_str(&r->out), r->complaint);
	loop_stop(s->loop);
}

static void put(const char *folder, const char *name, const char *text)
{
	AUTO(own_freep) char *path = own_printf("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* In a job's folder: a source, an output folder, and a file that is neither. -1: not started. */
static int confined(const char *const *argv, struct sandbox box, struct end *s, struct err *e)
{
	char folder[] = "/tmp/check-worker-XXXXXX";
	AUTO(own_freep) char *out = NULL;
	struct run_spec spec = {
		.argv = argv, .cwd = folder, .sandbox = box, .out_cap = 1000, .limit = span_s(30)
	};
	struct err ignored = { 0 };
	struct run *r;
	int rc;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	out = own_printf("%s/out", folder);
	ck_assert_int_eq(worker_folder_make(out, &ignored), 0);
	put(folder, "source", "the source\n");
	put(folder, "other", "not for you\n");
	spec.sandbox.confined = true;
	spec.sandbox.read = box.read ? box.read : "source";
	spec.sandbox.write = "out";
	s->loop = loop_new();
	rc = worker_run_start(s->loop, &spec, ended, s, &r, e);
	if (rc == 0)
		loop_run(s->loop);
	loop_free(s->loop);
	ck_assert_int_eq(worker_folder_remove(folder, &ignored), 0);
	return rc;
}

static bool whole(void)
{
	struct sandbox_layers l = worker_sandbox_layers();

	if (!l.landlock || !l.seccomp)
		fprintf(stderr, "SKIP: this kernel, or this build, lacks a layer of the sandbox\n");
	return l.landlock && l.seccomp;
}

static const struct {
	const char *name, *script, *says;
} shells[] = {
	{ "its input is read", "read x <source && echo $x", "the source\n" },
	{ "its folder is written, and read", "echo a >out/f && read x <out/f && echo $x", "a\n" },
	{ "a file there is written anew", "echo aa >out/f; echo b >out/f; read x <out/f; echo $x",
	  "b\n" },
	{ "nothing beside its input", "read x <other && echo $x", "Permission denied" },
	{ "nothing of the system's", "read x </etc/passwd && echo $x", "Permission denied" },
	{ "not its own memory's file", "read x </proc/self/environ && echo $x",
	  "Permission denied" },
	{ "its input is not written", "echo a >source && echo done", "Permission denied" },
	{ "no file outside its folder", "echo a >new && echo done", "Permission denied" },
	{ "no other program", "exec cat source", "Permission denied" },
	{ "no other process", "(echo a)", "Cannot fork" },
	{ "nobody is killed", "kill -9 $PPID", "Operation not permitted" },
};

START_TEST(a_shell_in_the_sandbox)
{
	const char *const argv[] = { "dash", "-c", shells[_i].script, NULL };
	struct end s = { 0 };
	struct err e = { 0 };

	if (!whole() || access("/bin/dash", X_OK) < 0)
		return;
	ck_assert_msg(confined(argv, (struct sandbox){ 0 }, &s, &e) == 0, "%s", e.text);
	ck_assert_msg(strstr(s.out, shells[_i].says) != NULL, "%s: %s (%d, %d)", shells[_i].name,
		      s.out, s.status, s.signum);
}
END_TEST

/* Prints the name of each that was let through. */
static const char attempts[] =
	"import ctypes, os, socket, mmap\n"
	"libc = ctypes.CDLL(None, use_errno=True)\n"
	"def call(number, *a):\n"
	"    if libc.syscall(number, *a) < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
	"def clone3():\n"
	"    a = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)\n"
	"    call(435, a, 88)\n"
	"tries = {\n"
	" 'inet': lambda: socket.socket(),\n"
	" 'unix': lambda: socket.socket(socket.AF_UNIX),\n"
	" 'pair': lambda: socket.socketpair(),\n"
	" 'empty by reading': lambda: os.open('source', os.O_RDONLY | os.O_TRUNC),\n"
	" 'truncate': lambda: os.truncate('source', 0),\n"
	" 'chmod': lambda: os.chmod('source', 0o777),\n"
	" 'chown': lambda: os.chown('source', 0, 0),\n"
	" 'utime': lambda: os.utime('source'),\n"
	" 'link': lambda: os.link('other', 'out/l'),\n"
	" 'symlink': lambda: os.symlink('/etc/passwd', 'out/s'),\n"
	" 'rename out': lambda: os.rename('other', 'out/o'),\n"
	" 'unlink': lambda: os.unlink('other'),\n"
	" 'mkdir': lambda: os.mkdir('new'),\n"
	" 'list': lambda: os.listdir('.'),\n"
	" 'fork': lambda: os.fork() or os._exit(0),\n"
	" 'clone3': clone3,\n"
	" 'exec': lambda: os.execv('/bin/true', ['true']),\n"
	" 'memfd': lambda: os.memfd_create('x'),\n"
	" 'kill': lambda: os.kill(os.getppid(), 0),\n"
	" 'ptrace': lambda: call(101, 16, os.getppid(), 0, 0),\n"
	" 'io_uring': lambda: call(425, 1, ctypes.create_string_buffer(120)),\n"
	" 'bpf': lambda: call(321, 0, None, 0),\n"
	" 'unshare': lambda: call(272, 0x10000000),\n"
	" 'newer than the list': lambda: call(460),\n"
	"}\n"
	"for name, f in tries.items():\n"
	"    try: f()\n"
	"    except OSError as e: pass\n"
	"    else: print('LET THROUGH', name)\n"
	"open('out/done', 'w').write('x'); print('tried', len(tries))\n";

START_TEST(a_program_that_tries_everything)
{
	const char *const argv[] = { "/usr/bin/python3", "-I", "-S", "-B", "-c", attempts, NULL };
	struct end s = { 0 };
	struct err e = { 0 };

	if (!whole() || access("/usr/bin/python3", X_OK) < 0)
		return;
#ifndef __x86_64__
	return; /* the numbers of its calls are this architecture's */
#endif
	ck_assert_msg(confined(argv, (struct sandbox){ 0 }, &s, &e) == 0, "%s", e.text);
	ck_assert_str_eq(s.out, "tried 24\n");
}
END_TEST

START_TEST(memory_and_time_are_bounded)
{
	static const char eats[] = "x = []\nwhile True: x.append(bytes(1 << 20))";
	const char *const eater[] = { "/usr/bin/python3", "-I", "-S", "-c", eats, NULL };
	const char *const runner[] = { "/usr/bin/python3", "-I", "-S", "-c",
				       "while True: pass", NULL };
	struct end s = { 0 };
	struct err e = { 0 };

	if (access("/usr/bin/python3", X_OK) < 0)
		return;
	ck_assert_int_eq(confined(eater, (struct sandbox){ .memory_bytes = 64 << 20 }, &s, &e), 0);
	ck_assert_msg(strstr(s.out, "MemoryError") != NULL, "%s", s.out);
	s = (struct end){ 0 };
	ck_assert_int_eq(confined(runner, (struct sandbox){ .cpu_s = 1 }, &s, &e), 0);
	ck_assert_msg(strstr(s.reason, "more processor time") != NULL, "%s", s.reason);
}
END_TEST

START_TEST(a_link_is_no_input)
{
	char folder[] = "/tmp/check-worker-XXXXXX";
	AUTO(own_freep) char *link = NULL;
	struct sandbox box = { .confined = true, .read = "source" };
	struct sandbox_child child;
	struct err e = { 0 };

	if (!whole())
		return;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	link = own_printf("%s/source", folder);
	ck_assert_int_eq(symlink("/etc/passwd", link), 0);
	ck_assert_int_lt(worker_sandbox_open(&box, folder, "sh", &child, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "is a link"));
	ck_assert_int_eq(worker_folder_remove(folder, &e), 0);
}
END_TEST

START_TEST(a_script_cannot_be_confined_and_says_so)
{
	char file[] = "/tmp/check-worker-XXXXXX";
	int fd = mkstemp(file);
	struct err e = { 0 };

	ck_assert_int_eq(write(fd, "#!/bin/sh\n", 10), 10);
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	close(fd);
	ck_assert_int_lt(worker_sandbox_fit(file, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "--no-sandbox"));
	unlink(file);
	e = (struct err){ 0 };
	ck_assert_int_eq(worker_sandbox_fit("sh", &e), 0);
}
END_TEST

/* A kernel without Landlock, as its system call says it; each test is a process of its own. */
START_TEST(without_landlock_the_filter_holds_and_the_lack_is_told)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CREATE_RULESET, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog old = { .len = COUNT_OF(code), .filter = code };
	const char *const argv[] = { "sh", "-c", "read x <other && echo $x; (echo a)", NULL };
	AUTO(buf_done) struct buf lacks = BUF(1000);
	struct end s = { 0 };
	struct err e = { 0 };

	if (!whole())
		return;
	worker_sandbox_lacks(&lacks);
	ck_assert_str_eq(buf_str(&lacks), "");
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &old), 0);
	worker_sandbox_lacks(&lacks);
	ck_assert_ptr_nonnull(strstr(buf_str(&lacks), "no Landlock"));
	ck_assert_int_eq(worker_sandbox_layers().landlock, 0);
	ck_assert_msg(confined(argv, (struct sandbox){ 0 }, &s, &e) == 0, "%s", e.text);
	ck_assert_msg(strstr(s.out, "not for you") && strstr(s.out, "ork"), "%s", s.out);
	ck_assert_int_ne(s.status, 0);
}
END_TEST

TCase *check_worker_sandbox(void)
{
	TCase *t = tcase_create("sandbox");

	tcase_set_timeout(t, 120); /* of a loaded machine: some bounds are processor time */
	tcase_add_loop_test(t, a_shell_in_the_sandbox, 0, COUNT_OF(shells));
	tcase_add_test(t, a_program_that_tries_everything);
	tcase_add_test(t, memory_and_time_are_bounded);
	tcase_add_test(t, a_link_is_no_input);
	tcase_add_test(t, a_script_cannot_be_confined_and_says_so);
	tcase_add_test(t, without_landlock_the_filter_holds_and_the_lack_is_told);
	return t;
}
