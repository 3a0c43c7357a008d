#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "cli/trace.h"

#define DAY_MS 86400000

void cli_trace_done(struct cli_trace *t)
{
	own_free(t->count);
	memset(t, 0, sizeof(*t));
}

static bool missing(const struct cli_trace *t, size_t i)
{
	return t->count[i] < 0;
}

static struct instant start_of(const struct cli_trace *t, size_t i)
{
	return instant_add(t->from, span_ms((int64_t)i * t->period.ms));
}

void cli_trace_trim(struct cli_trace *t)
{
	size_t first = 0;

	while (t->periods > 0 && missing(t, t->periods - 1))
		t->periods--;
	while (first < t->periods && missing(t, first))
		first++;
	t->from = start_of(t, first);
	t->periods -= first;
	if (first > 0)
		memmove(t->count, t->count + first, t->periods * sizeof(*t->count));
}

size_t cli_trace_gaps(const struct cli_trace *t, size_t most, struct buf *out)
{
	size_t sum = 0, gaps = 0;

	for (size_t i = 0, n; i < t->periods; i += n) {
		char from[CLOCK_TEXT_MAX], lasts[CLOCK_TEXT_MAX];

		for (n = 0; i + n < t->periods && missing(t, i + n); n++)
			;
		sum += n;
		if (n > 0 && ++gaps <= most)
			buf_addf(out, "no data for %s from %s\n",
				 clock_print_span(span_ms((int64_t)n * t->period.ms), lasts),
				 clock_print(start_of(t, i), from));
		n = n > 0 ? n : 1;
	}
	if (gaps > most)
		buf_addf(out, "and %zu more gaps\n", gaps - most);
	return sum;
}

static double mean_of_days(const struct cli_trace *t, size_t at)
{
	size_t day = (size_t)(DAY_MS / t->period.ms), n = 0;
	double sum = 0;

	for (size_t i = at % day; i < t->periods; i += day)
		if (!missing(t, i)) {
			sum += t->count[i];
			n++;
		}
	return n > 0 ? round(sum / (double)n) : 0;
}

void cli_trace_fill(struct cli_trace *t, enum cli_trace_fill how)
{
	double *filled = own_array(t->periods + 1, sizeof(*filled));

	/* Beside what was read, so that what is filled in is no data for what is filled in next. */
	for (size_t i = 0; i < t->periods; i++) {
		filled[i] = t->count[i];
		if (!missing(t, i) || how == CLI_TRACE_REFUSE)
			continue;
		filled[i] = how == CLI_TRACE_DAY               ? mean_of_days(t, i)
			    : how == CLI_TRACE_BEFORE && i > 0 ? filled[i - 1]
							       : 0;
	}
	own_free(t->count);
	t->count = filled;
}

void cli_trace_csv(const struct cli_trace *t, struct buf *out)
{
	buf_adds(out, "timestamp,arrivals\n");
	for (size_t i = 0; i < t->periods; i++) {
		char at[CLOCK_TEXT_MAX];

		buf_addf(out, "%s,%.0f\n", clock_print(start_of(t, i), at), t->count[i]);
	}
}
