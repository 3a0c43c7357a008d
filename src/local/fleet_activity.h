/* Scaling activities: what was done to a group, and why, in AWS's words. */
#ifndef LOCAL_FLEET_ACTIVITY_H
#define LOCAL_FLEET_ACTIVITY_H

#include "base/crypto.h"
#include "local/fleet_rows.h"

#define LOCAL_FLEET_CAUSE_MAX 1023

/* "At 2024-01-31T23:59:59Z <sentence>", appended after two spaces to what is there. */
void local_fleet_activity_say(struct buf *cause, struct instant now, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

struct local_fleet_activity {
	const struct local_fleet_group *group;
	const char *description, *cause, *zone; /* zone may be NULL */
	const char *status;                     /* "InProgress", or how it ended */
	const char *message;                    /* NULL: none */
};
/* Adds it; the oldest of a group are dropped past a thousand. */
MUST int local_fleet_activity_add(struct db *d, const struct local_fleet_activity *a,
				  struct instant now, char ret_id[static CRYPTO_UUID_MAX],
				  struct err *e);
MUST int local_fleet_activity_status(struct db *d, const char *id, const char *status,
				     int64_t progress, struct err *e);
MUST int local_fleet_activity_end(struct db *d, const char *id, const char *status,
				  const char *message, struct instant now, struct err *e);

#endif
