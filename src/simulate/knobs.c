#include "simulate/knobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"

enum kind { KIND_DIST, KIND_INT, KIND_REAL, KIND_SHARE, KIND_SPAN, KIND_SCALE_IN };

static const struct {
	struct knobs_row row;
	enum kind kind;
	size_t at;
	double least, most;
} rows[] = {
#define KNOB(name, kind, init, least, most, source) \
	{ { #name, init, source }, kind, offsetof(struct knobs, name), least, most },
#include "simulate/knobs.def"
#undef KNOB
};

static int read_real(const char *text, double least, double most, double *ret, struct err *e)
{
	char *stop;

	errno = 0;
	*ret = strtod(text, &stop);
	if (stop == text || *stop || errno || !(*ret >= least) || !(*ret <= most))
		return err_set(e, ERR_POLICY, "'%.40s' is not a number from %g to %g", text, least,
			       most);
	return 0;
}

static int read_value(struct knobs *k, size_t i, const char *text, struct err *e)
{
	char *at = (char *)k + rows[i].at;
	struct dist d;
	double real;
	int choice;

	switch (rows[i].kind) {
	case KIND_DIST:
		if (dist_parse(text, &d, e) < 0)
			return -1;
		dist_done((struct dist *)(void *)at);
		*(struct dist *)(void *)at = d;
		return 0;
	case KIND_INT:
		if (read_real(text, rows[i].least, rows[i].most, &real, e) < 0)
			return -1;
		if (!text_int(text, (int64_t *)(void *)at))
			return err_set(e, ERR_POLICY, "'%.40s' is not a whole number", text);
		return 0;
	case KIND_REAL:
	case KIND_SHARE:
		return read_real(text, rows[i].least, rows[i].most, (double *)(void *)at, e);
	case KIND_SPAN:
		return clock_parse_span(text, (struct span *)(void *)at, e);
	case KIND_SCALE_IN:
		choice = text_choice("protect|drain|kill", text);
		if (choice < 0)
			return err_set(e, ERR_POLICY, "'%.40s' is none of protect, drain, kill",
				       text);
		*(int64_t *)(void *)at = choice;
		return 0;
	}
	return 0;
}

void knobs_init(struct knobs *k)
{
	struct err e;

	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int rc = read_value(k, i, rows[i].row.init, &e);

		assert(rc == 0);
		err_ignore(rc);
	}
}

void knobs_done(struct knobs *k)
{
	dist_done(&k->service);
	dist_done(&k->boot);
}

int knobs_set(struct knobs *k, const char *assignment, struct err *e)
{
	const char *eq = strchr(assignment, '='), *names[COUNT_OF(rows)], *near;
	size_t len = eq ? (size_t)(eq - assignment) : strlen(assignment);
	char name[64] = "";

	if (!eq || len >= sizeof(name))
		return err_set(e, ERR_POLICY, "'%.80s' is not NAME=VALUE", assignment);
	memcpy(name, assignment, len);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		names[i] = rows[i].row.name;
		if (strcmp(names[i], name) == 0)
			return read_value(k, i, eq + 1, e) < 0 ? err_wrap(e, "%s", name) : 0;
	}
	near = options_nearest(name, names, COUNT_OF(rows));
	return err_set(e, ERR_POLICY, "the plant has no knob '%s'%s%s%s; see --print-plant", name,
		       near ? "; did you mean '" : "", near ? near : "", near ? "'" : "");
}

int knobs_check(const struct knobs *k, struct err *e)
{
	if (k->lag_most.ms < k->lag_least.ms)
		return err_set(e, ERR_POLICY, "lag_most is less than lag_least");
	if (k->group_max < k->group_min)
		return err_set(e, ERR_POLICY, "group_max is less than group_min");
	if (k->visibility_timeout.ms < 1000)
		return err_set(e, ERR_POLICY, "visibility_timeout is less than a second");
	if (dist_mean_us(&k->service) < 1)
		return err_set(e, ERR_POLICY, "service takes no time");
	return 0;
}

const struct knobs_row *knobs_list(size_t i)
{
	return i < COUNT_OF(rows) ? &rows[i].row : NULL;
}
