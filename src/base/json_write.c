/* The writing half of json.h. json-c's own writer keeps the digits of a parsed number, escapes '/'
 * by default and follows the locale; this one gives equal texts for equal values. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* The text of one character that may not stand for itself; NULL when it may. */
static const char *quote_escape(unsigned char c, char room[static 8])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		if (c >= 0x20 && c != 0x7F)
			return NULL;
		snprintf(room, 8, "\\u%04x", c);
		return room;
	}
}

/* C1 controls move some terminals; U+2028 and U+2029 end a line for some readers. */
static const char *quote_escape_wide(const char *s, size_t n, char room[static 8])
{
	const unsigned char *b = (const unsigned char *)s;

	if (n == 2 && b[0] == 0xC2 && b[1] < 0xA0)
		snprintf(room, 8, "\\u%04x", b[1]);
	else if (n == 3 && b[0] == 0xE2 && b[1] == 0x80 && (b[2] == 0xA8 || b[2] == 0xA9))
		snprintf(room, 8, "\\u20%02x", b[2] - 0x80u);
	else if (n == 3 && b[0] == 0xEF && b[1] == 0xBF && b[2] >= 0xBE) /* not for interchange */
		snprintf(room, 8, "\\uff%02x", b[2] + 0x40u);
	else
		return NULL;
	return room;
}

int json_quote(struct buf *out, const char *s, size_t len)
{
	char room[8];
	size_t from = 0;

	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char(s + i, len - i);
		const char *instead = n == 0   ? UTF8_REPLACEMENT
				      : n == 1 ? quote_escape((unsigned char)s[i], room)
					       : quote_escape_wide(s + i, n, room);

		n = n ? n : 1;
		if (instead) {
			buf_add(out, s + from, i - from);
			buf_adds(out, instead);
			from = i + n;
		}
		i += n;
	}
	buf_add(out, s + from, len - from);
	buf_addc(out, '"');
	return out->full ? -1 : 0;
}

int json_number(struct buf *out, double d)
{
	char text[40];
	char *comma;

	if (!isfinite(d))
		return buf_adds(out, "null");
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	comma = strpbrk(text, ",\xD9"); /* another locale's decimal point */
	if (comma)
		*comma = '.';
	/* "5" would be read back as an integer */
	if (!strpbrk(text, ".en"))
		strncat(text, ".0", sizeof(text) - strlen(text) - 1);
	return buf_adds(out, text);
}

struct writer {
	struct buf *out;
	bool pretty;
	int depth;
};

static void writer_line(struct writer *w)
{
	if (w->pretty)
		buf_addf(w->out, "\n%*s", 2 * w->depth, "");
}

static void writer_value(struct writer *w, const struct json *j);

static void writer_array(struct writer *w, const struct json *j)
{
	buf_addc(w->out, '[');
	w->depth++;
	for (size_t i = 0; i < json_count(j) && !w->out->full; i++) {
		if (i)
			buf_addc(w->out, ',');
		writer_line(w);
		writer_value(w, json_at(j, i));
	}
	w->depth--;
	if (json_count(j))
		writer_line(w);
	buf_addc(w->out, ']');
}

static void writer_object(struct writer *w, const struct json *j)
{
	const struct json *value;
	const char *key;
	bool any = false;

	buf_addc(w->out, '{');
	w->depth++;
	for (size_t it = 0; !w->out->full && json_next(j, &it, &key, &value); any = true) {
		if (any)
			buf_addc(w->out, ',');
		writer_line(w);
		json_quote(w->out, key, strlen(key));
		buf_adds(w->out, w->pretty ? ": " : ":");
		writer_value(w, value);
	}
	w->depth--;
	if (any)
		writer_line(w);
	buf_addc(w->out, '}');
}

static void writer_int(struct writer *w, const struct json *j)
{
	int64_t i;
	double d;

	if (json_int(j, &i))
		buf_addf(w->out, "%" PRId64, i);
	else if (json_real(j, &d)) /* between 2^63 and 2^64 */
		json_number(w->out, d);
}

static void writer_value(struct writer *w, const struct json *j)
{
	bool b = false;
	double d = NAN;
	const char *s;
	size_t len;

	switch (json_type(j)) {
	case JSON_ABSENT:
	case JSON_NULL:
		buf_adds(w->out, "null");
		break;
	case JSON_BOOL:
		buf_adds(w->out, json_bool(j, &b) && b ? "true" : "false");
		break;
	case JSON_INT:
		writer_int(w, j);
		break;
	case JSON_REAL:
		err_ignore(json_real(j, &d) ? 0 : -1);
		json_number(w->out, d);
		break;
	case JSON_STR:
		s = json_strn(j, &len);
		json_quote(w->out, s, len);
		break;
	case JSON_ARRAY:
		writer_array(w, j);
		break;
	case JSON_OBJECT:
		writer_object(w, j);
		break;
	}
}

int json_write(const struct json *j, struct buf *out)
{
	struct writer w = { .out = out };

	writer_value(&w, j);
	return out->full ? -1 : 0;
}

int json_write_pretty(const struct json *j, struct buf *out)
{
	struct writer w = { .out = out, .pretty = true };

	writer_value(&w, j);
	buf_addc(out, '\n');
	return out->full ? -1 : 0;
}
