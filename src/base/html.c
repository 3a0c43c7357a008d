#include "base/html.h"

#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/utf8.h"

#define PAGE_DATA_MAX (64u << 20)

static const char *reference(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int html_text(struct buf *out, const char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		size_t n = utf8_char(s, left);
		const char *ref = reference(*s);
		bool control = n == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f) && *s != '\n';

		if (ref)
			buf_adds(out, ref);
		else if (n == 0 || control)
			buf_adds(out, UTF8_REPLACEMENT);
		else
			buf_add(out, s, n);
		s += n ? n : 1;
		left -= n ? n : 1;
	}
	return out->full ? -1 : 0;
}

/* As a policy names it: 'sha256-…' */
static void add_digest(const struct embed *text, struct buf *out)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];

	crypto_sha256(text->text, text->len, digest);
	buf_adds(out, " 'sha256-");
	crypto_base64(digest, sizeof(digest), out);
	buf_adds(out, "'");
}

static void add_policy(const struct html_page *p, struct buf *out)
{
	buf_adds(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "base-uri 'none'; form-action 'none'; img-src data:; style-src");
	add_digest(&p->style, out);
	buf_adds(out, "; script-src");
	for (size_t i = 0; i < p->script_count; i++)
		add_digest(&p->scripts[i], out);
	if (p->script_count == 0)
		buf_adds(out, " 'none'");
	if (p->connect)
		buf_addf(out, "; connect-src %s", p->connect);
	if (p->media)
		buf_addf(out, "; media-src %s", p->media);
	buf_adds(out, "\">\n");
}

/* JSON inside a script element: the parser of HTML must find no tag and no comment in it. */
static int add_data(const struct html_page *p, struct buf *out)
{
	AUTO(buf_done) struct buf text = BUF(PAGE_DATA_MAX);

	if (json_write(p->data, &text) < 0)
		return -1;
	buf_addf(out, "<script type=\"application/json\" id=\"%s\">", p->data_id);
	for (size_t at = 0; at < text.len;) {
		size_t plain = strcspn(text.data + at, "<>&");

		buf_add(out, text.data + at, plain);
		at += plain;
		if (at < text.len)
			buf_addf(out, "\\u%04x", (unsigned)text.data[at++]);
	}
	return buf_adds(out, "</script>\n");
}

/* Whether the text would end its element, or begin a comment, before its end. */
static bool breaks_out(const struct embed *text)
{
	for (size_t i = 0; i + 1 < text->len; i++)
		if (text->text[i] == '<' &&
		    (text->text[i + 1] == '/' || text->text[i + 1] == '!') &&
		    (strncasecmp(text->text + i, "</script", 8) == 0 ||
		     strncasecmp(text->text + i, "</style", 7) == 0 ||
		     strncmp(text->text + i, "<!--", 4) == 0))
			return true;
	return false;
}

static void add_element(const char *tag, const struct embed *text, struct buf *out)
{
	buf_addf(out, "<%s>", tag);
	buf_add(out, text->text, text->len);
	buf_addf(out, "</%s>\n", tag);
}

int html_page(const struct html_page *p, struct buf *out, struct err *e)
{
	bool breaks = breaks_out(&p->style);

	for (size_t i = 0; i < p->script_count; i++)
		breaks = breaks || breaks_out(&p->scripts[i]);
	if (breaks)
		return err_set(e, ERR_LOCAL,
			       "a style or script of the page holds a tag that ends it");
	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	add_policy(p, out);
	buf_adds(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		      "<meta name=\"color-scheme\" content=\"light dark\">\n"
		      "<link rel=\"icon\" href=\"data:,\">\n<title>");
	html_text(out, p->title);
	buf_adds(out, "</title>\n");
	add_element("style", &p->style, out);
	buf_adds(out, "</head>\n<body>\n");
	buf_adds(out, p->body);
	if (p->data && add_data(p, out) < 0)
		return err_set(e, ERR_LOCAL, "the page holds more than it may");
	for (size_t i = 0; i < p->script_count; i++)
		add_element("script", &p->scripts[i], out);
	buf_adds(out, "</body>\n</html>\n");
	return buf_ok(out, "the page", e);
}
