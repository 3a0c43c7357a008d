/* A snapshot: a folder with all that the services hold, from which another windlass-local can
 * start.
 *
 *   FOLDER/snapshot.db   the rows
 *   FOLDER/s3/           the files of objects and parts, linked where that can be done
 *
 * It is written under another name and renamed, so that a folder of that name is whole. Logs and
 * processes of instances are not of it: who starts from it launches its groups anew.
 */
#ifndef LOCAL_LOCAL_SNAPSHOT_H
#define LOCAL_LOCAL_SNAPSHOT_H

#include "local/local.h"

/* Writes @p folder, which must not be there; not inside a batch. */
MUST int local_snapshot_take(struct local *l, const char *folder, struct err *e);
/* Brings the files of the snapshot @p from to the folder @p data of a new state, and, unless it is
 * for memory, its database to data/local.db. */
MUST int local_snapshot_lay(const char *from, const char *data, bool memory, struct err *e);
/* Forgets, in a database that came from a snapshot, what was true of its origin only. */
MUST int local_snapshot_settle(struct db *d, struct err *e);

#endif
