/* CORS: the rules of a bucket, and what they let a page of another origin do. */
#ifndef LOCAL_S3_CORS_H
#define LOCAL_S3_CORS_H

#include "local/s3_own.h"

/* 1 with the bucket's rules, owned; 0: it has none; -1: @p e. */
MUST int local_s3_cors_find(struct local_s3 *s, const char *bucket, struct json **ret,
			    struct err *e);
s3_fn local_s3_cors_get, local_s3_cors_put, local_s3_cors_delete;

/* ---- s3_preflight.c ---- */
/* OPTIONS, which no client signs: ends the request. */
void local_s3_preflight(struct s3_request *r);
/* Adds to an answer what a browser wants to see before its page may read it. */
void local_s3_preflight_headers(struct s3_request *r);

#endif
