#include "wire/md5attr.h"

#include <stdint.h>
#include <string.h>

#include "base/crypto.h"

static void add_sized(struct crypto_hash *h, const void *data, size_t len)
{
	uint8_t size[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
			    (uint8_t)len };

	crypto_hash_add(h, size, sizeof(size));
	if (len)
		crypto_hash_add(h, data, len);
}

const char *md5attr_digest(const struct md5attr *attrs, size_t n, char out[static MD5ATTR_HEX])
{
	AUTO(crypto_hash_freep) struct crypto_hash *h = NULL;
	const struct md5attr *sorted[MD5ATTR_MAX];
	uint8_t digest[CRYPTO_SHA256_BYTES];

	out[0] = '\0';
	if (n == 0 || n > MD5ATTR_MAX)
		return out;
	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		for (; at > 0 && strcmp(sorted[at - 1]->name, attrs[i].name) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &attrs[i];
	}
	h = crypto_hash_new(CRYPTO_MD5);
	for (size_t i = 0; i < n; i++) {
		bool binary = strncmp(sorted[i]->type, "Binary", 6) == 0;

		add_sized(h, sorted[i]->name, strlen(sorted[i]->name));
		add_sized(h, sorted[i]->type, strlen(sorted[i]->type));
		crypto_hash_add(h, binary ? "\2" : "\1", 1);
		add_sized(h, sorted[i]->value, sorted[i]->len);
	}
	crypto_hash_end(h, digest);
	crypto_hex(digest, CRYPTO_MD5_BYTES, out);
	return out;
}

const char *md5attr_body(const void *body, size_t len, char out[static MD5ATTR_HEX])
{
	uint8_t digest[CRYPTO_MD5_BYTES];

	crypto_md5(body, len, digest);
	crypto_hex(digest, sizeof(digest), out);
	return out;
}
