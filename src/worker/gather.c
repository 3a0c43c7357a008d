/* What the job made, as a list to store; and the list of what is stored. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/own.h"
#include "worker/hls.h"
#include "worker/task.h"
#include "worker/transcode.h"

#define KEY_BYTES_MAX 4096
#define ENTRY_BYTES_MAX 16384

static int over(struct err *e)
{
	return err_set(e, ERR_POLICY, "the job leaves more than %d files", TASK_FILES_MAX);
}

/* --- names in a folder, in their order */

struct names {
	char **list;
	size_t count;
};

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		own_free(n->list[i]);
	own_free(n->list);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Regular files that match; no links, nothing hidden. */
static int names_read(const struct task *t, const char *folder, const char *pattern,
		      struct names *ret, struct err *e)
{
	AUTO(own_freep) char *path = worker_task_path(t, folder);
	DIR *d = opendir(path);
	struct dirent *entry;
	struct stat st;
	int rc = 0;

	if (!d)
		return err_errno(e, errno, "reading %s", folder);
	while (rc == 0 && (entry = readdir(d))) {
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (ret->count == TASK_FILES_MAX) {
			rc = over(e);
			break;
		}
		if (ret->count % 64 == 0)
			ret->list = own_grow(ret->list, ret->count + 64, sizeof(*ret->list));
		ret->list[ret->count++] = own_strdup(entry->d_name);
	}
	closedir(d);
	if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_name);
	return rc;
}

/* --- outputs */

static const char *bucket_of(const struct task *t, const struct profile_output *o)
{
	return o && o->bucket ? o->bucket : t->job.bucket;
}

static int add(struct task *t, const char *name, const struct profile_output *o, const char *key,
	       const char *type, struct err *e)
{
	if (t->file_count + 2 > TASK_FILES_MAX) /* the manifest has a place */
		return over(e);
	worker_task_file(t, name, bucket_of(t, o), key, type)->output = o->name;
	return 0;
}

/* By the output's template. */
static int add_by_key(struct task *t, const char *name, const struct profile_output *o,
		      const char *type, const char *file, int number, struct err *e)
{
	struct profile_key_parts parts = worker_task_key_parts(t);
	AUTO(buf_done) struct buf key = BUF(KEY_BYTES_MAX);

	parts.file = file;
	parts.number = number;
	if (worker_profile_key(t->profile, o->key, &parts, &key, e) < 0)
		return -1;
	return add(t, name, o, buf_str(&key), type, e);
}

static int command_left(struct task *t, const struct profile_output *o, struct err *e)
{
	AUTO(names_done) struct names found = { 0 };

	if (names_read(t, TASK_OUTPUT_FOLDER, o->file, &found, e) < 0)
		return -1;
	if (found.count == 0)
		return err_set(e, ERR_POLICY,
			       "the command ended well and left no %s in " TASK_OUTPUT_FOLDER,
			       o->file);
	for (size_t i = 0; i < found.count; i++) {
		AUTO(own_freep) char *name = own_printf(TASK_OUTPUT_FOLDER "/%s", found.list[i]);

		if (add_by_key(t, name, o, o->type, found.list[i], (int)i + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int pictures(struct task *t, const struct profile_output *o, struct err *e)
{
	AUTO(own_freep) char *folder = own_printf(TASK_OUTPUT_FOLDER "/%s", o->name);
	AUTO(names_done) struct names found = { 0 };

	if (names_read(t, folder, "*", &found, e) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		AUTO(own_freep) char *name = own_printf("%s/%s", folder, found.list[i]);

		if (add_by_key(t, name, o, worker_transcode_content_type(o), NULL, (int)i + 1, e) <
		    0)
			return -1;
	}
	return 0;
}

/* Of each rendition its segments, then its playlist; then the one of them all. */
static int playlists(struct task *t, const struct profile_output *o, struct err *e)
{
	struct profile_key_parts parts = worker_task_key_parts(t);
	AUTO(buf_done) struct buf master = BUF(KEY_BYTES_MAX);
	AUTO(own_freep) char *name = own_printf(TASK_OUTPUT_FOLDER "/%s/" HLS_MASTER, o->name);
	int folder;

	if (worker_profile_key(t->profile, o->key, &parts, &master, e) < 0)
		return -1;
	folder = (int)(strrchr(buf_str(&master), '/') - buf_str(&master));
	for (size_t r = 0; r < o->rendition_count; r++) {
		const char *word = o->renditions[r].name;
		AUTO(own_freep) char *in = own_printf(TASK_OUTPUT_FOLDER "/%s/%s", o->name, word);
		AUTO(names_done) struct names found = { 0 };

		if (names_read(t, in, "*", &found, e) < 0)
			return -1;
		/* Their names are such that the playlist is the last. */
		for (size_t i = 0; i < found.count; i++) {
			AUTO(own_freep) char *file = own_printf("%s/%s", in, found.list[i]);
			AUTO(own_freep)
			char *key = own_printf("%.*s/%s/%s", folder, buf_str(&master), word,
					       found.list[i]);

			if (add(t, file, o, key, worker_hls_content_type(found.list[i]), e) < 0)
				return -1;
		}
	}
	return add(t, name, o, buf_str(&master), HLS_CONTENT_TYPE, e);
}

static int one(struct task *t, const struct profile_output *o, struct err *e)
{
	AUTO(own_freep) char *name = NULL;

	if (t->profile->processor == PROFILE_EXEC)
		return command_left(t, o, e);
	if (o->has_every)
		return pictures(t, o, e);
	if (o->container == PROFILE_HLS)
		return playlists(t, o, e);
	name = worker_transcode_name(o, NULL);
	return add_by_key(t, name, o, worker_transcode_content_type(o), NULL, 0, e);
}

int worker_gather(struct task *t, struct err *e)
{
	const struct profile *p = t->profile;

	for (size_t i = 0; i < p->output_count; i++)
		if (one(t, &p->outputs[i], e) < 0)
			return -1;
	if (p->manifest && p->output_count)
		worker_task_file(t, TASK_MANIFEST, bucket_of(t, &p->outputs[0]), buf_str(&t->key),
				 "application/json");
	return 0;
}

/* --- the manifest */

static struct json *entry_of(const struct task_file *f)
{
	struct json *j = json_object();

	json_set_str(j, "output", f->output);
	json_set_str(j, "bucket", f->bucket);
	json_set_str(j, "key", f->key);
	json_set_str(j, "type", f->type);
	json_set_int(j, "bytes", f->bytes);
	json_set_str(j, "sha256", f->sha256);
	return j;
}

static struct json *head_of(const struct task *t)
{
	struct json *j = json_object();
	AUTO(own_freep) char *source = own_printf("s3://%s/%s", t->job.bucket, t->job.key);

	json_set_int(j, "version", 1);
	if (t->job.video_id[0]) {
		json_set_str(j, "video_id", t->job.video_id);
		json_set_str(j, "source", source);
	}
	json_set_str(j, "task_id", t->job.task_id);
	json_set_str(j, "source_etag", t->etag);
	json_set_str(j, "profile", t->profile->name);
	json_set_str(j, "profile_digest", t->profile->digest);
	return j;
}

static int line(FILE *f, struct json *take, const char *before, size_t drop)
{
	AUTO(json_freep) struct json *j = take;
	AUTO(buf_done) struct buf text = BUF(ENTRY_BYTES_MAX);

	if (json_write(j, &text) < 0)
		return -1;
	return fprintf(f, "%s%.*s", before, (int)(text.len - drop), buf_str(&text));
}

int worker_gather_manifest(const struct task *t, struct err *e)
{
	AUTO(own_freep) char *path = worker_task_path(t, TASK_MANIFEST);
	FILE *f = fopen(path, "wxe");
	int rc = f ? line(f, head_of(t), "", 1) : -1; /* its last brace comes at the end */

	for (size_t i = 0; rc >= 0 && i + 1 < t->file_count; i++)
		rc = line(f, entry_of(&t->files[i]), i ? ",\n" : ",\"files\":[\n", 0);
	if (rc >= 0)
		rc = fputs("\n]}\n", f);
	if (f && fclose(f) != 0)
		rc = -1;
	return rc < 0 ? err_errno(e, errno, "writing %s", path) : 0;
}
