#include "check_base.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/rng.h"

/* RFC 1321 appendix A.5. */
static const struct {
	const char *text, *hex;
} md5[] = {
	{ "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	  "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  "57edf4a22be3c955ac49da2e2107b67a" },
};

/* FIPS 180-4 examples. */
static const struct {
	const char *text, *hex;
} sha256[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

/* RFC 4231, test cases 1 to 4, 6 and 7. Keys and data as hex, or as text after '='. */
static const struct {
	const char *key, *data, *hex;
} hmac[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "=Hi There",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "=Jefe", "=what do ya want for nothing?",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*dd50",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819", "*cd50",
	  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ "*aa131", "=Test Using Larger Than Block-Size Key - Hash Key First",
	  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ "*aa131",
	  "=This is a test using a larger than block-size key and a larger than block-size data. "
	  "The key "
	  "needs to be hashed before being used by the HMAC algorithm.",
	  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

/* "=text", "*aa131": 131 bytes of 0xaa, or hex. */
static void spell(const char *how, struct buf *out)
{
	uint8_t bytes[64];

	if (*how == '=') {
		buf_adds(out, how + 1);
	} else if (*how == '*') {
		char digits[3] = { how[1], how[2], '\0' };

		ck_assert_int_eq(crypto_unhex(digits, bytes, 1, NULL), 0);
		for (long n = strtol(how + 3, NULL, 10); n; n--)
			buf_add(out, bytes, 1);
	} else {
		ck_assert_int_eq(crypto_unhex(how, bytes, strlen(how) / 2, NULL), 0);
		buf_add(out, bytes, strlen(how) / 2);
	}
}

START_TEST(crypto_digests)
{
	uint8_t out[32];
	char hex[65];

	for (size_t i = 0; i < COUNT_OF(md5); i++) {
		crypto_md5(md5[i].text, strlen(md5[i].text), out);
		ROW_ASSERT_STR(md5[i].text, crypto_hex(out, 16, hex), md5[i].hex);
	}
	for (size_t i = 0; i < COUNT_OF(sha256); i++) {
		crypto_sha256(sha256[i].text, strlen(sha256[i].text), out);
		ROW_ASSERT_STR(sha256[i].text, crypto_hex(out, 32, hex), sha256[i].hex);
	}
	crypto_sha256(NULL, 0, out);
	ck_assert_str_eq(crypto_hex(out, 32, hex), sha256[0].hex);
}
END_TEST

static void crypto_hmacs_row(size_t i)
{
	AUTO(buf_done) struct buf key = BUF(1000), data = BUF(1000);
	uint8_t out[32];
	char hex[65];

	spell(hmac[i].key, &key);
	spell(hmac[i].data, &data);
	crypto_hmac_sha256(key.data, key.len, data.data, data.len, out);
	ROW_ASSERT_STR(hmac[i].key, crypto_hex(out, 32, hex), hmac[i].hex);
}

START_TEST(crypto_hmacs)
{
	for (size_t i = 0; i < COUNT_OF(hmac); i++)
		crypto_hmacs_row(i);
}
END_TEST

START_TEST(crypto_hmac_of_nothing)
{
	uint8_t out[32];
	char hex[65];

	crypto_hmac_sha256(NULL, 0, NULL, 0, out);
	ck_assert_str_eq(crypto_hex(out, 32, hex),
			 "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(crypto_pieces)
{
	AUTO(crypto_hash_freep) struct crypto_hash *sha = crypto_hash_new(CRYPTO_SHA256);
	AUTO(crypto_hash_freep) struct crypto_hash *sha1 = crypto_hash_new(CRYPTO_SHA1);
	uint8_t out[32], whole[32];
	char hex[65], text[1000];
	struct rng g;

	rng_seed(&g, 9);
	for (int round = 0; round < 20; round++) { /* the same hash starts anew each time */
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)rng_u64(&g);
		for (size_t at = 0, n; at < sizeof(text); at += n) {
			n = rng_below(&g, sizeof(text) - at + 1);
			crypto_hash_add(sha, text + at, n);
		}
		ck_assert_uint_eq(crypto_hash_end(sha, out), 32);
		crypto_sha256(text, sizeof(text), whole);
		ck_assert(crypto_equal(out, whole, 32));
		whole[31] ^= 1;
		ck_assert(!crypto_equal(out, whole, 32));
	}
	crypto_hash_add(sha1, "abc", 3);
	ck_assert_uint_eq(crypto_hash_end(sha1, out), 20);
	ck_assert_str_eq(crypto_hex(out, 20, hex), "a9993e364706816aba3e25717850c26c9cd0d89d");
}
END_TEST

START_TEST(crypto_checks)
{
	char text[300];
	struct rng g;

	ck_assert_uint_eq(crypto_crc32(0, "123456789", 9), 0xCBF43926u);
	ck_assert_uint_eq(crypto_crc32c(0, "123456789", 9), 0xE3069283u);
	ck_assert_uint_eq(crypto_crc32(0, NULL, 0), 0);
	memset(text, 0, 32);
	ck_assert_uint_eq(crypto_crc32c(0, text, 32), 0x8A9136AAu); /* RFC 3720, B.4 */
	memset(text, 0xFF, 32);
	ck_assert_uint_eq(crypto_crc32c(0, text, 32), 0x62A8AB43u);
	rng_seed(&g, 4);
	for (int i = 0; i < 500; i++) {
		size_t len = rng_below(&g, sizeof(text)), cut = rng_below(&g, len + 1);

		for (size_t k = 0; k < len; k++)
			text[k] = (char)rng_u64(&g);
		ck_assert_uint_eq(crypto_crc32(crypto_crc32(0, text, cut), text + cut, len - cut),
				  crypto_crc32(0, text, len));
		ck_assert_uint_eq(crypto_crc32c(crypto_crc32c(0, text, cut), text + cut, len - cut),
				  crypto_crc32c(0, text, len));
	}
}
END_TEST

/* RFC 4648, section 10. */
static const struct {
	const char *plain, *text;
} base64[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};
static const char *const no_base64[] = { "Z",    "Zg",   "Zg=",    "Z===", "====", "Zg==Zg==",
					 "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Zm-_", "Zm9v=" };

START_TEST(crypto_base64s)
{
	AUTO(buf_done) struct buf b = BUF(1000);
	struct err e = { 0 };
	struct rng g;

	for (size_t i = 0; i < COUNT_OF(base64); i++) {
		buf_clear(&b);
		ck_assert_int_eq(crypto_base64(base64[i].plain, strlen(base64[i].plain), &b), 0);
		ROW_ASSERT_STR(base64[i].plain, buf_str(&b), base64[i].text);
		buf_clear(&b);
		ck_assert_int_eq(crypto_unbase64(base64[i].text, strlen(base64[i].text), &b, &e),
				 0);
		ROW_ASSERT_STR(base64[i].text, buf_str(&b), base64[i].plain);
	}
	for (size_t i = 0; i < COUNT_OF(no_base64); i++)
		ROW_ASSERT(no_base64[i],
			   crypto_unbase64(no_base64[i], strlen(no_base64[i]), &b, &e) < 0);
	ck_assert_int_eq(crypto_unbase64("Zm\0v", 4, &b, &e), -1);
	rng_seed(&g, 6);
	for (int i = 0; i < 2000; i++) {
		AUTO(buf_done) struct buf text = BUF(1000), back = BUF(1000);
		uint8_t bytes[200];
		size_t len = rng_below(&g, sizeof(bytes));

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)rng_u64(&g);
		ck_assert_int_eq(crypto_base64(bytes, len, &text), 0);
		ck_assert_int_eq(crypto_unbase64(buf_str(&text), text.len, &back, &e), 0);
		ck_assert(back.len == len && (!len || memcmp(back.data, bytes, len) == 0));
	}
}
END_TEST

START_TEST(crypto_hexes)
{
	uint8_t bytes[4];
	struct err e = { 0 };

	ck_assert_int_eq(crypto_unhex("00fFA1b2", bytes, 4, &e), 0);
	ck_assert_mem_eq(bytes, "\x00\xff\xa1\xb2", 4);
	ck_assert_int_eq(crypto_unhex("00fFA1b", bytes, 4, &e), -1);
	ck_assert_int_eq(crypto_unhex("00fFA1b2c", bytes, 4, &e), -1);
	ck_assert_int_eq(crypto_unhex("00fFA1bg", bytes, 4, &e), -1);
	ck_assert_int_eq(crypto_unhex("", bytes, 0, &e), 0);
}
END_TEST

START_TEST(crypto_randoms)
{
	static uint8_t many[200000];
	char a[CRYPTO_UUID_MAX], b[CRYPTO_UUID_MAX];
	unsigned ones = 0;

	crypto_uuid(a);
	crypto_uuid(b);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(strlen(a), 36);
	ck_assert(a[14] == '4' && strchr("89ab", a[19]) && a[8] == '-' && a[23] == '-');
	crypto_random(many, sizeof(many));
	for (size_t i = 0; i < sizeof(many); i++)
		ones += (unsigned)__builtin_popcount(many[i]);
	ck_assert(ones > 795000 && ones < 805000);
}
END_TEST

/* Made by openssl genrsa, rsa -pubout and dgst -sha256 -sign. */
static const char public_key[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwP5hXdw4rvQKdTMibxtn\n"
	"shQMSMLJQ+5x3icLLia2Hb4K7DYIv00beqpoUVWh/JGnqvhHbK3X6YfCvKFejwCv\n"
	"+7XTV544VlcYd2PoU7sNQe8PgRn/D9+Apj1GUYLwlAPTdpWZB0+/P95QN6iDShfM\n"
	"ZihNeHHN4wDcIV6w1xSgJvchlspaKqgxX+wKvcYXLyikuFYeuEn43ZcLUaA2jlbM\n"
	"LCjszKFPbtQ1sDFfB/SxMbIZUZ/7XnMlGBCakjhs+3JbNVgfjXwgj8JmTTRGn97V\n"
	"nNTIP3/NFHR7ydwrjJPILGKUrM//0/siY3Bf5P4c2EpdEM3LjtsNWhQDWcn8bG9M\n"
	"EwIDAQAB\n"
	"-----END PUBLIC KEY-----\n";
static const char short_key[] = "-----BEGIN PUBLIC KEY-----\n"
				"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCwWTykPIIHAhlQcZDHsb3aNjVK\n"
				"6wkOhkMmAkdFrfnilhDDx4Lfk8IdBe0zpjshHZLP3AwpPp6zjy1okPlRqq0QNUpi\n"
				"AtReqNwXzOzQQMUhByWz9K9rfTDHOOk9+VC5fBD540zDpnUf4vlSvrF0mWvydYVR\n"
				"CA4V8KsNXI1VVeQf3wIDAQAB\n"
				"-----END PUBLIC KEY-----\n";
static const char curve_key[] = "-----BEGIN PUBLIC KEY-----\n"
				"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErtKHfkjw6bPPsAckqkpxqpl6caEG\n"
				"H1DtgISR7HK46Rucsz6A63fvcUhDcrwIDZnviF5hk6sBh7Isop0MHeTFwg==\n"
				"-----END PUBLIC KEY-----\n";
static const char signature[] = "Vr95NLq4Lf3beV+3U/ZWNXmUF5kXSBVlQd0/LdrwLyRtPREk0gXQVyc9AtNgJkGf"
				"9/szpVD8hnyJxGTutJ6Ptrl3kBOetey8eju2fTK49wRUFi08ZQJEuHOT/MiL6b0D"
				"G76P44G4qWgga1K4lK7JeSP070u0jQRDLAHvhQH78XkAy0sUKkMrKWMpSPv1DsuF"
				"Q6jYR85rq+x+vtfU/CjWVAmyzo36lDtFu5adMHymoPwEkCmIOpqYw9Yhz2jzeTzC"
				"liTpYcEQWe708nQwx8oDVGeU8t9z1buAVPNWz77Tvzv1wkBDYI1+BEe8oS9ZogkF"
				"VhIgLJybmAFDrDuMi+AJiw==";

START_TEST(crypto_public_keys)
{
	AUTO(crypto_public_freep) struct crypto_public *k = NULL;
	AUTO(buf_done) struct buf sig = BUF(1024);
	struct err e = { 0 };

	ck_assert_int_eq(crypto_unbase64(signature, strlen(signature), &sig, &e), 0);
	k = crypto_public_read(public_key, strlen(public_key), &e);
	ck_assert_msg(k != NULL, "%s", e.text);
	ck_assert(crypto_public_verify(k, "signed text", 11, sig.data, sig.len));
	ck_assert(!crypto_public_verify(k, "signed texT", 11, sig.data, sig.len));
	ck_assert(!crypto_public_verify(k, "signed text", 11, sig.data, sig.len - 1));
	ck_assert(!crypto_public_verify(k, "signed text", 11, "", 0));
	sig.data[100] ^= 1;
	ck_assert(!crypto_public_verify(k, "signed text", 11, sig.data, sig.len));
	ck_assert_ptr_null(crypto_public_read(short_key, strlen(short_key), &e));
	ck_assert_ptr_null(crypto_public_read(curve_key, strlen(curve_key), &e));
	ck_assert_ptr_null(crypto_public_read("hello", 5, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "2048 bits"));
}
END_TEST

START_TEST(crypto_base64urls)
{
	static const struct {
		const char *text, *data; /* NULL: refused */
	} rows[] = { { "", "" },        { "_-8", "\xff\xef" }, { "YQ", "a" },
		     { "YWJj", "abc" }, { "YQ==", NULL },      { "+w", NULL },
		     { "/w", NULL },    { "YWJjZ", NULL },     { "YR", NULL } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(buf_done) struct buf out = BUF(64);
		int rc = crypto_unbase64url(rows[i].text, strlen(rows[i].text), &out, NULL);

		ROW_ASSERT(rows[i].text, (rc == 0) == (rows[i].data != NULL));
		if (rows[i].data)
			ROW_ASSERT_STR(rows[i].text, buf_str(&out), rows[i].data);
	}
}
END_TEST

Suite *suite_crypto(void)
{
	Suite *s = suite_create("crypto");
	TCase *c = suite_case(s, "crypto");

	tcase_add_test(c, crypto_digests);
	tcase_add_test(c, crypto_hmacs);
	tcase_add_test(c, crypto_hmac_of_nothing);
	tcase_add_test(c, crypto_pieces);
	tcase_add_test(c, crypto_checks);
	tcase_add_test(c, crypto_base64s);
	tcase_add_test(c, crypto_hexes);
	tcase_add_test(c, crypto_randoms);
	tcase_add_test(c, crypto_public_keys);
	tcase_add_test(c, crypto_base64urls);
	return s;
}
