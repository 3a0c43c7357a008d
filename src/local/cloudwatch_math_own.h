/* What cloudwatch_math.c, cloudwatch_run.c and cloudwatch_call.c share. */
#ifndef LOCAL_CLOUDWATCH_MATH_OWN_H
#define LOCAL_CLOUDWATCH_MATH_OWN_H

#include "local/cloudwatch_math.h"

enum node_kind {
	NODE_NUMBER,
	NODE_ID,
	NODE_TEXT,
	NODE_WORD,
	NODE_CALL,
	NODE_ARRAY,
	NODE_UNARY,
	NODE_BINARY
};

enum operation {
	OP_OR,
	OP_AND,
	OP_EQUAL,
	OP_UNEQUAL,
	OP_LESS,
	OP_MOST,
	OP_MORE,
	OP_LEAST,
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_POWER
};

struct node {
	enum node_kind kind;
	enum operation operation;
	double number;
	const char
		*text;   /* of an id, a word, a text, the name of a call; owned by the expression */
	int first, next; /* arguments, by their place among the nodes; -1: none */
};

struct local_cloudwatch_math {
	char *text; /* a copy that the nodes point into, cut into pieces */
	struct node nodes[CLOUDWATCH_MATH_NODES_MAX];
	int count, root;
};

/* cloudwatch_run.c */
/* Moves a value out of its place. */
#define TAKE_VALUE(v)                                       \
	({                                                  \
		struct local_cloudwatch_value t_ = (v);     \
		(v) = (struct local_cloudwatch_value){ 0 }; \
		t_;                                         \
	})
MUST int local_cloudwatch_run_node(const struct local_cloudwatch_math *m, int node,
				   struct local_cloudwatch_scope *s,
				   struct local_cloudwatch_value *ret, struct err *e);
/* An array of @p count series on the scope's budget; values NaN. -1: the budget is used up. */
MUST int local_cloudwatch_run_series(struct local_cloudwatch_scope *s, int64_t start,
				     int64_t period, size_t count,
				     struct local_cloudwatch_series *ret, struct err *e);
MUST int local_cloudwatch_run_copy(struct local_cloudwatch_scope *s,
				   const struct local_cloudwatch_value *from,
				   struct local_cloudwatch_value *ret, struct err *e);
/* Turns a number into a constant series, and leaves others as they are. */
MUST int local_cloudwatch_run_spread(struct local_cloudwatch_scope *s,
				     struct local_cloudwatch_value *v, struct err *e);
/* The value of @p x at the time @p at, NaN when it has none. */
double local_cloudwatch_run_at(const struct local_cloudwatch_series *x, int64_t at);

/* A call of a function, its arguments evaluated. */
#define CALL_ARGS_MOST 4
struct call {
	const struct local_cloudwatch_math *m;
	struct local_cloudwatch_scope *s;
	const struct node *args[CALL_ARGS_MOST];
	struct local_cloudwatch_value values[CALL_ARGS_MOST]; /* but for words and texts */
	int count;
	struct err *e;
};
typedef int call_fn(struct call *c, struct local_cloudwatch_value *ret);

/* cloudwatch_point.c: functions of the points of a series */
call_fn local_cloudwatch_point_abs, local_cloudwatch_point_ceil, local_cloudwatch_point_floor,
	local_cloudwatch_point_log, local_cloudwatch_point_log10, local_cloudwatch_point_diff,
	local_cloudwatch_point_diff_time, local_cloudwatch_point_rate,
	local_cloudwatch_point_running_sum, local_cloudwatch_point_fill, local_cloudwatch_point_if,
	local_cloudwatch_point_epoch, local_cloudwatch_point_minute, local_cloudwatch_point_hour,
	local_cloudwatch_point_day, local_cloudwatch_point_date, local_cloudwatch_point_month,
	local_cloudwatch_point_year, local_cloudwatch_point_period,
	local_cloudwatch_point_time_series;
int local_cloudwatch_point_refuse(struct call *c, const char *why); /* -1 */
/* One series on the grid of @p like, or of the scope. */
MUST int local_cloudwatch_point_new(struct call *c, const struct local_cloudwatch_series *like,
				    struct local_cloudwatch_value *ret);
int64_t local_cloudwatch_point_time(const struct local_cloudwatch_series *x, size_t i);
double local_cloudwatch_point_finite(double d); /* NaN for what is not */

/* cloudwatch_call.c */
MUST int local_cloudwatch_call(const struct local_cloudwatch_math *m, const struct node *n,
			       struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
			       struct err *e);

#endif
