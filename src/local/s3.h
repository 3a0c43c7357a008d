/* S3: its requests go their own way, since bodies are streamed and may be of any size. */
#ifndef LOCAL_S3_H
#define LOCAL_S3_H

#include "local/local.h"

MUST int local_s3_start(struct local *l, struct err *e);
void local_s3_stop(struct local *l);

/* All files that rows name, and the object that each is a piece of; see s3_pieces.c. */
#define LOCAL_S3_FILES                                               \
	"SELECT file, file FROM s3_objects WHERE parts=0 UNION ALL " \
	"SELECT file, upload FROM s3_parts ORDER BY 1"
/* Removes them once the batch is committed. Their rows are the caller's. */
MUST int local_s3_pieces_forget_all(struct local *l, struct err *e);

/* Names of what it does, as AWS calls it, one by one; NULL past the last. */
const char *local_s3_action(size_t i);

/* The three moments of an exchange, see httpd.h. */
void local_s3_head(struct local *l, struct httpd_exchange *x);
void local_s3_request(struct local *l, struct httpd_exchange *x);
void local_s3_gone(struct local *l, struct httpd_exchange *x);

#endif
