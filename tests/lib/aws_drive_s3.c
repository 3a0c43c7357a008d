#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/s3.h"
#include "aws_drive.h"

static struct json *none(struct drive *d)
{
	drive_go(d);
	return drive_none(aws_s3_none_read(&d->call.reply, &d->e));
}

static struct json *create(struct drive *d)
{
	aws_s3_create_bucket_ask(&d->call.request, d->a[0], lane_region(d->lane));
	return none(d);
}

static struct json *head_bucket(struct drive *d)
{
	aws_s3_head_bucket_ask(&d->call.request, d->a[0]);
	return none(d);
}

static struct json *put(struct drive *d, const struct s3_put *p)
{
	char etag[S3_ETAG_MAX];
	struct json *out;

	aws_s3_put_ask(&d->call.request, d->a[0], d->a[1], p);
	drive_go(d);
	if (aws_s3_put_read(&d->call.reply, etag, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "etag", etag);
	return out;
}

/* BUCKET KEY TEXT [0|1: only when nothing is there] */
static struct json *put_text(struct drive *d)
{
	static const struct s3_meta meta = { "task-id", "t 1" };

	return put(d,
		   &S3_PUT(.body = d->a[2], .body_len = strlen(d->a[2]),
			   .content_type = "text/plain", .if_none_match = drive_int(d, 3, 0) != 0,
			   .meta = &meta, .meta_count = 1));
}

/* BUCKET KEY FILE [SHA256] */
static struct json *put_file(struct drive *d)
{
	int fd = open(d->a[2], O_RDONLY | O_CLOEXEC);
	struct json *out;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	out = put(d,
		  &S3_PUT(.fd = fd, .size = st.st_size, .sha256_hex = d->n > 3 ? d->a[3] : NULL));
	close(fd);
	return out;
}

static struct json *object(const struct drive *d, const struct s3_object *o)
{
	struct json *out = json_object();

	json_set_int(out, "size", o->size);
	json_set_int(out, "got", o->got);
	json_set_str(out, "etag", o->etag);
	json_set_str(out, "type", o->content_type);
	json_set_bool(out, "modified", !instant_is_never(o->modified));
	json_set_str(out, "task-id", aws_s3_meta(&d->call.reply, "task-id"));
	return out;
}

/* BUCKET KEY FILE CAP [FROM TO [ETAG]] */
static struct json *get(struct drive *d)
{
	int fd = open(d->a[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct s3_get how = { .from = drive_int(d, 4, 0),
			      .to = drive_int(d, 5, -1),
			      .if_match = d->n > 6 ? d->a[6] : NULL };
	struct s3_object o;
	int rc;

	if (fd < 0)
		return NULL;
	aws_s3_get_ask(&d->call.request, d->a[0], d->a[1], fd, drive_int(d, 3, 0), &how);
	drive_go(d);
	rc = aws_s3_get_read(&d->call.reply, &o, &d->e);
	close(fd);
	return rc < 0 ? NULL : object(d, &o);
}

static struct json *head(struct drive *d)
{
	struct s3_object o;

	aws_s3_head_ask(&d->call.request, d->a[0], d->a[1]);
	drive_go(d);
	return aws_s3_head_read(&d->call.reply, &o, &d->e) < 0 ? NULL : object(d, &o);
}

static struct json *delete (struct drive *d)
{
	aws_s3_delete_ask(&d->call.request, d->a[0], d->a[1]);
	return none(d);
}

/* BUCKET PREFIX DELIMITER MAX [TOKEN] */
static struct json *list(struct drive *d)
{
	struct s3_entries x;
	struct json *out, *keys, *prefixes;

	aws_s3_list_ask(&d->call.request, d->a[0], d->a[1], d->a[2], (int)drive_int(d, 3, 0),
			d->n > 4 ? d->a[4] : NULL);
	drive_go(d);
	if (aws_s3_list_read(&d->call.reply, &x, &d->e) < 0)
		return NULL;
	out = json_object();
	keys = json_array();
	prefixes = json_array();
	for (size_t i = 0; i < x.count; i++)
		json_add(keys, json_new_str(x.list[i].key));
	for (size_t i = 0; i < x.prefix_count; i++)
		json_add(prefixes, json_new_str(x.prefixes[i]));
	json_set(out, "keys", keys);
	json_set(out, "prefixes", prefixes);
	json_set_str(out, "next", x.next_token);
	s3_entries_done(&x);
	return out;
}

static int part(struct drive *d, const char *upload, int number, int fd, int64_t at, int64_t size,
		char etag[static S3_ETAG_MAX])
{
	aws_s3_multi_part_ask(&d->call.request, d->a[0], d->a[1], upload, number, fd, at, size);
	drive_go(d);
	return aws_s3_put_read(&d->call.reply, etag, &d->e);
}

/* BUCKET KEY FILE BYTES-A-PART [complete|abort|leave] */
static struct json *multi(struct drive *d)
{
	const char *how = d->n > 4 ? d->a[4] : "complete";
	AUTO(own_freep) char *upload = NULL;
	char etags[16][S3_ETAG_MAX];
	const char *list[16];
	int fd = open(d->a[2], O_RDONLY | O_CLOEXEC), n = 0, rc = 0;
	int64_t size = drive_int(d, 3, 0);
	struct stat st;

	aws_s3_multi_create_ask(&d->call.request, d->a[0], d->a[1], "video/mp4");
	drive_go(d);
	if (fstat(fd, &st) < 0 || aws_s3_multi_create_read(&d->call.reply, &upload, &d->e) < 0)
		rc = -1;
	for (int64_t at = 0; rc == 0 && at < st.st_size && n < 16; at += size, n++) {
		list[n] = etags[n];
		rc = part(d, upload, n + 1, fd, at, at + size < st.st_size ? size : st.st_size - at,
			  etags[n]);
	}
	close(fd);
	if (rc == 0 && strcmp(how, "complete") == 0) {
		aws_s3_multi_complete_ask(&d->call.request, d->a[0], d->a[1], upload, list,
					  (size_t)n);
		drive_go(d);
		rc = aws_s3_multi_complete_read(&d->call.reply, &d->e);
	} else if (rc == 0 && strcmp(how, "abort") == 0) {
		aws_s3_multi_abort_ask(&d->call.request, d->a[0], d->a[1], upload);
		drive_go(d);
		rc = aws_s3_none_read(&d->call.reply, &d->e);
	}
	return rc < 0 ? NULL : json_object();
}

/* BUCKET PREFIX */
static struct json *multis(struct drive *d)
{
	struct s3_uploads x;
	struct json *out, *keys;

	aws_s3_multi_list_ask(&d->call.request, d->a[0], d->a[1], NULL, NULL);
	drive_go(d);
	if (aws_s3_multi_list_read(&d->call.reply, &x, &d->e) < 0)
		return NULL;
	out = json_object();
	keys = json_array();
	for (size_t i = 0; i < x.count; i++)
		if (x.list[i].upload[0] && !instant_is_never(x.list[i].began))
			json_add(keys, json_new_str(x.list[i].key));
	json_set(out, "keys", keys);
	s3_uploads_done(&x);
	return out;
}

/* BUCKET KEY SECONDS: a URL for anybody */
static struct json *url(struct drive *d)
{
	AUTO(buf_done) struct buf text = BUF(16 << 10), origin = BUF(1024);
	struct json *out;

	aws_s3_head_bucket_ask(&d->call.request, d->a[0]); /* fetches keys */
	drive_go(d);
	if (aws_s3_presign(d->lane, d->a[0], d->a[1], span_s(drive_int(d, 2, 60)), &text, &d->e) <
		    0 ||
	    aws_s3_origin(d->lane, d->a[0], &origin, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "url", buf_str(&text));
	json_set_str(out, "origin", buf_str(&origin));
	return out;
}

const struct drive_verb drive_s3[] = {
	{ "s3-create", 1, create }, { "s3-head-bucket", 1, head_bucket },
	{ "s3-put", 3, put_text },  { "s3-put-file", 3, put_file },
	{ "s3-get", 4, get },       { "s3-head", 2, head },
	{ "s3-delete", 2, delete }, { "s3-list", 4, list },
	{ "s3-multi", 4, multi },   { "s3-multis", 2, multis },
	{ "s3-url", 3, url },       { 0 },
};
