#include <stdarg.h>

#include "base/clock.h"
#include "local/fleet_activity.h"

#define KEPT "1000"

void local_fleet_activity_say(struct buf *cause, struct instant now, const char *fmt, ...)
{
	AUTO(own_freep) char *sentence = NULL;
	char at[CLOCK_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	sentence = own_vprintf(fmt, ap);
	va_end(ap);
	now.ms -= now.ms % 1000;
	buf_addf(cause, "%sAt %s %s", cause->len ? "  " : "", clock_print(now, at), sentence);
}

int local_fleet_activity_add(struct db *d, const struct local_fleet_activity *a, struct instant now,
			     char ret_id[static CRYPTO_UUID_MAX], struct err *e)
{
	AUTO(own_freep) char *detail = own_strdup("{}");
	bool open = a->status[0] == 'I' || a->status[0] == 'M'; /* InProgress, MidLifecycleAction */

	if (!a->group->name[0]) { /* of a machine without a group nobody keeps a record */
		crypto_uuid(ret_id);
		return 0;
	}
	if (a->zone) {
		own_free(detail);
		detail = own_printf("{\"Subnet ID\":\"\",\"Availability Zone\":\"%s\"}", a->zone);
	}
	crypto_uuid(ret_id);
	if (DB_RUN(d, e,
		   "INSERT INTO fleet_activity (id, grp, arn, description, cause, detail, start_ms,"
		   " end_ms, status, message, progress) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		   DB_S(ret_id), DB_S(a->group->name), DB_S(a->group->arn), DB_S(a->description),
		   DB_S(a->cause), DB_S(detail), DB_I(now.ms), DB_I(open ? 0 : now.ms),
		   DB_S(a->status), DB_S(a->message), DB_I(open ? 0 : 100)) < 0)
		return -1;
	return DB_RUN(d, e,
		      "DELETE FROM fleet_activity WHERE grp = ?1 AND end_ms > 0 AND seq <="
		      " (SELECT seq FROM fleet_activity WHERE grp = ?1 ORDER BY seq DESC LIMIT 1 "
		      "OFFSET " KEPT ")",
		      DB_S(a->group->name));
}

int local_fleet_activity_status(struct db *d, const char *id, const char *status, int64_t progress,
				struct err *e)
{
	return DB_RUN(d, e, "UPDATE fleet_activity SET status = ?, progress = ? WHERE id = ?",
		      DB_S(status), DB_I(progress), DB_S(id));
}

int local_fleet_activity_end(struct db *d, const char *id, const char *status, const char *message,
			     struct instant now, struct err *e)
{
	return DB_RUN(
		d, e,
		"UPDATE fleet_activity SET status = ?, message = ?, progress = 100, end_ms = ?"
		" WHERE id = ? AND end_ms = 0",
		DB_S(status), DB_S(message), DB_I(now.ms), DB_S(id));
}
