/* HTML pages that carry all they need and fetch nothing.
 *
 * Styles, scripts and data are inside. A Content-Security-Policy names the page's own styles and
 * scripts by their digests and forbids everything else, so that even a text that slipped through
 * unescaped could not run or call home.
 */
#ifndef BASE_HTML_H
#define BASE_HTML_H

#include "base/buf.h"
#include "base/embed.h"
#include "base/json.h"

/* Adds @p s for use between tags or in a quoted attribute: & < > " ' as references, what is not
 * UTF-8 and control characters but newline as U+FFFD. */
int html_text(struct buf *out, const char *s);

struct html_page {
	const char *title;           /* a plain text */
	struct embed style;          /* CSS */
	const char *body;            /* HTML, made with html_text() */
	const char *data_id;         /* id of the element that holds `data` as JSON */
	const struct json *data;     /* for the scripts; NULL: none */
	const struct embed *scripts; /* run in this order, after the body */
	size_t script_count;
	/* What scripts may call and where videos may come from, as a policy writes it; NULL:
	 * nothing and nowhere. */
	const char *connect, *media;
};

MUST int html_page(const struct html_page *p, struct buf *out, struct err *e);

#endif
