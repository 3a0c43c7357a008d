/* A token in a file and the role that trusts who wrote it (EKS service accounts). */
#include <stdlib.h>

#include "aws/cred_role.h"

static enum cred_answer start(const struct cred_where *w, struct cred *ret, void **ret_handle,
			      struct err *e)
{
	const char *file = getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	struct cred_role role = { .role = { .arn = getenv("AWS_ROLE_ARN"),
					    .session = getenv("AWS_ROLE_SESSION_NAME") },
				  .token_file = file };

	(void)ret;
	if (!file || !*file)
		return CRED_NOTHING;
	if (!role.role.arn || !*role.role.arn) {
		err_set(e, ERR_DENIED, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
		return CRED_STOP;
	}
	return cred_role_start(w, &role, ret_handle, e);
}

const struct cred_source cred_web = { .name = "web identity",
				      .start = start,
				      .cancel = cred_role_cancel };
