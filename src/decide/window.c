/* Windows as monotonic queues: an entry is kept only while it can still become the extreme. */
#include <string.h>

#include "decide/climb.h"

static void window_remove(struct window *w, size_t i)
{
	memmove(&w->item[i], &w->item[i + 1], (w->count - i - 1) * sizeof(w->item[0]));
	w->count--;
}

/* Makes room where the window is full: of two neighbours the older value lives as long as the
 * younger. It holds a little longer than asked, never less, and by less than the time between the
 * ones around it; the pair where that is shortest goes. */
static void window_merge(struct window *w)
{
	size_t nearest = 1;
	int64_t shortest = INT64_MAX;

	for (size_t i = 1; i + 1 < w->count; i++) {
		int64_t around = instant_since(w->item[i + 1].at, w->item[i - 1].at).ms;

		if (around < shortest) {
			shortest = around;
			nearest = i;
		}
	}
	w->item[nearest].at = w->item[nearest + 1].at;
	window_remove(w, nearest + 1);
}

void decide_window_trim(struct window *w, struct span keep, struct instant now)
{
	size_t old = 0;

	while (old < w->count && elapsed_ms(now, w->item[old].at) >= keep.ms)
		old++;
	memmove(w->item, w->item + old, (w->count - old) * sizeof(w->item[0]));
	w->count = (uint8_t)(w->count - old);
}

void decide_window_push(struct window *w, bool falling, struct span keep, struct instant now,
			int32_t value)
{
	decide_window_trim(w, keep, now);
	if (keep.ms <= 0)
		return;
	while (w->count > 0 && (falling ? w->item[w->count - 1].value <= value
					: w->item[w->count - 1].value >= value))
		w->count--;
	if (w->count == MEMORY_WINDOW_MAX)
		window_merge(w);
	w->item[w->count].at = now;
	w->item[w->count++].value = value;
}

int32_t decide_window_most(const struct window *w, struct span keep, struct instant now, int32_t n)
{
	for (size_t i = 0; i < w->count; i++)
		if (elapsed_ms(now, w->item[i].at) < keep.ms && w->item[i].value > n)
			n = w->item[i].value;
	return n;
}

int32_t decide_window_least(const struct window *w, struct span keep, struct instant now, int32_t n)
{
	for (size_t i = 0; i < w->count; i++)
		if (elapsed_ms(now, w->item[i].at) < keep.ms && w->item[i].value < n)
			n = w->item[i].value;
	return n;
}

static int32_t add_capped(int32_t a, int32_t b)
{
	return capped((int64_t)a + b);
}

void decide_window_moves_push(struct moves *w, struct instant now, int32_t amount)
{
	if (w->count == MEMORY_MOVES_MAX) { /* the two oldest become one, as young as the younger:
					       limits no less */
		w->item[1].amount = add_capped(w->item[0].amount, w->item[1].amount);
		memmove(&w->item[0], &w->item[1], (w->count - 1u) * sizeof(w->item[0]));
		w->count--;
	}
	w->item[w->count].at = now;
	w->item[w->count++].amount = amount;
}

void decide_window_moves_trim(struct moves *w, struct span keep, struct instant now)
{
	size_t old = 0;

	while (old < w->count && elapsed_ms(now, w->item[old].at) >= keep.ms)
		old++;
	memmove(w->item, w->item + old, (w->count - old) * sizeof(w->item[0]));
	w->count = (uint8_t)(w->count - old);
}

int64_t decide_window_moves_sum(const struct moves *w, struct span within, struct instant now)
{
	int64_t sum = 0;

	for (size_t i = 0; i < w->count; i++)
		if (elapsed_ms(now, w->item[i].at) < within.ms)
			sum += w->item[i].amount;
	return sum;
}
