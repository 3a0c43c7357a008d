/* XML: a small tree reader (expat; the only file that includes it) and an escaping writer.
 * No DTD, no entities but the five, bounded depth and nodes. Namespace prefixes are cut. */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <stddef.h>

#include "base/buf.h"

#define XML_DEPTH_MAX 32
#define XML_NODES_MAX 200000

struct xml_node {
	const char *name;
	const char *text; /* character data directly inside, "" when none */
	struct xml_node *first, *next;
};

struct xml;

MUST struct xml *xml_parse(const char *text, size_t len, struct err *e);
void xml_free(struct xml *x);
DEFINE_FREEP(struct xml, xml);
const struct xml_node *xml_root(const struct xml *x);
const struct xml_node *xml_get(const struct xml_node *n,
			       const char *path);                 /* "a/b/c" below n; first match */
const char *xml_text(const struct xml_node *n, const char *path); /* NULL when absent */
const struct xml_node *xml_first(const struct xml_node *n,
				 const char *name); /* first child of that name */
const struct xml_node *xml_next(const struct xml_node *n,
				const char *name); /* next sibling of that name */

int xml_escape(struct buf *out, const char *s, size_t len);
int xml_open(struct buf *out, const char *name);
int xml_close(struct buf *out, const char *name);
int xml_elem(struct buf *out, const char *name, const char *value); /* <name>escaped</name> */

#endif
