/* Digests of a body, all in one pass. */
#include "local/s3_own.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"

/* CRC-64/NVME, reflected. */
#define CRC64_POLYNOMIAL UINT64_C(0x9a6c9329ac4bc9b5)

static const struct {
	const char *word, *header, *element;
	size_t bytes;
	uint64_t polynomial; /* of a CRC, reflected */
} kinds[] = {
	[S3_SUM_NONE] = { "", "", "", 0, 0 },
	[S3_SUM_CRC32] = { "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4, 0xedb88320 },
	[S3_SUM_CRC32C] = { "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4, 0x82f63b78 },
	[S3_SUM_SHA1] = { "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", 20, 0 },
	[S3_SUM_SHA256] = { "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", 32, 0 },
	[S3_SUM_CRC64] = { "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8,
			   CRC64_POLYNOMIAL },
};

enum s3_sum local_s3_sum_named(const char *word)
{
	for (int i = S3_SUM_CRC32; word && i <= S3_SUM_CRC64; i++)
		if (!strcasecmp(kinds[i].word, word))
			return i;
	return S3_SUM_NONE;
}

const char *local_s3_sum_header(enum s3_sum s)
{
	return kinds[s].header;
}

const char *local_s3_sum_element(enum s3_sum s)
{
	return kinds[s].element;
}

const char *local_s3_sum_word(enum s3_sum s)
{
	return kinds[s].word;
}

size_t local_s3_sum_bytes(enum s3_sum s)
{
	return kinds[s].bytes;
}

struct s3_sums {
	enum s3_sum also;
	struct crypto_hash *md5, *sha256, *sha1;
	uint32_t crc32;
	uint64_t crc64;
	uint64_t table[8][256]; /* made only when CRC64 is asked for */
};

static void crc64_table(uint64_t table[8][256])
{
	for (int i = 0; i < 256; i++) {
		uint64_t c = (uint64_t)i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ CRC64_POLYNOMIAL : c >> 1;
		table[0][i] = c;
	}
	for (int i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

/* Eight bytes a step (slicing by 8). */
static uint64_t crc64_add(uint64_t table[8][256], uint64_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		crc ^= le64toh(word);
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
		      table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24 & 0xff] ^
		      table[3][crc >> 32 & 0xff] ^ table[2][crc >> 40 & 0xff] ^
		      table[1][crc >> 48 & 0xff] ^ table[0][crc >> 56];
	}
	while (len--)
		crc = table[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
	return ~crc;
}

struct s3_sums *local_s3_sum_new(enum s3_sum also, bool sha256)
{
	struct s3_sums *s = own_alloc(sizeof(*s));

	s->also = also;
	s->md5 = crypto_hash_new(CRYPTO_MD5);
	if (sha256 || also == S3_SUM_SHA256)
		s->sha256 = crypto_hash_new(CRYPTO_SHA256);
	if (also == S3_SUM_SHA1)
		s->sha1 = crypto_hash_new(CRYPTO_SHA1);
	if (also == S3_SUM_CRC64)
		crc64_table(s->table);
	return s;
}

void local_s3_sum_free(struct s3_sums *s)
{
	if (!s)
		return;
	crypto_hash_free(s->md5);
	crypto_hash_freep(&s->sha256);
	crypto_hash_freep(&s->sha1);
	own_free(s);
}

void local_s3_sum_add(struct s3_sums *s, const void *data, size_t len)
{
	local_s3_sum_add_md5(s, data, len);
	local_s3_sum_add_others(s, data, len);
}

void local_s3_sum_add_md5(struct s3_sums *s, const void *data, size_t len)
{
	crypto_hash_add(s->md5, data, len);
}

void local_s3_sum_add_others(struct s3_sums *s, const void *data, size_t len)
{
	if (s->sha256)
		crypto_hash_add(s->sha256, data, len);
	if (s->sha1)
		crypto_hash_add(s->sha1, data, len);
	if (s->also == S3_SUM_CRC32)
		s->crc32 = crypto_crc32(s->crc32, data, len);
	else if (s->also == S3_SUM_CRC32C)
		s->crc32 = crypto_crc32c(s->crc32, data, len);
	else if (s->also == S3_SUM_CRC64)
		s->crc64 = crc64_add(s->table, s->crc64, data, len);
}

void local_s3_sum_end(struct s3_sums *s, struct s3_digest *ret)
{
	struct buf text = BUF(S3_SUM_TEXT_MAX - 1);
	uint8_t bytes[CRYPTO_SHA256_BYTES], md5[CRYPTO_SHA256_BYTES];
	uint32_t crc32 = htonl(s->crc32);
	uint64_t crc64 = htobe64(s->crc64);

	*ret = (struct s3_digest){ 0 };
	crypto_hash_end(s->md5, md5);
	memcpy(ret->md5, md5, sizeof(ret->md5));
	if (s->sha256) {
		crypto_hash_end(s->sha256, bytes);
		crypto_hex(bytes, CRYPTO_SHA256_BYTES, ret->sha256);
	}
	if (s->sha1)
		crypto_hash_end(s->sha1, bytes);
	if (s->also == S3_SUM_CRC32 || s->also == S3_SUM_CRC32C)
		memcpy(bytes, &crc32, sizeof(crc32));
	else if (s->also == S3_SUM_CRC64)
		memcpy(bytes, &crc64, sizeof(crc64));
	if (s->also == S3_SUM_NONE)
		return;
	crypto_base64(bytes, kinds[s->also].bytes, &text);
	snprintf(ret->sum, sizeof(ret->sum), "%s", buf_str(&text));
	buf_done(&text);
}

/* ---- one CRC behind another ---- */

/* a * b modulo the polynomial; the highest bit of a @p bits wide number stands for 1. */
static uint64_t crc_times(uint64_t polynomial, int bits, uint64_t a, uint64_t b)
{
	uint64_t product = 0;

	for (uint64_t bit = UINT64_C(1) << (bits - 1); bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b & 1 ? b >> 1 ^ polynomial : b >> 1;
	}
	return product;
}

/* What stands before is moved by as many zero bytes as stand behind it: times x^(8 len), by
 * squaring. */
void local_s3_sum_join(enum s3_sum kind, uint64_t *crc, uint64_t next, int64_t len)
{
	const uint64_t polynomial = kinds[kind].polynomial;
	const int bits = (int)kinds[kind].bytes * 8;
	uint64_t square, power;

	if (!polynomial)
		return;
	power = UINT64_C(1) << (bits - 1);
	square = UINT64_C(1) << (bits - 9); /* x^8 */
	for (; len > 0; len >>= 1) {
		if (len & 1)
			power = crc_times(polynomial, bits, square, power);
		square = crc_times(polynomial, bits, square, square);
	}
	*crc = crc_times(polynomial, bits, power, *crc) ^ next;
}

void local_s3_sum_crc(enum s3_sum kind, uint64_t crc, char out[static S3_SUM_TEXT_MAX])
{
	uint8_t bytes[8];
	size_t n = kinds[kind].bytes;
	struct buf text = BUF(S3_SUM_TEXT_MAX - 1);

	out[0] = '\0';
	if (!kinds[kind].polynomial)
		return;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(crc >> 8 * (n - 1 - i));
	crypto_base64(bytes, n, &text);
	snprintf(out, S3_SUM_TEXT_MAX, "%s", buf_str(&text));
	buf_done(&text);
}
