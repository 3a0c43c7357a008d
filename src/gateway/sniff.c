#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "gateway/sniff.h"

enum { MP4, MOV, MKV, WEBM, AVI, MPEGTS, MPEG, FLV, OGG, WMV };

static const struct gateway_sniff types[] = {
	[MP4] = { "mp4", "video/mp4", "mp4" },        [MOV] = { "mov", "video/quicktime", "mov" },
	[MKV] = { "mkv", "video/x-matroska", "mkv" }, [WEBM] = { "webm", "video/webm", "webm" },
	[AVI] = { "avi", "video/x-msvideo", "avi" },  [MPEGTS] = { "mpegts", "video/mp2t", "ts" },
	[MPEG] = { "mpeg", "video/mpeg", "mpg" },     [FLV] = { "flv", "video/x-flv", "flv" },
	[OGG] = { "ogg", "video/ogg", "ogv" },        [WMV] = { "wmv", "video/x-ms-wmv", "wmv" },
};

static bool at(const uint8_t *d, size_t len, size_t offset, const char *what, size_t n)
{
	return len >= offset + n && memcmp(d + offset, what, n) == 0;
}

#define AT(offset, what) at(d, len, offset, what, sizeof(what) - 1)

/* ISO 14496-12: the brands of still pictures and of sound alone are no videos. */
static const struct gateway_sniff *brand(const uint8_t *d)
{
	static const char *const others[] = { "M4A ", "M4B ", "M4P ", "heic", "heix", "hevc",
					      "mif1", "msf1", "avif", "avis", "crx " };

	if (memcmp(d + 8, "qt  ", 4) == 0)
		return &types[MOV];
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (memcmp(d + 8, others[i], 4) == 0)
			return NULL;
	return &types[MP4];
}

/* EBML: element 0x4282, its length, the name of what it holds. */
static const struct gateway_sniff *document(const uint8_t *d, size_t len)
{
	for (size_t i = 4; i + 3 < len && i < 128; i++) {
		if (d[i] != 0x42 || d[i + 1] != 0x82)
			continue;
		if (at(d, len, i + 3, "webm", 4))
			return &types[WEBM];
		if (at(d, len, i + 3, "matroska", 8))
			return &types[MKV];
	}
	return NULL;
}

/* A packet of 188 bytes begins with 0x47; M2TS puts a time of 4 bytes before each. */
static bool is_transport(const uint8_t *d, size_t len, size_t first, size_t step)
{
	int packets = 0;

	for (size_t i = first; i < len; i += step, packets++)
		if (d[i] != 0x47)
			return false;
	return packets >= 3;
}

const struct gateway_sniff *gateway_sniff(const void *data, size_t len)
{
	static const char *const atoms[] = { "moov", "mdat", "wide", "pnot" };
	const uint8_t *d = data;

	if (AT(4, "ftyp") && len >= 12)
		return brand(d);
	for (size_t i = 0; i < COUNT_OF(atoms); i++)
		if (at(d, len, 4, atoms[i], 4))
			return &types[MOV]; /* older than ftyp */
	if (AT(0, "\x1a\x45\xdf\xa3"))
		return document(d, len);
	if (AT(0, "RIFF") && AT(8, "AVI "))
		return &types[AVI];
	if (AT(0, "\0\0\1\xba") || AT(0, "\0\0\1\xb3"))
		return &types[MPEG];
	if (AT(0, "FLV\1"))
		return &types[FLV];
	if (AT(0, "OggS"))
		return &types[OGG];
	if (AT(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"))
		return &types[WMV];
	if (is_transport(d, len, 0, 188) || is_transport(d, len, 4, 192))
		return &types[MPEGTS];
	return NULL;
}

bool gateway_sniff_listed(const char *list, const struct gateway_sniff *s)
{
	size_t n = strlen(s->word);

	for (const char *word = list; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (strncmp(word, s->word, n) == 0 && (word[n] == ',' || !word[n]))
			return true;
	}
	return false;
}
