/* Tags of buckets and objects: rows beside theirs. */
#include "local/s3_own.h"

#include <ctype.h>
#include <string.h>

#include "base/xml.h"

#define OBJECT_TAGS_MOST 10
#define BUCKET_TAGS_MOST 50
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256
#define TAGS_TEXT_MAX (128u << 10)

const char local_s3_tag_schema[] =
	"CREATE TABLE s3_tags(bucket TEXT NOT NULL, key TEXT NOT NULL, tags TEXT NOT NULL,"
	" PRIMARY KEY(bucket, key)) WITHOUT ROWID;";

int local_s3_tag_store(struct local_s3 *s, const char *bucket, const char *key,
		       const struct json *tags, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(TAGS_TEXT_MAX);
	const struct json *value;
	const char *name;
	size_t it = 0;

	if (!json_next(tags, &it, &name, &value))
		return DB_RUN(s->local->db, e, "DELETE FROM s3_tags WHERE bucket=? AND key=?",
			      DB_S(bucket), DB_S(key));
	json_write(tags, &text);
	if (buf_ok(&text, "the tags", e) < 0)
		return -1;
	return DB_RUN(s->local->db, e, "INSERT OR REPLACE INTO s3_tags VALUES(?,?,?)", DB_S(bucket),
		      DB_S(key), DB_S(buf_str(&text)));
}

struct json *local_s3_tag_find(struct local_s3 *s, const char *bucket, const char *key,
			       struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(s->local->db, "SELECT tags FROM s3_tags WHERE bucket=? AND key=?",
			 DB_ARGS(DB_S(bucket), DB_S(key)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc < 0)
		return NULL;
	return rc == 0 ? json_object() : json_parse(db_str(r, 0), strlen(db_str(r, 0)), e);
}

/* ---- reading ---- */

/* Letters of all kinds, digits, blanks and a few marks; at most @p most characters. */
static bool tag_text_ok(const char *text, size_t most)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x80 && !isalnum(*p) && !strchr(" +-=._:/@", *p))
			return false;
		n += (*p & 0xc0) != 0x80;
	}
	return n <= most;
}

static int tag_add(struct json *tags, const char *key, const char *value, int most, int *count,
		   struct err *e)
{
	if (!key || !*key || !tag_text_ok(key, TAG_KEY_MAX) || !strncmp(key, "aws:", 4))
		return local_s3_refuse(e, "InvalidTag", "The TagKey you have provided is invalid");
	if (!value || !tag_text_ok(value, TAG_VALUE_MAX))
		return local_s3_refuse(e, "InvalidTag",
				       "The TagValue you have provided is invalid");
	if (json_get(tags, key))
		return local_s3_refuse(e, "InvalidTag",
				       "Cannot provide multiple Tags with the same key");
	if (++*count > most)
		return local_s3_refuse(e, "BadRequest", "%s tags cannot be greater than %d",
				       most == OBJECT_TAGS_MOST ? "Object" : "Bucket", most);
	json_set_str(tags, key, value);
	return 0;
}

static int bad_header(struct err *e)
{
	return local_s3_refuse(
		e, "InvalidArgument",
		"The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
		"parameters without tag name duplicates.");
}

struct json *local_s3_tag_header(const struct s3_request *r, struct err *e)
{
	const char *text = local_s3_header(r, "x-amz-tagging");
	AUTO(json_freep) struct json *tags = json_object();
	AUTO(form_done) struct form form = { 0 };
	int count = 0;

	if (text && form_parse(text, strlen(text), &form, e) < 0) {
		err_ignore(bad_header(e));
		return NULL;
	}
	for (size_t i = 0; i < form.count && i <= OBJECT_TAGS_MOST; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(form.pairs[i].name, form.pairs[k].name)) {
				err_ignore(bad_header(e));
				return NULL;
			}
	for (size_t i = 0; i < form.count; i++)
		if (tag_add(tags, form.pairs[i].name, form.pairs[i].value, OBJECT_TAGS_MOST, &count,
			    e) < 0)
			return NULL;
	return TAKE(tags);
}

/* <Tagging><TagSet><Tag><Key/><Value/></Tag>… */
static struct json *tags_read(const char *text, size_t len, int most, struct err *e)
{
	AUTO(json_freep) struct json *tags = json_object();
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *set;
	int count = 0;

	x = len ? xml_parse(text, len, e) : NULL;
	set = x ? xml_first(xml_root(x), "TagSet") : NULL;
	if (!set || strcmp(xml_root(x)->name, "Tagging")) {
		err_ignore(local_s3_refuse(e, "MalformedXML", NULL));
		return NULL;
	}
	for (const struct xml_node *t = xml_first(set, "Tag"); t; t = xml_next(t, "Tag"))
		if (tag_add(tags, xml_text(t, "Key"), xml_text(t, "Value"), most, &count, e) < 0)
			return NULL;
	return TAKE(tags);
}

struct json *local_s3_tag_xml(const char *text, size_t len, struct err *e)
{
	return tags_read(text, len, OBJECT_TAGS_MOST, e);
}

/* ---- the operations ---- */

void local_s3_tag_get(struct s3_request *r)
{
	AUTO(json_freep) struct json *tags = NULL;
	const struct json *value;
	const char *name;
	struct err e;
	size_t it = 0;

	if (!local_s3_object_there(r))
		return;
	err_clear(&e);
	tags = local_s3_tag_find(r->s3, r->bucket, r->key, &e);
	if (!tags) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (!*r->key && !json_next(tags, &it, &name, &value)) {
		local_s3_reply_fail(r, "NoSuchTagSet", NULL);
		return;
	}
	local_s3_reply_xml(r, "Tagging");
	xml_open(&r->out, "TagSet");
	for (it = 0; json_next(tags, &it, &name, &value);) {
		xml_open(&r->out, "Tag");
		xml_elem(&r->out, "Key", name);
		xml_elem(&r->out, "Value", json_str(value));
		xml_close(&r->out, "Tag");
	}
	xml_close(&r->out, "TagSet");
	xml_close(&r->out, "Tagging");
	local_s3_reply_send(r, 200);
}

static void tag_change(struct s3_request *r, const struct json *tags, int status, struct err *e)
{
	if (local_write(r->s3->local, e) < 0 ||
	    local_s3_tag_store(r->s3, r->bucket, r->key, tags, e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, e);
		return;
	}
	local_s3_reply_commit(r, status);
}

void local_s3_tag_put(struct s3_request *r)
{
	AUTO(json_freep) struct json *tags = NULL;
	const char *body;
	struct err e;
	size_t len;

	if (!local_s3_object_there(r) || !local_s3_body_memory(r, false))
		return;
	err_clear(&e);
	body = httpd_body(r->x, &len);
	tags = tags_read(body, len, *r->key ? OBJECT_TAGS_MOST : BUCKET_TAGS_MOST, &e);
	if (tags)
		tag_change(r, tags, *r->key ? 200 : 204, &e);
	else
		local_s3_reply_error(r, &e);
}

void local_s3_tag_delete(struct s3_request *r)
{
	struct err e;

	if (!local_s3_object_there(r))
		return;
	err_clear(&e);
	tag_change(r, NULL, 204, &e);
}
