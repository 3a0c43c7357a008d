#include "base/utf8.h"

static bool utf8_tail(const unsigned char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return false;
	return true;
}

size_t utf8_char(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		return len >= 2 && utf8_tail(s, 2) ? 2 : 0;
	if (s[0] >= 0xE0 && s[0] <= 0xEF) {
		if (len < 3 || !utf8_tail(s, 3) || (s[0] == 0xE0 && s[1] < 0xA0) ||
		    (s[0] == 0xED && s[1] > 0x9F))
			return 0;
		return 3;
	}
	if (s[0] >= 0xF0 && s[0] <= 0xF4) {
		if (len < 4 || !utf8_tail(s, 4) || (s[0] == 0xF0 && s[1] < 0x90) ||
		    (s[0] == 0xF4 && s[1] > 0x8F))
			return 0;
		return 4;
	}
	return 0;
}

bool utf8_valid(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_char(s + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

size_t utf8_count(const char *s, size_t len)
{
	size_t count = 0;

	for (size_t i = 0, n; i < len; i += n, count++) {
		n = utf8_char(s + i, len - i);
		if (n == 0)
			n = 1;
	}
	return count;
}

size_t utf8_cut(const char *s, size_t len)
{
	for (size_t back = 1; back <= 4 && back <= len; back++) {
		unsigned char c = (unsigned char)s[len - back];

		if (c < 0x80)
			return len;
		if (c >= 0xC0)
			return utf8_char(s + len - back, back) ? len : len - back;
	}
	return len;
}
