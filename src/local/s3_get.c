/* GetObject and HeadObject: conditions, ranges, headers, and the file itself. */
#include "local/s3_own.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

/* ---- conditions of a read ---- */

static bool etag_in(const char *list, const char *etag)
{
	const char *at = strstr(list, etag);

	return !strcmp(list, "*") || (at && (at == list || at[-1] == '"'));
}

static bool since(const char *text, int64_t *ret_ms)
{
	struct instant t;

	if (!text || clock_parse_http(text, &t, NULL) < 0)
		return false;
	*ret_ms = t.ms;
	return true;
}

/* 0: go on; else the status to answer with. */
static int condition(const struct s3_request *r, const struct s3_object *o)
{
	const char *match = local_s3_header(r, "If-Match"),
		   *none = local_s3_header(r, "If-None-Match");
	int64_t at, modified = o->modified.ms / 1000 * 1000;

	if (match ? !etag_in(match, o->etag)
		  : since(local_s3_header(r, "If-Unmodified-Since"), &at) && modified > at)
		return 412;
	if (none ? etag_in(none, o->etag)
		 : since(local_s3_header(r, "If-Modified-Since"), &at) && modified <= at)
		return 304;
	return 0;
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

/* ---- the operations ---- */

static void get_file(struct s3_request *r, const struct s3_object *o)
{
	AUTO(own_freep) char *path = local_s3_path(r->s3, o->file);
	struct range range;
	struct err e;
	int ranged = range_read(local_s3_header(r, "Range"), o->size, &range), fd;

	if (ranged < 0) {
		local_s3_reply_fail(r, "InvalidRange", NULL);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_clear(&e);
		err_errno(&e, errno, "%s, which a row names, cannot be opened", path);
		local_s3_reply_error(r, &e);
		return;
	}
	get_headers(r, o, !ranged);
	if (ranged)
		local_s3_reply_headerf(r, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
				       range.first, range.first + range.count - 1, o->size);
	local_s3_reply_fd(r, ranged ? 206 : 200, fd, range.first, range.count);
}

void local_s3_get(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	struct err e;
	int found, status;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	found = local_s3_object_find(r->s3, r->bucket, r->key, &o, &e);
	if (found < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (!found) {
		local_s3_reply_fail(r, "NoSuchKey", NULL);
		return;
	}
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
