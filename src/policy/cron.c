/* The five fields of a cron line: minute, hour, day of month, month, day of week. */
#include <string.h>

#include "policy/schedule.h"

#define CRON_BYTES_MAX 256

static const struct field {
	const char *what;
	int least, most;
	const char *const *names; /* of the values from least on */
	size_t name_count;
} fields[] = {
#define NAMES(...)            \
	(const char *const[]) \
	{                     \
		__VA_ARGS__   \
	}
	{ "minute", 0, 59, NULL, 0 },
	{ "hour", 0, 23, NULL, 0 },
	{ "day of month", 1, 31, NULL, 0 },
	{ "month", 1, 12,
	  NAMES("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
	  12 },
	{ "day of week", 0, 7, NAMES("sun", "mon", "tue", "wed", "thu", "fri", "sat"), 7 },
};

static int wrong(struct err *e, const struct field *f, const char *text)
{
	return err_set(e, ERR_POLICY, "cron: the %s '%.40s' is not %s, from %d to %d", f->what,
		       text,
		       f->names ? "a number or name, list, range or step"
				: "a number, list, range or step",
		       f->least, f->most);
}

static bool number(const char **s, int *ret)
{
	int v = 0, n = 0;

	while (n < 3 && **s >= '0' && **s <= '9') {
		v = v * 10 + (*(*s)++ - '0');
		n++;
	}
	*ret = v;
	return n > 0;
}

static bool value(const struct field *f, const char **s, int *ret)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (strncasecmp(*s, f->names[i], 3) == 0) {
			*s += 3;
			*ret = f->least + (int)i;
			return true;
		}
	return number(s, ret) && *ret >= f->least && *ret <= f->most;
}

/* One of a list: "*", "3", "1-5", each with "/2" behind it. */
static bool part(const struct field *f, const char **s, uint64_t *ret)
{
	int from = f->least, to = f->most, step = 1;
	bool range = true;

	if (**s == '*') {
		++*s;
		to = f->most == 7 ? 6 : f->most;
	} else {
		if (!value(f, s, &from))
			return false;
		to = from;
		range = **s == '-';
		if (range && (++*s, !value(f, s, &to) || to < from))
			return false;
	}
	if (**s == '/') {
		++*s;
		if (!number(s, &step) || step < 1 || step > 60)
			return false;
		to = range ? to : f->most; /* "5/15" is "5-59/15" */
	}
	for (int v = from; v <= to; v += step)
		*ret |= 1ULL << v;
	return true;
}

static int field(const struct field *f, const char *text, uint64_t *ret, struct err *e)
{
	const char *s = text;

	*ret = 0;
	for (;;) {
		if (!part(f, &s, ret))
			return wrong(e, f, text);
		if (!*s)
			return 0;
		if (*s++ != ',')
			return wrong(e, f, text);
	}
}

int policy_cron_parse(const char *text, struct calendar_cron *ret, struct err *e)
{
	uint64_t bits[COUNT_OF(fields)] = { 0 };
	bool any[COUNT_OF(fields)] = { 0 };
	const char *s = text;

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		AUTO(own_freep) char *one = NULL;
		size_t n;

		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (n == 0 || strlen(text) > CRON_BYTES_MAX)
			return err_set(e, ERR_POLICY,
				       "cron wants five fields: minute, hour, day of month, month "
				       "and day of week");
		one = own_strndup(s, n);
		any[i] = one[0] == '*';
		if (field(&fields[i], one, &bits[i], e) < 0)
			return -1;
		s += n;
	}
	if (s[strspn(s, " \t")])
		return err_set(e, ERR_POLICY, "cron has more than five fields");
	*ret = (struct calendar_cron){ .minutes = bits[0],
				       .hours = (uint32_t)bits[1],
				       .days = (uint32_t)bits[2],
				       .months = (uint32_t)bits[3],
				       .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
				       .any_day = any[2],
				       .any_weekday = any[4] };
	return 0;
}
