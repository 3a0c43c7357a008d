/* AssumeRoleWithWebIdentity, and the identity that this machine issues for it.
 *
 * windlass-local is an OpenID provider of one subject: at each start, and each half day, it writes
 * a token (a JWT, HS256) to STATE/web-identity-token, for AWS_WEB_IDENTITY_TOKEN_FILE. Its key is
 * kept in the state, so that a token outlives restarts. Signature, issuer, audience and expiry are
 * checked, the last against real time.
 */
#ifndef LOCAL_STS_WEB_H
#define LOCAL_STS_WEB_H

#include "local/local.h"

MUST int local_sts_web_start(struct local *l, struct err *e);
void local_sts_web_stop(struct local *l);
local_action_fn local_sts_web_assume;
/* Is the body of an unsigned request one for it? It is the only action that needs no key. */
bool local_sts_web_asks(const char *body, size_t len);

#endif
