/* Where a call goes: region and endpoint. */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/call.h"
#include "aws/profile.h"

struct endpoint_options {
	const char *region;   /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's */
	const char *profile;  /* NULL: see profile_name() */
	const char *endpoint; /* for every service; NULL: AWS_ENDPOINT_URL_<SERVICE>,
			       * AWS_ENDPOINT_URL, the profile's services section, its endpoint_url,
			       * then AWS's own hosts */
};

struct endpoint {
	char region[64];          /* "" when nothing names one */
	bool fips, dual_stack;    /* which of AWS's own hosts */
	char *url[SERVICE_COUNT]; /* configured, without a slash at the end; NULL: AWS's own host */
};

/* @p profiles may be NULL. Errors name the variable or the file's key that is wrong. */
MUST int endpoint_init(struct endpoint *ep, const struct endpoint_options *o,
		       const struct profiles *p, struct err *e);
void endpoint_done(struct endpoint *ep);

/* Where the region comes from when nothing names one, as a remedy for messages. */
#define ENDPOINT_NO_REGION "NoRegion" /* the code of the error where none is known */
#define ENDPOINT_REGION_REMEDY "set AWS_REGION, or region in ~/.aws/config"

struct endpoint_place {
	struct buf url;  /* the whole URL without the query */
	struct buf host; /* the Host header */
	struct buf path; /* encoded, as sent and signed */
	char region[64];
};
void endpoint_place_done(struct endpoint_place *p);
MUST int endpoint_place(const struct endpoint *ep, const struct request *r,
			struct endpoint_place *ret, struct err *e);

/* "amazonaws.com" or "amazonaws.com.cn" */
const char *endpoint_suffix(const char *region);

#endif
