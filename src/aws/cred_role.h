/* Keys of a role, by STS: signed with other keys, or by a token in a file. */
#ifndef AWS_CRED_ROLE_H
#define AWS_CRED_ROLE_H

#include "aws/cred.h"
#include "aws/sts.h"

struct cred_role {
	struct sts_role role;    /* session NULL: "windlass-" and the host's name */
	const struct cred *base; /* signs; NULL: token_file says who we are */
	const char *token_file;  /* read anew for each fetch: it is rotated */
};

/* Answers through where->later (or at once with an error: CRED_STOP). All is copied. STS of
 * where->region, us-east-1 where that is unknown. STS gives no session of a session more than an
 * hour, so role.seconds is cut to 3600 when the base has a token. */
enum cred_answer cred_role_start(const struct cred_where *where, const struct cred_role *role,
				 void **ret_handle, struct err *e);
void cred_role_cancel(void *handle);

#endif
