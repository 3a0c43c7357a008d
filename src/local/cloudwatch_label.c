#include "local/cloudwatch_label.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LABEL_MAX 4096

static bool is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(s, word, n);
}

/* One number of the series; false: no such word. */
static bool number_of(const char *s, size_t n, const struct local_cloudwatch_series *x, double *ret)
{
	static const char *const words[] = {
		"AVG", "DATAPOINT_COUNT", "FIRST", "LAST", "MAX", "MIN", "SUM"
	};
	double count = 0, sum = 0, first = NAN, last = NAN, low = NAN, high = NAN;

	for (size_t i = 0; i < x->count; i++) {
		double v = x->values[i];

		if (isnan(v))
			continue;
		first = count == 0 ? v : first;
		last = v;
		low = fmin(low, v); /* what is not NaN wins */
		high = fmax(high, v);
		sum += v;
		count++;
	}
	const double values[] = { sum / count, count, first, last, high, low, sum };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (is(s, n, words[i])) {
			*ret = values[i];
			return true;
		}
	return false;
}

static bool add_dimension(struct buf *out, const char *name, size_t n,
			  const struct local_cloudwatch_query *q)
{
	AUTO(json_freep)
	struct json *all = json_parse(q->dimensions, strlen(q->dimensions), NULL);

	for (size_t i = 0; i < json_count(all); i++)
		if (is(name, n, json_str(json_at(json_at(all, i), 0)))) {
			buf_adds(out, json_str(json_at(json_at(all, i), 1)));
			return true;
		}
	return false;
}

/* PROP('…') of a metric. */
static bool add_property(struct buf *out, const char *s, size_t n,
			 const struct local_cloudwatch_query *q)
{
	if (q->math || n < 8 || memcmp(s, "PROP('", 6) || memcmp(s + n - 2, "')", 2))
		return false;
	s += 6;
	n -= 8;
	if (n > 4 && !memcmp(s, "Dim.", 4))
		return add_dimension(out, s + 4, n - 4, q);
	if (is(s, n, "MetricName"))
		buf_adds(out, q->name);
	else if (is(s, n, "Namespace"))
		buf_adds(out, q->space);
	else if (is(s, n, "Stat"))
		buf_adds(out, q->word);
	else if (is(s, n, "Period"))
		buf_addf(out, "%" PRId64, q->period);
	else
		return false;
	return true;
}

static const char *usual(const struct local_cloudwatch_query *q,
			 const struct local_cloudwatch_series *x)
{
	if (!q->math)
		return q->name;
	/* An expression that gives an array names each after its metric. */
	return q->result.shape == CLOUDWATCH_ARRAY && x->name ? x->name : q->id;
}

static bool add_word(struct buf *out, const char *s, size_t n,
		     const struct local_cloudwatch_query *q,
		     const struct local_cloudwatch_series *x)
{
	double d;

	if (is(s, n, "LABEL")) {
		buf_adds(out, usual(q, x));
		return true;
	}
	if (!number_of(s, n, x, &d))
		return add_property(out, s, n, q);
	if (isfinite(d))
		buf_addf(out, "%.10g", d);
	else
		buf_adds(out, "-");
	return true;
}

char *local_cloudwatch_label(const struct local_cloudwatch_query *q,
			     const struct local_cloudwatch_series *x)
{
	AUTO(buf_done) struct buf out = BUF(LABEL_MAX);
	const char *s = q->label;

	if (!s || !*s)
		return own_strdup(usual(q, x));
	while (*s) {
		const char *end = s[0] == '$' && s[1] == '{' ? strchr(s, '}') : NULL;

		if (end && add_word(&out, s + 2, (size_t)(end - s - 2), q, x)) {
			s = end + 1;
			continue;
		}
		buf_addc(&out, *s++);
	}
	return out.len ? buf_take(&out) : own_strdup("");
}
