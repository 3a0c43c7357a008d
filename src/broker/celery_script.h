/* What Redis does at once for the broker of celery.c: each a script, so that a process that dies
 * between two commands leaves no message anywhere but in its list or in unacked. */
#ifndef BROKER_CELERY_SCRIPT_H
#define BROKER_CELERY_SCRIPT_H

/* Takes messages. Keys: four lists, unacked, unacked_index, parked. Arguments: how many, largest,
 * what an entry of unacked ends with, prefix of receive counts, their seconds to live, "1" when the
 * answer to these same tags was lost, tags. What unacked cannot hold, since restoring it would
 * break kombu, goes to parked at once. Answers {{tag or "", message or "" when too large,
 * receives, bytes}, …}. */
extern const char broker_celery_script_claim[];
/* Keys: unacked, unacked_index. Arguments: tags. Answers 1 or 0 for each. */
extern const char broker_celery_script_extend[];
/* Keys: unacked, unacked_index. Arguments: tag, seconds to add to now. Answers 1 or 0. */
extern const char broker_celery_script_delay[];
/* Keys: unacked, unacked_index, list. Arguments: tag, message, score or "". Answers 1 or 0. */
extern const char broker_celery_script_restore[];
/* Keys: unacked, unacked_index, receive count, result. Arguments: tag, result or "", seconds to
 * live. Answers 1 or 0. */
extern const char broker_celery_script_ack[];
/* Keys: unacked, unacked_index, list, receive count, result. Arguments: tag, message, "parked" or
 * "again", result or "", seconds to live. Answers 1 or 0. */
extern const char broker_celery_script_move[];
/* Keys: parked. Arguments: what stands there, what is to. Answers 1. */
extern const char broker_celery_script_note[];
/* Keys: result. Arguments: result, seconds to live. A success is not replaced. Answers 1. */
extern const char broker_celery_script_result[];
/* Keys: unacked_index, unacked. Arguments: visibility timeout, queue, prefix of bindings. Answers
 * {{tag, score, entry}, …} of those of this queue that are held too long. */
extern const char broker_celery_script_due[];

#endif
