/* Parameters: one tree for both protocols, and readers that take numbers from text as well. */
#include "local/call.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define PARAM_DEPTH_MAX 16
#define TIME_MOST_S 253402300800.0 /* the year 10000 */

struct node {
	const char *name;
	size_t name_len;
	const char *value; /* NULL: only children */
	struct node *first, **end, *next;
};

static void node_init(struct node *n)
{
	n->end = &n->first;
}

static void node_free(struct node *first)
{
	while (first) {
		struct node *next = first->next;

		node_free(first->first);
		own_free(first);
		first = next;
	}
}

static struct node *node_child(struct node *n, const char *name, size_t len)
{
	struct node *c;

	for (c = n->first; c; c = c->next)
		if (c->name_len == len && !memcmp(c->name, name, len))
			return c;
	c = own_alloc(sizeof(*c));
	c->name = name;
	c->name_len = len;
	node_init(c);
	*n->end = c;
	n->end = &c->next;
	return c;
}

static bool segment_vanishes(const char *s, size_t len)
{
	return (len == 6 && !memcmp(s, "member", 6)) || (len == 5 && !memcmp(s, "entry", 5));
}

/* "A.member.3.B" -> A, 3, B */
static int node_place(struct node *root, const struct form_pair *p, struct err *e)
{
	struct node *n = root;
	const char *s = p->name;
	int depth = 0;

	while (*s) {
		size_t len = strcspn(s, ".");

		if (depth++ == PARAM_DEPTH_MAX)
			return err_set(e, ERR_PROTOCOL, "the parameter %.60s has too many levels",
				       p->name);
		if (depth == 1 || !segment_vanishes(s, len))
			n = node_child(n, s, len);
		s += len;
		if (*s == '.')
			s++;
	}
	if (n != root && !n->value)
		n->value = p->value;
	return 0;
}

static bool is_number(const struct node *n)
{
	if (n->name_len == 0 || n->name_len > 6)
		return false;
	for (size_t i = 0; i < n->name_len; i++)
		if (!isdigit((unsigned char)n->name[i]))
			return false;
	return true;
}

static int compare_number(const void *a, const void *b)
{
	long x = strtol((*(struct node *const *)a)->name, NULL, 10);
	long y = strtol((*(struct node *const *)b)->name, NULL, 10);

	return (x > y) - (x < y);
}

static const struct local_alias *alias_of(const struct local_service *s, const struct node *n)
{
	for (size_t i = 0; i < s->alias_count; i++)
		if (strlen(s->aliases[i].query) == n->name_len &&
		    !memcmp(s->aliases[i].query, n->name, n->name_len))
			return &s->aliases[i];
	return NULL;
}

static struct json *tree_value(const struct node *n, const struct local_service *s);

static void tree_members(struct json *object, const struct node *n, const struct local_service *s);

static const struct node *node_find(const struct node *n, const char *name)
{
	for (const struct node *c = n->first; c; c = c->next)
		if (c->name_len == strlen(name) && !memcmp(c->name, name, c->name_len))
			return c;
	return NULL;
}

/* The numbered children of @p n by number; when there are none, @p n stands for its only item. */
static size_t node_items(const struct node *n, const struct node ***ret)
{
	size_t count = 0, i = 0;
	const struct node **items;

	for (const struct node *c = n->first; c; c = c->next)
		count += is_number(c);
	items = own_array(count + 1, sizeof(struct node *));
	for (const struct node *c = n->first; c; c = c->next)
		if (is_number(c))
			items[i++] = c;
	if (count == 0)
		items[count++] = n;
	else
		qsort(items, count, sizeof(struct node *), compare_number);
	*ret = items;
	return count;
}

static struct json *tree_list(const struct node *n, const struct local_service *s)
{
	struct json *list = json_array();
	const struct node **items;
	size_t count = node_items(n, &items);

	for (size_t i = 0; i < count; i++) {
		struct json *member;

		if (items[i] == n && n->value) { /* AttributeName=All, without a number */
			json_add(list, json_new_str(n->value));
			continue;
		}
		if (items[i] == n) {
			member = json_object();
			tree_members(member, n, s);
		} else {
			member = tree_value(items[i], s);
		}
		json_add(list, member);
	}
	own_free(items);
	return list;
}

static struct json *tree_map(const struct node *n, const struct local_alias *a,
			     const struct local_service *s)
{
	struct json *map = json_object();
	const struct node **items;
	size_t count = node_items(n, &items);

	for (size_t i = 0; i < count; i++) {
		const struct node *key = node_find(items[i], a->key);
		const struct node *value = node_find(items[i], "Value");

		if (key && key->value)
			json_set(map, key->value, value ? tree_value(value, s) : json_new_null());
	}
	own_free(items);
	return map;
}

static void tree_members(struct json *object, const struct node *n, const struct local_service *s)
{
	for (const struct node *c = n->first; c; c = c->next) {
		const struct local_alias *a = alias_of(s, c);
		char name[FORM_NAME_MAX + 1];

		if (a) {
			json_set(object, a->name, a->key ? tree_map(c, a, s) : tree_list(c, s));
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)c->name_len, c->name);
		json_set(object, name, tree_value(c, s));
	}
}

static struct json *tree_value(const struct node *n, const struct local_service *s)
{
	struct json *object;

	if (!n->first)
		return json_new_str(n->value ? n->value : "");
	if (is_number(n->first))
		return tree_list(n, s);
	object = json_object();
	tree_members(object, n, s);
	return object;
}

struct json *local_param_tree(const struct form *f, const struct local_service *s, struct err *e)
{
	struct node root = { .name = "" };
	struct json *tree = NULL;
	int rc = 0;

	node_init(&root);
	for (size_t i = 0; i < f->count && rc == 0; i++)
		rc = node_place(&root, &f->pairs[i], e);
	if (rc == 0) {
		tree = json_object();
		tree_members(tree, &root, s);
	}
	node_free(root.first);
	return tree;
}

const char *local_str(const struct json *object, const char *name)
{
	return json_get_str(object, name);
}

static int wrong_type(struct local_call *c, const char *name, const char *wanted)
{
	local_fail(c,
		   c->protocol == LOCAL_QUERY ? "InvalidParameterValue" : "SerializationException",
		   "Value for parameter %s is invalid. Reason: Must be %s.", name, wanted);
	return -1;
}

int local_int(struct local_call *c, const struct json *object, const char *name, int64_t *ret)
{
	const struct json *v = json_get(object, name);
	const char *text = json_str(v);
	char *end;
	long long n;

	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
		return 0;
	if (json_int(v, ret))
		return 1;
	if (!text || !*text || isspace((unsigned char)*text))
		return wrong_type(c, name, "an integer");
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end)
		return wrong_type(c, name, "an integer");
	*ret = n;
	return 1;
}

int local_double(struct local_call *c, const struct json *object, const char *name, double *ret)
{
	const struct json *v = json_get(object, name);
	const char *text = json_str(v);
	double d;
	char *end;

	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
		return 0;
	if (json_real(v, ret))
		return 1;
	if (!text || !*text || isspace((unsigned char)*text))
		return wrong_type(c, name, "a number");
	d = strtod(text, &end);
	if (*end)
		return wrong_type(c, name, "a number");
	if (!isfinite(d)) {
		local_fail(c, "InvalidParameterValue",
			   "The value %.20s for parameter %s is invalid.", text, name);
		return -1;
	}
	*ret = d;
	return 1;
}

int local_time(struct local_call *c, const struct json *object, const char *name,
	       struct instant *ret)
{
	const struct json *v = json_get(object, name);
	const char *text = json_str(v);
	double s;
	char *end;

	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
		return 0;
	if (!json_real(v, &s)) {
		if (text && clock_parse(text, strlen(text), ret, NULL) == 0)
			return 1;
		s = text && *text ? strtod(text, &end) : NAN;
		if (!text || !*text || *end)
			return wrong_type(c, name, "a timestamp");
	}
	if (!(fabs(s) < TIME_MOST_S))
		return wrong_type(c, name, "a timestamp");
	ret->ms = llround(s * 1000);
	return 1;
}

int local_bool(struct local_call *c, const struct json *object, const char *name, bool *ret)
{
	const struct json *v = json_get(object, name);
	const char *text = json_str(v);

	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
		return 0;
	if (json_bool(v, ret))
		return 1;
	if (!text || (strcasecmp(text, "true") && strcasecmp(text, "false")))
		return wrong_type(c, name, "true or false");
	*ret = !strcasecmp(text, "true");
	return 1;
}
