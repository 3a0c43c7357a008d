/* A browser's form: its fields in memory, its file into a file, off the loop, as it comes. Who sent
 * it is known only when its fields are there, so all is checked once the body has come to its end.
 */
#include "local/s3_post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/xml.h"
#include "wire/uri.h"

#define FIELD_MAX (64u << 10)
#define FIELDS_MAX (20 << 10)   /* all fields together, as AWS has it; */
#define POLICY_SLACK (64 << 10) /* what signs them not counted */

struct s3_post {
	struct multipart form;
	struct s3_form fields;
	struct buf value; /* of the field that comes */
	char *name;
	char file_name[MULTIPART_FILE_MAX];
	size_t bytes; /* of fields */
	bool in_file, after;
	int status; /* of the answer */
};

void local_s3_post_free(struct s3_post *p)
{
	if (!p)
		return;
	multipart_done(&p->form);
	for (size_t i = 0; i < p->fields.count; i++) {
		own_free(p->fields.fields[i].name);
		own_free(p->fields.fields[i].value);
	}
	buf_done(&p->value);
	own_free(p->name);
	own_free(p);
}

/* ---- fields ---- */

const char *local_s3_form_get(const struct s3_form *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcasecmp(f->fields[i].name, name))
			return f->fields[i].value;
	return NULL;
}

void local_s3_form_cover(struct s3_form *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		f->fields[i].covered |= !strcasecmp(f->fields[i].name, name);
}

static void field_add(struct s3_form *f, const char *name, const char *value)
{
	if (f->count < COUNT_OF(f->fields))
		f->fields[f->count++] =
			(struct s3_field){ own_strdup(name), own_strdup(value), false };
}

/* ---- while it comes, off the loop ---- */

/* The checksum that a field brings along. */
static int file_sum(struct s3_request *r, const struct s3_form *f, struct err *e)
{
	for (int s = S3_SUM_CRC32; s <= S3_SUM_CRC64; s++) {
		const char *text = local_s3_form_get(f, local_s3_sum_header(s));
		AUTO(buf_done) struct buf bytes = BUF(64);

		if (!text)
			continue;
		if (r->want_sum[0])
			return local_s3_refuse(e, "InvalidRequest",
					       "Expecting a single x-amz-checksum- header. "
					       "Multiple checksum Types are not allowed.");
		if (crypto_unbase64(text, strlen(text), &bytes, NULL) < 0 ||
		    bytes.len != local_s3_sum_bytes(s))
			return local_s3_refuse(e, "InvalidRequest",
					       "Value for %s header is invalid.",
					       local_s3_sum_header(s));
		r->sum = s;
		snprintf(r->want_sum, sizeof(r->want_sum), "%s", text);
	}
	return 0;
}

static int begin(const struct multipart_part *part, void *arg, struct err *e)
{
	struct s3_request *r = arg;
	struct s3_post *p = r->post;

	if (p->after)
		return 0;
	if (!strcasecmp(part->name, "file")) {
		p->in_file = true;
		snprintf(p->file_name, sizeof(p->file_name), "%s", part->file);
		if (file_sum(r, &p->fields, e) < 0)
			return -1;
		r->sums = local_s3_sum_new(r->sum, false);
		return 0;
	}
	p->name = own_strdup(part->name);
	p->value = BUF(FIELD_MAX);
	return 0;
}

static size_t data(const char *bytes, size_t len, void *arg)
{
	struct s3_request *r = arg;
	struct s3_post *p = r->post;

	if (p->after || r->error.kind != ERR_NONE)
		return len;
	if (!p->in_file) {
		buf_add(&p->value, bytes, len);
		return len;
	}
	local_s3_sum_add(r->sums, bytes, len);
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(r->fd, bytes + done, len - done, r->size);

		if (n < 0 && errno != EINTR) {
			err_errno(&r->error, errno, "the body cannot be written");
			break;
		}
		done += n > 0 ? (size_t)n : 0;
		r->size += n > 0 ? n : 0;
	}
	return len;
}

static int end(void *arg, struct err *e)
{
	struct s3_request *r = arg;
	struct s3_post *p = r->post;

	if (p->after)
		return 0;
	if (p->in_file) {
		p->in_file = false;
		p->after = true; /* what follows the file is ignored */
		return 0;
	}
	if (strcasecmp(p->name, "policy"))
		p->bytes += strlen(p->name) + p->value.len;
	if (p->value.full || p->bytes > FIELDS_MAX + (size_t)POLICY_SLACK)
		return local_s3_refuse(e, "MaxPostPreDataLengthExceeded", NULL);
	field_add(&p->fields, p->name, buf_str(&p->value));
	own_free(p->name);
	p->name = NULL;
	buf_done(&p->value);
	return 0;
}

static int take(const void *bytes, size_t len, void *arg)
{
	struct s3_request *r = arg;
	struct err e;

	if (r->error.kind != ERR_NONE || r->post->after)
		return 0;
	err_clear(&e);
	if (multipart_feed(&r->post->form, bytes, len, &e) < 0 && !r->post->after) {
		if (!*e.code)
			local_s3_refuse(&e, "MalformedPOSTRequest", NULL);
		r->error = e;
	}
	return 0;
}

static void idle(void *arg)
{
	struct s3_request *r = arg;
	struct local_s3 *s = r->s3;

	local_s3_free(r);
	local_s3_idle(s);
}

bool local_s3_post_asked(const struct s3_request *r)
{
	return !strcmp(httpd_method(r->x), "POST") && *r->bucket && !*r->key &&
	       !local_s3_header(r, "Authorization") && r->query.count == 0;
}

void local_s3_post_head(struct s3_request *r)
{
	const struct multipart_events events = { begin, data, end, r };
	const char *type = local_s3_header(r, "Content-Type");
	struct err e;

	err_clear(&e);
	if (!type || strncasecmp(type, "multipart/form-data", 19)) {
		local_s3_reply_detail(r, "Condition",
				      "Bucket POST must be of the enclosure-type "
				      "multipart/form-data");
		local_s3_reply_fail(r, "PreconditionFailed", NULL);
		return;
	}
	r->post = own_alloc(sizeof(*r->post));
	if (multipart_init(&r->post->form, type, &events, &e) < 0) {
		local_s3_reply_fail(r, "MalformedPOSTRequest", NULL);
		return;
	}
	if (local_s3_body_new(r, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	r->want_bytes = -1;
	r->working = true;
	r->s3->busy++;
	httpd_body_to_sink(r->x, &(struct httpd_sink){ take, NULL, idle, r },
			   S3_PUT_MAX + (1 << 20));
}

/* ---- once it is there ---- */

static int argument(struct s3_request *r, const char *name, const char *value, const char *message,
		    struct err *e)
{
	local_s3_reply_detail(r, "ArgumentName", name);
	local_s3_reply_detail(r, "ArgumentValue", value);
	return local_s3_refuse(e, "InvalidArgument", "%.300s", message);
}

static int name_key(struct s3_request *r, struct err *e)
{
	static const char mark[] = "${filename}";
	struct s3_form *f = &r->post->fields;
	const char *key = local_s3_form_get(f, "key"), *at = key ? strstr(key, mark) : NULL,
		   *file = r->post->file_name, *slash;
	char *whole;

	if (!key || !*key)
		return argument(r, "key", "",
				"Bucket POST must contain a field named 'key'.  If it is "
				"specified, please check the order of the fields.",
				e);
	for (slash = file; *slash; slash++) /* some browsers send the whole path */
		if (*slash == '/' || *slash == '\\')
			file = slash + 1;
	whole = at ? own_printf("%.*s%s%s", (int)(at - key), key, file, at + sizeof(mark) - 1)
		   : own_strdup(key);
	own_free(r->key);
	r->key = whole;
	for (size_t i = 0; at && i < f->count; i++)
		if (f->fields[i].value == key) {
			own_free(f->fields[i].value);
			f->fields[i].value = own_strdup(whole);
		}
	return strlen(whole) > S3_KEY_MAX ? local_s3_refuse(e, "KeyTooLongError", NULL) : 0;
}

static int check(struct s3_request *r, struct err *e)
{
	struct s3_post *p = r->post;
	const char *policy;

	if (r->error.kind != ERR_NONE) {
		*e = r->error;
		return -1;
	}
	if (!p->after && !multipart_whole(&p->form))
		return local_s3_refuse(e, "MalformedPOSTRequest", NULL);
	if (name_key(r, e) < 0 || local_s3_post_sign(r, &p->fields, e) < 0)
		return -1;
	if (!p->after)
		return argument(r, "file", "0",
				"POST requires exactly one file upload per request.", e);
	p->fields.size = r->size;
	if (!local_s3_form_get(&p->fields, "bucket"))
		field_add(&p->fields, "bucket", r->bucket);
	policy = local_s3_form_get(&p->fields, "policy");
	if (!policy || local_s3_policy_check(policy, &p->fields, local_wall(r->s3->local), e) == 0)
		return 0;
	if (p->fields.limit || !strncmp(e->code, "EntityToo", 9)) {
		AUTO(own_freep) char *size = own_printf("%lld", (long long)r->size);
		AUTO(own_freep) char *most = own_printf("%lld", (long long)p->fields.limit);

		local_s3_reply_detail(r, "ProposedSize", size);
		local_s3_reply_detail(
			r, strcmp(e->code, "EntityTooLarge") ? "MinSizeAllowed" : "MaxSizeAllowed",
			most);
	}
	return -1;
}

/* What is kept with the object. */
static int object_fill(struct s3_request *r, struct s3_object *o, struct err *e)
{
	const struct s3_form *f = &r->post->fields;
	const char *tagging = local_s3_form_get(f, "tagging");

	o->headers = json_object();
	for (size_t i = 0; i < f->count; i++)
		if (!local_s3_object_keep(o->headers, f->fields[i].name, f->fields[i].value))
			return local_s3_refuse(e, "MetadataTooLarge", NULL);
	o->tags = tagging ? local_s3_tag_xml(tagging, strlen(tagging), e) : json_object();
	return o->tags ? 0 : -1;
}

/* 201 tells more than 200 and 204 do; a redirect goes to where the form says. */
static void answer(struct s3_request *r, const struct s3_object *o)
{
	const struct s3_form *f = &r->post->fields;
	const char *redirect = local_s3_form_get(f, "success_action_redirect"),
		   *status = local_s3_form_get(f, "success_action_status"),
		   *host = local_s3_header(r, "Host");
	AUTO(buf_done) struct buf key = BUF(3 * S3_KEY_MAX + 16), etag = BUF(256);
	AUTO(own_freep) char *location = NULL;
	bool created = status && !strcmp(status, "201");

	redirect = redirect ? redirect : local_s3_form_get(f, "redirect");
	uri_encode(&key, r->key, strlen(r->key), true);
	location = r->hosted ? own_printf("http://%s/%s", host, buf_str(&key))
			     : own_printf("http://%s/%s/%s", host ? host : "", r->bucket,
					  buf_str(&key));
	local_s3_reply_headerf(r, "ETag", "\"%s\"", o->etag);
	if (r->sum != S3_SUM_NONE)
		local_s3_reply_header(r, local_s3_sum_header(r->sum), r->digest.sum);
	if (redirect &&
	    (!strncasecmp(redirect, "http://", 7) || !strncasecmp(redirect, "https://", 8))) {
		buf_addf(&etag, "%%22%s%%22", o->etag);
		local_s3_reply_headerf(r, "Location", "%s%cbucket=%s&key=%s&etag=%s", redirect,
				       strchr(redirect, '?') ? '&' : '?', r->bucket, buf_str(&key),
				       buf_str(&etag));
		local_s3_reply_commit(r, 303);
		return;
	}
	local_s3_reply_header(r, "Location", location);
	if (created) {
		local_s3_reply_header(r, "Content-Type", "application/xml");
		buf_adds(&r->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
		xml_elem(&r->out, "Location", location);
		xml_elem(&r->out, "Bucket", r->bucket);
		xml_elem(&r->out, "Key", r->key);
		buf_addf(&r->out, "<ETag>&quot;%s&quot;</ETag></PostResponse>", o->etag);
	}
	local_s3_reply_commit(r, created ? 201 : status && !strcmp(status, "200") ? 200 : 204);
}

static void store(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { .size = r->size };
	char hex[33];
	struct err e;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	o.modified = local_wall(r->s3->local);
	snprintf(o.file, sizeof(o.file), "%s", r->file);
	snprintf(o.etag, sizeof(o.etag), "%s",
		 crypto_hex(r->digest.md5, sizeof(r->digest.md5), hex));
	local_s3_object_sum(&o, r->sum, "FULL_OBJECT", r->digest.sum);
	if (object_fill(r, &o, &e) < 0 ||
	    local_s3_object_put(r, &o, "ObjectCreated:Post", &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	answer(r, &o);
}

/* An answer instead of the object; what was received goes with the request. */
static void give_up(struct s3_request *r, const struct err *e)
{
	r->working = false;
	r->s3->busy--;
	local_s3_reply_error(r, e);
}

void local_s3_post(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	struct err e;

	err_clear(&e);
	if (check(r, &e) < 0 || object_fill(r, &o, &e) < 0)
		give_up(r, &e);
	else
		local_s3_body_finish(r, store);
}
