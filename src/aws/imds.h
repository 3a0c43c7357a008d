/* Instance metadata, version 2: a session token is fetched, kept, and fetched again on 401.
 *
 * Endpoint: AWS_EC2_METADATA_SERVICE_ENDPOINT, else http://169.254.169.254, or with
 * AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6 http://[fd00:ec2::254].
 * AWS_EC2_METADATA_DISABLED=true makes every read fail at once. Attempts are short (1 s to connect,
 * 2 s in all, twice): off EC2 it must not hang.
 */
#ifndef AWS_IMDS_H
#define AWS_IMDS_H

#include "base/err.h"
#include "base/instant.h"
#include "base/loop.h"

#define IMDS_INSTANCE_ID "/latest/meta-data/instance-id"
#define IMDS_REGION "/latest/meta-data/placement/region"
#define IMDS_TARGET_STATE "/latest/meta-data/autoscaling/target-lifecycle-state"
#define IMDS_SPOT_ACTION "/latest/meta-data/spot/instance-action"
#define IMDS_REBALANCE "/latest/meta-data/events/recommendations/rebalance"
#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_GROUP_TAG "/latest/meta-data/tags/instance/aws:autoscaling:groupName"

struct imds;
struct imds *imds_new(struct loop *l);
void imds_free(struct imds *m); /* running gets are given up, their functions not called */
DEFINE_FREEP(struct imds, imds);

/* @p text is NULL on failure; ERR_NOT_FOUND for a 404 (no such notice, a fresh instance). Borrowed.
 */
typedef void imds_fn(const char *text, const struct err *e, void *arg);
struct imds_get;
struct imds_get *imds_get(struct imds *m, const char *path, imds_fn *fn, void *arg);
void imds_cancel(struct imds_get *g);

/* For programs that wait: its own loop. The caller frees *ret. */
MUST int imds_fetch(const char *path, char **ret, struct err *e);

/* {"action":"terminate","time":"…"} */
struct imds_spot {
	char action[16];
	struct instant at;
};
MUST int imds_spot_read(const char *text, struct imds_spot *ret, struct err *e);

#endif
