/* What is there from the start: buckets, queues and groups named in a YAML file.
 *
 * Everything goes through the front door: signed requests to our own port, so that what a
 * declaration makes is what a client would have made. It is repeatable: what exists already is
 * brought to the declared values.
 */
#ifndef LOCAL_DECLARE_H
#define LOCAL_DECLARE_H

#include "local/local.h"

struct local_declare;

/* Reads and checks @p path. All problems of the file are in the text of @p e, a line each. */
MUST struct local_declare *local_declare_read(const char *path, struct err *e);
void local_declare_free(struct local_declare *d); /* also while it runs: gives up */
DEFINE_FREEP(struct local_declare, local_declare);

/* fn is called once, from the loop; kind NONE: all is there. */
typedef void local_declare_fn(const struct err *e, void *arg);
void local_declare_start(struct local_declare *d, struct local *l, local_declare_fn *fn, void *arg);

#endif
