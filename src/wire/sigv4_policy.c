/* What a browser's form is signed with: its policy, as it stands in the form. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "wire/canon.h"
#include "wire/sigv4.h"

void sigv4_policy_sign(const char *secret, const char *date, const char *region, const char *policy,
		       char ret_hex[static SIGV4_SHA_MAX])
{
	struct canon_scope scope = { .service = "s3" };
	uint8_t key[32], mac[CRYPTO_SHA256_BYTES];

	snprintf(scope.date, sizeof(scope.date), "%.8s", date);
	snprintf(scope.region, sizeof(scope.region), "%.63s", region);
	canon_key(secret, &scope, key);
	crypto_hmac_sha256(key, sizeof(key), policy, strlen(policy), mac);
	crypto_hex(mac, sizeof(mac), ret_hex);
	own_wipe(key, sizeof(key));
}
