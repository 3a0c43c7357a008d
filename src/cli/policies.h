/* The policies that a verb is given as files, with --set over them. */
#ifndef CLI_POLICIES_H
#define CLI_POLICIES_H

#include "base/err.h"
#include "base/options.h"
#include "policy/policy.h"

/* Reads @p path with each "PATH=VALUE" of @p sets, and @p mode (NULL: the file's own), over it;
 * what is wrong or doubtful is printed. An error unless at least one policy is there and all are
 * good; its kind is ERR_POLICY. */
MUST int cli_policies_read(const char *path, const struct option_list *sets, const char *mode,
			   struct policy_set *ret, struct err *e);
/* The same with @p more over it, in silence: for the many variants of a tuning. */
MUST int cli_policies_variant(const char *path, const struct option_list *sets,
			      const struct policy_override *more, size_t n, struct policy_set *ret,
			      struct err *e);
/* The same for a file that must hold just one. */
MUST int cli_policies_one(const char *path, const struct option_list *sets, const char *mode,
			  struct policy_set *ret, struct err *e);

#endif
