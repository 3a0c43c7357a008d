/* IAM policy documents: the least that each program must be allowed. */
#ifndef DOCTOR_IAM_H
#define DOCTOR_IAM_H

#include "base/json.h"
#include "policy/policy.h"

enum iam_whom { IAM_CONTROLLER, IAM_WORKER, IAM_PRODUCER, IAM_GATEWAY };

struct doctor_iam {
	enum iam_whom whom;
	const char *region;            /* of what names none; NULL: any */
	char account[13];              /* "": that of the first queue */
	const char *uploads, *results; /* buckets; NULL: none */
	bool cloudwatch;               /* a policy reads it */
	const char *const *namespaces; /* that policies, or a worker, publish into */
	size_t namespace_count;
	const struct policy *const *policies; /* whose groups are meant */
	size_t policy_count;
	const char *const *roles; /* to take */
	size_t role_count;
	struct doctor_iam_queue {
		char *arn, *dead; /* dead: as windlass queue create names it */
	} * queues;
	size_t queue_count;
};
void doctor_iam_done(struct doctor_iam *w);
/* The queue's ARN from its URL; one without account and name in its path is left out. */
void doctor_iam_add_queue(struct doctor_iam *w, const char *url, const char *region);
/* The document, owned. */
struct json *doctor_iam_policy(const struct doctor_iam *w);

#endif
