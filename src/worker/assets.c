/* The stage before the fetch: each asset is there, is known by what it holds, and was looked at. */
#include "worker/assets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/folder.h"
#include "worker/hash.h"
#include "worker/task.h"

#define HEAD_S 60
#define GET_S 600
#define PROBE_CPU_S 60
#define MEGABYTE 1048576
#define FOLDER "assets"
#define MAGIC_BYTES 12

void worker_assets_init(struct assets *a, const struct profile *p, const char *folder)
{
	a->count = p->asset_count;
	for (size_t i = 0; i < a->count; i++) {
		const struct profile_asset *from = &p->assets[i];
		struct asset *to = &a->list[i];

		to->path = from->file ? own_strdup(from->file)
				      : own_printf("%s/" FOLDER "/%s", folder, from->name);
		to->probe = (struct probe){ .video = -1, .audio = -1 };
		a->paths[i] = to->path;
	}
}

void worker_assets_done(struct assets *a)
{
	for (size_t i = 0; i < a->count; i++)
		own_free(a->list[i].path);
	*a = (struct assets){ 0 };
}

/* --- one after the other */

static void look(struct task *t);

/* What is wrong with an asset is wrong with this machine or its profile, never with the job. */
static void bad(struct task *t, const struct err *e, const char *complaint)
{
	const char *name = t->profile->assets[t->asset].name;
	struct err wrapped = *e;
	bool away =
		e->kind == ERR_UNREACHABLE || e->kind == ERR_THROTTLED || e->kind == ERR_PROTOCOL;

	err_wrap(&wrapped, "asset '%s'", name);
	t->assets->list[t->asset].id[0] = '\0';
	worker_task_fail(t, away ? TASK_AWAY : TASK_MACHINE, &wrapped, complaint);
}

static void next(struct task *t)
{
	t->asset++;
	look(t);
}

static void probed(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct asset *a = &t->assets->list[t->asset];
	struct err e = { 0 };

	t->run = NULL;
	if (worker_probe_ended(r, &a->probe, &e) == 0 && a->probe.video < 0)
		err_set(&e, ERR_POLICY, "there is no video in it");
	if (e.kind != ERR_NONE)
		bad(t, &e, r->complaint);
	else
		next(t);
}

static const char *picture_demuxer(const char *path)
{
	static const struct {
		const char *magic, *demuxer;
		size_t at, len;
	} kinds[] = { { "\x89PNG\r\n\x1a\n", "png_pipe", 0, 8 },
		      { "\xff\xd8\xff", "jpeg_pipe", 0, 3 },
		      { "WEBP", "webp_pipe", 8, 4 } };
	char head[MAGIC_BYTES] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; n == (ssize_t)sizeof(head) && i < COUNT_OF(kinds); i++)
		if (memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].demuxer;
	return NULL;
}

/* Which of the steps wants it: a picture, or a clip. */
static bool wants_picture(const struct task *t)
{
	const char *name = t->profile->assets[t->asset].name;

	for (size_t i = 0; i < t->profile->step_count; i++)
		if (t->profile->steps[i].has_watermark &&
		    strcmp(t->profile->steps[i].watermark.image, name) == 0)
			return true;
	return false;
}

/* It is there and new: what is it? */
static void examine(struct task *t)
{
	struct asset *a = &t->assets->list[t->asset];
	AUTO(worker_argv_done) struct argv argv = { 0 };
	const char *paths[] = { a->path, NULL };
	struct err e = { 0 };
	struct run_spec s = { .cwd = t->folder,
			      .sandbox = { .cpu_s = PROBE_CPU_S,
					   .file_bytes = MEGABYTE,
					   .memory_bytes = t->profile->limits.max_memory_megabytes *
							   MEGABYTE,
					   .confined = t->confined,
					   .more = paths },
			      .out_cap = PROBE_ANSWER_MAX,
			      .limit = t->profile->limits.probe };

	a->demuxer = picture_demuxer(a->path);
	if (wants_picture(t) && !a->demuxer) {
		err_set(&e, ERR_POLICY, "%s is no PNG, JPEG or WebP", a->path);
		bad(t, &e, "");
		return;
	}
	if (a->demuxer) {
		next(t);
		return;
	}
	worker_probe_argv(t->profile, a->path, &argv);
	s.argv = worker_argv_list(&argv);
	if (worker_run_start(t->loop, &s, probed, t, &t->run, &e) < 0)
		bad(t, &e, "");
}

/* --- of the disk */

static void hashed(const char *hex, const struct err *e, void *arg)
{
	struct task *t = arg;
	struct asset *a = &t->assets->list[t->asset];

	t->hash = NULL;
	close(t->fd);
	t->fd = -1;
	if (e->kind != ERR_NONE) {
		bad(t, e, "");
		return;
	}
	snprintf(a->id, sizeof(a->id), "%s", hex);
	examine(t);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void of_disk(struct task *t)
{
	struct asset *a = &t->assets->list[t->asset];
	struct err e = { 0 };
	struct stat now;

	t->fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0 || fstat(t->fd, &now) < 0)
		err_errno(&e, errno, "opening %s", a->path);
	else if (!S_ISREG(now.st_mode))
		err_set(&e, ERR_LOCAL, "%s is no file", a->path);
	if (e.kind != ERR_NONE) {
		bad(t, &e, "");
		return;
	}
	if (a->id[0] && same_file(&a->seen, &now)) {
		close(t->fd);
		t->fd = -1;
		next(t);
		return;
	}
	a->seen = now;
	t->hash = worker_hash_range(t->loop, t->fd, 0, -1, hashed, t);
}

/* --- of S3 */

static void got(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct asset *a = &t->assets->list[t->asset];
	struct s3_object o;
	struct err e = { 0 };

	close(t->fd);
	t->fd = -1;
	if (aws_s3_get_read(&c->reply, &o, &e) < 0) {
		bad(t, &e, "");
		return;
	}
	memcpy(a->id, o.etag, sizeof(a->id));
	examine(t);
}

static void get(struct task *t, const struct s3_object *o)
{
	struct asset *a = &t->assets->list[t->asset];
	AUTO(own_freep)
	char *folder = own_strndup(a->path, (size_t)(strrchr(a->path, '/') - a->path));
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
	struct s3_get how = { .to = -1, .if_match = o->etag };
	struct err e = { 0 };

	a->id[0] = '\0';
	unlink(a->path);
	if (o->size > t->profile->input.max_megabytes * MEGABYTE)
		err_set(&e, ERR_POLICY, "it is larger than max_megabytes");
	else if (job_read_path(t->profile->assets[t->asset].s3, bucket, key, &e) == 0 &&
		 worker_folder_make(folder, &e) == 0 &&
		 worker_folder_need(folder, o->size, &e) == 0) {
		t->fd = open(a->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (t->fd < 0)
			err_errno(&e, errno, "making %s", a->path);
	}
	if (e.kind != ERR_NONE) {
		bad(t, &e, "");
		return;
	}
	aws_call_done(&t->call);
	aws_s3_get_ask(&t->call.request, bucket, key, t->fd, o->size, &how);
	lane_start(t->lane, &t->call, span_s(GET_S), got, t);
}

static void headed(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct asset *a = &t->assets->list[t->asset];
	struct s3_object o;
	struct err e = { 0 };

	if (aws_s3_head_read(&c->reply, &o, &e) < 0)
		bad(t, &e, "");
	else if (a->id[0] && strcmp(a->id, o.etag) == 0)
		next(t);
	else
		get(t, &o);
}

static void of_s3(struct task *t)
{
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
	struct err e = { 0 };

	if (job_read_path(t->profile->assets[t->asset].s3, bucket, key, &e) < 0) {
		bad(t, &e, "");
		return;
	}
	aws_call_done(&t->call);
	aws_s3_head_ask(&t->call.request, bucket, key);
	lane_start(t->lane, &t->call, span_s(HEAD_S), headed, t);
}

/* --- all of them */

static void all_there(struct task *t)
{
	AUTO(crypto_hash_freep) struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	uint8_t sum[CRYPTO_SHA256_BYTES];

	for (size_t i = 0; i < t->assets->count; i++)
		crypto_hash_add(h, t->assets->list[i].id, strlen(t->assets->list[i].id) + 1);
	crypto_hash_end(h, sum);
	crypto_hex(sum, (PROFILE_DIGEST_MAX - 1) / 2, t->assets->digest);
	worker_task_next(t);
}

static void look(struct task *t)
{
	if (t->asset == t->assets->count)
		all_there(t);
	else if (t->profile->assets[t->asset].file)
		of_disk(t);
	else
		of_s3(t);
}

void worker_assets_ready(struct task *t)
{
	if (t->assets->count)
		look(t);
	else
		worker_task_next(t);
}
