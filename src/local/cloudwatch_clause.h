/* The rule of a composite alarm: which states of other alarms make it one. Pure.
 *
 *   ALARM(name)  OK("name")  INSUFFICIENT_DATA(arn)  TRUE  FALSE  NOT x  x AND y  x OR y  (x)
 *
 * Read into a postfix program, whose length and depth are bounded.
 */
#ifndef LOCAL_CLOUDWATCH_CLAUSE_H
#define LOCAL_CLOUDWATCH_CLAUSE_H

#include "base/err.h"
#include "local/cloudwatch_judge.h"

#define CLOUDWATCH_CLAUSE_TEXT_MAX 10240 /* AWS's */
#define CLOUDWATCH_CLAUSES_MAX 500       /* AWS's, elements of a rule */
#define CLOUDWATCH_CLAUSE_DEPTH_MAX 64

enum local_cloudwatch_clause_op {
	CLAUSE_STATE,
	CLAUSE_CONSTANT,
	CLAUSE_NOT,
	CLAUSE_AND,
	CLAUSE_OR
};

struct local_cloudwatch_clause {
	enum local_cloudwatch_clause_op op;
	char *alarm;                       /* CLAUSE_STATE: its name */
	enum local_cloudwatch_state state; /* CLAUSE_STATE */
	bool value;                        /* CLAUSE_CONSTANT */
};
struct local_cloudwatch_clauses {
	struct local_cloudwatch_clause *all; /* postfix */
	size_t count;
};
void local_cloudwatch_clause_done(struct local_cloudwatch_clauses *c);
/* -1: @p e says where it is wrong. */
MUST int local_cloudwatch_clause_read(const char *text, struct local_cloudwatch_clauses *ret,
				      struct err *e);
/* The state of an alarm; false: there is none of that name, and nothing holds of it. */
typedef bool local_cloudwatch_state_fn(const char *alarm, enum local_cloudwatch_state *ret,
				       void *arg);
bool local_cloudwatch_clause_holds(const struct local_cloudwatch_clauses *c,
				   local_cloudwatch_state_fn *state, void *arg);

#endif
