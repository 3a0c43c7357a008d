/* Rows of objects, the headers kept with them, and the conditions of a write. */
#include "local/s3_own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADERS_TEXT_MAX (64u << 10)
#define USER_METADATA_MAX 2048
#define META "x-amz-meta-"

void local_s3_object_done(struct s3_object *o)
{
	json_free(o->headers);
	json_free(o->tags);
	o->headers = o->tags = NULL;
}

int local_s3_object_find(struct local_s3 *s, const char *bucket, const char *key,
			 struct s3_object *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(s->local->db,
				    "SELECT file, size, etag, modified, headers, sum, parts FROM "
				    "s3_objects WHERE bucket=? AND key=?",
				    DB_ARGS(DB_S(bucket), DB_S(key)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct s3_object){ 0 };
	if (rc != 1)
		return rc;
	snprintf(ret->file, sizeof(ret->file), "%s", db_str(r, 0));
	ret->size = db_int(r, 1);
	snprintf(ret->etag, sizeof(ret->etag), "%s", db_str(r, 2));
	ret->modified.ms = db_int(r, 3);
	ret->headers = json_parse(db_str(r, 4), strlen(db_str(r, 4)), e);
	snprintf(ret->sum, sizeof(ret->sum), "%s", db_str(r, 5));
	ret->parts = db_int(r, 6);
	return ret->headers ? 1 : -1;
}

int local_s3_object_put(struct s3_request *r, const struct s3_object *o, const char *event,
			struct err *e)
{
	AUTO(local_s3_object_done) struct s3_object old = { 0 };
	AUTO(buf_done) struct buf headers = BUF(HEADERS_TEXT_MAX);
	struct local *l = r->s3->local;

	if (local_write(l, e) < 0 || local_s3_object_find(r->s3, r->bucket, r->key, &old, e) < 0)
		return -1;
	json_write(o->headers, &headers);
	if (buf_ok(&headers, "the headers", e) < 0)
		return -1;
	if (local_s3_pieces_forget(r, &old, e) < 0 ||
	    local_s3_tag_store(r->s3, r->bucket, r->key, o->tags, e) < 0 ||
	    DB_RUN(l->db, e, "INSERT OR REPLACE INTO s3_objects VALUES(?,?,?,?,?,?,?,?,?)",
		   DB_S(r->bucket), DB_S(r->key), DB_S(o->file), DB_I(o->size), DB_S(o->etag),
		   DB_I(o->modified.ms), DB_S(buf_str(&headers)), DB_S(o->sum), DB_I(o->parts)) < 0)
		return -1;
	return local_s3_event_tell(r, event, r->key, o, e);
}

int local_s3_object_delete(struct s3_request *r, const char *key, struct err *e)
{
	AUTO(local_s3_object_done) struct s3_object old = { 0 };
	struct local *l = r->s3->local;
	int found;

	if (local_write(l, e) < 0)
		return -1;
	found = local_s3_object_find(r->s3, r->bucket, key, &old, e);
	if (found <= 0)
		return found;
	if (local_s3_pieces_forget(r, &old, e) < 0 ||
	    local_s3_tag_store(r->s3, r->bucket, key, NULL, e) < 0 ||
	    DB_RUN(l->db, e, "DELETE FROM s3_objects WHERE bucket=? AND key=?", DB_S(r->bucket),
		   DB_S(key)) < 0 ||
	    local_s3_event_tell(r, "ObjectRemoved:Delete", key, &old, e) < 0)
		return -1;
	return 1;
}

/* ---- conditions ---- */

bool local_s3_object_matches(const char *want, const char *etag)
{
	size_t n = strlen(etag);

	if (!strcmp(want, "*") || !strcmp(want, etag))
		return true;
	for (const char *at = want; (at = strstr(at, etag)); at += n)
		if (at > want && at[-1] == '"' && at[n] == '"')
			return true;
	return false;
}

static void refuse_condition(struct s3_request *r, const char *name)
{
	local_s3_reply_detail(r, "Condition", name);
	local_s3_reply_fail(r, "PreconditionFailed", NULL);
}

bool local_s3_object_precondition(struct s3_request *r)
{
	const char *match = local_s3_header(r, "If-Match"),
		   *none = local_s3_header(r, "If-None-Match");
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	struct err e;
	int found;

	if (!match && !none)
		return true;
	if (none && strcmp(none, "*")) {
		local_s3_reply_detail(r, "Header", "If-None-Match");
		local_s3_reply_fail(r, "NotImplemented", NULL);
		return false;
	}
	err_clear(&e);
	found = local_s3_object_find(r->s3, r->bucket, r->key, &o, &e);
	if (found < 0)
		local_s3_reply_error(r, &e);
	else if (match && !found)
		local_s3_reply_fail(r, "NoSuchKey", NULL);
	else if ((match && !local_s3_object_matches(match, o.etag)) ||
		 (none && found && local_s3_object_matches(none, o.etag)))
		refuse_condition(r, match && !local_s3_object_matches(match, o.etag)
					    ? "If-Match"
					    : "If-None-Match");
	else
		return true;
	return false;
}

/* ---- kept headers ---- */

static const char *const kept[] = {
	"Content-Type",     "Cache-Control", "Content-Disposition",
	"Content-Language", "Expires",       "x-amz-website-redirect-location"
};

/* "aws-chunked" is how it came, not what it is. */
static void keep_encoding(struct json *headers, const char *encoding)
{
	if (!strncasecmp(encoding, "aws-chunked", 11))
		encoding += strspn(encoding + 11, ", ") + 11;
	if (*encoding)
		json_set_str(headers, "Content-Encoding", encoding);
}

/* Values of one name stand behind one another. */
static void keep_meta(struct json *headers, const char *name, const char *value)
{
	AUTO(own_freep) char *lower = own_strdup(name), *both = NULL;
	const char *had;

	for (char *p = lower; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	had = json_get_str(headers, lower);
	if (had)
		both = own_printf("%s,%s", had, value);
	json_set_str(headers, lower, both ? both : value);
}

static bool meta_fits(const struct json *headers)
{
	const struct json *value;
	const char *name;
	size_t bytes = 0;

	for (size_t it = 0; json_next(headers, &it, &name, &value);)
		if (!strncmp(name, META, strlen(META)))
			bytes += strlen(name) - strlen(META) + strlen(json_str(value));
	return bytes <= USER_METADATA_MAX;
}

bool local_s3_object_keep(struct json *headers, const char *name, const char *value)
{
	if (!strncasecmp(name, META, strlen(META))) {
		keep_meta(headers, name, value);
		return meta_fits(headers);
	}
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (!strcasecmp(kept[i], name) && *value && !json_get(headers, kept[i]))
			json_set_str(headers, kept[i], value);
	if (!strcasecmp(name, "Content-Encoding"))
		keep_encoding(headers, value);
	return true;
}

struct json *local_s3_object_headers(const struct s3_request *r)
{
	AUTO(json_freep) struct json *headers = json_object();
	const char *name, *value;

	for (size_t it = 0; httpd_next_header(r->x, &it, &name, &value);)
		if (!local_s3_object_keep(headers, name, value))
			return NULL;
	for (size_t i = 0; r->verdict.presigned && i < r->query.count; i++)
		if (!httpd_header(r->x, r->query.pairs[i].name) &&
		    !strncasecmp(r->query.pairs[i].name, META, strlen(META)) &&
		    !local_s3_object_keep(headers, r->query.pairs[i].name, r->query.pairs[i].value))
			return NULL;
	return TAKE(headers);
}

void local_s3_object_sum(struct s3_object *o, enum s3_sum s, const char *type, const char *sum)
{
	o->sum[0] = '\0';
	if (s != S3_SUM_NONE && *sum)
		snprintf(o->sum, sizeof(o->sum), "%s:%s:%s", local_s3_sum_word(s), type, sum);
}

bool local_s3_object_there(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	struct err e;
	int found;

	if (!local_s3_bucket(r))
		return false;
	if (!*r->key)
		return true;
	err_clear(&e);
	found = local_s3_object_find(r->s3, r->bucket, r->key, &o, &e);
	if (found < 0)
		local_s3_reply_error(r, &e);
	else if (!found)
		local_s3_reply_fail(r, "NoSuchKey", NULL);
	return found == 1;
}
