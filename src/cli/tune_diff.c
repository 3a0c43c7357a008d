/* Two texts as a unified diff. The longest common subsequence of the lines between those that the
 * texts begin and end with alike: small, since a tuning changes a few lines. */
#include <string.h>

#include "cli/tune.h"

#define CONTEXT 3         /* lines about a change, as diff -u has them */
#define CELLS_MAX 4000000 /* of the table; past it the middle is shown as changed whole */

struct side {
	const char **line; /* into the text, up to its newline */
	size_t *len, count;
};

struct step { /* ' ', '-' or '+', and the line */
	char way;
	const char *line;
	size_t len;
};

static void side_done(struct side *s)
{
	own_free(s->line);
	own_free(s->len);
}

static void side_make(const char *text, struct side *s)
{
	size_t most = 1;

	for (const char *c = text; *c; c++)
		most += *c == '\n';
	s->line = own_array(most, sizeof(*s->line));
	s->len = own_array(most, sizeof(*s->len));
	while (*text) {
		size_t len = strcspn(text, "\n");

		s->line[s->count] = text;
		s->len[s->count++] = len;
		text += len + (text[len] == '\n');
	}
}

static bool same(const struct side *a, size_t i, const struct side *b, size_t k)
{
	return a->len[i] == b->len[k] && memcmp(a->line[i], b->line[k], a->len[i]) == 0;
}

/* The longest common part of what is left from each pair of lines on. */
static unsigned *common(const struct side *a, const struct side *b, size_t from, size_t a_end,
			size_t b_end)
{
	size_t n = a_end - from, m = b_end - from;
	unsigned *t = own_array((n + 1) * (m + 1), sizeof(*t));

	for (size_t i = n; i-- > 0;)
		for (size_t k = m; k-- > 0;) {
			unsigned down = t[(i + 1) * (m + 1) + k], right = t[i * (m + 1) + k + 1];

			t[i * (m + 1) + k] = same(a, from + i, b, from + k)
						     ? t[(i + 1) * (m + 1) + k + 1] + 1
					     : down > right ? down
							    : right;
		}
	return t;
}

static size_t steps(const struct side *a, const struct side *b, struct step *ret)
{
	size_t from = 0, a_end = a->count, b_end = b->count, i, k, n = 0, wide;
	unsigned *t = NULL;

	while (from < a_end && from < b_end && same(a, from, b, from))
		from++;
	while (a_end > from && b_end > from && same(a, a_end - 1, b, b_end - 1)) {
		a_end--;
		b_end--;
	}
	wide = b_end - from + 1;
	if ((a_end - from + 1) * wide <= CELLS_MAX)
		t = common(a, b, from, a_end, b_end);
	for (i = k = 0; i < a->count || k < b->count;) {
		bool inside = i >= from && k >= from && (i < a_end || k < b_end);
		const unsigned *here = inside && t ? &t[(i - from) * wide + (k - from)] : NULL;

		if (!inside || (t && i < a_end && k < b_end && same(a, i, b, k))) {
			ret[n++] = (struct step){ ' ', a->line[i], a->len[i] };
			i++;
			k++;
		} else if (i < a_end && (k == b_end || !here || here[wide] >= here[1])) {
			ret[n++] = (struct step){ '-', a->line[i], a->len[i] };
			i++;
		} else {
			ret[n++] = (struct step){ '+', b->line[k], b->len[k] };
			k++;
		}
	}
	own_free(t);
	return n;
}

static void hunk(const struct step *s, size_t from, size_t to, struct buf *out)
{
	size_t before[2] = { 0, 0 }, inside[2] = { 0, 0 };

	for (size_t i = 0; i < to; i++) {
		size_t *count = i < from ? before : inside;

		count[0] += s[i].way != '+';
		count[1] += s[i].way != '-';
	}
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", before[0] + 1, inside[0], before[1] + 1,
		 inside[1]);
	for (size_t i = from; i < to; i++)
		buf_addf(out, "%c%.*s\n", s[i].way, (int)s[i].len, s[i].line);
}

void cli_tune_unified(const char *path, const char *before, const char *after, struct buf *out)
{
	AUTO(side_done) struct side a = { 0 }, b = { 0 };
	AUTO(own_freep) struct step *s = NULL;
	size_t n;

	if (strcmp(before, after) == 0)
		return;
	side_make(before, &a);
	side_make(after, &b);
	s = own_array(a.count + b.count + 1, sizeof(*s));
	n = steps(&a, &b, s);
	buf_addf(out, "--- %s\n+++ %s\n", path, path);
	for (size_t i = 0; i < n; i++) {
		size_t from = i > CONTEXT ? i - CONTEXT : 0, last = i;

		if (s[i].way == ' ')
			continue;
		for (size_t k = i; k < n && k <= last + 2 * CONTEXT; k++)
			last = s[k].way == ' ' ? last : k;
		i = last;
		last = last + CONTEXT < n ? last + CONTEXT : n - 1;
		hunk(s, from, last + 1, out);
	}
}
