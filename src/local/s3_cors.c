/* A bucket's CORS rules: what they may be, kept as they were told, and told again. */
#include "local/s3_cors.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"

#define RULES_MOST 100
#define CORS_TEXT_MAX (256u << 10)
#define CORS_METHODS "GET|PUT|POST|DELETE|HEAD"

const char local_s3_cors_schema[] =
	"CREATE TABLE s3_cors(bucket TEXT PRIMARY KEY, rules TEXT NOT NULL) WITHOUT ROWID;";

/* Lists of a rule: the element, and whether a rule must have one. */
static const struct {
	const char *element;
	bool needed;
} lists[] = { { "AllowedOrigin", true },
	      { "AllowedMethod", true },
	      { "AllowedHeader", false },
	      { "ExposeHeader", false } };

/* ---- reading ---- */

/* A header's name; an asterisk may stand for any part of an allowed one. */
static bool header_ok(const char *name, bool pattern)
{
	const char *star = strchr(name, '*');

	if (star && (!pattern || strchr(star + 1, '*')))
		return false;
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789!#$%&'*+-.^_`|~")];
}

static int value_check(const char *element, const char *value, struct err *e)
{
	const char *star = strchr(value, '*');

	if (!strcmp(element, "AllowedOrigin") && star && strchr(star + 1, '*'))
		return local_s3_refuse(
			e, "InvalidRequest",
			"AllowedOrigin \"%.200s\" can not have more than one wildcard.", value);
	if (!strcmp(element, "AllowedMethod") && text_choice(CORS_METHODS, value) < 0)
		return local_s3_refuse(
			e, "InvalidRequest",
			"Found unsupported HTTP method in CORS config. Unsupported method is %.60s",
			value);
	if (!strcmp(element, "AllowedHeader") && !header_ok(value, true))
		return local_s3_refuse(e, "InvalidRequest",
				       star && strchr(star + 1, '*')
					       ? "AllowedHeader \"%.200s\" can not have more than "
						 "one wildcard."
					       : "AllowedHeader \"%.200s\" contains invalid "
						 "character.",
				       value);
	if (!strcmp(element, "ExposeHeader") && !header_ok(value, false))
		return local_s3_refuse(e, "InvalidRequest",
				       star ? "ExposeHeader \"%.200s\" contains wildcard. We "
					      "currently do not support wildcard for ExposeHeader."
					    : "ExposeHeader \"%.200s\" contains invalid character.",
				       value);
	return 0;
}

/* NULL: @p e. */
static struct json *rule_read(const struct xml_node *n, struct err *e)
{
	AUTO(json_freep) struct json *rule = json_object();
	const char *age = xml_text(n, "MaxAgeSeconds");
	int64_t seconds;

	if (xml_text(n, "ID"))
		json_set_str(rule, "ID", xml_text(n, "ID"));
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		struct json *list = json_array();

		json_set(rule, lists[i].element, list);
		for (const struct xml_node *v = xml_first(n, lists[i].element); v;
		     v = xml_next(v, lists[i].element)) {
			if (value_check(lists[i].element, v->text, e) < 0)
				return NULL;
			json_add(list, json_new_str(v->text));
		}
		if (lists[i].needed && json_count(list) == 0) {
			err_ignore(local_s3_refuse(e, "MalformedXML", NULL));
			return NULL;
		}
	}
	if (age && (!text_int(age, &seconds) || seconds < INT32_MIN || seconds > INT32_MAX)) {
		err_ignore(local_s3_refuse(e, "MalformedXML", NULL));
		return NULL;
	}
	if (age)
		json_set_int(rule, "MaxAgeSeconds", seconds);
	return TAKE(rule);
}

static struct json *rules_read(struct s3_request *r, struct err *e)
{
	AUTO(json_freep) struct json *rules = json_array();
	AUTO(xml_freep) struct xml *x = NULL;
	size_t len;
	const char *body = httpd_body(r->x, &len);

	x = len ? xml_parse(body, len, e) : NULL;
	if (!x || strcmp(xml_root(x)->name, "CORSConfiguration") ||
	    !xml_first(xml_root(x), "CORSRule")) {
		err_ignore(local_s3_refuse(e, "MalformedXML", NULL));
		return NULL;
	}
	for (const struct xml_node *n = xml_first(xml_root(x), "CORSRule"); n;
	     n = xml_next(n, "CORSRule")) {
		struct json *rule = rule_read(n, e);

		if (!rule)
			return NULL;
		json_add(rules, rule);
	}
	if (json_count(rules) <= RULES_MOST)
		return TAKE(rules);
	err_ignore(local_s3_refuse(
		e, "InvalidRequest",
		"The number of CORS rules should not exceed allowed limit of 100 rules."));
	return NULL;
}

/* ---- what is kept ---- */

int local_s3_cors_find(struct local_s3 *s, const char *bucket, struct json **ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row = db_query(s->local->db, "SELECT rules FROM s3_cors WHERE bucket=?",
				      DB_ARGS(DB_S(bucket)), e);
	int rc = row ? db_step(row, e) : -1;

	*ret = rc == 1 ? json_parse(db_str(row, 0), strlen(db_str(row, 0)), e) : NULL;
	return rc == 1 && !*ret ? -1 : rc;
}

/* NULL: none. */
static void cors_change(struct s3_request *r, const struct json *rules, int status, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(CORS_TEXT_MAX);
	struct local *l = r->s3->local;
	int rc = local_write(l, e);

	if (rules && rc == 0) {
		json_write(rules, &text);
		rc = text.full ? local_s3_refuse(e, "MalformedXML", NULL)
			       : DB_RUN(l->db, e, "INSERT OR REPLACE INTO s3_cors VALUES(?,?)",
					DB_S(r->bucket), DB_S(buf_str(&text)));
	} else if (rc == 0) {
		rc = DB_RUN(l->db, e, "DELETE FROM s3_cors WHERE bucket=?", DB_S(r->bucket));
	}
	if (rc == 0) {
		local_s3_reply_commit(r, status);
		return;
	}
	local_undo(l);
	local_s3_reply_error(r, e);
}

/* ---- the operations ---- */

void local_s3_cors_put(struct s3_request *r)
{
	AUTO(json_freep) struct json *rules = NULL;
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_body_memory(r, true))
		return;
	err_clear(&e);
	rules = rules_read(r, &e);
	if (rules)
		cors_change(r, rules, 200, &e);
	else
		local_s3_reply_error(r, &e);
}

void local_s3_cors_delete(struct s3_request *r)
{
	struct err e;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	cors_change(r, NULL, 204, &e);
}

static void put_rule(struct buf *out, const struct json *rule)
{
	int64_t age;

	xml_open(out, "CORSRule");
	if (json_get_str(rule, "ID"))
		xml_elem(out, "ID", json_get_str(rule, "ID"));
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const struct json *list = json_get(rule, lists[i].element);

		for (size_t k = 0; k < json_count(list); k++)
			xml_elem(out, lists[i].element, json_str(json_at(list, k)));
	}
	if (json_get_int(rule, "MaxAgeSeconds", &age))
		buf_addf(out, "<MaxAgeSeconds>%lld</MaxAgeSeconds>", (long long)age);
	xml_close(out, "CORSRule");
}

void local_s3_cors_get(struct s3_request *r)
{
	AUTO(json_freep) struct json *rules = NULL;
	struct err e;
	int found;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	found = local_s3_cors_find(r->s3, r->bucket, &rules, &e);
	if (found < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (!found) {
		local_s3_reply_fail(r, "NoSuchCORSConfiguration", NULL);
		return;
	}
	local_s3_reply_xml(r, "CORSConfiguration");
	for (size_t i = 0; i < json_count(rules); i++)
		put_rule(&r->out, json_at(rules, i));
	xml_close(&r->out, "CORSConfiguration");
	local_s3_reply_send(r, 200);
}
