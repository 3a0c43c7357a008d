/* The page at "/": what there is, for people. */
#ifndef LOCAL_PAGE_H
#define LOCAL_PAGE_H

#include "local/local.h"

/* A plain GET of "/" without a signature, which AWS's services have no use for. */
bool local_page_asked(const struct httpd_exchange *x);
void local_page_answer(struct local *l, struct httpd_exchange *x);

#endif
