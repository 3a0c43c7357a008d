/* The program that calls AWS by our client, one action a run; see aws_drive.c. */
#ifndef AWS_DRIVE_H
#define AWS_DRIVE_H

#include "aws/lane.h"
#include "base/json.h"

struct drive {
	struct lane *lane;
	struct aws_call call;
	struct err e;
	char **a; /* arguments behind the verb; NULL at the end and beyond */
	int n;
};

struct drive_verb {
	const char *name;
	int least;                            /* arguments */
	struct json *(*run)(struct drive *d); /* owned answer, or NULL with d->e */
};

extern const struct drive_verb drive_sqs[], drive_autoscaling[], drive_s3[],
	drive_cloudwatch[]; /* name NULL at the end */

void drive_go(struct drive *d);
long drive_int(const struct drive *d, int i, long missing);
const char *const *drive_rest(const struct drive *d, int from, size_t *ret_n);
/* {} when rc is 0 */
struct json *drive_none(int rc);

#endif
