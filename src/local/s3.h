/* S3: its requests go their own way, since bodies are streamed and may be of any size. */
#ifndef LOCAL_S3_H
#define LOCAL_S3_H

#include "local/local.h"

MUST int local_s3_start(struct local *l, struct err *e);
void local_s3_stop(struct local *l);

/* Names of what it does, as AWS calls it, one by one; NULL past the last. */
const char *local_s3_action(size_t i);

/* The three moments of an exchange, see httpd.h. */
void local_s3_head(struct local *l, struct httpd_exchange *x);
void local_s3_request(struct local *l, struct httpd_exchange *x);
void local_s3_gone(struct local *l, struct httpd_exchange *x);

#endif
