#include "base/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/utf8.h"

#define TABLE_WIDTH_UNKNOWN 80
#define TABLE_WIDTH_MOST 1000

struct table {
	size_t columns, rows;
	enum table_align *align;
	size_t *widths;
	char **cells; /* rows of `columns` texts; the titles are the first */
	bool titled;
};

/* A copy that no terminal obeys: control characters and bytes that are not UTF-8 become '?'. */
static char *table_clean(const char *s)
{
	size_t len = strlen(s);
	char *copy = own_strdup(s);

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_char(s + i, len - i);
		if (n == 0 || (n == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7F)))
			copy[i] = '?';
		else if (n == 2 && (unsigned char)s[i] == 0xC2 && (unsigned char)s[i + 1] < 0xA0)
			copy[i] = copy[i + 1] = '?'; /* a C1 control */
		n = n ? n : 1;
	}
	return copy;
}

static void table_add(struct table *t, const char *const *cells)
{
	t->cells = own_grow(t->cells, (t->rows + 1) * t->columns, sizeof(*t->cells));
	for (size_t i = 0; i < t->columns; i++) {
		char *cell = table_clean(cells[i] ? cells[i] : "-");
		size_t width = utf8_count(cell, strlen(cell));

		t->cells[t->rows * t->columns + i] = cell;
		if (width > t->widths[i])
			t->widths[i] = width;
	}
	t->rows++;
}

struct table *table_new(const char *const *titles, const enum table_align *align, size_t columns)
{
	struct table *t = own_alloc(sizeof(*t));

	t->columns = columns;
	t->align = own_array(columns, sizeof(*t->align));
	t->widths = own_array(columns, sizeof(*t->widths));
	for (size_t i = 0; i < columns; i++)
		t->align[i] = align ? align[i] : TABLE_LEFT;
	t->titled = titles != NULL;
	if (titles)
		table_add(t, titles);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rows * t->columns; i++)
		own_free(t->cells[i]);
	own_free(t->cells);
	own_free(t->widths);
	own_free(t->align);
	own_free(t);
}

void table_row(struct table *t, const char *const *cells)
{
	table_add(t, cells);
}

int table_print(const struct table *t, struct buf *out)
{
	for (size_t r = 0; r < t->rows; r++) {
		int owed = 0; /* blanks not written yet, so that no line ends in one */

		for (size_t c = 0; c < t->columns; c++) {
			const char *cell = t->cells[r * t->columns + c];
			int pad = (int)(t->widths[c] - utf8_count(cell, strlen(cell)));

			if (t->align[c] == TABLE_RIGHT)
				owed += pad;
			if (*cell)
				buf_addf(out, "%*s", owed, "");
			buf_adds(out, cell);
			owed = (*cell ? 0 : owed) + (t->align[c] == TABLE_LEFT ? pad : 0) + 2;
		}
		buf_addc(out, '\n');
	}
	return out->full ? -1 : 0;
}

bool table_is_tty(FILE *f)
{
	return isatty(fileno(f));
}

int table_width(FILE *f)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	int64_t n;

	if (columns && text_int(columns, &n) && n > 0 && n <= TABLE_WIDTH_MOST)
		return (int)n;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return TABLE_WIDTH_UNKNOWN;
}

int table_bar(struct buf *out, double share, int cells)
{
	int full;

	if (!(share > 0))
		share = 0;
	full = share < 1 ? (int)(share * cells) : cells;
	buf_addc(out, '[');
	for (int i = 0; i < cells; i++)
		buf_addc(out, i < full ? '#' : '.');
	return buf_addc(out, ']');
}

/* The first @p cells characters. */
static size_t table_cut(const char *s, size_t cells)
{
	size_t at = 0, len = strlen(s);

	for (size_t n; at < len && cells; at += n, cells--) {
		n = utf8_char(s + at, len - at);
		n = n ? n : 1;
	}
	return at;
}

void table_live_show(struct table_live *l, const char *line)
{
	AUTO(own_freep) char *clean = table_clean(line);
	size_t len = table_cut(clean, l->tty ? (size_t)table_width(l->to) - 1 : SIZE_MAX);

	clean[len] = '\0';
	if (len < sizeof(l->last) && strcmp(clean, l->last) == 0)
		return;
	snprintf(l->last, sizeof(l->last), "%s", clean);
	fprintf(l->to, l->tty ? "\r%s\x1b[K" : "%s\n", clean);
	fflush(l->to);
}

void table_live_end(struct table_live *l)
{
	if (l->tty && l->last[0])
		fputs("\n", l->to);
	fflush(l->to);
	l->last[0] = '\0';
}
