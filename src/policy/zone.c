/* Time zones from tzdata (RFC 9636): the changes of 2000 to 2100, those past the file's last by its
 * footer. A file is bounded and each of its numbers checked: what is odd is refused. */
#include "policy/zone.h"

#include <stdlib.h>
#include <string.h>

#define ZONE_BYTES_MAX 65536
#define ZONE_CHANGES_MAX 2000
#define ZONE_TYPES_MAX 256
#define ZONE_OFFSET_MAX 93600 /* 26 hours */
#define ZONE_FROM_YEAR 2000
#define ZONE_TO_YEAR 2100
#define DAY_S 86400

struct block { /* a header and what its counts say */
	uint32_t isut, isstd, leap, time, type, chars;
	const unsigned char *times, *kinds, *types;
	size_t size;
};

struct rule { /* when daylight saving begins or ends, in local time */
	enum { RULE_MONTH, RULE_JULIAN, RULE_DAY } kind;
	int month, week, day; /* Mm.w.d, Jn, n */
	int32_t time_s;
};

struct footer {
	int32_t standard_s, daylight_s; /* east of UTC */
	bool has_daylight;
	struct rule start, end;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static int bad(struct err *e, const char *name, const char *what)
{
	return err_set(e, ERR_POLICY, "zone %.64s: %s", name, what);
}

static int read_block(const char *name, const unsigned char *p, size_t len, size_t time_size,
		      struct block *ret, struct err *e)
{
	if (len < 44 || memcmp(p, "TZif", 4) != 0)
		return bad(e, name, "not a tzdata file");
	*ret = (struct block){ .isut = be32(p + 20),
			       .isstd = be32(p + 24),
			       .leap = be32(p + 28),
			       .time = be32(p + 32),
			       .type = be32(p + 36),
			       .chars = be32(p + 40) };
	if (ret->time > ZONE_CHANGES_MAX || ret->type > ZONE_TYPES_MAX || ret->chars > 512 ||
	    ret->isut > ZONE_TYPES_MAX || ret->isstd > ZONE_TYPES_MAX || ret->leap > 100)
		return bad(e, name, "more changes or types than a zone has");
	ret->times = p + 44;
	ret->kinds = ret->times + ret->time * time_size;
	ret->types = ret->kinds + ret->time;
	ret->size = 44 + ret->time * (time_size + 1) + ret->type * 6u + ret->chars +
		    ret->leap * (time_size + 4) + ret->isstd + ret->isut;
	return ret->size > len ? bad(e, name, "the file is cut short") : 0;
}

static bool skip_name(const char **s)
{
	const char *at = *s;
	size_t n;

	if (*at == '<') {
		at = strchr(at, '>');
		if (!at)
			return false;
		*s = at + 1;
		return true;
	}
	n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	*s = at + n;
	return n >= 3;
}

static bool read_part(const char **s, int most, int *ret)
{
	int v = 0, n = 0;

	while (n < 3 && **s >= '0' && **s <= '9') {
		v = v * 10 + (*(*s)++ - '0');
		n++;
	}
	*ret = v;
	return n > 0 && v <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool read_clock(const char **s, int most_hours, int32_t *ret)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes = 0, secs = 0;

	*s += **s == '-' || **s == '+';
	if (!read_part(s, most_hours, &hours))
		return false;
	if (**s == ':' && (++*s, !read_part(s, 59, &minutes)))
		return false;
	if (**s == ':' && (++*s, !read_part(s, 59, &secs)))
		return false;
	*ret = sign * (hours * 3600 + minutes * 60 + secs);
	return true;
}

static bool read_rule(const char **s, struct rule *r)
{
	bool good;

	if (*(*s)++ != ',')
		return false;
	*r = (struct rule){ .kind = RULE_DAY, .time_s = 7200 };
	if (**s == 'M') {
		++*s;
		r->kind = RULE_MONTH;
		good = read_part(s, 12, &r->month) && r->month >= 1 && *(*s)++ == '.' &&
		       read_part(s, 5, &r->week) && r->week >= 1 && *(*s)++ == '.' &&
		       read_part(s, 6, &r->day);
	} else if (**s == 'J') {
		++*s;
		r->kind = RULE_JULIAN;
		good = read_part(s, 365, &r->day) && r->day >= 1;
	} else {
		good = read_part(s, 365, &r->day);
	}
	if (good && **s == '/') {
		++*s;
		good = read_clock(s, 167, &r->time_s);
	}
	return good;
}

/* A POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3". Its offsets count west of UTC. */
static bool read_footer(const char *s, struct footer *f)
{
	*f = (struct footer){ 0 };
	if (!skip_name(&s) || !read_clock(&s, 24, &f->standard_s))
		return false;
	f->standard_s = -f->standard_s;
	if (!*s)
		return true;
	f->daylight_s = f->standard_s + 3600;
	f->has_daylight = true;
	if (!skip_name(&s))
		return false;
	if (*s && *s != ',') {
		if (!read_clock(&s, 24, &f->daylight_s))
			return false;
		f->daylight_s = -f->daylight_s;
	}
	return read_rule(&s, &f->start) && read_rule(&s, &f->end) && !*s;
}

static int64_t rule_day(const struct rule *r, int year)
{
	int64_t first = calendar_day(year, 1, 1), day, next;
	bool leap = calendar_day(year, 3, 1) - calendar_day(year, 2, 28) == 2;

	if (r->kind == RULE_DAY)
		return first + r->day;
	if (r->kind == RULE_JULIAN)
		return first + r->day - 1 + (leap && r->day >= 60);
	day = calendar_day(year, r->month, 1);
	next = r->month == 12 ? calendar_day(year + 1, 1, 1) : calendar_day(year, r->month + 1, 1);
	day += ((r->day - (day + 4) % 7) % 7 + 7) % 7 + (r->week - 1) * 7;
	return day >= next ? day - 7
			   : day; /* 1970-01-01 was a Thursday; the fifth may be the last */
}

static void add(struct calendar_zone *z, size_t cap, int64_t at, int32_t offset)
{
	int64_t from = calendar_day(ZONE_FROM_YEAR, 1, 1) * DAY_S;

	if (at < from) {
		z->first_offset_s = offset;
	} else if (z->change_count < cap &&
		   (z->change_count == 0 || at > z->changes[z->change_count - 1].at_s)) {
		z->changes[z->change_count++] = (struct calendar_change){ at, offset };
	}
}

static void add_footer(struct calendar_zone *z, size_t cap, const struct footer *f)
{
	for (int year = ZONE_FROM_YEAR; f->has_daylight && year <= ZONE_TO_YEAR; year++) {
		int64_t start = rule_day(&f->start, year) * DAY_S + f->start.time_s - f->standard_s;
		int64_t end = rule_day(&f->end, year) * DAY_S + f->end.time_s - f->daylight_s;

		if (start < end) {
			add(z, cap, start, f->daylight_s);
			add(z, cap, end, f->standard_s);
		} else {
			add(z, cap, end, f->standard_s);
			add(z, cap, start, f->daylight_s);
		}
	}
}

static int take_changes(struct calendar_zone *z, size_t cap, const struct block *b, struct err *e)
{
	int64_t last = INT64_MIN;

	for (uint32_t i = 0; i < b->type; i++) {
		int32_t offset = (int32_t)be32(b->types + i * 6u);

		if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX)
			return bad(e, z->name, "an offset of more than 26 hours");
		if (i == 0)
			z->first_offset_s = offset;
	}
	for (uint32_t i = 0; i < b->time; i++) {
		int64_t at = be64(b->times + i * 8u);

		if (b->kinds[i] >= b->type)
			return bad(e, z->name, "a change to a type that is not there");
		if (i > 0 && at <= last)
			return bad(e, z->name, "changes that do not rise");
		last = at;
		add(z, cap, at, (int32_t)be32(b->types + b->kinds[i] * 6u));
	}
	return 0;
}

int policy_zone_parse(struct keys_arena *a, const char *name, const void *data, size_t len,
		      struct calendar_zone *ret, struct err *e)
{
	const unsigned char *p = data, *end;
	struct block old, b;
	struct footer f = { 0 };
	AUTO(own_freep) char *text = NULL;
	size_t cap;

	*ret = (struct calendar_zone){ .name = keys_arena_str(a, name) };
	if (len > ZONE_BYTES_MAX)
		return bad(e, name, "the file is larger than a zone is");
	if (read_block(name, p, len, 4, &old, e) < 0)
		return -1;
	if (p[4] < '2')
		return bad(e, name, "tzdata of version 1; version 2 or newer is needed");
	if (read_block(name, p + old.size, len - old.size, 8, &b, e) < 0)
		return -1;
	if (b.leap || b.type == 0)
		return bad(e, name, "a zone with leap seconds, or without a type");
	p += old.size + b.size;
	len -= old.size + b.size;
	end = len > 1 && p[0] == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;
	if (!end)
		return bad(e, name, "the file has no footer");
	text = own_strndup((const char *)p + 1, (size_t)(end - p) - 1);
	if (*text && !read_footer(text, &f))
		return bad(e, name, "the footer is no POSIX time zone");
	cap = b.time + 2 * (ZONE_TO_YEAR - ZONE_FROM_YEAR + 1);
	ret->changes = keys_arena_alloc(a, cap * sizeof(*ret->changes));
	if (take_changes(ret, cap, &b, e) < 0)
		return -1;
	add_footer(ret, cap, &f);
	return 0;
}

/* Names are paths below the folder of tzdata: nothing else of the machine can be named. */
static bool is_zone_name(const char *s)
{
	static const char ok[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t n = strlen(s);

	return n > 0 && n <= 64 && strspn(s, ok) == n && s[0] != '/' && s[n - 1] != '/' &&
	       !strstr(s, "//");
}

int policy_zone_read(struct keys_arena *a, const char *name, struct calendar_zone *ret,
		     struct err *e)
{
	const char *folder = getenv("TZDIR");
	AUTO(own_freep) char *path = NULL;
	AUTO(buf_done) struct buf file = BUF(ZONE_BYTES_MAX);

	*ret = (struct calendar_zone){ .name = keys_arena_str(a, name) };
	if (!is_zone_name(name))
		return bad(e, name, "not the name of a zone, such as America/Bogota");
	if (strcmp(name, "UTC") == 0)
		return 0;
	path = own_printf("%s/%s", folder && folder[0] ? folder : "/usr/share/zoneinfo", name);
	if (buf_read_file(&file, path, e) < 0)
		return err_wrap(e, "zone %.64s", name);
	return policy_zone_parse(a, name, buf_str(&file), file.len, ret, e);
}
