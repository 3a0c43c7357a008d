/* What the actions of STS share; each ends the call where it returns NULL or -1. */
#ifndef LOCAL_STS_H
#define LOCAL_STS_H

#include "local/local.h"

/* The name in RoleArn, a role of an account that is known; borrowed from the call. */
const char *local_sts_role_of(struct local_call *c, const char *action);
const char *local_sts_session_of(struct local_call *c);
/* Keys for DurationSeconds, of the account in RoleArn, which local_sts_role_of() has checked. */
MUST int local_sts_issue(struct local_call *c, const char *role, const char *session,
			 struct local_key *ret);
void local_sts_put_role(struct local_call *c, const struct local_key *k);

#endif
