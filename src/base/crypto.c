#include "base/crypto.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Implicit fetches search the providers at every use, so each digest is fetched once. */
static EVP_MD *crypto_md[3];
static pthread_once_t crypto_once = PTHREAD_ONCE_INIT;

/* OpenSSL fails here only without memory, or without a working provider: nothing can go on. */
static void crypto_need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "OpenSSL cannot do %s\n", what);
	abort();
}

static void crypto_setup(void)
{
	static const char *const names[] = {
		[CRYPTO_SHA256] = "SHA256", [CRYPTO_MD5] = "MD5", [CRYPTO_SHA1] = "SHA1"
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		crypto_md[i] = EVP_MD_fetch(NULL, names[i], NULL);
}

static const EVP_MD *crypto_kind(enum crypto_digest kind)
{
	pthread_once(&crypto_once, crypto_setup);
	crypto_need(crypto_md[kind] != NULL, "digests");
	return crypto_md[kind];
}

struct crypto_hash {
	EVP_MD_CTX *ctx;
	enum crypto_digest kind;
};

struct crypto_hash *crypto_hash_new(enum crypto_digest kind)
{
	struct crypto_hash *h = own_alloc(sizeof(*h));

	h->kind = kind;
	h->ctx = EVP_MD_CTX_new();
	crypto_need(h->ctx && EVP_DigestInit_ex2(h->ctx, crypto_kind(kind), NULL) == 1, "digests");
	return h;
}

void crypto_hash_add(struct crypto_hash *h, const void *data, size_t len)
{
	if (len)
		crypto_need(EVP_DigestUpdate(h->ctx, data, len) == 1, "digests");
}

size_t crypto_hash_end(struct crypto_hash *h, uint8_t out[static CRYPTO_SHA256_BYTES])
{
	unsigned len = 0;

	crypto_need(EVP_DigestFinal_ex(h->ctx, out, &len) == 1 &&
			    EVP_DigestInit_ex2(h->ctx, crypto_kind(h->kind), NULL) == 1,
		    "digests");
	return len;
}

void crypto_hash_free(struct crypto_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	own_free(h);
}

static void crypto_digest(enum crypto_digest kind, const void *data, size_t len, uint8_t *out)
{
	crypto_need(EVP_Digest(len ? data : "", len, out, NULL, crypto_kind(kind), NULL) == 1,
		    "digests");
}

void crypto_sha256(const void *data, size_t len, uint8_t out[static CRYPTO_SHA256_BYTES])
{
	crypto_digest(CRYPTO_SHA256, data, len, out);
}

void crypto_md5(const void *data, size_t len, uint8_t out[static CRYPTO_MD5_BYTES])
{
	crypto_digest(CRYPTO_MD5, data, len, out);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[static CRYPTO_SHA256_BYTES])
{
	unsigned out_len = CRYPTO_SHA256_BYTES;

	crypto_need(key_len <= INT32_MAX, "keys of that size");
	crypto_need(HMAC(crypto_kind(CRYPTO_SHA256), key_len ? key : "", (int)key_len,
			 len ? data : (const void *)"", len, out, &out_len) != NULL,
		    "HMAC");
}

void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
		      uint8_t out[static CRYPTO_SHA1_BYTES])
{
	unsigned out_len = CRYPTO_SHA1_BYTES;

	crypto_need(key_len <= INT32_MAX, "keys of that size");
	crypto_need(HMAC(crypto_kind(CRYPTO_SHA1), key_len ? key : "", (int)key_len,
			 len ? data : (const void *)"", len, out, &out_len) != NULL,
		    "HMAC");
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_random(void *out, size_t len)
{
	uint8_t *at = out;

	while (len) {
		size_t n = len > 65536 ? 65536 : len;

		crypto_need(RAND_bytes(at, (int)n) == 1, "random bytes");
		at += n;
		len -= n;
	}
}

const char *crypto_uuid(char out[static CRYPTO_UUID_MAX])
{
	uint8_t b[16];
	char hex[33];

	crypto_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
	crypto_hex(b, sizeof(b), hex);
	snprintf(out, CRYPTO_UUID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
	return out;
}

const char *crypto_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int crypto_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int crypto_unhex(const char *hex, void *out, size_t len, struct err *e)
{
	uint8_t *b = out;

	if (strlen(hex) != 2 * len)
		return err_set(e, ERR_PROTOCOL, "hex text has %zu characters, not %zu", strlen(hex),
			       2 * len);
	for (size_t i = 0; i < len; i++) {
		int high = crypto_hex_digit(hex[2 * i]), low = crypto_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(e, ERR_PROTOCOL, "no hex digit at character %zu", 2 * i + 1);
		b[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static const char crypto_b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int crypto_base64(const void *data, size_t len, struct buf *out)
{
	const uint8_t *b = data;
	char four[4];

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
			     (n > 2 ? b[i + 2] : 0);

		four[0] = crypto_b64[v >> 18];
		four[1] = crypto_b64[v >> 12 & 63];
		four[2] = n > 1 ? crypto_b64[v >> 6 & 63] : '=';
		four[3] = n > 2 ? crypto_b64[v & 63] : '=';
		if (buf_add(out, four, 4) < 0)
			return -1;
	}
	return 0;
}

static int crypto_b64_digit(char c)
{
	const char *at = c ? strchr(crypto_b64, c) : NULL;

	return at ? (int)(at - crypto_b64) : -1;
}

/* One group of four; returns its bytes, or -1. Bits that no byte uses must be zero. */
static int crypto_unbase64_group(const char *four, bool last, uint8_t out[static 3])
{
	int pad = last ? (four[3] == '=') + (four[3] == '=' && four[2] == '=') : 0;
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int digit = i < 4 - pad ? crypto_b64_digit(four[i]) : 0;

		if (digit < 0)
			return -1;
		v = v << 6 | (uint32_t)digit;
	}
	if ((pad == 1 && (v & 0xFF)) || (pad == 2 && (v & 0xFFFF)))
		return -1;
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return 3 - pad;
}

int crypto_unbase64(const char *text, size_t len, struct buf *out, struct err *e)
{
	uint8_t three[3];

	if (len % 4)
		return err_set(e, ERR_PROTOCOL,
			       "base64 text has %zu characters, no multiple of four", len);
	for (size_t i = 0; i < len; i += 4) {
		int n = crypto_unbase64_group(text + i, i + 4 == len, three);

		if (n < 0)
			return err_set(e, ERR_PROTOCOL, "no base64 at character %zu", i + 1);
		if (buf_add(out, three, (size_t)n) < 0)
			return buf_ok(out, "base64 data", e);
	}
	return 0;
}

/* Eight tables, so that eight bytes take one step (slicing by 8, Kounavis and Berry 2005). */
static uint32_t crc_tables[2][8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_setup_one(uint32_t table[8][256], uint32_t polynomial)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ polynomial : c >> 1;
		table[0][i] = c;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xFF];
}

static void crc_setup(void)
{
	crc_setup_one(crc_tables[0], 0xEDB88320u);
	crc_setup_one(crc_tables[1], 0x82F63B78u);
}

static uint32_t crc_add(uint32_t t[8][256], uint32_t crc, const uint8_t *b, size_t len)
{
	crc = ~crc;
	for (; len >= 8; b += 8, len -= 8) {
		uint32_t low, high;

		memcpy(&low, b, 4);
		memcpy(&high, b + 4, 4);
		low = le32toh(low) ^ crc;
		high = le32toh(high);
		crc = t[7][low & 0xFF] ^ t[6][low >> 8 & 0xFF] ^ t[5][low >> 16 & 0xFF] ^
		      t[4][low >> 24] ^ t[3][high & 0xFF] ^ t[2][high >> 8 & 0xFF] ^
		      t[1][high >> 16 & 0xFF] ^ t[0][high >> 24];
	}
	for (; len; b++, len--)
		crc = crc >> 8 ^ t[0][(crc ^ *b) & 0xFF];
	return ~crc;
}

uint32_t crypto_crc32(uint32_t crc, const void *data, size_t len)
{
	pthread_once(&crc_once, crc_setup);
	return crc_add(crc_tables[0], crc, data, len);
}

uint32_t crypto_crc32c(uint32_t crc, const void *data, size_t len)
{
	pthread_once(&crc_once, crc_setup);
	return crc_add(crc_tables[1], crc, data, len);
}
