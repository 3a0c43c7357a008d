/* The page for people: a form, how far it is, and the finished video. */
#include "base/html.h"
#include "gateway/inside.h"

#define PAGE_MAX (256u << 10)
#define ORIGIN_MAX 1024

EMBED(page_style, "gateway/page.css");
EMBED(page_script, "gateway/page.js");
EMBED(page_body, "gateway/page.html");

int gateway_page_make(struct gateway *g, struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(PAGE_MAX), origin = BUF(ORIGIN_MAX);
	const struct embed scripts[] = { page_script() };
	struct html_page p = { .title = "Upload a video",
			       .style = page_style(),
			       .body = page_body().text,
			       .connect = "'self'",
			       .scripts = scripts,
			       .script_count = COUNT_OF(scripts) };

	/* Results are played from where their URLs lead, and from nowhere else. */
	if (aws_s3_origin(g->lane, g->o->bucket, &origin, e) < 0)
		return err_wrap(e, "where results are fetched from");
	p.media = buf_str(&origin);
	if (html_page(&p, &out, e) < 0)
		return -1;
	g->page_len = out.len;
	g->page = buf_take(&out);
	g->page_policy = own_strdup("frame-ancestors 'none'");
	return 0;
}
