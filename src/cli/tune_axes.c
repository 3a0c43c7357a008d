/* The keys that are varied, and their values. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/tune.h"

#define ALL_UP_TO 16 /* a range of so many whole numbers is taken whole, */
#define STEPS 12     /* of a wider one so many values, */
#define WIDE 8.0     /* in equal ratios where its ends differ by this factor */

struct amount {    /* a value that has an order */
	bool span; /* value in milliseconds */
	double value;
};

static bool amount_of(const char *text, struct amount *ret)
{
	struct span s;
	char *stop;

	errno = 0;
	ret->span = false;
	ret->value = strtod(text, &stop);
	if (stop != text && !*stop && !errno && isfinite(ret->value))
		return true;
	if (clock_parse_span(text, &s, NULL) < 0)
		return false;
	ret->span = true;
	ret->value = (double)s.ms;
	return true;
}

static char *amount_text(const struct amount *a)
{
	char at[CLOCK_TEXT_MAX];

	return a->span ? own_strdup(clock_print_span(span_ms(llround(a->value)), at))
		       : own_printf("%.12g", a->value);
}

static int add_level(struct cli_tune_axis *x, char *text, struct err *e)
{
	if (x->levels == TUNE_LEVELS_MAX) {
		own_free(text);
		return err_set(e, ERR_POLICY, "--vary %s: more than %d values", x->path,
			       TUNE_LEVELS_MAX);
	}
	x->level[x->levels++] = text;
	return 0;
}

/* Adds @p a unless the newest is the same. */
static int add_amount(struct cli_tune_axis *x, const struct amount *a, struct err *e)
{
	char *text = amount_text(a);

	if (x->levels > 0 && strcmp(x->level[x->levels - 1], text) == 0) {
		own_free(text);
		return 0;
	}
	return add_level(x, text, e);
}

static double tidy(double v, const struct amount *from, const struct amount *to)
{
	if (from->span) {
		double grain = v < 1000 ? 1 : v < 60000 ? 1000 : 10000;

		return round(v / grain) * grain;
	}
	if (from->value == floor(from->value) && to->value == floor(to->value))
		return round(v);
	return round(v * 1000) / 1000;
}

static int fill_range(struct cli_tune_axis *x, const struct amount *from, const struct amount *to,
		      double step, struct err *e)
{
	double width = to->value - from->value;
	bool ratio = from->value > 0 && to->value / from->value >= WIDE;
	bool whole =
		!from->span && from->value == floor(from->value) && to->value == floor(to->value);
	size_t n;

	if (step == 0 && whole && width < ALL_UP_TO)
		step = 1;
	n = step > 0 ? (width / step < TUNE_LEVELS_MAX ? (size_t)(width / step + 1e-9) + 1
						       : TUNE_LEVELS_MAX + 1)
		     : STEPS;
	for (size_t i = 0; i < n; i++) {
		double share = n > 1 ? (double)i / (double)(n - 1) : 0;
		struct amount a = { .span = from->span };

		a.value = step > 0 ? from->value + (double)i * step
			  : ratio  ? from->value * pow(to->value / from->value, share)
				   : from->value + share * width;
		if (step == 0)
			a.value = tidy(a.value, from, to);
		if (add_amount(x, &a, e) < 0)
			return -1;
	}
	return 0;
}

/* "FROM..TO", "FROM..TO/STEP" */
static int read_range(struct cli_tune_axis *x, const char *text, const char *dots, struct err *e)
{
	AUTO(own_freep) char *first = own_strndup(text, (size_t)(dots - text));
	AUTO(own_freep) char *last = own_strdup(dots + 2);
	char *slash = strchr(last, '/');
	struct amount from, to, step = { 0 };

	if (slash)
		*slash++ = '\0';
	if (!amount_of(first, &from) || !amount_of(last, &to) || from.span != to.span ||
	    !(to.value > from.value) || from.value < 0 ||
	    (slash && (!amount_of(slash, &step) || step.span != from.span || !(step.value > 0))))
		return err_set(
			e, ERR_POLICY,
			"--vary %s: '%.60s' is not as 1..20, 60s..10m, 1..20/2 or 1,2,5: two "
			"numbers or two times, rising",
			x->path, text);
	return fill_range(x, &from, &to, step.value, e);
}

static int read_list(struct cli_tune_axis *x, const char *text, struct err *e)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, ",");

		if (len == 0)
			return err_set(e, ERR_POLICY, "--vary %s: an empty value in '%.60s'",
				       x->path, text);
		if (add_level(x, own_strndup(at, len), e) < 0)
			return -1;
		at += len + (at[len] == ',');
	}
	return 0;
}

const struct yaml_node *cli_tune_value(const struct yaml_node *root, const char *path)
{
	const struct yaml_node *n = root;

	while (n && *path) {
		size_t len = strcspn(path, "."), i;

		for (i = 0; i < n->count; i++) {
			const struct yaml_node *name =
				n->kind == YAML_MAP ? n->keys[i] : yaml_get(n->items[i], "name");

			if (name && name->kind == YAML_SCALAR && strlen(name->text) == len &&
			    memcmp(name->text, path, len) == 0)
				break;
		}
		if (i == n->count)
			return NULL;
		n = n->items[i];
		path += len + (path[len] == '.');
	}
	return n && n->kind == YAML_SCALAR && n->text[0] ? n : NULL;
}

/* Where the file's own value is among the levels; it becomes one where it is not. */
static int place_own(struct cli_tune_axis *x, const char *own, struct err *e)
{
	struct amount a, b;
	bool ordered = own && amount_of(own, &a);
	size_t at = 0;

	for (size_t i = 0; own && i < x->levels; i++)
		if (strcmp(x->level[i], own) == 0 ||
		    (ordered && amount_of(x->level[i], &b) && a.value == b.value)) {
			x->now = i;
			return 0;
		}
	if (add_level(x, NULL, e) < 0)
		return -1;
	for (size_t i = 0; ordered && i + 1 < x->levels && at == i; i++)
		at += amount_of(x->level[i], &b) && a.span == b.span && b.value < a.value;
	memmove(&x->level[at + 1], &x->level[at], (x->levels - 1 - at) * sizeof(*x->level));
	x->level[at] = NULL;
	x->now = at;
	return 0;
}

static int add_axis(struct cli_tune *t, const struct yaml_node *root, const char *path, size_t len,
		    const char *range, struct err *e)
{
	struct cli_tune_axis *x = &t->axis[t->axes];
	const char *dots = strstr(range, "..");
	const struct yaml_node *own;

	if (t->axes == TUNE_AXES_MAX)
		return err_set(e, ERR_POLICY, "--vary: at most %d keys at once", TUNE_AXES_MAX);
	t->axes++;
	x->path = own_strndup(path, len);
	for (size_t i = 0; i + 1 < t->axes; i++)
		if (strcmp(t->axis[i].path, x->path) == 0)
			return err_set(e, ERR_POLICY, "--vary: %s is there twice", x->path);
	if ((dots ? read_range(x, range, dots, e) : read_list(x, range, e)) < 0)
		return -1;
	own = cli_tune_value(root, x->path);
	return place_own(x, own ? own->text : NULL, e);
}

static int add_asked(struct cli_tune *t, const struct yaml_node *root, const char *text,
		     struct err *e)
{
	const char *eq = strchr(text, '=');

	if (!eq || eq == text || !eq[1])
		return err_set(e, ERR_POLICY,
			       "--vary '%.100s' is not KEY=RANGE, as fleet.min=0..3 or "
			       "behavior.scale_in.stabilization=60s..15m",
			       text);
	return add_axis(t, root, text, (size_t)(eq - text), eq + 1, e);
}

/* Values about the present one: an eighth of it to four times. */
static int add_about(struct cli_tune *t, const struct yaml_node *root, const char *rule,
		     const char *key, int64_t milli, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("rules.%s.%s", rule, key);
	double now = (double)milli / 1000, low = now / 8, high = now * 4;
	char range[96];

	if (now == floor(now) && now >= 1) {
		low = fmax(1, floor(low));
		high = ceil(high);
	}
	snprintf(range, sizeof(range), "%.12g..%.12g", low, high);
	return add_axis(t, root, path, strlen(path), range, e);
}

/* What decides between cost and wait: the rules' targets, and how long scaling in waits. The bounds
 * are the operator's and stay. */
static int choose(struct cli_tune *t, const struct yaml_node *root, const struct policy *p,
		  struct err *e)
{
	static const char *const waits[][2] = {
		{ "behavior.scale_in.stabilization", "0s,30s,60s,2m,5m,10m,15m" },
		{ "behavior.scale_in.cooldown", "0s,30s,60s,2m,5m,10m" },
	};
	bool ruled = false;
	int rc = 0;

	t->chosen = true;
	for (size_t i = 0; i < p->rule_count && rc == 0 && t->axes + 2 < TUNE_AXES_MAX; i++) {
		const struct policy_rule *r = &p->rules[i];
		const struct policy_target_tracking *g = &r->target_tracking;
		char range[64];

		if (r->kind == POLICY_TARGET_TRACKING)
			rc = add_about(t, root, r->name,
				       g->per_instance_milli > 0 ? "target_tracking.per_instance"
								 : "target_tracking.value",
				       g->per_instance_milli > 0 ? g->per_instance_milli
								 : g->value_milli,
				       e);
		if (r->kind == POLICY_QUEUE_WAIT) {
			AUTO(own_freep)
			char *path = own_printf("rules.%s.queue_wait.target", r->name);

			snprintf(range, sizeof(range), "%llds..%llds",
				 (long long)(t->promise.ms / 5000),
				 (long long)(t->promise.ms * 3 / 2000 + 1));
			rc = add_axis(t, root, path, strlen(path), range, e);
		}
		ruled = ruled || r->kind == POLICY_TARGET_TRACKING || r->kind == POLICY_QUEUE_WAIT;
	}
	if (rc == 0 && !ruled)
		return err_set(e, ERR_POLICY,
			       "policy %s has no target_tracking and no queue_wait: say what may "
			       "change with --vary KEY=RANGE",
			       p->name);
	for (size_t i = 0; i < COUNT_OF(waits) && rc == 0; i++)
		rc = add_axis(t, root, waits[i][0], strlen(waits[i][0]), waits[i][1], e);
	return rc;
}

int cli_tune_axes(struct cli_tune *t, const struct option_list *vary, const struct policy *p,
		  struct err *e)
{
	AUTO(yaml_freep) struct yaml *file = yaml_load(t->path, e);
	const struct yaml_node *root = file ? yaml_root(file) : NULL;
	int rc = 0;

	if (!file)
		return -1;
	for (size_t i = 0; i < vary->count && rc == 0; i++)
		rc = add_asked(t, root, vary->items[i], e);
	if (vary->count == 0)
		rc = choose(t, root, p, e);
	for (size_t i = 0; i < t->axes && rc == 0; i++) {
		t->search.levels[i] = (uint8_t)t->axis[i].levels;
		t->search.start[i] = (uint8_t)t->axis[i].now;
	}
	t->search.axes = t->axes;
	return rc;
}

const char *cli_tune_level(const struct cli_tune_axis *axis, size_t level)
{
	return axis->level[level] ? axis->level[level] : "as it is";
}
