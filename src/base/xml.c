#include "base/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

struct xml {
	struct arena arena;
	struct xml_node *root;
};

struct frame {
	struct xml_node *node, *last; /* an open element and its latest child */
	struct buf text;
};

struct reader {
	XML_Parser parser;
	struct xml *doc;
	struct frame stack[XML_DEPTH_MAX];
	size_t depth, nodes;
	const char *why; /* what stopped it, when it was not expat itself */
};

static void reader_stop(struct reader *r, const char *why)
{
	if (r->why)
		return;
	r->why = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL reader_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
				   const XML_Char *pubid, int has_internal)
{
	(void)name, (void)sysid, (void)pubid, (void)has_internal;
	reader_stop(arg, "a document type is not allowed");
}

static void XMLCALL reader_open(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;
	const char *colon = strrchr(name, ':');
	struct xml_node *n;
	struct frame *up;

	(void)attributes;
	if (r->why)
		return;
	if (r->depth == XML_DEPTH_MAX || ++r->nodes > XML_NODES_MAX) {
		reader_stop(r, r->depth == XML_DEPTH_MAX ? "nested too deep" : "too many elements");
		return;
	}
	name = colon ? colon + 1 : name;
	n = arena_alloc(&r->doc->arena, sizeof(*n));
	n->name = arena_strn(&r->doc->arena, name, strlen(name));
	n->text = "";
	up = r->depth ? &r->stack[r->depth - 1] : NULL;
	if (!up)
		r->doc->root = n;
	else if (up->last)
		up->last->next = n;
	else
		up->node->first = n;
	if (up)
		up->last = n;
	r->stack[r->depth++] = (struct frame){ .node = n, .text = BUF(INT_MAX) };
}

static void XMLCALL reader_close(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	struct frame *f;

	(void)name;
	if (r->why)
		return;
	f = &r->stack[--r->depth];
	if (f->text.len)
		f->node->text = arena_strn(&r->doc->arena, f->text.data, f->text.len);
	buf_done(&f->text);
}

static void XMLCALL reader_text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;

	if (!r->why && r->depth)
		buf_add(&r->stack[r->depth - 1].text, s, (size_t)len);
}

static int reader_run(struct reader *r, const char *text, size_t len, struct err *e)
{
	enum XML_Status rc;

	r->parser = XML_ParserCreate(NULL);
	if (!r->parser)
		return err_set(e, ERR_LOCAL, "XML parser: out of memory");
	XML_SetUserData(r->parser, r);
	XML_SetStartDoctypeDeclHandler(r->parser, reader_doctype);
	XML_SetElementHandler(r->parser, reader_open, reader_close);
	XML_SetCharacterDataHandler(r->parser, reader_text);
	rc = XML_Parse(r->parser, text, (int)len, XML_TRUE);
	if (rc != XML_STATUS_OK)
		err_set(e, ERR_PROTOCOL, "XML at line %lu column %lu: %s",
			XML_GetCurrentLineNumber(r->parser),
			XML_GetCurrentColumnNumber(r->parser) + 1,
			r->why ? r->why : XML_ErrorString(XML_GetErrorCode(r->parser)));
	XML_ParserFree(r->parser);
	while (r->depth)
		buf_done(&r->stack[--r->depth].text);
	return rc == XML_STATUS_OK ? 0 : -1;
}

struct xml *xml_parse(const char *text, size_t len, struct err *e)
{
	struct reader r = { .doc = own_alloc(sizeof(*r.doc)) };

	if (len > INT_MAX / 2)
		err_set(e, ERR_PROTOCOL, "XML of %zu bytes is too large", len);
	else if (reader_run(&r, text, len, e) == 0)
		return r.doc;
	xml_free(r.doc);
	return NULL;
}

void xml_free(struct xml *x)
{
	if (!x)
		return;
	arena_done(&x->arena);
	own_free(x);
}

const struct xml_node *xml_root(const struct xml *x)
{
	return x ? x->root : NULL;
}

static const struct xml_node *xml_find(const struct xml_node *n, const char *name, size_t len)
{
	for (; n; n = n->next)
		if (strncmp(n->name, name, len) == 0 && n->name[len] == '\0')
			return n;
	return NULL;
}

const struct xml_node *xml_get(const struct xml_node *n, const char *path)
{
	while (n && *path) {
		size_t len = strcspn(path, "/");

		n = xml_find(n->first, path, len);
		path += len + (path[len] == '/');
	}
	return n;
}

const char *xml_text(const struct xml_node *n, const char *path)
{
	n = xml_get(n, path);
	return n ? n->text : NULL;
}

const struct xml_node *xml_first(const struct xml_node *n, const char *name)
{
	return n ? xml_find(n->first, name, strlen(name)) : NULL;
}

const struct xml_node *xml_next(const struct xml_node *n, const char *name)
{
	return n ? xml_find(n->next, name, strlen(name)) : NULL;
}

/* XML 1.0 has no way to write most control characters: they become U+FFFD, as invalid UTF-8 and
 * U+FFFE, U+FFFF do. A carriage return must be a reference, or a reader makes it a newline. */
static const char *xml_instead(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];

	if (n == 0 || (n == 3 && memcmp(s, "\xEF\xBF", 2) == 0 && (unsigned char)s[2] >= 0xBE))
		return UTF8_REPLACEMENT;
	if (n > 1)
		return NULL;
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\r':
		return "&#13;";
	case '\n':
	case '\t':
		return NULL;
	default:
		return c < 0x20 ? UTF8_REPLACEMENT : NULL;
	}
}

int xml_escape(struct buf *out, const char *s, size_t len)
{
	size_t from = 0;

	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		const char *instead;

		n = utf8_char(s + i, len - i);
		instead = xml_instead(s + i, n);
		if (!instead)
			continue;
		buf_add(out, s + from, i - from);
		buf_adds(out, instead);
		from = i + (n ? n : 1);
	}
	buf_add(out, s + from, len - from);
	return out->full ? -1 : 0;
}

int xml_open(struct buf *out, const char *name)
{
	return buf_addf(out, "<%s>", name);
}

int xml_close(struct buf *out, const char *name)
{
	return buf_addf(out, "</%s>", name);
}

int xml_elem(struct buf *out, const char *name, const char *value)
{
	xml_open(out, name);
	xml_escape(out, value, strlen(value));
	xml_close(out, name);
	return out->full ? -1 : 0;
}
