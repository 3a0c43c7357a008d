/* What the checks of a policy's parts share. Private to policy/. */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include <string.h>

#include "base/options.h"
#include "policy/policy.h"
#include "policy/raw.h"

struct check {
	struct keys_reader *r;
	const struct yaml_node *root;
	const struct raw_policy *raw;
};

/* The node at key @p a, or at @p b below it; NULL where the file has none. */
static inline const struct yaml_node *check_under(const struct yaml_node *n, const char *a,
						  const char *b)
{
	const struct yaml_node *inner = n ? yaml_get(n, a) : NULL;

	return b && inner ? yaml_get(inner, b) : inner;
}

/* The place of @p n, or of the file's start where the file has no such node. */
static inline struct yaml_place check_place(const struct check *c, const struct yaml_node *n)
{
	return n ? n->at : c->root->at;
}

static inline const struct yaml_node *check_item(const struct yaml_node *n, size_t i)
{
	return n && n->kind != YAML_SCALAR && i < n->count ? n->items[i] : NULL;
}

/* A text whose ${NAME} has no value stands for itself: nothing can be said about it. */
static inline bool check_is_open(const char *s)
{
	return !s || strstr(s, "${");
}

/* Names stand in logs, journals, paths of --set and on command lines. */
void policy_check_name(const struct check *c, struct yaml_place at, const char *what,
		       const char *name);
/* Index of the metric that is named at @p at; 0 after an error. */
size_t policy_metric_find(const struct check *c, const struct yaml_node *at, const char *name);
void policy_metric_check(const struct check *c, size_t i, struct policy_metric *ret);
/* Compiles what is computed of other metrics, when all of them are known. */
void policy_metric_derive(const struct check *c, struct policy *ret);
/* @p n: the map of the source. */
void policy_cloudwatch_check(const struct check *c, const struct yaml_node *n,
			     const struct raw_cloudwatch *w, struct policy_cloudwatch *ret);
void policy_promise_check(const struct check *c, const struct policy *p);
void policy_forecast_check(const struct check *c, const struct policy *p);
void policy_rule_check(const struct check *c, size_t i, struct policy_rule *ret);

/* Warns of what will hurt; for a policy without errors. */
void policy_lint_check(const struct check *c, const struct policy *p);

/* Compiles @p text into @p ret; refers to the metrics of @p p, not to those computed. */
MUST int policy_expr_compile(struct keys_arena *a, const struct policy *p, const char *text,
			     struct policy_expr *ret, struct err *e);

#endif
