/* What no table can say: names that refer to each other, keys that exclude each other. */
#include <string.h>

#include "base/options.h"
#include "policy/policy.h"
#include "policy/raw.h"

struct check {
	struct keys_reader *r;
	const struct yaml_node *root;
	const struct raw_policy *raw;
};

static const struct yaml_node *under(const struct yaml_node *n, const char *a, const char *b)
{
	const struct yaml_node *inner = yaml_get(n, a);

	return b && inner ? yaml_get(inner, b) : inner;
}

/* The place of @p n, or of the file's start where the file has no such node. */
static struct yaml_place place(const struct check *c, const struct yaml_node *n)
{
	return n ? n->at : c->root->at;
}

static const struct yaml_node *item(const struct yaml_node *n, size_t i)
{
	return n && n->kind != YAML_SCALAR && i < n->count ? n->items[i] : NULL;
}

static bool name_char(char ch, bool first)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       (!first && (ch == '_' || ch == '-'));
}

/* Names stand in logs, journals, paths of --set and on command lines. */
static void check_name(const struct check *c, struct yaml_place at, const char *what,
		       const char *name)
{
	size_t n = name ? strlen(name) : 0;
	bool ok = n > 0 && n <= POLICY_NAME_MAX;

	if (!name)
		return; /* told already */
	for (size_t i = 0; ok && i < n; i++)
		ok = name_char(name[i], i == 0);
	if (!ok)
		keys_error(c->r, at,
			   "%s '%.80s' is not a name: letters, digits, '_' and '-', at most %d, "
			   "starting with a "
			   "letter or digit",
			   what, name, POLICY_NAME_MAX);
}

/* A text whose ${NAME} has no value stands for itself: nothing can be said about it. */
static bool is_open(const char *s)
{
	return !s || strstr(s, "${");
}

static void check_fleet(const struct check *c, struct policy *ret)
{
	const struct raw_fleet *f = &c->raw->fleet;
	const struct yaml_node *group = under(c->root, "fleet", "auto_scaling_group");

	if (f->min_given && f->max_given && f->min > f->max)
		keys_error(c->r, place(c, under(c->root, "fleet", "min")),
			   "min %lld is above max %lld", (long long)f->min, (long long)f->max);
	if (!is_open(f->role_arn) && strncmp(f->role_arn, "arn:", 4) != 0)
		keys_error(c->r, place(c, under(c->root, "fleet", "role_arn")),
			   "role_arn is not an ARN: arn:aws:iam::ACCOUNT:role/NAME");
	ret->fleet = (struct policy_fleet){
		.auto_scaling_group = f->auto_scaling_group,
		.region = f->region,
		.role_arn = f->role_arn,
		.min_given = f->min_given,
		.max_given = f->max_given,
		.min = f->min,
		.max = f->max,
		.jobs_per_instance = f->jobs_per_instance,
		.warm_up = f->warm_up,
		.instance_hour_cost_micro = f->instance_hour_cost_micro,
		.line = place(c, group).line,
		.column = place(c, group).column,
	};
}

static void check_url(const struct check *c, const struct yaml_node *n, const struct raw_sqs *s)
{
	const char *url = s->queue_url, *host, *path;
	char region[64];

	if (is_open(url))
		return;
	host = strncmp(url, "https://", 8) == 0  ? url + 8
	       : strncmp(url, "http://", 7) == 0 ? url + 7
						 : NULL;
	path = host ? strchr(host, '/') : NULL;
	if (!path || path == host || !path[1] || strpbrk(url, " \t\n?#")) {
		keys_error(c->r, place(c, under(n, "sqs", "queue_url")),
			   "queue_url is not the URL of a queue: "
			   "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME");
		return;
	}
	if (!is_open(s->region) && policy_region_url(url, region, sizeof(region)) &&
	    strcmp(region, s->region) != 0)
		keys_error(c->r, place(c, under(n, "sqs", "region")),
			   "region %.40s is not the queue_url's, %s", s->region, region);
}

static unsigned check_count(const struct check *c, const struct yaml_node *n,
			    const struct raw_sqs *s)
{
	static const char *const words[] = { "visible", "in_flight", "delayed" };
	static const unsigned bits[] = { POLICY_COUNT_VISIBLE, POLICY_COUNT_IN_FLIGHT,
					 POLICY_COUNT_DELAYED };
	const struct yaml_node *list = under(n, "sqs", "count");
	unsigned count = 0;

	for (size_t i = 0; i < s->count_count; i++) {
		const char *near = options_nearest(s->count[i], words, COUNT_OF(words));
		size_t w = 0;

		while (w < COUNT_OF(words) && strcmp(words[w], s->count[i]) != 0)
			w++;
		if (w < COUNT_OF(words))
			count |= bits[w];
		else if (near)
			keys_error(c->r, place(c, item(list, i)),
				   "'%.40s' is not counted; did you mean '%s'?", s->count[i], near);
		else
			keys_error(c->r, place(c, item(list, i)),
				   "'%.40s' is not counted; it is visible, in_flight or delayed",
				   s->count[i]);
	}
	if (s->count_count == 0)
		keys_error(c->r, place(c, list), "count is empty: nothing would be work");
	return count;
}

static void check_metric(const struct check *c, size_t i, struct policy_metric *ret)
{
	const struct yaml_node *metrics = yaml_get(c->root, "metrics"), *n = item(metrics, i);
	const struct raw_metric *m = &c->raw->metrics[i];

	check_name(c, place(c, metrics && i < metrics->count ? metrics->keys[i] : NULL), "metric",
		   m->name);
	ret->name = m->name;
	ret->line = place(c, n).line;
	if (!m->sqs_given) {
		if (!m->later)
			keys_error(c->r, place(c, n), "metric '%.64s' has no source: sqs", m->name);
		return;
	}
	ret->source = POLICY_SQS;
	ret->sqs.queue_url = m->sqs.queue_url;
	ret->sqs.region = m->sqs.region;
	check_url(c, n, &m->sqs);
	ret->sqs.count = check_count(c, n, &m->sqs);
}

static size_t find_metric(const struct check *c, const struct yaml_node *at, const char *name)
{
	const char *names[POLICY_METRICS_MAX];
	const char *near;
	size_t n = c->raw->metric_count;

	for (size_t i = 0; i < n; i++) {
		names[i] = c->raw->metrics[i].name;
		if (strcmp(names[i], name) == 0)
			return i;
	}
	near = options_nearest(name, names, n);
	if (near)
		keys_error(c->r, place(c, at), "there is no metric '%.64s'; did you mean '%s'?",
			   name, near);
	else
		keys_error(c->r, place(c, at), "there is no metric '%.64s'", name);
	return 0;
}

static void check_rule(const struct check *c, size_t i, struct policy_rule *ret)
{
	const struct yaml_node *n = item(yaml_get(c->root, "rules"), i);
	const struct raw_rule *rule = &c->raw->rules[i];

	check_name(c, place(c, under(n, "name", NULL)), "rule", rule->name);
	for (size_t k = 0; k < i && rule->name; k++)
		if (c->raw->rules[k].name && strcmp(c->raw->rules[k].name, rule->name) == 0)
			keys_error(c->r, place(c, under(n, "name", NULL)),
				   "another rule is named '%.64s' too", rule->name);
	ret->name = rule->name;
	ret->line = place(c, n).line;
	if (!rule->target_tracking_given) {
		if (!rule->later)
			keys_error(c->r, place(c, n),
				   "the rule says nothing: it needs target_tracking");
		return;
	}
	ret->kind = POLICY_TARGET_TRACKING;
	ret->target_tracking.per_instance_milli = rule->target_tracking.per_instance_milli;
	if (rule->target_tracking.metric)
		ret->metric = find_metric(c, under(n, "target_tracking", "metric"),
					  rule->target_tracking.metric);
}

static void check_direction(const struct check *c, const char *which, const struct raw_direction *d,
			    struct policy_direction *ret)
{
	const struct yaml_node *list = yaml_get(under(c->root, "behavior", which), "limits");

	ret->stabilization = d->stabilization;
	ret->cooldown = d->cooldown;
	ret->select = (enum policy_select)d->select;
	ret->limit_count = d->limit_count;
	if (d->limit_count > 0)
		ret->limits = keys_arena_alloc(keys_reader_arena(c->r),
					       d->limit_count * sizeof(*ret->limits));
	for (size_t i = 0; i < d->limit_count; i++) {
		const struct raw_limit *l = &d->limits[i];

		if (l->percent_given == l->instances_given)
			keys_error(c->r, place(c, item(list, i)),
				   "a limit has either percent or instances");
		ret->limits[i].is_percent = l->percent_given;
		ret->limits[i].amount = l->percent_given ? l->percent : l->instances;
		ret->limits[i].per = l->per;
	}
}

static void check_behavior(const struct check *c, struct policy *ret)
{
	const struct raw_behavior *b = &c->raw->behavior;

	ret->behavior.tolerance_milli = b->tolerance_milli;
	ret->behavior.activation.above = b->activation.above;
	ret->behavior.activation.samples = b->activation.samples;
	ret->behavior.deactivation.for_ = b->deactivation.for_;
	check_direction(c, "scale_out", &b->scale_out, &ret->behavior.scale_out);
	check_direction(c, "scale_in", &b->scale_in, &ret->behavior.scale_in);
}

static void check_rest(const struct check *c, struct policy *ret)
{
	const struct raw_missing *m = &c->raw->on_missing;
	const struct raw_evaluate *v = &c->raw->evaluate;

	ret->on_missing = (struct policy_missing){ .scale_in = m->scale_in,
						   .scale_out = m->scale_out,
						   .floor_given = m->floor_given,
						   .floor = m->floor,
						   .after = m->after };
	ret->evaluate.every = v->every;
	ret->evaluate.idle_every = v->idle_every;
	if (v->idle_every.ms >= v->every.ms)
		return;
	if (v->idle_given)
		keys_error(c->r, place(c, under(c->root, "evaluate", "idle_every")),
			   "idle_every is shorter than every");
	ret->evaluate.idle_every = v->every;
}

void policy_check(struct keys_reader *r, const struct raw_policy *raw, const struct yaml_node *root,
		  struct policy *ret)
{
	struct check c = { .r = r, .root = root, .raw = raw };
	struct keys_arena *a = keys_reader_arena(r);
	const struct yaml_node *metrics = yaml_get(root, "metrics"),
			       *rules = yaml_get(root, "rules");

	ret->version = raw->version;
	ret->name = raw->name;
	ret->mode = (enum policy_mode)raw->mode;
	check_name(&c, place(&c, yaml_get(root, "name")), "policy", raw->name);
	check_fleet(&c, ret);
	ret->metric_count = raw->metric_count;
	ret->metrics = keys_arena_alloc(a, (raw->metric_count + 1) * sizeof(*ret->metrics));
	for (size_t i = 0; i < raw->metric_count; i++)
		check_metric(&c, i, &ret->metrics[i]);
	ret->rule_count = raw->rule_count;
	ret->rules = keys_arena_alloc(a, (raw->rule_count + 1) * sizeof(*ret->rules));
	for (size_t i = 0; i < raw->rule_count; i++)
		check_rule(&c, i, &ret->rules[i]);
	if (metrics && metrics->kind == YAML_MAP && metrics->count == 0)
		keys_error(r, metrics->at, "metrics is empty: there is nothing to decide by");
	if (rules && rules->kind == YAML_LIST && rules->count == 0)
		keys_error(r, rules->at, "rules is empty: nothing would ever be decided");
	check_behavior(&c, ret);
	check_rest(&c, ret);
}
