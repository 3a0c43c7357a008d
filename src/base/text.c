#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits of @p s times ten onto *v, negative throughout, as INT64_MIN has no positive twin. */
static bool text_digits(const char **s, int64_t *v)
{
	const char *start = *s;

	for (; text_is_digit(**s); (*s)++)
		if (__builtin_mul_overflow(*v, (int64_t)10, v) ||
		    __builtin_sub_overflow(*v, (int64_t)(**s - '0'), v))
			return false;
	return *s != start;
}

static bool text_sign(bool negative, int64_t v, int64_t *ret)
{
	if (!negative && v == INT64_MIN)
		return false;
	*ret = negative ? v : -v;
	return true;
}

bool text_int(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t v = 0;

	s += *s == '-' || *s == '+';
	return text_digits(&s, &v) && *s == '\0' && text_sign(negative, v, ret);
}

bool text_milli(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t v = 0;

	s += *s == '-' || *s == '+';
	if (!text_digits(&s, &v))
		return false;
	if (*s == '.' && !text_is_digit(*++s))
		return false;
	for (int i = 0; i < 3; i++) {
		int digit = text_is_digit(*s) ? *s++ - '0' : 0;

		if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
		    __builtin_sub_overflow(v, (int64_t)digit, &v))
			return false;
	}
	s += strspn(s, "0");
	return *s == '\0' && text_sign(negative, v, ret);
}

const char *text_print_milli(int64_t milli, char out[static TEXT_MILLI_MAX])
{
	uint64_t v = milli < 0 ? -(uint64_t)milli : (uint64_t)milli;
	int n = snprintf(out, TEXT_MILLI_MAX, "%s%" PRIu64 ".%03u", milli < 0 ? "-" : "", v / 1000,
			 (unsigned)(v % 1000));

	while (out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
	return out;
}

const char *text_choice_at(const char *choices, size_t i, size_t *ret_len)
{
	for (; i; i--) {
		choices = strchr(choices, '|');
		if (!choices)
			return NULL;
		choices++;
	}
	*ret_len = strcspn(choices, "|");
	return choices;
}

int text_choice(const char *choices, const char *word)
{
	const char *at;
	size_t len;

	for (size_t i = 0; (at = text_choice_at(choices, i, &len)) != NULL; i++)
		if (strlen(word) == len && memcmp(at, word, len) == 0)
			return (int)i;
	return -1;
}

const char *text_choices(const char *choices, char *out, size_t size)
{
	AUTO(buf_done) struct buf b = BUF(size - 1);
	const char *at;
	size_t len, next_len;

	for (size_t i = 0; (at = text_choice_at(choices, i, &len)) != NULL; i++) {
		if (i)
			buf_adds(&b, text_choice_at(choices, i + 1, &next_len) ? ", " : " or ");
		buf_add(&b, at, len);
	}
	snprintf(out, size, "%s", buf_str(&b));
	return out;
}

void text_wrap(struct buf *out, const char *s, int at, int indent, int width)
{
	bool first = true;

	while (*s) {
		size_t len = strcspn(s, " \n");
		int cells = (int)utf8_count(s, len);

		if (len && !first && at + 1 + cells > width) {
			buf_addf(out, "\n%*s", indent, "");
			at = indent;
			first = true;
		}
		if (len) {
			buf_adds(out, first ? "" : " ");
			buf_add(out, s, len);
			at += cells + !first;
			first = false;
		}
		s += len;
		if (*s == '\n') {
			buf_addf(out, "\n%*s", s[1] && s[1] != '\n' ? indent : 0, "");
			at = indent;
			first = true;
		}
		s += *s != '\0';
	}
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

const char *text_ident(const char *s, size_t *ret_len)
{
	while (*s) {
		size_t n = 0;

		if (*s == '\'' || *s == '"') {
			s = strchr(s + 1, *s);
			if (!s)
				return NULL;
			s++;
			continue;
		}
		while (is_word(s[n]) || (n && s[n] == '.' && *s >= '0' && *s <= '9'))
			n++;
		*ret_len = n;
		if (n && (*s < '0' || *s > '9'))
			return s;
		s += n ? n : 1;
	}
	return NULL;
}
