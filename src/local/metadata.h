/* The instance metadata service (IMDSv2), one address an instance: 127.0.0.1 and a port of its own,
 * which the instance keeps over restarts of windlass-local. Nothing is signed there; whoever can
 * connect is believed to be the instance, as on AWS, so it listens on loopback only. */
#ifndef LOCAL_METADATA_H
#define LOCAL_METADATA_H

#include "local/fleet_rows.h"

MUST int local_metadata_start(struct local *l, struct err *e);
void local_metadata_stop(struct local *l);

/* Listens for @p i, at its port, or at one that the system chooses when that is 0. */
MUST int local_metadata_open(struct local *l, const struct local_fleet_instance *i,
			     uint16_t *ret_port, struct err *e);
void local_metadata_close(struct local *l, const char *id); /* harmless when it is not open */
bool local_metadata_is_open(const struct local *l, const char *id);

/* Gives each instance the keys of its role, in the batch, when it has none or they end within half
 * an hour; ret_next: when to come again. They are told once settled. */
MUST int local_metadata_renew(struct local *l, struct instant now, struct instant *ret_next,
			      struct err *e);
void local_metadata_settle(struct local *l, bool committed);

/* The role in an instance profile's name or ARN; a default when it is NULL. Borrowed. */
const char *local_metadata_role(const char *profile);

#endif
