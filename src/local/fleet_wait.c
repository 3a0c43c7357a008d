#include <string.h>

#include "base/crypto.h"
#include "local/fleet_own.h"

#define WAIT_MOST_MS (48ll * 3600 * 1000) /* AWS: the smaller of 48 h and 100 heartbeats */
#define HEARTBEATS_MOST 100

static int add_wait(struct db *d, const char *instance, const char *hook, int64_t timeout_s,
		    const char *silence, struct instant now, struct err *e)
{
	int64_t longest = timeout_s * 1000 * HEARTBEATS_MOST;
	char token[CRYPTO_UUID_MAX];

	if (longest > WAIT_MOST_MS)
		longest = WAIT_MOST_MS;
	return DB_RUN(d, e,
		      "INSERT INTO fleet_wait (instance, hook, token, timeout_s, due_ms, last_ms,"
		      " silence) VALUES (?,?,?,?,?,?,?)",
		      DB_S(instance), DB_S(hook), DB_S(crypto_uuid(token)), DB_I(timeout_s),
		      DB_I(now.ms + timeout_s * 1000), DB_I(now.ms + longest), DB_S(silence));
}

int local_fleet_wait_begin(struct db *d, const struct local_fleet_instance *i, bool launching,
			   struct instant now, int64_t *ret_hooks, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret_hooks = 0;
	if (DB_RUN(d, e, "DELETE FROM fleet_wait WHERE instance = ?", DB_S(i->id)) < 0)
		return -1;
	r = db_query(d,
		     "SELECT name, timeout_s, result FROM fleet_hook"
		     " WHERE grp = ? AND launching = ?",
		     DB_ARGS(DB_S(i->grp), DB_I(launching)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		if (add_wait(d, i->id, db_str(r, 0), db_int(r, 1), db_str(r, 2), now, e) < 0)
			return -1;
		(*ret_hooks)++;
	}
	return rc;
}

int local_fleet_wait_answer(struct local_fleet *f, const char *instance, struct instant now,
			    enum local_fleet_answer *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	bool open = false, abandoned = false;
	int rc;

	if (DB_RUN(f->local->db, e,
		   "UPDATE fleet_wait SET result = silence"
		   " WHERE instance = ?1 AND result IS NULL AND min(due_ms, last_ms) <= ?2",
		   DB_S(instance), DB_I(now.ms)) < 0)
		return -1;
	r = db_query(f->local->db,
		     "SELECT result, min(due_ms, last_ms) FROM fleet_wait WHERE instance = ?",
		     DB_ARGS(DB_S(instance)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *result = db_str(r, 0);

		if (!result)
			local_fleet_due(f, (struct instant){ db_int(r, 1) });
		open |= !result;
		abandoned |= result && strcmp(result, "ABANDON") == 0;
	}
	/* One that abandons ends the waiting for all others. */
	*ret = abandoned ? FLEET_HOOKS_ABANDON : open ? FLEET_HOOKS_OPEN : FLEET_HOOKS_CONTINUE;
	return rc;
}
