/* What the files of `windlass migrate` share. */
#ifndef CLI_MIGRATE_H
#define CLI_MIGRATE_H

#include "aws/lane.h"
#include "base/table.h"
#include "produce/celery.h"

#define MIGRATE_STEPS "1|2|3|4|5|back"

struct migrate {
	struct lane_options where;
	const char *queue_url, *output, *step, *policies;
	struct produce_celery_options celery;
	struct span limit;
	struct lane *lane;
	struct loop *loop; /* of what asks Redis */
	struct broker_redis *redis;
	struct table_live live;
};

/* ERR_POLICY: a URL or a name that is none. Nothing is sent yet. */
MUST int cli_migrate_connect_celery(struct migrate *m, struct err *e);
MUST int cli_migrate_look_celery(struct migrate *m, struct broker_celery_depth *ret, struct err *e);
/* Is everything in place for m->step? Returns the exit status. */
int cli_migrate_check(struct migrate *m);

#endif
