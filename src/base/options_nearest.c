/* Which known word was meant, for "did you mean". */
#include <limits.h>
#include <string.h>

#include "base/options.h"

#define NEAREST_WORD_MAX 48

static int nearest_least(int a, int b)
{
	return a < b ? a : b;
}

/* Edits between two words: insert, delete, replace, swap of neighbours (optimal string alignment).
 */
static int nearest_edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int row[3][NEAREST_WORD_MAX + 1];
	int *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		int *oldest = before;

		now[0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			int same = a[i - 1] == b[j - 1] ||
				   (strchr("-_", a[i - 1]) && strchr("-_", b[j - 1]));

			now[j] = nearest_least(last[j - 1] + !same,
					       nearest_least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = nearest_least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

const char *options_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	int best_edits = INT_MAX;

	if (len == 0 || len > NEAREST_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]);
		int edits, most = (int)(len > other ? len : other) / 3;

		if (other == 0 || other > NEAREST_WORD_MAX)
			continue;
		edits = nearest_edits(word, len, words[i], other);
		/* a word cut short, or with its unit left on, is near however long it is */
		if (len >= 3 && other >= 3 &&
		    strncmp(word, words[i], len < other ? len : other) == 0)
			edits = nearest_least(edits, 1);
		if (edits <= (most ? most : 1) && edits < best_edits && edits < (int)len) {
			best = words[i];
			best_edits = edits;
		}
	}
	return best;
}
