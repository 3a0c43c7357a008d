/* The shared files of the AWS SDKs: ~/.aws/config and ~/.aws/credentials. */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <stdbool.h>

#include "base/err.h"

/* Both files, as AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE place them. A missing file is
 * empty. */
struct profiles;
MUST struct profiles *profile_load(struct err *e);
void profile_free(struct profiles *p); /* wipes */
DEFINE_FREEP(struct profiles, profile);

/* The name in force: @p given, else AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
const char *profile_name(const char *given);
bool profile_exists(const struct profiles *p, const char *name);
/* A key of a profile, credentials file first; NULL when absent. Borrowed. */
const char *profile_get(const struct profiles *p, const char *name, const char *key);
/* A key of the services section that the profile names: profile_service(p, "dev", "sqs",
 * "endpoint_url"). */
const char *profile_service(const struct profiles *p, const char *name, const char *service,
			    const char *key);
/* A key of the section [sso-session name]; "" as the key: whether there is one. */
const char *profile_sso_session(const struct profiles *p, const char *name, const char *key);

const char *profile_home(void); /* HOME, else the account's; borrowed */

#endif
