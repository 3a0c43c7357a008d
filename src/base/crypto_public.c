/* Signatures that somebody else made: RSA keys, and the encoding that tokens have. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/crypto.h"

#define BITS_LEAST 2048
#define PEM_MOST (64u << 10)
#define TEXT_MOST (1u << 20)

struct crypto_public {
	EVP_PKEY *key;
};

int crypto_unbase64url(const char *text, size_t len, struct buf *out, struct err *e)
{
	AUTO(buf_done) struct buf plain = BUF(len + 4);

	if (len > TEXT_MOST || len % 4 == 1)
		return err_set(e, ERR_PROTOCOL, "base64url of %zu characters is none", len);
	for (size_t i = 0; i < len; i++) {
		if (strchr("+/=", text[i])) /* and NUL */
			return err_set(e, ERR_PROTOCOL, "not base64url");
		buf_addc(&plain, text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	}
	while (plain.len % 4)
		buf_addc(&plain, '=');
	return crypto_unbase64(buf_str(&plain), plain.len, out, e);
}

struct crypto_public *crypto_public_read(const char *pem, size_t len, struct err *e)
{
	struct crypto_public *k;
	EVP_PKEY *key = NULL;
	BIO *in;

	if (len > PEM_MOST) {
		err_set(e, ERR_POLICY, "a public key of more than 64 KiB");
		return NULL;
	}
	in = BIO_new_mem_buf(pem, (int)len);
	if (in)
		key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
	BIO_free(in);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key) < BITS_LEAST) {
		err_set(e, ERR_POLICY, "this is no RSA public key in PEM of %d bits or more",
			BITS_LEAST);
		EVP_PKEY_free(key);
		return NULL;
	}
	k = own_alloc(sizeof(*k));
	k->key = key;
	return k;
}

void crypto_public_free(struct crypto_public *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	own_free(k);
}

bool crypto_public_verify(const struct crypto_public *k, const void *data, size_t len,
			  const void *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	/* An RSA key's padding is PKCS #1 v1.5 where nobody says otherwise. */
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
		    EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}
