#include "model/job.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define JOB_BODY_MAX (1u << 20) /* SQS takes no longer message */

static const char *const words[] = {
	[JOB_RECEIVED] = "received", [JOB_FETCHED] = "fetched", [JOB_TRANSCODED] = "transcoded",
	[JOB_STORED] = "stored",     [JOB_ACKED] = "acked",     [JOB_RETURNED] = "returned",
	[JOB_PARKED] = "parked",
};

#define BIT(s) (1u << (s))
#define LEAVE (BIT(JOB_RETURNED) | BIT(JOB_PARKED))

/* From each state, the states that may follow. ACKED follows STORED only: nothing is deleted from
 * the queue before its output is kept. */
static const unsigned arrows[] = {
	[JOB_RECEIVED] = BIT(JOB_FETCHED) | LEAVE,
	[JOB_FETCHED] = BIT(JOB_TRANSCODED) | LEAVE,
	[JOB_TRANSCODED] = BIT(JOB_STORED) | LEAVE,
	[JOB_STORED] = BIT(JOB_ACKED) | LEAVE,
	[JOB_ACKED] = 0,
	[JOB_RETURNED] = 0,
	[JOB_PARKED] = 0,
};

const char *job_state_word(enum job_state s)
{
	return (size_t)s < COUNT_OF(words) ? words[s] : "unknown";
}

bool job_may_move(enum job_state from, enum job_state to)
{
	return (size_t)from < COUNT_OF(arrows) && (size_t)to < COUNT_OF(arrows) &&
	       arrows[from] & BIT(to);
}

void job_move(struct job *j, enum job_state to)
{
	if (!job_may_move(j->state, to))
		abort();
	j->state = to;
}

/* A text from outside, short and without anything that could forge a line. */
static const char *shown(const char *s, char buf[static 81])
{
	size_t n = strnlen(s, 80);

	for (size_t i = 0; i < n; i++)
		buf[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
	buf[n] = '\0';
	return buf;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool id_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > JOB_ID_MAX || !is_alnum(s[0]))
		return false; /* a leading dot or dash would make a strange key or option */
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("._-", s[i]))
			return false;
	return !strstr(s, "..");
}

/* S3's own rules for names of buckets, as far as they matter for a safe request. */
static bool bucket_ok(const char *s, size_t n)
{
	if (n < 3 || n >= JOB_BUCKET_MAX || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
		      s[i] == '.'))
			return false;
	return true;
}

static const char *key_fault(const char *key)
{
	size_t n = strlen(key);

	if (n == 0)
		return "has no key after the bucket";
	if (n >= JOB_KEY_MAX)
		return "has a key longer than 1024 bytes";
	if (!utf8_valid(key, n)) /* JSON would carry another key */
		return "is not UTF-8";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)key[i] < 0x20 || key[i] == 0x7f)
			return "holds control characters";
	for (const char *part = key;;) {
		size_t len = strcspn(part, "/");

		if (len == 0)
			return "has an empty part";
		if ((len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
			return "has a part that is . or ..";
		if (!part[len])
			return NULL;
		part += len + 1;
	}
}

int job_read_path(const char *path, char bucket[static JOB_BUCKET_MAX],
		  char key[static JOB_KEY_MAX], struct err *e)
{
	char said[81];
	const char *rest, *slash, *fault;

	if (strncmp(path, "s3://", 5) != 0)
		return err_set(e, ERR_POLICY, "'%s' is not an s3://bucket/key path",
			       shown(path, said));
	rest = path + 5;
	slash = strchr(rest, '/');
	if (!slash)
		return err_set(e, ERR_POLICY, "'%s' has no key after the bucket",
			       shown(path, said));
	if (!bucket_ok(rest, (size_t)(slash - rest)))
		return err_set(e, ERR_POLICY, "'%s' does not name an S3 bucket", shown(path, said));
	fault = key_fault(slash + 1);
	if (fault)
		return err_set(e, ERR_POLICY, "'%s' %s", shown(path, said), fault);
	memcpy(bucket, rest, (size_t)(slash - rest));
	bucket[slash - rest] = '\0';
	memcpy(key, slash + 1, strlen(slash + 1) + 1);
	return 0;
}

/* The text of a field, without NULs inside. */
static int field(const struct json *body, const char *name, const char **ret, struct err *e)
{
	const struct json *j = json_get(body, name);
	size_t len = 0;

	if (json_type(j) == JSON_ABSENT)
		return err_set(e, ERR_POLICY, "the message has no %s", name);
	*ret = json_strn(j, &len);
	if (!*ret)
		return err_set(e, ERR_POLICY, "%s is not a text", name);
	if (strlen(*ret) != len)
		return err_set(e, ERR_POLICY, "%s holds a zero byte", name);
	return 0;
}

static int read_id(const struct json *body, const char *name, char ret[static JOB_ID_MAX + 1],
		   struct err *e)
{
	const char *s;
	char said[81];

	if (field(body, name, &s, e) < 0)
		return -1;
	if (!id_ok(s))
		return err_set(e, ERR_POLICY,
			       "%s '%s' is not an id: letters, digits, '.', '_' and '-', at most "
			       "%d, starting "
			       "with a letter or digit",
			       name, shown(s, said), JOB_ID_MAX);
	memcpy(ret, s, strlen(s) + 1);
	return 0;
}

static int read_created(const struct json *body, struct instant *ret, struct err *e)
{
	const struct json *j = json_get(body, "created_at");
	const char *s;

	*ret = INSTANT_NEVER;
	if (json_type(j) == JSON_ABSENT || json_type(j) == JSON_NULL)
		return 0;
	if (field(body, "created_at", &s, e) < 0)
		return -1;
	if (clock_parse(s, strlen(s), ret, e) < 0) {
		if (e)
			e->kind = ERR_POLICY;
		return err_wrap(e, "created_at");
	}
	return 0;
}

int job_read(const char *body, size_t len, struct job *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const char *path;

	memset(ret, 0, sizeof(*ret));
	if (len > JOB_BODY_MAX)
		return err_set(e, ERR_POLICY, "the message is %zu bytes long, more than 1 MiB",
			       len);
	j = json_parse(body, len, e);
	if (!j) {
		if (e)
			e->kind = ERR_POLICY;
		return err_wrap(e, "the message is not JSON");
	}
	if (json_type(j) != JSON_OBJECT)
		return err_set(e, ERR_POLICY, "the message is not a JSON object");
	if (read_id(j, "video_id", ret->video_id, e) < 0 ||
	    read_id(j, "task_id", ret->task_id, e) < 0 ||
	    read_created(j, &ret->created_at, e) < 0 || field(j, "video_path", &path, e) < 0)
		return -1;
	if (job_read_path(path, ret->bucket, ret->key, e) < 0)
		return err_wrap(e, "video_path");
	ret->state = JOB_RECEIVED;
	return 0;
}

struct json *job_write(const struct job *j)
{
	struct json *o = json_object();
	AUTO(buf_done) struct buf path = BUF(JOB_BUCKET_MAX + JOB_KEY_MAX + 8);
	char when[CLOCK_TEXT_MAX];

	buf_addf(&path, "s3://%s/%s", j->bucket, j->key);
	json_set_str(o, "video_id", j->video_id);
	json_set_str(o, "video_path", buf_str(&path));
	json_set_str(o, "task_id", j->task_id);
	if (!instant_is_never(j->created_at))
		json_set_str(o, "created_at", clock_print(j->created_at, when));
	return o;
}
