/* What the files of S3 share; private to aws. */
#ifndef AWS_S3_OWN_H
#define AWS_S3_OWN_H

#include "aws/s3.h"

void aws_s3_ask(struct request *r, const char *action, const char *method, const char *bucket,
		const char *key); /* key NULL: the bucket */

#endif
