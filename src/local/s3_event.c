/* Event notifications to queues: written in the transaction of what they tell of. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/xml.h"
#include "local/sqs.h"
#include "wire/uri.h"

#define CONFIGURATIONS_MOST 100
#define CONFIGURATION_TEXT_MAX (256u << 10)
#define EVENT_TEXT_MAX (64u << 10)

const char local_s3_event_schema[] = "CREATE TABLE s3_events(bucket TEXT PRIMARY KEY, "
				     "configurations TEXT NOT NULL) WITHOUT ROWID;";

/* A configuration as it is kept: {"Id","Queue" (its ARN),"Events":[…],"prefix","suffix"}, the
 * filter's two only where they were given. */

/* Owned; an array. NULL: @p e. */
static struct json *event_find(struct s3_request *r, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->s3->local->db, "SELECT configurations FROM s3_events WHERE bucket=?",
			 DB_ARGS(DB_S(r->bucket)), e);
	int rc = row ? db_step(row, e) : -1;

	if (rc < 0)
		return NULL;
	return rc == 0 ? json_array() : json_parse(db_str(row, 0), strlen(db_str(row, 0)), e);
}

/* ---- telling ---- */

/* "s3:ObjectCreated:*" names "ObjectCreated:Put". */
static bool event_named(const char *pattern, const char *event)
{
	size_t n = strlen(pattern);

	if (strncmp(pattern, "s3:", 3))
		return false;
	if (pattern[n - 1] == '*')
		return !strncmp(pattern + 3, event, n - 4);
	return !strcmp(pattern + 3, event);
}

static bool event_wanted(const struct json *c, const char *event, const char *key)
{
	const char *prefix = json_get_str(c, "prefix"), *suffix = json_get_str(c, "suffix");
	const struct json *events = json_get(c, "Events");
	size_t n = strlen(key), tail = suffix ? strlen(suffix) : 0;

	if ((prefix && strncmp(key, prefix, strlen(prefix))) ||
	    (suffix && (tail > n || strcmp(key + n - tail, suffix))))
		return false;
	for (size_t i = 0; i < json_count(events); i++)
		if (event_named(json_str(json_at(events, i)), event))
			return true;
	return false;
}

/* As a form would encode it: "Happy+Face.jpg". */
static void put_key(struct json *object, const char *key)
{
	AUTO(buf_done)
	struct buf encoded = BUF(3 * S3_KEY_MAX + 16), text = BUF(3 * S3_KEY_MAX + 16);

	uri_encode(&encoded, key, strlen(key), true);
	for (const char *at = buf_str(&encoded); *at; at++) {
		bool space = !strncmp(at, "%20", 3);

		buf_addc(&text, space ? '+' : *at);
		at += space ? 2 : 0;
	}
	json_set_str(object, "key", buf_str(&text));
}

static struct json *event_object(const struct s3_request *r, const char *event, const char *key,
				 const struct s3_object *o)
{
	struct json *object = json_object();
	char sequencer[24];

	put_key(object, key);
	if (!strncmp(event, "ObjectCreated:", 14)) {
		json_set_int(object, "size", o->size);
		json_set_str(object, "eTag", o->etag);
	}
	/* Of one key, later events have larger ones: the clock, and the turns of one millisecond.
	 */
	snprintf(sequencer, sizeof(sequencer), "%012" PRIX64 "%04X",
		 (uint64_t)local_wall(r->s3->local).ms, r->s3->sequence++ & 0xffff);
	json_set_str(object, "sequencer", sequencer);
	return object;
}

static struct json *event_bucket(const struct s3_request *r)
{
	struct json *bucket = json_object(), *owner = json_object();
	AUTO(own_freep) char *arn = own_printf("arn:aws:s3:::%s", r->bucket);

	json_set_str(owner, "principalId", r->s3->local->options.account);
	json_set_str(bucket, "name", r->bucket);
	json_set(bucket, "ownerIdentity", owner);
	json_set_str(bucket, "arn", arn);
	return bucket;
}

static void set_one(struct json *object, const char *name, const char *key, const char *value)
{
	struct json *inner = json_object();

	json_set_str(inner, key, value);
	json_set(object, name, inner);
}

static struct json *event_record(const struct s3_request *r, const struct json *c,
				 const char *event, const char *key, const struct s3_object *o)
{
	struct json *record = json_object(), *s3 = json_object(), *answer = json_object();
	char time[CLOCK_TEXT_MAX];

	json_set_str(record, "eventVersion", "2.1");
	json_set_str(record, "eventSource", "aws:s3");
	json_set_str(record, "awsRegion", r->s3->local->options.region);
	json_set_str(record, "eventTime", clock_print(local_wall(r->s3->local), time));
	json_set_str(record, "eventName", event);
	set_one(record, "userIdentity", "principalId", r->s3->local->options.account);
	set_one(record, "requestParameters", "sourceIPAddress", r->x ? httpd_peer(r->x) : "");
	json_set_str(answer, "x-amz-request-id", r->id);
	json_set_str(answer, "x-amz-id-2", r->id);
	json_set(record, "responseElements", answer);
	json_set_str(s3, "s3SchemaVersion", "1.0");
	json_set_str(s3, "configurationId", json_get_str(c, "Id"));
	json_set(s3, "bucket", event_bucket(r));
	json_set(s3, "object", event_object(r, event, key, o));
	json_set(record, "s3", s3);
	return record;
}

/* A queue that is gone by now, or that takes no message of this size, is told nothing: what the
 * event tells of is done all the same. */
static int event_send(struct s3_request *r, const char *arn, const struct json *message,
		      struct err *e)
{
	struct local *l = r->s3->local;
	const char *name = local_sqs_redrive_name(l, arn);
	struct queue *q = name ? local_sqs_queue_find(l->sqs, name) : NULL;
	AUTO(buf_done) struct buf text = BUF(EVENT_TEXT_MAX);

	json_write(message, &text);
	if (buf_ok(&text, "the event", e) < 0)
		return -1;
	if (!q || local_sqs_send_own(q, buf_str(&text), text.len, e) == 0)
		return 0;
	if (!local_sqs_refused(e))
		return -1;
	LOG_WARN("a queue refused an event of a bucket -> it is lost", LOG_S("bucket", r->bucket),
		 LOG_S("queue", name), LOG_E(e));
	err_clear(e);
	return 0;
}

int local_s3_event_tell(struct s3_request *r, const char *event, const char *key,
			const struct s3_object *o, struct err *e)
{
	AUTO(json_freep) struct json *all = event_find(r, e);

	if (!all)
		return -1;
	for (size_t i = 0; i < json_count(all); i++) {
		const struct json *c = json_at(all, i);
		AUTO(json_freep) struct json *message = NULL;
		struct json *records;

		if (!event_wanted(c, event, key))
			continue;
		message = json_object();
		records = json_array();
		json_add(records, event_record(r, c, event, key, o));
		json_set(message, "Records", records);
		if (event_send(r, json_get_str(c, "Queue"), message, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- configurations ---- */

static int read_events(const struct xml_node *n, struct json *c, struct err *e)
{
	static const char *const known[] = { "s3:ObjectCreated:*",
					     "s3:ObjectCreated:Put",
					     "s3:ObjectCreated:Post",
					     "s3:ObjectCreated:Copy",
					     "s3:ObjectCreated:CompleteMultipartUpload",
					     "s3:ObjectRemoved:*",
					     "s3:ObjectRemoved:Delete" };
	struct json *events = json_array();

	json_set(c, "Events", events);
	for (const struct xml_node *v = xml_first(n, "Event"); v; v = xml_next(v, "Event")) {
		size_t i = 0;

		while (i < COUNT_OF(known) && strcmp(known[i], v->text))
			i++;
		if (i == COUNT_OF(known))
			return local_s3_refuse(e, "InvalidArgument",
					       "The event is not supported for notifications");
		json_add(events, json_new_str(v->text));
	}
	return json_count(events) ? 0 : local_s3_refuse(e, "MalformedXML", NULL);
}

static int read_filter(const struct xml_node *n, struct json *c, struct err *e)
{
	const struct xml_node *key = xml_get(n, "Filter/S3Key");

	for (const struct xml_node *f = key ? xml_first(key, "FilterRule") : NULL; f;
	     f = xml_next(f, "FilterRule")) {
		const char *name = xml_text(f, "Name"), *value = xml_text(f, "Value");
		bool prefix = name && !strcasecmp(name, "prefix"),
		     suffix = name && !strcasecmp(name, "suffix");

		if ((!prefix && !suffix) || !value || strlen(value) > S3_KEY_MAX)
			return local_s3_refuse(e, "InvalidArgument",
					       "filter rule name must be either prefix or suffix");
		if (json_get(c, prefix ? "prefix" : "suffix"))
			return local_s3_refuse(e, "InvalidArgument",
					       "Cannot specify more than one %s rule in a filter.",
					       prefix ? "prefix" : "suffix");
		json_set_str(c, prefix ? "prefix" : "suffix", value);
	}
	return 0;
}

static int read_queue(struct s3_request *r, const struct xml_node *n, struct json *c, struct err *e)
{
	const char *arn = xml_text(n, "Queue"),
		   *name = arn ? local_sqs_redrive_name(r->s3->local, arn) : NULL;
	const struct queue *q = name ? local_sqs_queue_find(r->s3->local->sqs, name) : NULL;
	const char *id = xml_text(n, "Id");
	char made[CRYPTO_UUID_MAX];

	if (!q || q->fifo)
		return local_s3_refuse(
			e, "InvalidArgument",
			q ? "FIFO SQS queues are not supported."
			  : "Unable to validate the following destination configurations");
	json_set_str(c, "Id", id && *id ? id : crypto_uuid(made));
	json_set_str(c, "Queue", arn);
	return 0;
}

/* Do two texts of which one begins (or ends) the other? An absent one is "". */
static bool nested(const char *a, const char *b, bool tail)
{
	size_t n = a ? strlen(a) : 0, m = b ? strlen(b) : 0, least = n < m ? n : m;

	return !least || !memcmp(tail ? a + n - least : a, tail ? b + m - least : b, least);
}

static bool overlap(const struct json *a, const struct json *b)
{
	const struct json *x = json_get(a, "Events"), *y = json_get(b, "Events");

	if (!nested(json_get_str(a, "prefix"), json_get_str(b, "prefix"), false) ||
	    !nested(json_get_str(a, "suffix"), json_get_str(b, "suffix"), true))
		return false;
	for (size_t i = 0; i < json_count(x); i++)
		for (size_t k = 0; k < json_count(y); k++) {
			const char *p = json_str(json_at(x, i)), *q = json_str(json_at(y, k));

			if (event_named(p, q + 3) || event_named(q, p + 3))
				return true;
		}
	return false;
}

/* Owned; NULL: @p e. */
static struct json *event_read(struct s3_request *r, const struct xml_node *root, struct err *e)
{
	static const char *const others[] = { "TopicConfiguration", "CloudFunctionConfiguration",
					      "EventBridgeConfiguration" };
	AUTO(json_freep) struct json *all = json_array();

	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (xml_first(root, others[i])) {
			err_ignore(local_s3_refuse(e, "NotImplemented",
						   "windlass-local tells queues only, by "
						   "QueueConfiguration."));
			return NULL;
		}
	for (const struct xml_node *n = xml_first(root, "QueueConfiguration"); n;
	     n = xml_next(n, "QueueConfiguration")) {
		struct json *c = json_object();

		json_add(all, c);
		if (json_count(all) > CONFIGURATIONS_MOST) {
			err_ignore(local_s3_refuse(e, "MalformedXML", NULL));
			return NULL;
		}
		if (read_queue(r, n, c, e) < 0 || read_events(n, c, e) < 0 ||
		    read_filter(n, c, e) < 0)
			return NULL;
		for (size_t i = 0; i + 1 < json_count(all); i++)
			if (overlap(json_at(all, i), c)) {
				err_ignore(local_s3_refuse(
					e, "InvalidArgument",
					"Configurations overlap. Configurations on the same bucket "
					"cannot share a common event type."));
				return NULL;
			}
	}
	return TAKE(all);
}

static int event_store(struct s3_request *r, const struct json *all, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(CONFIGURATION_TEXT_MAX);
	struct local *l = r->s3->local;

	json_write(all, &text);
	if (buf_ok(&text, "the configurations", e) < 0 || local_write(l, e) < 0)
		return -1;
	if (!json_count(all))
		return DB_RUN(l->db, e, "DELETE FROM s3_events WHERE bucket=?", DB_S(r->bucket));
	return DB_RUN(l->db, e, "INSERT OR REPLACE INTO s3_events VALUES(?,?)", DB_S(r->bucket),
		      DB_S(buf_str(&text)));
}

/* What AWS sends to see whether it may. */
static int event_test(struct s3_request *r, const struct json *all, struct err *e)
{
	AUTO(json_freep) struct json *message = json_object();
	char time[CLOCK_TEXT_MAX];

	json_set_str(message, "Service", "Amazon S3");
	json_set_str(message, "Event", "s3:TestEvent");
	json_set_str(message, "Time", clock_print(local_wall(r->s3->local), time));
	json_set_str(message, "Bucket", r->bucket);
	json_set_str(message, "RequestId", r->id);
	json_set_str(message, "HostId", r->id);
	for (size_t i = 0; i < json_count(all); i++)
		if (event_send(r, json_get_str(json_at(all, i), "Queue"), message, e) < 0)
			return -1;
	return 0;
}

void local_s3_event_put(struct s3_request *r)
{
	AUTO(json_freep) struct json *all = NULL;
	AUTO(xml_freep) struct xml *x = NULL;
	size_t len;
	const char *body = httpd_body(r->x, &len),
		   *skip = local_s3_header(r, "x-amz-skip-destination-validation");
	bool test = !skip || strcmp(skip, "true");
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_body_memory(r, false))
		return;
	err_clear(&e);
	x = len ? xml_parse(body, len, &e) : NULL;
	if (!x || strcmp(xml_root(x)->name, "NotificationConfiguration")) {
		local_s3_reply_fail(r, "MalformedXML", NULL);
		return;
	}
	all = event_read(r, xml_root(x), &e);
	if (!all) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (event_store(r, all, &e) < 0 || (test && event_test(r, all, &e) < 0)) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_commit(r, 200);
}

static void put_rule(struct buf *out, const struct json *c, const char *name)
{
	if (!json_get(c, name))
		return;
	xml_open(out, "FilterRule");
	xml_elem(out, "Name", *name == 'p' ? "Prefix" : "Suffix");
	xml_elem(out, "Value", json_get_str(c, name));
	xml_close(out, "FilterRule");
}

static void put_configuration(struct buf *out, const struct json *c)
{
	const struct json *events = json_get(c, "Events");

	xml_open(out, "QueueConfiguration");
	xml_elem(out, "Id", json_get_str(c, "Id"));
	xml_elem(out, "Queue", json_get_str(c, "Queue"));
	for (size_t i = 0; i < json_count(events); i++)
		xml_elem(out, "Event", json_str(json_at(events, i)));
	if (json_get(c, "prefix") || json_get(c, "suffix")) {
		xml_open(out, "Filter");
		xml_open(out, "S3Key");
		put_rule(out, c, "prefix");
		put_rule(out, c, "suffix");
		xml_close(out, "S3Key");
		xml_close(out, "Filter");
	}
	xml_close(out, "QueueConfiguration");
}

void local_s3_event_get(struct s3_request *r)
{
	AUTO(json_freep) struct json *all = NULL;
	struct err e;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	all = event_find(r, &e);
	if (!all) {
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_xml(r, "NotificationConfiguration");
	for (size_t i = 0; i < json_count(all); i++)
		put_configuration(&r->out, json_at(all, i));
	xml_close(&r->out, "NotificationConfiguration");
	local_s3_reply_send(r, 200);
}
