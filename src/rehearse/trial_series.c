/* The compact notation of a series. */
#include <string.h>

#include "base/text.h"
#include "rehearse/trial.h"

#define WORD_MAX 64

static int push(struct trial_series *s, int64_t value, struct err *e)
{
	if (s->count == TRIAL_VALUES_MAX)
		return err_set(e, ERR_POLICY, "a series has at most %d values", TRIAL_VALUES_MAX);
	s->values[s->count++] = value;
	return 0;
}

static int repeat(struct trial_series *s, int64_t from, int64_t by, int64_t times, struct err *e)
{
	for (int64_t i = 0; i < times; i++) {
		if (push(s, from, e) < 0)
			return -1;
		if (from != TRIAL_MISSING && __builtin_add_overflow(from, by, &from))
			return err_set(e, ERR_POLICY, "the series grows past every number");
	}
	return 0;
}

/* "x12" at the end of the word, cut off; 0 without. */
static bool take_times(char *word, int64_t *ret)
{
	char *x = strrchr(word, 'x');

	*ret = 0;
	if (!x)
		return true;
	*x = '\0';
	return text_int(x + 1, ret) && *ret >= 0 && *ret <= TRIAL_VALUES_MAX;
}

static int one(struct trial_series *s, const char *text, char *word, struct err *e)
{
	int64_t from, by = 0, times;
	char *sign;

	if (!take_times(word, &times))
		goto wrong;
	if (strcmp(word, "_") == 0)
		return repeat(s, TRIAL_MISSING, 0, times ? times : 1, e);
	sign = word[0] ? strpbrk(word + 1, "+-") : NULL;
	if (sign) {
		bool negative = *sign == '-';

		*sign = '\0';
		if (!text_milli(sign + 1, &by))
			goto wrong;
		by = negative ? -by : by;
	}
	if (!text_milli(word, &from) || from == TRIAL_MISSING)
		goto wrong;
	return repeat(s, from, by, times + 1, e);
wrong:
	return err_set(e, ERR_POLICY,
		       "'%.40s' is no series: values such as 5, 5x3, 5+2x3, 9-1x8, _ and _x3",
		       text);
}

int trial_series_parse(struct keys_arena *a, const char *text, struct trial_series *ret,
		       struct err *e)
{
	const char *s = text;

	ret->values = own_array(TRIAL_VALUES_MAX, sizeof(*ret->values));
	ret->count = 0;
	for (;;) {
		char word[WORD_MAX];
		size_t n;
		int64_t *all = ret->values;

		s += strspn(s, " \t\r\n");
		n = strcspn(s, " \t\r\n");
		if (n == 0) {
			ret->values = keys_arena_alloc(a, (ret->count + 1) * sizeof(*all));
			memcpy(ret->values, all, ret->count * sizeof(*all));
			own_free(all);
			return ret->count ? 0 : err_set(e, ERR_POLICY, "the series has no value");
		}
		if (n >= sizeof(word)) {
			own_free(all);
			return err_set(e, ERR_POLICY, "'%.40s' is no series", s);
		}
		memcpy(word, s, n);
		word[n] = '\0';
		if (one(ret, s, word, e) < 0) {
			own_free(all);
			return -1;
		}
		s += n;
	}
}
