#include "worker/selftest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/own.h"
#include "worker/folder.h"
#include "worker/probe.h"
#include "worker/run.h"
#include "worker/task.h"
#include "worker/transcode.h"

#define TEXT_MAX 8192
#define FILE_MAX (1 << 20)
#define LIMIT_S 20
#define CPU_S 20
#define OUTPUT_BYTES (64 << 20)
#define MEMORY_BYTES (2ll << 30)
#define HOW_MAX 160

static const char profile_text[] = "version: 1\nname: self-test\nsteps:\n  - trim: { to: 2s }\n"
				   "  - fit: { width: 160, height: 90 }\noutputs:\n"
				   "  - { name: x, key: 'x/{video_id}-{digest}.mp4',"
				   " video: { crf: 30 } }\n";

struct bench {
	struct loop *loop;
	struct folder folder;
	bool confined;
	char *job, *outside, *canary, *planted, *asset;
	const char *assets[2];
	struct buf canary_bytes;
	struct profile profile;
	int listener, datagrams, port, connections;
	struct loop_fd *watch[2];
	/* of the last run */
	int verdict; /* 0: a good end */
	struct buf said, out;
};

/* --- one child, to its end */

static void run_ended(struct run_result *r, void *arg)
{
	struct bench *b = arg;
	struct err e = { 0 };

	buf_clear(&b->said);
	buf_clear(&b->out);
	b->verdict = worker_run_verdict("ffmpeg", r, &e);
	buf_adds(&b->said, b->verdict < 0 ? e.text : "");
	if (*r->complaint)
		buf_addf(&b->said, ": %s", r->complaint);
	buf_add(&b->out, buf_str(&r->out), r->out.len);
	loop_stop(b->loop);
}

static int run(struct bench *b, struct argv *argv, const struct sandbox *box)
{
	struct run_spec s = { .argv = worker_argv_list(argv),
			      .cwd = b->job,
			      .sandbox = *box,
			      .out_cap = PROBE_ANSWER_MAX,
			      .limit = span_s(LIMIT_S) };
	struct run *child;
	struct err e = { 0 };

	if (worker_run_start(b->loop, &s, run_ended, b, &child, &e) == 0) {
		loop_run(b->loop);
	} else {
		b->verdict = -1;
		buf_clear(&b->said);
		buf_adds(&b->said, e.text);
	}
	worker_argv_done(argv);
	return b->verdict;
}

static struct sandbox box_of(const struct bench *b, const struct attack *a)
{
	return (struct sandbox){ .cpu_s = a->cpu_s ? a->cpu_s : CPU_S,
				 .file_bytes = a->file_bytes ? a->file_bytes : OUTPUT_BYTES,
				 .memory_bytes = a->memory_bytes ? a->memory_bytes : MEMORY_BYTES,
				 .confined = b->confined,
				 .read = TASK_SOURCE,
				 .write = TASK_OUTPUT_FOLDER,
				 .more = a->assets ? b->assets : NULL };
}

/* --- what could be reached */

static void came(int events, void *arg)
{
	struct bench *b = arg;
	int fd = accept(b->listener, NULL, NULL);
	char byte;

	(void)events;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || recv(b->datagrams, &byte, 1, MSG_DONTWAIT) >= 0)
		b->connections++;
}

static int listener_open(struct bench *b, struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	b->datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->listener < 0 || b->datagrams < 0 ||
	    bind(b->listener, (struct sockaddr *)&at, size) < 0 || listen(b->listener, 16) < 0 ||
	    getsockname(b->listener, (struct sockaddr *)&at, &size) < 0 ||
	    bind(b->datagrams, (struct sockaddr *)&at, size) < 0)
		return err_errno(e, errno, "listening on the loopback interface");
	b->port = ntohs(at.sin_port);
	b->watch[0] = loop_fd_new(b->loop, b->listener, came, b);
	b->watch[1] = loop_fd_new(b->loop, b->datagrams, came, b);
	for (size_t i = 0; i < COUNT_OF(b->watch); i++) {
		loop_fd_watch(b->watch[i], LOOP_READ);
		loop_fd_unref(b->watch[i]);
	}
	return 0;
}

/* The asset holds the same. */
static bool is_whole(const struct bench *b, const char *file)
{
	AUTO(buf_done) struct buf now = BUF(FILE_MAX);
	struct err ignored = { 0 };

	return buf_read_file(&now, file, &ignored) == 0 && now.len == b->canary_bytes.len &&
	       memcmp(buf_str(&now), buf_str(&b->canary_bytes), now.len) == 0;
}

/* NULL, or what was reached that lies outside. */
static const char *reached(struct bench *b)
{
	AUTO(own_freep) char *made = own_printf("%s/out/x", b->job);
	struct stat st;

	came(0, b);
	if (b->connections > 0)
		return "it reached the network";
	if (!is_whole(b, b->canary))
		return "it wrote over a file outside";
	if (!is_whole(b, b->asset))
		return "it wrote over an asset";
	if (access(b->planted, F_OK) == 0)
		return "it made a file outside";
	if (b->verdict == 0 && stat(made, &st) == 0 && st.st_size > 0)
		return "it read a file outside";
	return NULL;
}

/* --- the job's folder */

static char *expand(const struct bench *b, const char *template)
{
	AUTO(buf_done) struct buf text = BUF(TEXT_MAX);

	for (const char *p = template; *p; p++) {
		if (*p != '%') {
			buf_addc(&text, *p);
			continue;
		}
		switch (*++p) {
		case 'f':
			buf_adds(&text, b->canary);
			break;
		case 'a':
			buf_adds(&text, b->asset);
			break;
		case 'd':
			buf_adds(&text, b->outside);
			break;
		case 'p':
			buf_addf(&text, "%d", b->port);
			break;
		case 'i':
			buf_addf(&text, "%d", (int)getpid());
			break;
		}
	}
	return buf_take(&text);
}

static int write_all(const char *path, const void *data, size_t len, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, data, len);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)len ? 0 : err_errno(e, errno, "writing %s", path);
}

static int write_source(const struct bench *b, const void *data, size_t len, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/" TASK_SOURCE, b->job);

	return write_all(path, data, len, e);
}

/* Small pictures that say that they are 65,500 pixels wide and high: in its JPEG headers. */
static int write_huge(struct bench *b, struct err *e)
{
	AUTO(own_freep) char *made = own_printf("%s/out/x", b->job);
	AUTO(worker_argv_done) struct argv argv = { 0 };
	AUTO(buf_done) struct buf data = BUF(FILE_MAX);
	struct sandbox box = { .confined = b->confined, .write = TASK_OUTPUT_FOLDER };
	unsigned char *p;

	worker_argv_adds(&argv,
			 (const char *const[]){ "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi",
						"-i", "testsrc2=s=64x64", "-frames:v", "3", "-c:v",
						"mjpeg", "-f", "mov", "file:out/x" },
			 15);
	if (run(b, &argv, &box) < 0)
		return err_set(e, ERR_LOCAL, "making a video: %s", buf_str(&b->said));
	if (buf_read_file(&data, made, e) < 0 || unlink(made) < 0)
		return -1;
	p = (unsigned char *)(uintptr_t)buf_str(&data);
	for (size_t i = 0; i + 9 < data.len; i++)
		if (p[i] == 0xff && p[i + 1] == 0xc0)
			memcpy(p + i + 5, "\xff\xdc\xff\xdc", 4);
	return write_source(b, p, data.len, e);
}

static int lay_out(struct bench *b, const struct attack *a, struct err *e)
{
	AUTO(own_freep) char *out = own_printf("%s/" TASK_OUTPUT_FOLDER, b->job);
	AUTO(own_freep) char *source = own_printf("%s/" TASK_SOURCE, b->job);
	AUTO(own_freep) char *text = a->source ? expand(b, a->source) : own_strdup("");

	b->connections = 0;
	unlink(b->planted);
	if (b->canary_bytes.len && !is_whole(b, b->canary) &&
	    write_all(b->canary, buf_str(&b->canary_bytes), b->canary_bytes.len, e) < 0)
		return -1;
	if (b->canary_bytes.len && !is_whole(b, b->asset) &&
	    write_all(b->asset, buf_str(&b->canary_bytes), b->canary_bytes.len, e) < 0)
		return -1;
	if (worker_folder_remove(b->job, e) < 0 || worker_folder_make(b->job, e) < 0 ||
	    worker_folder_make(out, e) < 0)
		return -1;
	if (a->huge)
		return write_huge(b, e);
	if (a->link)
		return symlink(b->canary, source) == 0 ? 0 : err_errno(e, errno, "linking");
	return write_source(b, text, strlen(text), e);
}

/* --- one attack */

/* As a job goes. True: it was given up. */
static bool refused(struct bench *b, const struct attack *a)
{
	static const struct assets none;
	struct transcode what = { .profile = &b->profile, .assets = &none, .in = TASK_SOURCE };
	struct targets targets;
	struct shape shape;
	struct sandbox box = box_of(b, a);
	struct argv argv = { 0 };
	struct probe found;
	struct err e = { 0 };

	worker_probe_argv(&b->profile, TASK_SOURCE, &argv);
	if (run(b, &argv, &box) < 0)
		return true;
	if (worker_probe_read(buf_str(&b->out), b->out.len, &found, &e) < 0 ||
	    worker_probe_check_source(&found, &b->profile, &e) < 0) {
		buf_clear(&b->said);
		buf_adds(&b->said, e.text);
		return true;
	}
	if (worker_shape(&b->profile, &found, &none, &shape, &e) < 0)
		return true;
	worker_shape_targets(&b->profile, &found, &shape, &targets);
	what.source = &found;
	what.shape = &shape;
	what.targets = &targets;
	if (worker_transcode_argv(&what, &argv, &e) < 0)
		return true;
	return run(b, &argv, &box) < 0;
}

/* An ffmpeg that was told to take everything. */
static void gullible(struct bench *b, const struct attack *a)
{
	struct sandbox box = box_of(b, a);
	struct argv argv = { 0 };

	if (!a->format) {
		for (size_t i = 0; i < SELFTEST_ARGV_MAX && a->argv[i]; i++)
			argv.list[argv.count++] = expand(b, a->argv[i]);
		run(b, &argv, &box);
		return;
	}
	worker_argv_adds(&argv,
			 (const char *const[]){ "ffmpeg", "-nostdin", "-v", "error",
						"-protocol_whitelist",
						"file,http,https,tcp,tls,udp,rtp,crypto,data" },
			 6);
	if (strcmp(a->format, "concat") == 0)
		worker_argv_adds(&argv, (const char *const[]){ "-safe", "0" }, 2);
	worker_argv_adds(&argv,
			 (const char *const[]){ "-f", a->format, "-i", "file:" TASK_SOURCE, "-c",
						"copy", "-f", "mpegts", "-y", "file:out/x" },
			 10);
	run(b, &argv, &box);
}

/* @p how: in words. */
static bool holds(struct bench *b, const struct attack *a, struct buf *how, struct err *e)
{
	const char *outside = NULL;

	if (lay_out(b, a, e) < 0)
		return false;
	if (!a->argv[0] && !refused(b, a)) {
		buf_adds(how, "it was taken for a video like any other");
		return false;
	}
	outside = reached(b);
	if (!outside && (a->argv[0] || a->format)) {
		gullible(b, a);
		outside = reached(b);
		if (!outside && b->verdict == 0 && a->argv[0] && !b->said.len)
			outside = "it ended as if it had been allowed";
	}
	buf_add(how, outside ? outside : buf_str(&b->said),
		strnlen(outside ? outside : buf_str(&b->said), HOW_MAX));
	return outside == NULL;
}

static int canary_make(struct bench *b, struct err *e)
{
	const struct attack none = { .source = "" };
	AUTO(own_freep) char *made = own_printf("%s/out/x", b->job);
	struct sandbox box = box_of(b, &none);
	struct argv argv = { 0 };

	if (worker_folder_make(b->outside, e) < 0 || lay_out(b, &none, e) < 0)
		return -1;
	worker_argv_adds(&argv,
			 (const char *const[]){ "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi",
						"-i", "testsrc2=s=64x64:r=25", "-frames:v", "25",
						"-c:v", "mpeg2video", "-f", "mpegts",
						"file:out/x" },
			 15);
	if (run(b, &argv, &box) < 0)
		return err_set(e, ERR_LOCAL, "making a video in the sandbox: %s",
			       buf_str(&b->said));
	if (rename(made, b->canary) < 0)
		return err_errno(e, errno, "moving %s", made);
	return buf_read_file(&b->canary_bytes, b->canary, e);
}

static int bench_open(struct bench *b, const char *work_dir, struct err *e)
{
	AUTO(buf_done) struct buf problems = BUF(PROFILE_BYTES_MAX);

	b->loop = loop_new();
	b->said = BUF(TEXT_MAX);
	b->out = BUF(PROBE_ANSWER_MAX);
	b->canary_bytes = BUF(FILE_MAX);
	if (worker_folder_open(&b->folder, work_dir, e) < 0)
		return -1;
	b->job = own_printf("%s/job", b->folder.path);
	b->outside = own_printf("%s/outside", b->folder.path);
	b->canary = own_printf("%s/canary.ts", b->outside);
	b->planted = own_printf("%s/planted", b->outside);
	b->asset = own_printf("%s/asset.ts", b->outside);
	b->assets[0] = b->asset;
	if (worker_profile_read("self-test", profile_text, sizeof(profile_text) - 1, &b->profile,
				&problems, e) < 0)
		return err_wrap(e, "%s", buf_str(&problems));
	return listener_open(b, e) < 0 ? -1 : canary_make(b, e);
}

static void bench_close(struct bench *b)
{
	for (size_t i = 0; i < COUNT_OF(b->watch); i++)
		loop_fd_free(b->watch[i]);
	if (b->listener >= 0)
		close(b->listener);
	if (b->datagrams >= 0)
		close(b->datagrams);
	worker_profile_done(&b->profile);
	worker_folder_close(&b->folder);
	buf_done(&b->canary_bytes);
	buf_done(&b->said);
	buf_done(&b->out);
	own_free(b->job);
	own_free(b->outside);
	own_free(b->canary);
	own_free(b->planted);
	own_free(b->asset);
	loop_free(b->loop);
}

int worker_selftest(const struct selftest *t, size_t *ret_failed, struct err *e)
{
	struct bench b = {
		.folder = { .lock = -1 }, .confined = t->confined, .listener = -1, .datagrams = -1
	};
	int rc = bench_open(&b, t->work_dir, e);

	*ret_failed = 0;
	for (size_t i = 0; rc == 0 && i < worker_selftest_corpus_count; i++) {
		const struct attack *a = &worker_selftest_corpus[i];
		AUTO(buf_done) struct buf how = BUF(TEXT_MAX);
		bool held = holds(&b, a, &how, e);

		if (e->kind != ERR_NONE) {
			rc = -1;
			break;
		}
		*ret_failed += !held;
		t->say(a->name, held, buf_str(&how), t->arg);
	}
	bench_close(&b);
	return rc;
}
