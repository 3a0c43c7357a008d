/* What local_serve.c, local_call.c, local_out.c and local_batch.c share and services need not see.
 */
#ifndef LOCAL_CALL_H
#define LOCAL_CALL_H

#include "local/local.h"
#include "wire/form.h"

/* local_param.c: the tree of a Query request; owned. -1 in @p e: malformed or too deep. */
MUST struct json *local_param_tree(const struct form *f, const struct local_service *s,
				   struct err *e);

/* local_out.c */
struct local_out *local_out_new(const struct local_call *c);
void local_out_free(struct local_out *o);
/* Closes the body and gives its text. NULL: it grew past its cap. */
const struct buf *local_out_finish(struct local_call *c);

/* local_call.c */
struct local_call *local_call_new(struct local *l, const struct local_service *s,
				  struct httpd_exchange *x);
void local_call_run(struct local_call *c, const char *action); /* inside the batch */
void local_call_act(struct local_call *c);                     /* the action, past all faults */
void local_call_send(struct local_call *c, bool committed);    /* answers and frees */
void local_call_gone(struct local_call *c);                    /* its client went away */
/* An error before a call exists. @p s NULL: S3's way. */
void local_call_refuse(struct httpd_exchange *x, enum service s, enum local_protocol p,
		       const char *code, const char *message);

/* local_batch.c */
struct local_batch *local_batch_new(struct local *l);
void local_batch_free(struct local_batch *b);
bool local_batch_open(const struct local *l);
void local_batch_hold(struct local *l,
		      struct local_call *c); /* its answer leaves after the commit */
void local_batch_commit(struct local *l);    /* now; nothing when none is open */
/* The same, and waits until all is on the disk and everybody was told: for the end. */
void local_batch_settle(struct local *l);

/* local_state.c */
MUST int local_state_open(struct local *l, struct err *e); /* folder, lock, database, credentials */
void local_state_close(struct local *l);

/* local_clock.c */
MUST int local_clock_open(struct local *l, struct err *e); /* as it was left, at the rate wanted */
/* Goes on from now plus @p by at @p rate, and tells those whose time may have come. */
MUST int local_clock_set(struct local *l, struct span by, double rate, struct err *e);

/* local_reset.c */
bool local_reset_knows(const char *service);
/* Empties @p service, or all (NULL, with the faults), in the batch. ret_left: instances that are
 * still ending, so that it has to be asked for once more. */
MUST int local_reset(struct local *l, const char *service, int64_t *ret_left, struct err *e);

/* local_serve.c */
bool local_serve_is_loopback(const char *address);
MUST int local_serve_open(struct local *l, struct err *e);
void local_serve_close(struct local *l);

#endif
