/* The embedded cloud, seen from inside: what its services share.
 *
 * One process, one loop, one port for all services, one SQLite file. A request is routed to a
 * service, its signature is verified, its parameters are read into one tree whatever protocol
 * they came in, and a handler answers it.
 *
 * Group commit: the first handler of a loop turn opens a transaction, every handler of that
 * turn works inside it, and all their answers leave after its commit. So an acknowledged call
 * survives kill -9, and many calls cost one fsync. A handler therefore checks its arguments
 * before its first write: an error it answers does not undo what it wrote.
 */
#ifndef LOCAL_LOCAL_H
#define LOCAL_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/httpd.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/loop.h"
#include "wire/service.h"

struct local_options {
	const char *state;  /* folder, made when it is not there (0700) */
	const char *listen; /* numeric address */
	bool open;          /* listen may be other than loopback */
	uint16_t port;      /* 0: the system chooses */
	bool memory; /* nothing is kept: no database file, objects in a folder that is removed */
	const char *from;    /* a snapshot that a new state starts from; NULL: empty */
	const char *region;  /* "us-east-1" */
	const char *account; /* 12 digits, "123456789012"; all that is kept is this one's */
	const struct local_accounts *accounts; /* keys accepted besides its own; or NULL */
	bool no_verify; /* any key and none is taken, unverified; loopback only */
	/* Instances of Auto Scaling groups. */
	struct span boot_delay; /* Pending for so long, where the user data does not say */
	struct span stop_grace; /* between SIGTERM and SIGKILL */
	int64_t instance_limit; /* most at a time; past it launches fail as on AWS */
	bool keep_instances; /* they outlive a SIGTERM of windlass-local, and are adopted again */
	const char *const *instance_env; /* "NAME=value", given to each */
	size_t instance_env_count;
	struct span metrics_lag; /* how late metrics of queues and groups are shown */
	double clock_rate;       /* seconds that services see in one real second; 0 is 1 */
};

/* What services see is seen + (real time since real) * rate. */
struct local_clock {
	struct instant real, seen;
	double rate;
};

struct local {
	struct local_options options;
	struct loop *loop;
	struct db *db;
	struct httpd *httpd;
	char *endpoint;    /* "http://127.0.0.1:4566", what clients and instances are told */
	char *data;        /* folder for files of the services: options.state, or a temporary one */
	char *credentials; /* path of the shared-credentials file */
	/* One slot a service; each owns what hangs there between its start and its stop. */
	struct local_sqs *sqs;
	struct local_cloudwatch *cloudwatch;
	struct local_s3 *s3;
	struct local_fleet *fleet;
	struct local_metadata *metadata;
	struct local_batch *batch;
	struct local_clock clock;
	struct local_faults *faults;
	struct local_recent *recent;
	struct local_web *web; /* sts_web.c */
	int lock;              /* descriptor of STATE/lock, held as long as the process lives */
};

/* The time that services see (visibility, delays, ages, boot delays). Signatures are checked
 * against real time, clock_wall(). */
struct instant local_wall(const struct local *l);
/* How long a timer must run until @p seen has passed for the services. */
struct span local_real(const struct local *l, struct span seen);

/* ---- services: one table each, listed in local_serve.c ---- */

struct local_call;
typedef void local_action_fn(struct local_call *c);

struct local_action {
	const char *name;
	local_action_fn *run;
};

/* How a Query parameter becomes a member of the tree: "AttributeName" -> "AttributeNames" (a list),
 * "Attribute" -> "Attributes" (a map of Name and Value). Matched at every level, so that batch
 * entries get it too. Names that are not listed keep theirs. "member" levels vanish by themselves,
 * numbered levels become lists. */
struct local_alias {
	const char *query;
	const char *name;
	const char *key; /* maps: "Name" or "Key", whose value is in "Value"; NULL for lists */
};

struct local_service {
	enum service id; /* names, target prefix and namespace: wire/service.h */
	bool json;       /* speaks JSON 1.0 as well as Query */
	bool cbor;       /* and Smithy RPC v2 CBOR */
	const struct local_action *actions;
	size_t action_count;
	const struct local_alias *aliases;
	size_t alias_count;
	MUST int (*start)(struct local *l,
			  struct err *e); /* the database is open, the port is known; or NULL */
	void (*stop)(struct local *l);    /* also after a failed start; or NULL */
};

extern const struct local_service local_sqs_service;
extern const struct local_service local_sts_service;
extern const struct local_service local_cloudwatch_service;
extern const struct local_service local_control_service; /* control.c */
extern const struct local_service local_ec2_service;     /* ec2.c; after Auto Scaling's */
extern const struct local_service
	local_autoscaling_service; /* autoscaling.c; its start brings up fleet and metadata */

/* Tables of all services are in one file, made by the list of migrations in local_state.c. Each
 * service has its schema as a string in a file of its own and one line in that list; once released,
 * a schema is never edited: a change is a new line at the end. */

/* ---- a call ---- */

enum local_protocol { LOCAL_JSON, LOCAL_QUERY, LOCAL_CBOR };

struct local_call {
	struct local *local;
	const struct local_service *service;
	const struct local_action *action;
	enum local_protocol protocol;
	const struct json *params; /* what was asked, in the shape of the JSON protocol */
	const char *path_queue;    /* the queue of /<account>/<queue>, NULL on other paths */
	const char *account;       /* whose key signed it */
	const char *access_key;
	const char *arn;  /* who that is: arn:aws:iam::…:root, or the assumed role */
	const char *host; /* the Host header, for URLs in replies */
	char request_id[40];
	void *user;                         /* for the service, while it is parked */
	void (*gone)(struct local_call *c); /* a parked call whose client went away; it must not be
					       used afterwards */
	/* The rest belongs to local_call.c and local_out.c. */
	struct httpd_exchange *exchange;
	struct json *tree;
	struct local_out *out;
	struct local_call *next;
	bool ended, mute; /* mute: its answer is lost */
};

/* Parameters. Query sends every value as text, so numbers and booleans are read from text too.
 * A value of the wrong type ends the call with the protocol's error and makes the reader return -1;
 * an absent one leaves *ret as it was and returns 0; a present one returns 1. The object is
 * c->params or a part of it. */
const char *local_str(const struct json *object,
		      const char *name); /* NULL when absent or not a text */
MUST int local_int(struct local_call *c, const struct json *object, const char *name, int64_t *ret);
MUST int local_double(struct local_call *c, const struct json *object, const char *name,
		      double *ret); /* a finite number */
MUST int local_time(struct local_call *c, const struct json *object, const char *name,
		    struct instant *ret); /* RFC 3339, or seconds since 1970 */
MUST int local_bool(struct local_call *c, const struct json *object, const char *name, bool *ret);

/* Answers, in the caller's protocol. Nothing is sent before the batch is committed.
 *
 * Names: inside an object the member's; inside a list NULL; inside a map the key.
 * A list or map with an @p item name is "flattened" in XML (SQS: <Message>…</Message> <Message>…);
 * with NULL it is wrapped: <Activities><member>…</member></Activities>.
 * Every list, map and object is closed by local_end(). NULL text values are left out. */
void local_put(struct local_call *c, const char *name, const char *value);
void local_putn(struct local_call *c, const char *name, const char *value, size_t len);
void local_put_int(struct local_call *c, const char *name, int64_t value);
void local_put_bool(struct local_call *c, const char *name, bool value);
void local_put_real(struct local_call *c, const char *name, double value);
void local_put_time(struct local_call *c, const char *name,
		    struct instant t); /* RFC 3339 in XML, seconds in JSON */
void local_put_base64(struct local_call *c, const char *name, const void *data, size_t len);
void local_object(struct local_call *c, const char *name);
void local_list(struct local_call *c, const char *name, const char *item);
void local_map(struct local_call *c, const char *name, const char *item);
void local_end(struct local_call *c);

/* Each handler ends its call exactly once, now or later, by one of these. */
void local_done(struct local_call *c); /* with what was put; nothing is a void answer */

/* @p code: the modelled name of wire/codes.h, which knows status, legacy name and usual text. A
 * NULL @p fmt takes that text. A code that the table lacks is answered as InternalFailure: add it
 * there. */
void local_fail(struct local_call *c, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The database or disk failed: logs @p e, answers InternalFailure (500), and the whole batch is
 * undone. */
void local_fail_internal(struct local_call *c, const struct err *e);

/* ---- the batch: this turn's transaction ---- */

/* Makes sure that a transaction is open; it is committed at the end of this turn of the loop.
 * Handlers are already inside one; timers call this before they write. */
MUST int local_write(struct local *l, struct err *e);
/* Undoes the batch at its end: what was written cannot stand. Its callers get InternalFailure. */
void local_undo(struct local *l);
/* Runs @p before inside the transaction, right before its commit (services wake waiting calls
 * there), and
 * @p after once it is committed or undone (start a process, remove a file). Either may be NULL. */
typedef void local_after_fn(struct local *l, bool committed, void *arg);
void local_before_commit(struct local *l, loop_fn *before, void *arg);
void local_after_commit(struct local *l, local_after_fn *after, void *arg);

/* ---- accounts ---- */

struct local_key {
	char access_key[64];
	char secret[128];
	char token[512]; /* "" for a lasting key */
	char account[16];
	char arn[256];
	char user_id[128];
	struct instant expires; /* INSTANT_NEVER for a lasting key */
};

/* False when there is no such key. An expired one is found; its expiry tells. Where signatures are
 * not verified each key is there: one that nobody knows is the account's own. */
bool local_key_find(struct local *l, const char *access_key, struct local_key *ret);
/* The account's lasting key. */
MUST int local_key_root(struct local *l, struct local_key *ret, struct err *e);
/* A temporary key (ASIA…) of the role @p role of @p account for the session @p session (an instance
 * id). Writes in the batch. */
MUST int local_key_issue(struct local *l, const char *account, const char *role,
			 const char *session, struct instant expires, struct local_key *ret,
			 struct err *e);
/* A temporary key of whom @p of is a key. Writes in the batch. */
MUST int local_key_session(struct local *l, const struct local_key *of, struct instant expires,
			   struct local_key *ret, struct err *e);
/* Removes the keys that expired an hour ago or more. Writes in the batch. */
MUST int local_key_sweep(struct local *l, struct err *e);

/* ---- local_table.c ---- */

/* What is spoken and what is not, a table in Markdown. */
void local_table_print(struct buf *out);

/* ---- the whole ---- */

/* Opens the state, the port and all services. The loop is the caller's. */
MUST struct local *local_new(struct loop *loop, const struct local_options *o, struct err *e);
void local_free(struct local *l); /* stops services in reverse order, commits what is open */
DEFINE_FREEP(struct local, local);

#endif
