/* windlass fetch: objects of a bucket into a folder, the way back from `windlass send`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/lane.h"
#include "aws/s3.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/cli.h"

#define FETCH_BYTES_MAX ((int64_t)1 << 40)
#define FETCH_PATH_MAX 4096

struct fetch {
	struct lane *lane;
	const char *bucket, *prefix, *folder;
	struct table_live live;
	int64_t files, bytes;
};

/* A key becomes a path below the folder: parts that would leave it, or that no file can have, are
 * refused. */
static int path_of(const struct fetch *f, const char *key, char path[static FETCH_PATH_MAX],
		   struct err *e)
{
	AUTO(own_freep) char *parts = own_printf("/%s/", key);
	int n = snprintf(path, FETCH_PATH_MAX, "%s/%s", f->folder, key);

	if (n < 0 || n >= FETCH_PATH_MAX)
		return err_set(e, ERR_LOCAL,
			       "the path of key '%.80s…' is too long for this machine", key);
	if (strstr(parts, "/../") || strstr(parts, "/./") || strstr(parts, "//"))
		return err_set(e, ERR_LOCAL,
			       "key '%s' is no path below %s -> fetch it with another tool", key,
			       f->folder);
	return 0;
}

static int make_folders(char *path, struct err *e)
{
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return err_errno(e, errno, "making folder %s", path);
		*p = '/';
	}
	return 0;
}

static int get_to(struct fetch *f, const struct s3_entry *entry, int fd, struct err *e)
{
	AUTO(aws_call_done) struct aws_call call = { 0 };
	struct s3_object object;

	aws_s3_get_ask(&call.request, f->bucket, entry->key, fd, FETCH_BYTES_MAX, NULL);
	aws_run_one(f->lane, &call, span_s(3600));
	if (aws_s3_get_read(&call.reply, &object, e) < 0)
		return -1;
	if (object.got != object.size)
		return err_set(e, ERR_PROTOCOL, "%lld bytes came of %lld", (long long)object.got,
			       (long long)object.size);
	f->bytes += object.got;
	return 0;
}

/* Written beside and renamed, so that what has the name is whole. */
static int fetch_one(struct fetch *f, const struct s3_entry *entry, struct err *e)
{
	char path[FETCH_PATH_MAX];
	AUTO(own_freep) char *part = NULL;
	AUTO(own_freep) char *line = NULL;
	int fd, rc;

	if (path_of(f, entry->key, path, e) < 0 || make_folders(path, e) < 0)
		return -1;
	part = own_printf("%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(e, errno, "writing %s", part);
	rc = get_to(f, entry, fd, e);
	if (close(fd) < 0 && rc == 0)
		rc = err_errno(e, errno, "writing %s", part);
	if (rc == 0 && rename(part, path) < 0)
		rc = err_errno(e, errno, "renaming %s", part);
	if (rc < 0) {
		unlink(part);
		return err_wrap(e, "fetching s3://%s/%s", f->bucket, entry->key);
	}
	f->files++;
	line = own_printf("%lld files, %.1f MB: %s", (long long)f->files, (double)f->bytes / 1e6,
			  entry->key);
	table_live_show(&f->live, line);
	return 0;
}

static int fetch_page(struct fetch *f, char **token, struct err *e)
{
	AUTO(aws_call_done) struct aws_call call = { 0 };
	AUTO(s3_entries_done) struct s3_entries page = { 0 };

	aws_s3_list_ask(&call.request, f->bucket, f->prefix, NULL, 0, *token);
	aws_run_one(f->lane, &call, span_s(60));
	own_free(*token);
	*token = NULL;
	if (aws_s3_list_read(&call.reply, &page, e) < 0)
		return -1;
	for (size_t i = 0; i < page.count; i++) {
		size_t len = strlen(page.list[i].key);

		if (len > 0 && page.list[i].key[len - 1] == '/')
			continue; /* a folder's marker */
		if (fetch_one(f, &page.list[i], e) < 0)
			return -1;
	}
	*token = TAKE(page.next_token);
	return 0;
}

static int fetch_all(struct fetch *f, struct err *e)
{
	AUTO(own_freep) char *token = NULL;

	do {
		if (fetch_page(f, &token, e) < 0)
			return -1;
	} while (token);
	if (f->files == 0)
		return err_set(e, ERR_NOT_FOUND, "s3://%s/%s holds no object", f->bucket,
			       f->prefix);
	return 0;
}

static int split(const char *url, char **bucket, const char **prefix, struct err *e)
{
	const char *slash;

	if (strncmp(url, "s3://", 5) != 0 || !url[5] || url[5] == '/')
		return err_set(e, ERR_POLICY, "'%s' is not of the form s3://BUCKET/PREFIX", url);
	slash = strchr(url + 5, '/');
	*bucket = slash ? own_strndup(url + 5, (size_t)(slash - url - 5)) : own_strdup(url + 5);
	*prefix = slash ? slash + 1 : "";
	return 0;
}

int cli_fetch(int argc, char **argv)
{
	const struct options opts = {
		.program = "windlass fetch",
		.summary = "Objects of a bucket into a folder.",
		.operands = "s3://BUCKET/PREFIX FOLDER",
		.least_operands = 2,
		.most_operands = 2,
		.details = "Every object whose key begins with PREFIX is written to FOLDER/<key>, "
			   "replacing what is there.",
	};
	AUTO(lane_freep) struct lane *lane = NULL;
	AUTO(own_freep) char *bucket = NULL;
	struct fetch f = { .live = { .to = stderr, .tty = table_is_tty(stderr) } };
	char **operands;
	struct err e;
	int n, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("fetch", &e) : CLI_DONE;
	if (split(operands[0], &bucket, &f.prefix, &e) < 0)
		return cli_usage("fetch", &e);
	f.bucket = bucket;
	f.folder = operands[1];
	lane = lane_new(NULL, NULL, &e);
	if (!lane)
		return cli_fail("fetch", &e);
	f.lane = lane;
	rc = fetch_all(&f, &e);
	table_live_end(&f.live);
	return rc < 0 ? cli_fail("fetch", &e) : CLI_DONE;
}
