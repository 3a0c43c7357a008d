/* Everything of a service goes, as if it had just been made; for tests that share one program. */
#include <string.h>

#include "local/autoscaling_policy.h"
#include "local/call.h"
#include "local/fault.h"
#include "local/fleet_rows.h"
#include "local/s3.h"
#include "local/sqs.h"

#define NAMES_MAX 128

struct names {
	char *all[NAMES_MAX];
	size_t count;
};

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		own_free(n->all[i]);
}

static int read_tables(struct db *d, const char *prefix, struct names *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(d,
				    "SELECT name FROM sqlite_schema WHERE type = 'table'"
				    " AND substr(name, 1, length(?1)) = ?1",
				    DB_ARGS(DB_S(prefix)), e);
	int rc = -1;

	while (r && ret->count < NAMES_MAX && (rc = db_step(r, e)) == 1)
		ret->all[ret->count++] = own_strdup(db_str(r, 0));
	return rc;
}

/* The tables of a service begin with its name: that is how they are known here, those of later
 * versions too. */
static int empty_tables(struct local *l, const char *prefix, struct err *e)
{
	AUTO(names_done) struct names tables = { 0 };

	if (read_tables(l->db, prefix, &tables, e) < 0)
		return -1;
	for (size_t i = 0; i < tables.count; i++) {
		AUTO(own_freep) char *sql = own_printf("DELETE FROM %s", tables.all[i]);

		if (db_exec(l->db, sql, NULL, 0, NULL, e) < 0)
			return err_wrap(e, "emptying %s", tables.all[i]);
	}
	return 0;
}

/* ---- S3: rows, and the files that they name ---- */

static int reset_s3(struct local *l, int64_t *ret_left, struct err *e)
{
	(void)ret_left;
	return local_s3_pieces_forget_all(l, e) < 0 ? -1 : empty_tables(l, "s3_", e);
}

/* ---- the others ---- */

static int reset_sqs(struct local *l, int64_t *ret_left, struct err *e)
{
	(void)ret_left;
	local_sqs_queue_drop_all(l->sqs);
	return empty_tables(l, "sqs_", e);
}

/* Queues keep the numbers of their series, and read them again. */
static int reset_cloudwatch(struct local *l, int64_t *ret_left, struct err *e)
{
	(void)ret_left;
	if (empty_tables(l, "cloudwatch_", e) < 0)
		return -1;
	return local_sqs_queue_load(l->sqs, e);
}

/* The alarms that target tracking has made go with it. */
static int forget_policies(struct local *l, struct err *e)
{
	AUTO(local_fleet_rows_groups_done) struct local_fleet_groups gs = { 0 };
	int rc = local_fleet_rows_groups(l->db, "", -1, &gs, e);

	for (size_t i = 0; rc == 0 && i < gs.count; i++)
		rc = local_autoscaling_policy_forget(l, gs.all[i].name, e);
	return rc;
}

/* Instances are processes, and take a moment to end; groups go with the last of theirs. */
static int reset_autoscaling(struct local *l, int64_t *ret_left, struct err *e)
{
	int64_t left = 0;

	if (local_fleet_clear(l, &left, e) < 0)
		return -1;
	*ret_left += left;
	if (left)
		return 0;
	return forget_policies(l, e) < 0 ? -1 : empty_tables(l, "fleet_", e);
}

static const struct {
	const char *word;
	int (*reset)(struct local *l, int64_t *ret_left, struct err *e);
} parts[] = {
	{ "autoscaling", reset_autoscaling },
	{ "cloudwatch", reset_cloudwatch },
	{ "s3", reset_s3 },
	{ "sqs", reset_sqs },
};

bool local_reset_knows(const char *service)
{
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (strcmp(parts[i].word, service) == 0)
			return true;
	return false;
}

int local_reset(struct local *l, const char *service, int64_t *ret_left, struct err *e)
{
	*ret_left = 0;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if ((!service || strcmp(parts[i].word, service) == 0) &&
		    parts[i].reset(l, ret_left, e) < 0)
			return -1;
	if (!service)
		local_fault_clear(l, 0);
	return 0;
}
