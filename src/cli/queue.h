/* The parts of windlass queue: queue.c (create, show), queue_peek.c, queue_move.c (redrive, purge).
 */
#ifndef CLI_QUEUE_H
#define CLI_QUEUE_H

#include "aws/lane.h"
#include "aws/sqs.h"

/* @p name, or its URL as it is. The caller frees *ret. */
MUST int cli_queue_url(struct lane *l, const char *name, char **ret, struct err *e);
MUST int cli_queue_attributes(struct lane *l, const char *url, struct sqs_attributes *ret,
			      struct err *e);

int cli_queue_redrive(int argc, char **argv);
int cli_queue_peek(int argc, char **argv);
int cli_queue_purge(int argc, char **argv);

#endif
