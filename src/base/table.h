/* What a terminal shows: aligned columns, bars, one live line. Values come in as texts. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table; /* rows of texts, copied; widths counted in UTF-8 characters, control characters shown
		 as '?' */
struct table *table_new(const char *const *titles, const enum table_align *align, size_t columns);
void table_free(struct table *t);
DEFINE_FREEP(struct table, table);
void table_row(struct table *t, const char *const *cells); /* NULL cell: "-" */
int table_print(const struct table *t, struct buf *out);

bool table_is_tty(FILE *f);
int table_width(FILE *f); /* columns, 80 when unknown */
/* "[#####.....]" of @p cells characters for done of total, appended to @p out. */
int table_bar(struct buf *out, double share, int cells);

/* A line that is rewritten on a TTY, and printed once a change elsewhere. */
struct table_live {
	FILE *to;
	bool tty;
	char last[256];
};
void table_live_show(struct table_live *l, const char *line);
void table_live_end(struct table_live *l);

#endif
