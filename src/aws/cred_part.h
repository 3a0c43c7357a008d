/* What a profile can take its keys from, beside keys that stand in it. Private to aws.
 *
 * Each answers as a struct cred_source does, through where->later.
 */
#ifndef AWS_CRED_PART_H
#define AWS_CRED_PART_H

#include "aws/cred.h"

/* credential_process: runs @p command by /bin/sh, as the SDKs do, with our environment; what it
 * prints is JSON (Version 1). It has 60 s, and what it says on standard error goes to ours. */
enum cred_answer cred_process_start(const struct cred_where *where, const char *command,
				    void **ret_handle, struct err *e);
void cred_process_cancel(void *handle);

/* sso_session, or sso_start_url and sso_region, of @p profile: keys of sso_role_name in
 * sso_account_id, by the token that `aws sso login` left in ~/.aws/sso/cache. The token is not
 * refreshed: when it has ended the sentence says how to log in. */
enum cred_answer cred_sso_start(const struct cred_where *where, const char *profile,
				void **ret_handle, struct err *e);
void cred_sso_cancel(void *handle);

#endif
