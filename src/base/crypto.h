/* Digests, MACs, encodings and random bytes (OpenSSL; the only file that includes it). */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CRYPTO_SHA256_BYTES 32
#define CRYPTO_MD5_BYTES 16
#define CRYPTO_UUID_MAX 37

enum crypto_digest { CRYPTO_SHA256, CRYPTO_MD5, CRYPTO_SHA1 };

/* A digest in pieces: new, add…, end. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(enum crypto_digest kind);
void crypto_hash_add(struct crypto_hash *h, const void *data, size_t len);
size_t crypto_hash_end(struct crypto_hash *h,
		       uint8_t out[static CRYPTO_SHA256_BYTES]); /* length; h starts anew */
void crypto_hash_free(struct crypto_hash *h);
DEFINE_FREEP(struct crypto_hash, crypto_hash);

void crypto_sha256(const void *data, size_t len, uint8_t out[static CRYPTO_SHA256_BYTES]);
void crypto_md5(const void *data, size_t len, uint8_t out[static CRYPTO_MD5_BYTES]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[static CRYPTO_SHA256_BYTES]);
/* Old protocols ask for it: not for anything new. */
#define CRYPTO_SHA1_BYTES 20
void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
		      uint8_t out[static CRYPTO_SHA1_BYTES]);
bool crypto_equal(const void *a, const void *b,
		  size_t len); /* time does not tell where they differ */

void crypto_random(void *out, size_t len);
const char *crypto_uuid(char out[static CRYPTO_UUID_MAX]); /* version 4, lower case */

/* Lower-case hex; out holds 2 * len + 1. */
const char *crypto_hex(const void *data, size_t len, char *out);
MUST int crypto_unhex(const char *hex, void *out, size_t len, struct err *e);
int crypto_base64(const void *data, size_t len, struct buf *out);
MUST int crypto_unbase64(const char *text, size_t len, struct buf *out, struct err *e);

/* The alphabet of URLs and tokens, without padding (RFC 4648, section 5). */
MUST int crypto_unbase64url(const char *text, size_t len, struct buf *out, struct err *e);

/* A public key of RSA from PEM ("PUBLIC KEY"), of 2048 bits or more. */
struct crypto_public;
MUST struct crypto_public *crypto_public_read(const char *pem, size_t len, struct err *e);
void crypto_public_free(struct crypto_public *k);
DEFINE_FREEP(struct crypto_public, crypto_public);
/* Is @p sig the key's over @p data (RSASSA-PKCS1-v1_5 with SHA-256)? */
bool crypto_public_verify(const struct crypto_public *k, const void *data, size_t len,
			  const void *sig, size_t sig_len);

uint32_t crypto_crc32(uint32_t crc, const void *data, size_t len); /* IEEE, start with 0 */
uint32_t crypto_crc32c(uint32_t crc, const void *data, size_t len);

#endif
