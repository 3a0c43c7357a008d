/* What is kept: the folder with its lock, the database, and the keys of the accounts. */
#include "local/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "local/accounts.h"
#include "local/local_snapshot.h"
#include "local/schema.h"

#define CREDENTIALS_MAX 1024

static const char keys_schema[] = "CREATE TABLE local_keys(access_key TEXT PRIMARY KEY, secret "
				  "TEXT NOT NULL, token TEXT NOT NULL,"
				  " account TEXT NOT NULL, arn TEXT NOT NULL, user_id TEXT NOT "
				  "NULL, expires INTEGER) WITHOUT ROWID;";

static int state_lock(struct local *l, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/lock", l->data);

	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->lock < 0)
		return err_errno(e, errno, "%s cannot be opened", path);
	if (flock(l->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_CONFLICT,
			       "another windlass-local uses %s: stop it, or name another --state",
			       l->data);
	return 0;
}

/* Made when it is not there; absolute, since clients are told paths below it. Owned; NULL: @p e. */
static char *folder_make(const char *path, struct err *e)
{
	char *real = NULL;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		err_errno(e, errno, "%s cannot be made", path);
	else if (!(real = realpath(path, NULL)))
		err_errno(e, errno, "%s", path);
	return real;
}

static int state_folder(struct local *l, char **ret_kept, struct err *e)
{
	const char *tmp = getenv("TMPDIR");

	*ret_kept = l->options.state ? folder_make(l->options.state, e) : NULL;
	if (l->options.state && !*ret_kept)
		return -1;
	if (!l->options.memory) {
		l->data = own_strdup(*ret_kept);
		return 0;
	}
	l->data = own_printf("%s/windlass-local.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(l->data) ? 0 : err_errno(e, errno, "%s cannot be made", l->data);
}

static void key_make(const char *prefix, struct local_key *k)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t bytes[30];
	struct buf text = BUF(64);
	size_t n = strlen(prefix);

	crypto_random(bytes, 16);
	memcpy(k->access_key, prefix, n);
	for (size_t i = 0; i < 16; i++)
		k->access_key[n + i] = letters[bytes[i] % 32];
	k->access_key[n + 16] = '\0';
	crypto_random(bytes, sizeof(bytes));
	crypto_base64(bytes, sizeof(bytes), &text);
	snprintf(k->secret, sizeof(k->secret), "%s", buf_str(&text));
	buf_wipe(&text);
	own_wipe(bytes, sizeof(bytes));
}

static int key_store(struct local *l, const struct local_key *k, struct err *e)
{
	return DB_RUN(l->db, e, "INSERT INTO local_keys VALUES(?,?,?,?,?,?,?)", DB_S(k->access_key),
		      DB_S(k->secret), DB_S(k->token), DB_S(k->account), DB_S(k->arn),
		      DB_S(k->user_id), instant_is_never(k->expires) ? DB_N : DB_I(k->expires.ms));
}

static void key_read(const struct db_row *r, struct local_key *ret)
{
	snprintf(ret->access_key, sizeof(ret->access_key), "%s", db_str(r, 0));
	snprintf(ret->secret, sizeof(ret->secret), "%s", db_str(r, 1));
	snprintf(ret->token, sizeof(ret->token), "%s", db_str(r, 2));
	snprintf(ret->account, sizeof(ret->account), "%s", db_str(r, 3));
	snprintf(ret->arn, sizeof(ret->arn), "%s", db_str(r, 4));
	snprintf(ret->user_id, sizeof(ret->user_id), "%s", db_str(r, 5));
	ret->expires = db_is_null(r, 6) ? INSTANT_NEVER : (struct instant){ db_int(r, 6) };
}

/* 1 found, 0 not, -1 error. */
static int key_one(struct local *l, const char *sql, const struct db_value *arg,
		   struct local_key *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = db_query(l->db, sql, arg, arg ? 1 : 0, e);
	int rc;

	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc == 1)
		key_read(r, ret);
	return rc;
}

/* The account itself, its root. */
static void key_of_account(const char *account, struct local_key *k)
{
	snprintf(k->account, sizeof(k->account), "%.12s", account);
	snprintf(k->arn, sizeof(k->arn), "arn:aws:iam::%s:root", k->account);
	snprintf(k->user_id, sizeof(k->user_id), "%s", k->account);
}

bool local_key_find(struct local *l, const char *access_key, struct local_key *ret)
{
	struct db_value key = DB_S(access_key);

	if (local_accounts_find(l->options.accounts, access_key, ret) ||
	    key_one(l, "SELECT * FROM local_keys WHERE access_key=?", &key, ret, NULL) == 1)
		return true;
	if (!l->options.no_verify)
		return false;
	*ret = (struct local_key){ .expires = INSTANT_NEVER };
	snprintf(ret->access_key, sizeof(ret->access_key), "%s", access_key);
	key_of_account(l->options.account, ret);
	return true;
}

int local_key_root(struct local *l, struct local_key *ret, struct err *e)
{
	int rc = key_one(
		l, "SELECT * FROM local_keys WHERE expires IS NULL ORDER BY access_key LIMIT 1",
		NULL, ret, e);

	return rc == 0 ? err_set(e, ERR_LOCAL, "the account has no key") : rc < 0 ? -1 : 0;
}

/* Key, secret and token, made and stored for whom @p k says. */
static int key_issue(struct local *l, struct local_key *k, struct err *e)
{
	uint8_t token[180];
	struct buf text = BUF(sizeof(k->token) - 1);

	key_make("ASIA", k);
	crypto_random(token, sizeof(token));
	crypto_base64(token, sizeof(token), &text);
	snprintf(k->token, sizeof(k->token), "%s", buf_str(&text));
	buf_wipe(&text);
	if (local_write(l, e) < 0 || key_store(l, k, e) < 0)
		return err_wrap(e, "keys of %s", k->arn);
	return 0;
}

int local_key_issue(struct local *l, const char *account, const char *role, const char *session,
		    struct instant expires, struct local_key *ret, struct err *e)
{
	*ret = (struct local_key){ .expires = expires };
	snprintf(ret->account, sizeof(ret->account), "%.12s", account);
	snprintf(ret->arn, sizeof(ret->arn), "arn:aws:sts::%s:assumed-role/%.64s/%.64s",
		 ret->account, role, session);
	snprintf(ret->user_id, sizeof(ret->user_id), "AROAWINDLASSLOCAL0001:%.64s", session);
	return key_issue(l, ret, e);
}

int local_key_session(struct local *l, const struct local_key *of, struct instant expires,
		      struct local_key *ret, struct err *e)
{
	*ret = (struct local_key){ .expires = expires };
	memcpy(ret->account, of->account, sizeof(ret->account));
	memcpy(ret->arn, of->arn, sizeof(ret->arn));
	memcpy(ret->user_id, of->user_id, sizeof(ret->user_id));
	return key_issue(l, ret, e);
}

int local_key_sweep(struct local *l, struct err *e)
{
	if (local_write(l, e) < 0)
		return -1;
	return DB_RUN(l->db, e, "DELETE FROM local_keys WHERE expires < ?",
		      DB_I(clock_wall().ms - 3600 * 1000));
}

static int credentials_write(struct local *l, const struct local_key *k, struct err *e)
{
	struct buf text = BUF(CREDENTIALS_MAX);
	int rc;

	buf_addf(&text, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		 k->access_key, k->secret);
	rc = buf_write_file(&text, l->credentials, 0600, e);
	buf_wipe(&text);
	return rc;
}

/* The account's lasting key: found, or made at the first start. */
static int state_credentials(struct local *l, const char *folder, struct err *e)
{
	struct local_key k = { .expires = INSTANT_NEVER };
	int rc = key_one(
		l, "SELECT * FROM local_keys WHERE expires IS NULL ORDER BY access_key LIMIT 1",
		NULL, &k, e);

	l->credentials = own_printf("%s/credentials", folder);
	if (rc == 0) {
		key_make("AKIA", &k);
		key_of_account(l->options.account, &k);
		rc = key_store(l, &k, e) < 0 ? -1 : 1;
	}
	if (rc == 1)
		rc = credentials_write(l, &k, e);
	own_wipe(&k, sizeof(k));
	return rc;
}

int local_state_open(struct local *l, struct err *e)
{
	static const char *const migrations[] = {
		keys_schema,
		local_sqs_schema,
		local_s3_schema,
		local_fleet_schema,
		local_sqs_fifo_schema,
		local_clock_schema,
		local_notice_schema,
		local_sqs_meter_schema,
		local_cloudwatch_schema,
		local_cloudwatch_alarm_schema,
		local_autoscaling_policy_schema,
		local_sqs_moved_schema,
		local_fleet_pool_schema,
		local_fleet_ended_schema,
		local_sts_web_schema,
		local_s3_tag_schema,
		local_s3_event_schema,
		local_s3_pieces_schema,
		local_s3_cors_schema,
		local_fleet_template_schema,
	};
	AUTO(own_freep) char *path = NULL;
	AUTO(own_freep) char *kept = NULL;
	const char *from = l->options.from;

	if (state_folder(l, &kept, e) < 0 || state_lock(l, e) < 0)
		return -1;
	if (from && local_snapshot_lay(from, l->data, l->options.memory, e) < 0)
		return err_wrap(e, "starting from a snapshot");
	path = own_printf(from && l->options.memory ? "%s/snapshot.db" : "%s/local.db",
			  from && l->options.memory ? from : l->data);
	l->db = from && l->options.memory ? db_open_copy(path, migrations, COUNT_OF(migrations), e)
					  : db_open(path, l->options.memory ? DB_MEMORY : DB_CREATE,
						    migrations, COUNT_OF(migrations), e);
	if (!l->db || (from && local_snapshot_settle(l->db, e) < 0) ||
	    state_credentials(l, kept ? kept : l->data, e) < 0 ||
	    (!l->options.memory && db_sync_apart(l->db, e) < 0))
		return err_wrap(e, "the state in %s", l->data);
	return 0;
}

void local_state_close(struct local *l)
{
	db_closep(&l->db);
	if (l->options.memory && l->data) {
		AUTO(own_freep) char *lock = own_printf("%s/lock", l->data);
		AUTO(own_freep) char *credentials = own_printf("%s/credentials", l->data);

		unlink(lock);
		unlink(credentials);
		rmdir(l->data);
	}
	if (l->lock >= 0)
		close(l->lock);
	own_free(l->data);
	own_free(l->credentials);
}
