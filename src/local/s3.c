/* S3: a request from its path and signature to its operation's handler. */
#include "local/s3.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/utf8.h"
#include "local/accounts.h"
#include "local/fault.h"
#include "local/s3_own.h"
#include "local/s3_post.h"
#include "local/s3_v2.h"
#include "local/schema.h"
#include "local/trust.h"
#include "wire/uri.h"

#define BUCKET_NAME_MIN 3
#define S3_MEMORY_MAX (4u << 20) /* an XML body: 1000 keys to delete, 10000 parts to join */

const char local_s3_schema[] =
	"CREATE TABLE s3_buckets(name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE s3_objects(bucket TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL,"
	" size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, headers TEXT NOT "
	"NULL,"
	" sum TEXT NOT NULL, PRIMARY KEY(bucket, key)) WITHOUT ROWID;"
	"CREATE TABLE s3_uploads(id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL,"
	" started INTEGER NOT NULL, headers TEXT NOT NULL, sum TEXT NOT NULL, sum_type TEXT NOT "
	"NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE s3_parts(upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL,"
	" size INTEGER NOT NULL, etag TEXT NOT NULL, sum TEXT NOT NULL, modified INTEGER NOT NULL,"
	" PRIMARY KEY(upload, number)) WITHOUT ROWID;";

/* ---- requests ---- */

const char *local_s3_query(const struct s3_request *r, const char *name)
{
	return form_get(&r->query, name);
}

/* A presigned URL may have them in its query. */
const char *local_s3_header(const struct s3_request *r, const char *name)
{
	const char *value = httpd_header(r->x, name);

	if (value || !r->verdict.presigned || strncasecmp(name, "x-amz-", 6))
		return value;
	for (size_t i = 0; i < r->query.count; i++)
		if (!strcasecmp(r->query.pairs[i].name, name))
			return r->query.pairs[i].value;
	return NULL;
}

char *local_s3_path(const struct local_s3 *s, const char *file)
{
	return own_printf("%s/%s", s->folder, file);
}

void local_s3_random(char out[static S3_FILE_NAME])
{
	uint8_t bytes[(S3_FILE_NAME - 1) / 2];

	crypto_random(bytes, sizeof(bytes));
	crypto_hex(bytes, sizeof(bytes), out);
}

void local_s3_free(struct s3_request *r)
{
	if (r->x)
		httpd_set_user(r->x, NULL);
	if (r->fd >= 0)
		close(r->fd);
	if (r->file[0]) {
		AUTO(own_freep) char *path = local_s3_path(r->s3, r->file);

		unlink(path);
	}
	for (size_t i = 0; i < r->header_count; i++) {
		own_free((char *)r->headers[i].name);
		own_free((char *)r->headers[i].value);
	}
	local_s3_pieces_drops_done(&r->drops);
	local_s3_copy_free(r->copy);
	local_s3_sum_free(r->sums);
	chunked_free(r->chunked);
	local_s3_post_free(r->post);
	form_done(&r->query);
	buf_done(&r->out);
	buf_done(&r->detail);
	sigv4_stream_done(&r->verdict.stream);
	own_free(r->bucket);
	own_free(r->key);
	own_free(r);
}

/* ---- off the loop ---- */

struct job {
	struct s3_request *request;
	struct local_s3 *s3;
	s3_fn *work;
};

static void job_work(void *arg)
{
	struct job *j = arg;

	j->work(j->request);
}

static void s3_free(struct local_s3 *s)
{
	if (s->memory)
		rmdir(s->folder);
	own_free(s->folder);
	own_free(s);
}

void local_s3_idle(struct local_s3 *s)
{
	s->busy--;
	if (!s->local && s->busy == 0)
		s3_free(s);
}

static void job_after(void *arg)
{
	struct job *j = arg;
	struct s3_request *r = j->request;
	struct local_s3 *s = j->s3;

	own_free(j);
	r->working = false;
	if (!s->local || !r->x) { /* stopped, or the client is gone */
		r->x = NULL;
		local_s3_free(r);
	} else if (r->error.kind != ERR_NONE) {
		local_s3_reply_error(r, &r->error);
	} else {
		r->then(r);
	}
	local_s3_idle(s);
}

void local_s3_work(struct s3_request *r, s3_fn *work)
{
	struct job *j = own_alloc(sizeof(*j));

	*j = (struct job){ r, r->s3, work };
	r->working = true;
	r->s3->busy++;
	loop_work(r->s3->local->loop, job_work, job_after, j);
}

/* ---- which operation ---- */

/* "bucket.s3.amazonaws.com", "bucket.s3.us-east-1.localhost.localstack.cloud:4566",
 * "bucket.localhost": the bucket, owned, of a host that has one in front. NULL: the path has it. */
static char *host_bucket(const struct s3_request *r)
{
	static const char *const marks[] = { ".s3.", ".s3-", ".localhost" };
	const char *host = local_s3_header(r, "Host"), *at;
	size_t n = host ? strcspn(host, ":") : 0;

	for (size_t i = 0; host && i < COUNT_OF(marks); i++) {
		at = strcasestr(host, marks[i]);
		if (at && at >= host + BUCKET_NAME_MIN && at < host + n) /* "s3.localhost" */
			return own_strndup(host, (size_t)(at - host));
	}
	return NULL;
}

/* "/bucket/key", or "/key" where the host names the bucket, decoded into r. */
static int request_path(struct s3_request *r, struct err *e)
{
	struct uri_target t = uri_split(httpd_target(r->x));
	AUTO(buf_done) struct buf path = BUF(3 * S3_KEY_MAX + 256);
	const char *slash;
	char *hosted;

	r->bucket = own_strdup("");
	r->key = own_strdup("");
	if (form_parse(t.query, t.query_len, &r->query, e) < 0)
		return local_s3_refuse(e, "InvalidURI", NULL);
	if (uri_decode(&path, t.path, t.path_len, false, e) < 0 || path.full || path.len == 0 ||
	    path.data[0] != '/' || strlen(path.data) != path.len ||
	    !utf8_valid(path.data, path.len))
		return local_s3_refuse(e, path.full ? "KeyTooLongError" : "InvalidURI", NULL);
	hosted = host_bucket(r);
	r->hosted = hosted != NULL;
	slash = hosted ? path.data : strchr(path.data + 1, '/');
	own_free(r->bucket);
	r->bucket = hosted  ? hosted
		    : slash ? own_strndup(path.data + 1, (size_t)(slash - path.data - 1))
			    : own_strdup(path.data + 1);
	if (!slash)
		return 0;
	own_free(r->key);
	r->key = own_strdup(slash + 1);
	return strlen(r->key) > S3_KEY_MAX ? local_s3_refuse(e, "KeyTooLongError", NULL) : 0;
}

static int request_verify(struct s3_request *r, struct err *e)
{
	struct local_key key = { 0 };
	int rc;

	if (!r->s3->local->options.no_verify && local_s3_v2_asked(r))
		return local_s3_v2_check(r, e);
	rc = local_trust_check(r->s3->local, r->x, SERVICE_S3, NULL, &r->verdict, &key, e);
	own_wipe(&key, sizeof(key));
	return rc;
}

/* ---- the three moments of an exchange ---- */

/* Answered, or never to be answered, because a fault says so. */
static bool fault(struct s3_request *r)
{
	struct local *l = r->s3->local;
	const struct local_fault *f = local_fault_hit(l, FAULT_THROTTLE, SERVICE_S3, r->op->method);

	if (f) {
		local_s3_reply_fail(r, f->code[0] ? f->code : "SlowDown", NULL);
		return true;
	}
	f = local_fault_hit(l, FAULT_FAIL, SERVICE_S3, r->op->method);
	if (f)
		local_s3_reply_fail(r, f->code[0] ? f->code : "InternalError", NULL);
	else
		r->hung = local_fault_hit(l, FAULT_HANG, SERVICE_S3, r->op->method) != NULL;
	return f || r->hung;
}

void local_s3_head(struct local *l, struct httpd_exchange *x)
{
	struct s3_request *r = own_alloc(sizeof(*r));
	struct err e;

	r->s3 = l->s3;
	r->x = x;
	r->fd = -1;
	r->out = BUF(S3_XML_MAX);
	r->detail = BUF(S3_DETAIL_MAX);
	crypto_uuid(r->id);
	httpd_set_user(x, r);
	err_clear(&e);
	if (request_path(r, &e) < 0 ||
	    (!local_s3_op_unsigned(r) && (request_verify(r, &e) < 0 || local_s3_op(r, &e) < 0))) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (r->op->body == S3_BODY_FILE && httpd_body_declared(x) < 0 &&
	    !local_s3_header(r, "x-amz-decoded-content-length")) {
		local_s3_reply_fail(r, "MissingContentLength", NULL);
		return;
	}
	if (fault(r))
		return;
	if (r->op->body == S3_BODY_MEMORY)
		httpd_body_cap(x, S3_MEMORY_MAX);
	if (r->op->head)
		r->op->head(r);
	else if (r->op->body == S3_BODY_FILE)
		local_s3_body_open(r);
}

/* Bodies in memory are checked here, those in files when they are digested. */
static bool body_signed(const struct s3_request *r)
{
	size_t len;
	const char *body = httpd_body(r->x, &len);
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];

	if (strlen(r->verdict.payload) != 64)
		return true;
	crypto_sha256(body, len, digest);
	return !strcasecmp(crypto_hex(digest, sizeof(digest), hex), r->verdict.payload);
}

void local_s3_request(struct local *l, struct httpd_exchange *x)
{
	struct s3_request *r = httpd_user(x);

	(void)l;
	if (!r || r->hung)
		return;
	if (r->op->body != S3_BODY_FILE && !body_signed(r))
		local_s3_reply_fail(r, "XAmzContentSHA256Mismatch", NULL);
	else
		r->op->run(r);
}

void local_s3_gone(struct local *l, struct httpd_exchange *x)
{
	struct s3_request *r = httpd_user(x);

	(void)l;
	if (!r)
		return;
	r->x = NULL;
	if (!r->working && !r->ended)
		local_s3_free(r);
}

bool local_s3_owner(const struct s3_request *r, const char *account)
{
	const struct local *l = r->s3->local;

	return !strcmp(account, l->options.account) ||
	       (strlen(account) == 12 && local_accounts_has(l->options.accounts, account));
}

static bool owner_expected(const struct s3_request *r)
{
	const char *owner = r->x ? local_s3_header(r, "x-amz-expected-bucket-owner") : NULL;

	return !owner || local_s3_owner(r, owner);
}

bool local_s3_bucket(struct s3_request *r)
{
	AUTO(db_endp)
	struct db_row *row = db_query(r->s3->local->db, "SELECT 1 FROM s3_buckets WHERE name=?",
				      DB_ARGS(DB_S(r->bucket)), &r->error);
	int rc = row ? db_step(row, &r->error) : -1;

	if (rc == 1 && owner_expected(r))
		return true;
	db_endp(&row);
	if (rc == 1)
		local_s3_reply_fail(r, "AccessDenied", NULL);
	else if (rc == 0)
		local_s3_reply_fail(r, "NoSuchBucket", NULL);
	else
		local_s3_reply_error(r, &r->error);
	return false;
}

/* ---- start and stop ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all files that rows name, sorted; owned. -1: error. */
static ssize_t files_named(struct local *l, char ***ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, LOCAL_S3_FILES, NULL, 0, e);
	size_t n = 0, size = 0;
	int rc;

	*ret = NULL;
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		if (n == size) {
			size = size ? 2 * size : 256;
			*ret = own_grow(*ret, size, sizeof(**ret));
		}
		(*ret)[n++] = own_strdup(db_str(r, 0));
	}
	return rc < 0 ? -1 : (ssize_t)n;
}

/* Files that no row names are what a crash left between writing and committing. */
static void sweep_folder(const struct local_s3 *s, char **named, size_t n)
{
	DIR *folder = opendir(s->folder);
	struct dirent *d;
	int64_t gone = 0;

	while (folder && (d = readdir(folder))) {
		char *name = d->d_name;
		AUTO(own_freep) char *path = NULL;

		if (name[0] == '.' || (n && bsearch(&name, named, n, sizeof(*named), compare_text)))
			continue;
		path = local_s3_path(s, name);
		gone += unlink(path) == 0;
	}
	if (folder)
		closedir(folder);
	if (gone)
		LOG_INFO("files of unfinished uploads were removed", LOG_I("count", gone));
}

int local_s3_start(struct local *l, struct err *e)
{
	char **named = NULL;
	ssize_t n;

	l->s3 = own_alloc(sizeof(*l->s3));
	l->s3->local = l;
	l->s3->memory = l->options.memory;
	l->s3->folder = own_printf("%s/s3", l->data);
	if (mkdir(l->s3->folder, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s cannot be made", l->s3->folder);
	n = files_named(l, &named, e);
	if (n >= 0)
		sweep_folder(l->s3, named, (size_t)n);
	for (ssize_t i = 0; i < n; i++)
		own_free(named[i]);
	own_free(named);
	return n < 0 ? -1 : 0;
}

void local_s3_stop(struct local *l)
{
	struct local_s3 *s = l->s3;

	if (!s)
		return;
	if (s->memory)
		sweep_folder(s, NULL, 0);
	s->local = NULL;
	if (s->busy == 0)
		s3_free(s);
	l->s3 = NULL;
}
