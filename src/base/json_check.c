#include "base/json_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
	const char *text;
	size_t at, len;
	size_t depth, most_depth;
	struct err *e;
};

static int scan_fail(struct scan *s, const char *why)
{
	return err_set(s->e, ERR_PROTOCOL, "JSON at byte %zu: %s", s->at, why);
}

/* NUL stands for the end too: no grammar rule takes one. */
static char scan_peek(const struct scan *s)
{
	return s->at < s->len ? s->text[s->at] : '\0';
}

static void scan_space(struct scan *s)
{
	while (s->at < s->len && memchr(" \t\r\n", s->text[s->at], 4))
		s->at++;
}

static bool scan_is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int scan_escape(struct scan *s, bool is_key)
{
	char c;

	s->at++;
	c = scan_peek(s);
	if (c && strchr("\"\\/bfnrt", c)) {
		s->at++;
		return 0;
	}
	if (c != 'u')
		return scan_fail(s, "unknown escape in a string");
	s->at++;
	for (int i = 0; i < 4; i++)
		if (s->len - s->at <= (size_t)i || !scan_is_hex(s->text[s->at + (size_t)i]))
			return scan_fail(s, "\\u without four hex digits");
	if (is_key && memcmp(s->text + s->at, "0000", 4) == 0)
		return scan_fail(s, "NUL in the name of a member");
	s->at += 4;
	return 0;
}

static int scan_string(struct scan *s, bool is_key)
{
	s->at++;
	while (s->at < s->len) {
		unsigned char c = (unsigned char)s->text[s->at];
		size_t n;

		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c < 0x20)
			return scan_fail(s, "control character in a string");
		if (c == '\\') {
			if (scan_escape(s, is_key) < 0)
				return -1;
			continue;
		}
		n = utf8_char(s->text + s->at, s->len - s->at);
		if (n == 0)
			return scan_fail(s, "bytes that are not UTF-8");
		s->at += n;
	}
	return scan_fail(s, "string does not end");
}

static size_t scan_digits(struct scan *s)
{
	size_t start = s->at;

	while (scan_peek(s) >= '0' && scan_peek(s) <= '9')
		s->at++;
	return s->at - start;
}

/* json-c keeps -2^63…2^64-1 and silently takes the nearest of them for anything beyond. */
static int scan_whole(struct scan *s, const char *digits, const char *end, bool negative)
{
	uint64_t v = 0;

	for (; digits < end; digits++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*digits - '0'), &v))
			return scan_fail(s, "whole number out of range");
	if (negative && v > (uint64_t)INT64_MAX + 1)
		return scan_fail(s, "whole number out of range");
	return 0;
}

static int scan_number(struct scan *s)
{
	bool negative = scan_peek(s) == '-';
	size_t start;

	s->at += negative;
	start = s->at;
	if (scan_peek(s) == '0')
		s->at++;
	else if (scan_digits(s) == 0)
		return scan_fail(s, "number without digits");
	if (!strchr(".eE", scan_peek(s)) || !scan_peek(s))
		return scan_whole(s, s->text + start, s->text + s->at, negative);
	if (scan_peek(s) == '.') {
		s->at++;
		if (scan_digits(s) == 0)
			return scan_fail(s, "number without digits after its point");
	}
	if (scan_peek(s) == 'e' || scan_peek(s) == 'E') {
		s->at++;
		if (scan_peek(s) == '+' || scan_peek(s) == '-')
			s->at++;
		if (scan_digits(s) == 0)
			return scan_fail(s, "number without digits in its exponent");
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
		return scan_fail(s, "no value here");
	s->at += n;
	return 0;
}

static int scan_value(struct scan *s);

static int scan_member(struct scan *s)
{
	if (scan_peek(s) != '"')
		return scan_fail(s, "a member needs a name in quotes");
	if (scan_string(s, true) < 0)
		return -1;
	scan_space(s);
	if (scan_peek(s) != ':')
		return scan_fail(s, "a member needs a ':'");
	s->at++;
	scan_space(s);
	return scan_value(s);
}

static int scan_container(struct scan *s, char close, int (*item)(struct scan *))
{
	if (++s->depth > s->most_depth)
		return scan_fail(s, "nested too deep");
	s->at++;
	scan_space(s);
	if (scan_peek(s) != close) {
		for (;;) {
			if (item(s) < 0)
				return -1;
			scan_space(s);
			if (scan_peek(s) != ',')
				break;
			s->at++;
			scan_space(s);
		}
	}
	if (scan_peek(s) != close)
		return scan_fail(s,
				 close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
	s->at++;
	s->depth--;
	return 0;
}

static int scan_value(struct scan *s)
{
	switch (scan_peek(s)) {
	case '{':
		return scan_container(s, '}', scan_member);
	case '[':
		return scan_container(s, ']', scan_value);
	case '"':
		return scan_string(s, false);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '-':
	case '0' ... '9':
		return scan_number(s);
	default:
		return scan_fail(s, s->at >= s->len ? "ends before a value" : "no value here");
	}
}

int json_check(const char *text, size_t len, size_t most_depth, struct err *e)
{
	struct scan s = { .text = text, .len = len, .most_depth = most_depth, .e = e };

	scan_space(&s);
	if (scan_value(&s) < 0)
		return -1;
	scan_space(&s);
	if (s.at != s.len)
		return scan_fail(&s, "something follows the value");
	return 0;
}
