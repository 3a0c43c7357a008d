/* Messages carried by hand: sent anew with what they have, and only then deleted. */
#ifndef CLI_QUEUE_CARRY_H
#define CLI_QUEUE_CARRY_H

#include "aws/lane.h"
#include "aws/sqs.h"

/* Sends each of @p m to @p to with its attributes but for the one named @p without (NULL: none),
 * and deletes from @p from what has arrived. Killed in between, a message is in both: jobs are done
 * at least once. *ret_moved: those that were sent; an error tells of the first that was not. */
MUST int cli_queue_carry(struct lane *l, const char *from, const char *to,
			 const struct sqs_messages *m, const char *without, size_t *ret_moved,
			 struct err *e);
/* Makes messages visible again at once. */
MUST int cli_queue_return(struct lane *l, const char *url, const struct sqs_messages *m,
			  struct err *e);
/* At most @p max messages; hidden for @p visibility_s, in case that we end before we are done. */
MUST int cli_queue_receive(struct lane *l, const char *url, int max, int visibility_s,
			   struct sqs_messages *ret, struct err *e);

#endif
