#include "wire/multipart.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

#define PREAMBLE_MAX 1024
#define PADDING_MAX 256 /* blanks behind a delimiter */

static int broken(struct multipart *f, struct err *e, const char *why)
{
	f->state = MULTIPART_BROKEN;
	return err_set(e, ERR_POLICY, "the form is broken: %s", why);
}

/* The value of parameter @p name of a header, its quotes undone. Returns its length, or -1: there
 * is none, or it does not fit. */
static int parameter(const char *header, const char *name, char *out, size_t size)
{
	size_t len = strlen(name), n = 0;
	bool quoted;

	for (const char *at = strchr(header, ';'); at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, name, len) != 0 || at[len] != '=') {
			/* A semicolon inside quotes ends nothing. */
			const char *quote = strchr(at, '"'), *end = strchr(at, ';');

			if (quote && end && quote < end) {
				for (at = quote + 1; *at && *at != '"'; at++)
					at += *at == '\\' && at[1];
			}
			continue;
		}
		at += len + 1;
		quoted = *at == '"';
		for (at += quoted; *at && (quoted ? *at != '"' : !strchr("; \t", *at)); at++) {
			if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
				at++;
			if (n + 1 >= size)
				return -1;
			out[n++] = *at;
		}
		if (quoted && *at != '"')
			return -1;
		out[n] = '\0';
		return (int)n;
	}
	return -1;
}

/* RFC 2046: bchars, and no blank at its end. */
static bool boundary_ok(const char *b, size_t n)
{
	if (n == 0 || n > MULTIPART_BOUNDARY_MAX || b[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)b[i]) && !strchr("'()+_,-./:=? ", b[i]))
			return false;
	return true;
}

int multipart_init(struct multipart *f, const char *content_type,
		   const struct multipart_events *events, struct err *e)
{
	static const char type[] = "multipart/form-data";
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	int n;

	*f = (struct multipart){ .events = *events, .head = BUF(MULTIPART_HEAD_MAX) };
	if (!content_type || strncasecmp(content_type, type, sizeof(type) - 1) != 0 ||
	    !strchr("; \t", content_type[sizeof(type) - 1]))
		return err_set(e, ERR_POLICY, "the body is no multipart/form-data");
	n = parameter(content_type, "boundary", boundary, sizeof(boundary));
	if (n < 0 || !boundary_ok(boundary, (size_t)n))
		return err_set(e, ERR_POLICY, "the form's Content-Type has no boundary");
	memcpy(f->delimiter, "\r\n--", 4);
	memcpy(f->delimiter + 4, boundary, (size_t)n);
	f->delimiter_len = 4 + (size_t)n;
	f->matched = 2; /* at the very start no line's end stands before it */
	return 0;
}

void multipart_done(struct multipart *f)
{
	buf_done(&f->head);
}

bool multipart_whole(const struct multipart *f)
{
	return f->state == MULTIPART_EPILOGUE;
}

/* --- heads of parts */

/* Browsers write these three in names so (HTML's multipart encoding). */
static void undo_percent(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (strncmp(s, "%22", 3) == 0) {
			*out++ = '"';
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static int disposition(struct multipart *f, const char *value, struct multipart_part *p,
		       struct err *e)
{
	char file[MULTIPART_HEAD_MAX];

	if (strncasecmp(value, "form-data", 9) != 0)
		return broken(f, e, "a part's Content-Disposition is not form-data");
	if (parameter(value, "name", p->name, sizeof(p->name)) < 0)
		return broken(f, e, "a part has no name, or one of more than 255 bytes");
	undo_percent(p->name);
	p->is_file = parameter(value, "filename", file, sizeof(file)) >= 0;
	if (p->is_file) {
		undo_percent(file);
		snprintf(p->file, sizeof(p->file), "%.*s", MULTIPART_FILE_MAX - 1, file);
	}
	return 0;
}

static int one_header(struct multipart *f, char *line, struct multipart_part *p, bool *named,
		      struct err *e)
{
	char *colon = strchr(line, ':'), *value;

	if (!colon)
		return broken(f, e, "a line of a part's head has no colon");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	if (strcasecmp(line, "Content-Disposition") == 0) {
		*named = true;
		return disposition(f, value, p, e);
	}
	if (strcasecmp(line, "Content-Transfer-Encoding") == 0 &&
	    strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
	    strcasecmp(value, "7bit") != 0)
		return broken(f, e, "a part is encoded; send it as it is");
	return 0;
}

/* The lines of a head, each with its CR LF, the empty one too. */
static int read_head(struct multipart *f, struct err *e)
{
	struct multipart_part p = { 0 };
	bool named = false;
	char *line = f->head.data, *end;

	if (memchr(line, '\0', f->head.len))
		return broken(f, e, "a part's head holds a zero byte");
	for (; (end = strstr(line, "\r\n")) != NULL && end != line; line = end + 2) {
		*end = '\0';
		if (one_header(f, line, &p, &named, e) < 0)
			return -1;
	}
	if (!named)
		return broken(f, e, "a part has no Content-Disposition");
	buf_clear(&f->head);
	f->state = MULTIPART_BODY;
	f->matched = 0;
	if (f->events.begin(&p, f->events.arg, e) < 0) {
		f->state = MULTIPART_BROKEN;
		return -1;
	}
	return 0;
}

static ssize_t feed_head(struct multipart *f, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		if (buf_addc(&f->head, data[i]) < 0)
			return broken(f, e, "the head of a part is longer than 8 KiB");
		if ((f->head.len == 2 && memcmp(f->head.data, "\r\n", 2) == 0) ||
		    (f->head.len >= 4 &&
		     memcmp(f->head.data + f->head.len - 4, "\r\n\r\n", 4) == 0))
			return read_head(f, e) < 0 ? -1 : (ssize_t)i + 1;
	}
	return (ssize_t)len;
}

/* --- bodies, and where they end */

static int found(struct multipart *f, struct err *e)
{
	bool in_part = f->state == MULTIPART_BODY;

	f->state = MULTIPART_DELIMITER;
	f->matched = f->tail_len = f->preamble = 0;
	if (in_part && f->events.end(f->events.arg, e) < 0) {
		f->state = MULTIPART_BROKEN;
		return -1;
	}
	return 0;
}

/* Data to who takes it; what stands before the first delimiter is nobody's. */
static size_t hand_on(struct multipart *f, const char *data, size_t len)
{
	if (f->state == MULTIPART_BODY)
		return len ? f->events.data(data, len, f->events.arg) : 0;
	f->preamble += len;
	return len;
}

/* What looked like a delimiter's beginning and was none. False: not all of it was taken. */
static bool pay(struct multipart *f)
{
	while (f->owed > 0) {
		size_t n = hand_on(f, f->delimiter + f->owed_at, f->owed);

		if (n == 0)
			return false;
		f->owed_at += n;
		f->owed -= n;
	}
	return true;
}

/* How many bytes at the end of @p data may be the beginning of a delimiter. CR stands at its
 * beginning only, so the last CR is the only place where it can begin. */
static size_t begun(const struct multipart *f, const char *data, size_t len)
{
	size_t most = len < f->delimiter_len ? len : f->delimiter_len - 1;
	const char *cr = memrchr(data + len - most, '\r', most);
	size_t n = cr ? (size_t)(data + len - cr) : 0;

	return n && memcmp(cr, f->delimiter, n) == 0 ? n : 0;
}

/* Goes on with a delimiter that has begun. Returns the bytes taken; f->matched is 0 when it was
 * none, and what looked like it is owed then. */
static size_t go_on(struct multipart *f, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && f->matched < f->delimiter_len && data[i] == f->delimiter[f->matched]) {
		i++;
		f->matched++;
	}
	if (i < len && f->matched < f->delimiter_len) {
		/* The line's end before the very first one was never there. */
		f->owed_at = f->state == MULTIPART_PREAMBLE && f->preamble == 0 ? 2 : 0;
		f->owed = f->matched - f->owed_at;
		f->matched = 0;
		f->preamble++;
	}
	return i;
}

static ssize_t feed_body(struct multipart *f, const char *data, size_t len, struct err *e)
{
	const char *whole;
	size_t i = 0, plain, n;

	if (!pay(f))
		return 0;
	if (f->matched > 0)
		i = go_on(f, data, len);
	if (f->matched == f->delimiter_len)
		return found(f, e) < 0 ? -1 : (ssize_t)i;
	if (i == len || !pay(f))
		return (ssize_t)i;
	whole = memmem(data + i, len - i, f->delimiter, f->delimiter_len);
	plain = whole ? (size_t)(whole - (data + i)) : len - i - begun(f, data + i, len - i);
	n = hand_on(f, data + i, plain);
	i += n;
	if (f->state == MULTIPART_PREAMBLE && f->preamble > PREAMBLE_MAX)
		return broken(f, e, "it does not begin with its boundary");
	if (n < plain)
		return (ssize_t)i;
	if (whole) {
		i += f->delimiter_len;
		return found(f, e) < 0 ? -1 : (ssize_t)i;
	}
	f->matched = len - i;
	return (ssize_t)len;
}

/* "--" ends the form, a line's end begins a part; blanks may stand before that. */
static ssize_t feed_delimiter(struct multipart *f, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		if (f->tail_len == 0 && (data[i] == ' ' || data[i] == '\t')) {
			if (++f->preamble > PADDING_MAX)
				return broken(f, e, "too many blanks behind a boundary");
			continue;
		}
		f->tail[f->tail_len++] = data[i];
		if (f->tail_len < 2)
			continue;
		if (memcmp(f->tail, "--", 2) == 0) {
			f->state = MULTIPART_EPILOGUE;
		} else if (memcmp(f->tail, "\r\n", 2) != 0) {
			return broken(f, e,
				      "a boundary is followed by neither a line's end nor --");
		} else if (++f->parts > MULTIPART_PARTS_MAX) {
			return broken(f, e, "it has more than 64 parts");
		} else {
			f->state = MULTIPART_HEAD;
		}
		return (ssize_t)i + 1;
	}
	return (ssize_t)len;
}

static ssize_t feed_some(struct multipart *f, const char *data, size_t len, struct err *e)
{
	switch (f->state) {
	case MULTIPART_PREAMBLE:
	case MULTIPART_BODY:
		return feed_body(f, data, len, e);
	case MULTIPART_HEAD:
		return feed_head(f, data, len, e);
	case MULTIPART_DELIMITER:
		return feed_delimiter(f, data, len, e);
	case MULTIPART_EPILOGUE:
		return (ssize_t)len;
	case MULTIPART_BROKEN:
		break;
	}
	return err_set(e, ERR_POLICY, "the form is broken");
}

ssize_t multipart_feed(struct multipart *f, const char *data, size_t len, struct err *e)
{
	size_t taken = 0;

	while (taken < len) {
		enum multipart_state before = f->state;
		ssize_t n = feed_some(f, data + taken, len - taken, e);

		if (n < 0)
			return -1;
		taken += (size_t)n;
		if (f->state == before && taken < len)
			break; /* whoever takes the data wants no more for now */
	}
	return (ssize_t)taken;
}
