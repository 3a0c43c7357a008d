/* GetObject and HeadObject: conditions, ranges, headers, and the bytes themselves. */
#include "local/s3_own.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- conditions of a read ---- */

static bool since(const char *text, int64_t *ret_ms)
{
	struct instant t;

	if (!text || clock_parse_http(text, &t, NULL) < 0)
		return false;
	*ret_ms = t.ms;
	return true;
}

int local_s3_get_condition(const struct s3_condition *c, const struct s3_object *o)
{
	int64_t at, modified = o->modified.ms / 1000 * 1000;

	if (c->match ? !local_s3_object_matches(c->match, o->etag)
		     : since(c->unmodified_since, &at) && modified > at)
		return 412;
	if (c->none_match ? local_s3_object_matches(c->none_match, o->etag)
			  : since(c->modified_since, &at) && modified <= at)
		return 304;
	return 0;
}

static int condition(const struct s3_request *r, const struct s3_object *o)
{
	const struct s3_condition c = {
		local_s3_header(r, "If-Match"),
		local_s3_header(r, "If-None-Match"),
		local_s3_header(r, "If-Unmodified-Since"),
		local_s3_header(r, "If-Modified-Since"),
	};

	return local_s3_get_condition(&c, o);
}

/* ---- ranges ---- */

struct range {
	int64_t first, count;
};

/* 1 a range, 0 the whole (also for what is not understood), -1 past the end. */
static int range_read(const char *text, int64_t size, struct range *ret)
{
	int64_t first, last = size - 1;
	char *end;

	*ret = (struct range){ 0, size };
	if (!text || strncasecmp(text, "bytes=", 6) || strchr(text, ','))
		return 0;
	text += 6;
	errno = 0;
	if (*text == '-') {
		int64_t tail = strtoll(text + 1, &end, 10);

		if (!isdigit((unsigned char)text[1]) || *end || errno)
			return 0;
		if (tail == 0 || size == 0)
			return -1;
		*ret = tail >= size ? *ret : (struct range){ size - tail, tail };
		return 1;
	}
	if (!isdigit((unsigned char)*text))
		return 0;
	first = strtoll(text, &end, 10);
	if (*end++ != '-' || errno)
		return 0;
	if (*end) {
		last = strtoll(end, &end, 10);
		if (*end || errno || last < first)
			return 0;
	}
	if (first >= size)
		return -1;
	last = last < size ? last : size - 1;
	*ret = (struct range){ first, last - first + 1 };
	return 1;
}

/* ---- headers ---- */

static void get_sum(struct s3_request *r, const struct s3_object *o)
{
	const char *mode = local_s3_header(r, "x-amz-checksum-mode");
	const char *type = strchr(o->sum, ':'), *value = type ? strchr(type + 1, ':') : NULL;
	char word[16];

	if (!mode || strcasecmp(mode, "ENABLED") || !value ||
	    type - o->sum >= (ptrdiff_t)sizeof(word))
		return;
	memcpy(word, o->sum, (size_t)(type - o->sum));
	word[type - o->sum] = '\0';
	local_s3_reply_header(r, local_s3_sum_header(local_s3_sum_named(word)), value + 1);
	local_s3_reply_headerf(r, "x-amz-checksum-type", "%.*s", (int)(value - type - 1), type + 1);
}

/* A presigned URL may say what the answer's headers are to be. */
static const char *overridden(const struct s3_request *r, const char *name)
{
	char query[64] = "response-";
	size_t n = strlen(query);

	for (size_t i = 0; name[i] && n + 1 < sizeof(query); i++)
		query[n++] = (char)tolower((unsigned char)name[i]);
	query[n] = '\0';
	return local_s3_query(r, query);
}

static void get_headers(struct s3_request *r, const struct s3_object *o, bool whole)
{
	static const char *const may_override[] = { "Content-Type",  "Content-Language",
						    "Expires",       "Content-Disposition",
						    "Cache-Control", "Content-Encoding" };
	const struct json *value;
	char date[CLOCK_TEXT_MAX];
	const char *name;

	for (size_t i = 0; i < COUNT_OF(may_override); i++)
		local_s3_reply_header(r, may_override[i], overridden(r, may_override[i]));
	for (size_t it = 0; json_next(o->headers, &it, &name, &value);)
		if (!overridden(r, name))
			local_s3_reply_header(r, name, json_str(value));
	if (!json_get_str(o->headers, "Content-Type") && !overridden(r, "Content-Type"))
		local_s3_reply_header(r, "Content-Type", "binary/octet-stream");
	local_s3_reply_headerf(r, "ETag", "\"%s\"", o->etag);
	local_s3_reply_header(r, "Last-Modified", clock_print_http(o->modified, date));
	local_s3_reply_header(r, "Accept-Ranges", "bytes");
	if (whole)
		get_sum(r, o);
}

static int get_tags(struct s3_request *r, struct err *e)
{
	AUTO(json_freep) struct json *tags = local_s3_tag_find(r->s3, r->bucket, r->key, e);
	const struct json *value;
	const char *name;
	int n = 0;

	for (size_t it = 0; json_next(tags, &it, &name, &value);)
		n++;
	if (n)
		local_s3_reply_headerf(r, "x-amz-tagging-count", "%d", n);
	return tags ? 0 : -1;
}

/* ---- the operations ---- */

/* What a query for one part asks for, as a range. 1, or -1 when the request has ended. */
static int part_read(struct s3_request *r, const struct s3_object *o, struct range *ret)
{
	int64_t number;
	struct err e;
	int found;

	if (!local_s3_multi_number(r, &number))
		return -1;
	if (local_s3_header(r, "Range")) {
		local_s3_reply_fail(r, "InvalidRequest",
				    "Cannot specify both Range header and partNumber query "
				    "parameter");
		return -1;
	}
	err_clear(&e);
	found = local_s3_pieces_part(r->s3, o, number, &ret->first, &ret->count, &e);
	if (found == 1) {
		if (o->parts)
			local_s3_reply_headerf(r, "x-amz-mp-parts-count", "%" PRId64, o->parts);
		return o->size > 0;
	}
	if (found < 0)
		local_s3_reply_error(r, &e);
	else
		local_s3_reply_fail(r, "InvalidPartNumber", NULL);
	return -1;
}

/* 1 a part of the object, 0 the whole, -1 the request has ended. */
static int wanted(struct s3_request *r, const struct s3_object *o, struct range *ret)
{
	int ranged;

	if (local_s3_query(r, "partNumber"))
		return part_read(r, o, ret);
	ranged = range_read(local_s3_header(r, "Range"), o->size, ret);
	if (ranged < 0)
		local_s3_reply_fail(r, "InvalidRange", NULL);
	return ranged;
}

static int file_open(const struct s3_request *r, const struct s3_object *o, struct err *e)
{
	AUTO(own_freep) char *path = local_s3_path(r->s3, o->file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_errno(e, errno, "%s, which a row names, cannot be opened", path) : fd;
}

static void get_file(struct s3_request *r, const struct s3_object *o)
{
	AUTO(local_s3_pieces_freep) struct s3_pieces *pieces = NULL;
	struct range range, sent;
	struct err e;
	int ranged = wanted(r, o, &range), fd = -1;

	if (ranged < 0)
		return;
	sent = strcmp(httpd_method(r->x), "HEAD") ? range : (struct range){ 0, 0 };
	err_clear(&e);
	if (get_tags(r, &e) < 0 ||
	    (o->parts ? !(pieces = local_s3_pieces_new(r->s3, o, sent.first, sent.count, &e)) ||
				local_s3_pieces_open(pieces, &e) < 0
		      : (fd = file_open(r, o, &e)) < 0)) {
		local_s3_reply_error(r, &e);
		return;
	}
	get_headers(r, o, !ranged);
	if (ranged)
		local_s3_reply_headerf(r, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
				       range.first, range.first + range.count - 1, o->size);
	if (pieces)
		local_s3_reply_pieces(r, ranged ? 206 : 200, TAKE(pieces), range.count);
	else
		local_s3_reply_fd(r, ranged ? 206 : 200, fd, range.first, range.count);
}

bool local_s3_get_find(struct s3_request *r, struct s3_object *ret)
{
	struct err e;
	int found;

	if (!local_s3_bucket(r))
		return false;
	err_clear(&e);
	found = local_s3_object_find(r->s3, r->bucket, r->key, ret, &e);
	if (found < 0)
		local_s3_reply_error(r, &e);
	else if (!found)
		local_s3_reply_fail(r, "NoSuchKey", NULL);
	return found == 1;
}

void local_s3_get(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	int status;

	if (!local_s3_get_find(r, &o))
		return;
	status = condition(r, &o);
	if (status == 412) {
		local_s3_reply_fail(r, "PreconditionFailed", NULL);
	} else if (status == 304) {
		local_s3_reply_headerf(r, "ETag", "\"%s\"", o.etag);
		local_s3_reply_send(r, 304);
	} else {
		get_file(r, &o);
	}
}
