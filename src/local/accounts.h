/* Keys and accounts out of a file, besides the key that each state has of its own.
 *
 *	accounts:
 *	  - account_id: "123456789012"
 *	    access_key_id: AKIAIOSFODNN7EXAMPLE
 *	    secret_access_key: ...
 *	    name: ci        # the caller is arn:aws:iam::123456789012:user/ci; absent: its root
 */
#ifndef LOCAL_ACCOUNTS_H
#define LOCAL_ACCOUNTS_H

#include "local/local.h"

#define ACCOUNTS_MOST 1000

struct local_accounts;

/* Reads and checks @p path, which others must not be able to read. All problems of the file are in
 * the text of @p e, a line each, none with a value of it. */
MUST struct local_accounts *local_accounts_read(const char *path, struct err *e);
void local_accounts_free(struct local_accounts *a); /* wipes */
DEFINE_FREEP(struct local_accounts, local_accounts);

/* The lasting key of that id; false: none, also of NULL accounts. */
bool local_accounts_find(const struct local_accounts *a, const char *access_key,
			 struct local_key *ret);
/* Whether a key is of the account @p account, 12 digits of a longer text. */
bool local_accounts_has(const struct local_accounts *a, const char *account);

#endif
