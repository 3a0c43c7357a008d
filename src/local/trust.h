/* Whose a request is: by its signature, or, where signatures are not verified, by what it says. */
#ifndef LOCAL_TRUST_H
#define LOCAL_TRUST_H

#include "local/local.h"
#include "wire/sigv4.h"

/* @p body_sha256: see struct sigv4_seen. 0 with the key in @p ret_key, to be wiped; -1 with the
 * code that the service answers in @p e. @p ret_verdict ends by sigv4_stream_done(). */
MUST int local_trust_check(struct local *l, const struct httpd_exchange *x, enum service service,
			   const char *body_sha256, struct sigv4_verdict *ret_verdict,
			   struct local_key *ret_key, struct err *e);
/* A browser's form where signatures are not verified: -1 when a page of elsewhere may have sent it.
 */
MUST int local_trust_form(const struct httpd_exchange *x, struct err *e);
/* By peer and Host header: from this machine, and not by a page of somebody's that has its name
 * resolved to this address. */
bool local_trust_from_here(const struct httpd_exchange *x);

#endif
