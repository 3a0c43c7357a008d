#include "local/cloudwatch_stat.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void local_cloudwatch_stat_done(struct local_cloudwatch_sum *s)
{
	own_free(s->pairs);
	*s = (struct local_cloudwatch_sum){ 0 };
}

/* ---- adding ---- */

/* Room is a power of two, so that the count tells when it is used up. */
#define ROOM_LEAST 8

struct local_cloudwatch_pair *local_cloudwatch_stat_room(size_t count)
{
	size_t room = ROOM_LEAST;

	while (room < count)
		room *= 2;
	return own_array(room, sizeof(struct local_cloudwatch_pair));
}

/* Where @p value is or would be. */
static size_t pair_find(const struct local_cloudwatch_sum *s, double value)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->pairs[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void pair_insert(struct local_cloudwatch_sum *s, double value, double count)
{
	size_t at = pair_find(s, value);

	if (at < s->count && s->pairs[at].value == value) {
		s->pairs[at].count += count;
		return;
	}
	if (!s->pairs)
		s->pairs = local_cloudwatch_stat_room(0);
	else if (s->count >= ROOM_LEAST && (s->count & (s->count - 1)) == 0)
		s->pairs = own_grow(s->pairs, 2 * s->count, sizeof(*s->pairs));
	memmove(&s->pairs[at + 1], &s->pairs[at], (s->count - at) * sizeof(*s->pairs));
	s->pairs[at] = (struct local_cloudwatch_pair){ value, count };
	s->count++;
}

/* Puts the two nearest together, at their mean. */
static void pair_join(struct local_cloudwatch_sum *s)
{
	struct local_cloudwatch_pair *p;
	size_t best = 0;

	for (size_t i = 1; i + 1 < s->count; i++)
		if (s->pairs[i + 1].value - s->pairs[i].value <
		    s->pairs[best + 1].value - s->pairs[best].value)
			best = i;
	p = &s->pairs[best];
	p[0].value =
		(p[0].value * p[0].count + p[1].value * p[1].count) / (p[0].count + p[1].count);
	p[0].count += p[1].count;
	memmove(&p[1], &p[2], (s->count - best - 2) * sizeof(*p));
	s->count--;
}

static void bounds_add(struct local_cloudwatch_sum *s, double n, double sum, double low,
		       double high)
{
	s->low = s->n == 0 || low < s->low ? low : s->low;
	s->high = s->n == 0 || high > s->high ? high : s->high;
	s->n += n;
	s->sum += sum;
}

void local_cloudwatch_stat_value(struct local_cloudwatch_sum *s, double value, double count,
				 size_t most)
{
	if (!(count > 0))
		return;
	bounds_add(s, count, value * count, value, value);
	if (s->blind)
		return;
	pair_insert(s, value, count);
	if (s->count > most && s->count >= 2)
		pair_join(s);
}

void local_cloudwatch_stat_add(struct local_cloudwatch_sum *s, const struct local_cloudwatch_sum *o,
			       size_t most)
{
	if (!(o->n > 0))
		return;
	bounds_add(s, o->n, o->sum, o->low, o->high);
	if (o->blind && !s->blind) {
		s->blind = true;
		own_free(TAKE(s->pairs));
		s->count = 0;
	}
	for (size_t i = 0; !s->blind && i < o->count; i++) {
		pair_insert(s, o->pairs[i].value, o->pairs[i].count);
		if (s->count > most && s->count >= 2)
			pair_join(s);
	}
}

/* ---- reading a statistic's name ---- */

/* A plain decimal number; NULL: none. */
static const char *number_read(const char *s, double *ret)
{
	char *end;

	if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])) &&
	    !(*s == '-' && isdigit((unsigned char)s[1])))
		return NULL;
	if (strspn(s, "-.0123456789") > 40)
		return NULL;
	*ret = strtod(s, &end);
	return end == s + strspn(s, "-.0123456789") ? end : NULL;
}

struct word {
	const char *word;
	enum local_cloudwatch_kind kind;
};

/* "p99", "tm90": a part from the least up to so many percent. */
static int parse_short(const char *text, struct local_cloudwatch_stat *ret)
{
	static const struct word words[] = {
		{ "tm", CLOUDWATCH_TRIMMED_MEAN },  { "wm", CLOUDWATCH_WINSORIZED_MEAN },
		{ "tc", CLOUDWATCH_TRIMMED_COUNT }, { "ts", CLOUDWATCH_TRIMMED_SUM },
		{ "p", CLOUDWATCH_PERCENTILE },
	};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t n = strlen(words[i].word);
		const char *end;

		if (strncmp(text, words[i].word, n) != 0)
			continue;
		*ret = (struct local_cloudwatch_stat){ .kind = words[i].kind,
						       .percent = true,
						       .open_low = true };
		end = number_read(text + n, &ret->high);
		return end && !*end && ret->high >= 0 && ret->high <= 100 ? 0 : -1;
	}
	return -1;
}

/* One bound of "(10%:90%)": a number, with a percent sign or not, or nothing. */
static const char *bound_read(const char *s, double *ret, bool *ret_open, int *ret_percent)
{
	const char *end;

	*ret_open = *s == ':' || *s == ')';
	if (*ret_open)
		return s;
	end = number_read(s, ret);
	if (!end)
		return NULL;
	*ret_percent = *end == '%';
	if (*ret_percent && (*ret < 0 || *ret > 100))
		return NULL;
	return end + *ret_percent;
}

static int parse_long(const char *text, struct local_cloudwatch_stat *ret)
{
	static const struct word words[] = {
		{ "TM(", CLOUDWATCH_TRIMMED_MEAN },  { "WM(", CLOUDWATCH_WINSORIZED_MEAN },
		{ "TC(", CLOUDWATCH_TRIMMED_COUNT }, { "TS(", CLOUDWATCH_TRIMMED_SUM },
		{ "PR(", CLOUDWATCH_RANK },
	};
	int low = -1, high = -1;
	const char *s = NULL;

	*ret = (struct local_cloudwatch_stat){ 0 };
	for (size_t i = 0; !s && i < COUNT_OF(words); i++)
		if (strncmp(text, words[i].word, 3) == 0) {
			ret->kind = words[i].kind;
			s = text + 3;
		}
	s = s ? bound_read(s, &ret->low, &ret->open_low, &low) : NULL;
	if (!s || *s++ != ':')
		return -1;
	s = bound_read(s, &ret->high, &ret->open_high, &high);
	if (!s || strcmp(s, ")") != 0 || (low < 0 && high < 0) ||
	    (low >= 0 && high >= 0 && low != high))
		return -1;
	ret->percent = low == 1 || high == 1;
	if (ret->percent && ret->kind == CLOUDWATCH_RANK)
		return -1;
	return low >= 0 && high >= 0 && ret->low > ret->high ? -1 : 0;
}

int local_cloudwatch_stat_parse(const char *text, struct local_cloudwatch_stat *ret)
{
	static const struct word words[] = {
		{ "SampleCount", CLOUDWATCH_COUNT }, { "Average", CLOUDWATCH_AVERAGE },
		{ "Sum", CLOUDWATCH_SUM },           { "Minimum", CLOUDWATCH_LEAST },
		{ "Maximum", CLOUDWATCH_MOST },
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i].word) == 0) {
			*ret = (struct local_cloudwatch_stat){ .kind = words[i].kind };
			return 0;
		}
	if (strcmp(text, "IQM") == 0) {
		*ret = (struct local_cloudwatch_stat){
			.kind = CLOUDWATCH_TRIMMED_MEAN, .low = 25, .high = 75, .percent = true
		};
		return 0;
	}
	return islower((unsigned char)text[0]) ? parse_short(text, ret) : parse_long(text, ret);
}

bool local_cloudwatch_stat_deep(const struct local_cloudwatch_stat *t)
{
	return t->kind >= CLOUDWATCH_PERCENTILE;
}

/* ---- telling ---- */

/* The value at place @p at, 0 … n-1, of all values in their order, between two of them as well. */
static double value_at(const struct local_cloudwatch_sum *s, double at)
{
	double before = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct local_cloudwatch_pair *p = &s->pairs[i];
		double last = before + p->count - 1; /* the place of its last */

		if (at <= last || i + 1 == s->count)
			return p->value;
		if (at < last + 1)
			return p->value + (p[1].value - p->value) * (at - last);
		before += p->count;
	}
	return s->high;
}

static double percentile(const struct local_cloudwatch_sum *s, double percent)
{
	double at = (s->n - 1) * percent / 100;

	return value_at(s, at > 0 ? at : 0);
}

/* How much of a pair lies in the bounds; @p before so many values stand before it. */
static double weight_in(const struct local_cloudwatch_stat *t, const struct local_cloudwatch_sum *s,
			const struct local_cloudwatch_pair *p, double before)
{
	double from, to;

	if (!t->percent)
		return (t->open_low || p->value > t->low) && (t->open_high || p->value <= t->high)
			       ? p->count
			       : 0;
	from = t->open_low ? 0 : s->n * t->low / 100;
	to = t->open_high ? s->n : s->n * t->high / 100;
	from = fmax(from, before);
	to = fmin(to, before + p->count);
	return to > from ? to - from : 0;
}

/* Values outside of the bounds count as the bound. */
static double winsorized(const struct local_cloudwatch_stat *t,
			 const struct local_cloudwatch_sum *s)
{
	double low = t->open_low ? s->low : t->percent ? percentile(s, t->low) : t->low;
	double high = t->open_high ? s->high : t->percent ? percentile(s, t->high) : t->high;
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += fmin(fmax(s->pairs[i].value, low), high) * s->pairs[i].count;
	return sum / s->n;
}

static bool trimmed(const struct local_cloudwatch_stat *t, const struct local_cloudwatch_sum *s,
		    double *ret)
{
	double before = 0, n = 0, sum = 0;

	for (size_t i = 0; i < s->count; i++) {
		double w = weight_in(t, s, &s->pairs[i], before);

		n += w;
		sum += w * s->pairs[i].value;
		before += s->pairs[i].count;
	}
	switch (t->kind) {
	case CLOUDWATCH_TRIMMED_COUNT:
		*ret = n;
		return true;
	case CLOUDWATCH_TRIMMED_SUM:
		*ret = sum;
		return true;
	case CLOUDWATCH_RANK:
		*ret = 100 * n / s->n;
		return true;
	default:
		*ret = sum / n;
		return n > 0;
	}
}

bool local_cloudwatch_stat_tell(const struct local_cloudwatch_stat *t,
				const struct local_cloudwatch_sum *s, double *ret)
{
	struct local_cloudwatch_pair only = { s->low, s->n };
	struct local_cloudwatch_sum whole = *s;

	if (!(s->n > 0))
		return false;
	switch (t->kind) {
	case CLOUDWATCH_COUNT:
		*ret = s->n;
		return true;
	case CLOUDWATCH_AVERAGE:
		*ret = s->sum / s->n;
		return true;
	case CLOUDWATCH_SUM:
		*ret = s->sum;
		return true;
	case CLOUDWATCH_LEAST:
		*ret = s->low;
		return true;
	case CLOUDWATCH_MOST:
		*ret = s->high;
		return true;
	default:
		break;
	}
	if (s->low == s->high) { /* then they are known after all */
		whole.pairs = &only;
		whole.count = 1;
	} else if (s->blind) {
		return false;
	}
	if (t->kind == CLOUDWATCH_PERCENTILE)
		*ret = percentile(&whole, t->high);
	else if (t->kind == CLOUDWATCH_WINSORIZED_MEAN)
		*ret = winsorized(t, &whole);
	else
		return trimmed(t, &whole, ret);
	return true;
}
