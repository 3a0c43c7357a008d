/* Stairs, plans and facts as text and JSON: the one renderer behind log, journal, explain, stream
 * and goldens. */
#ifndef MODEL_SAY_H
#define MODEL_SAY_H

#include "base/buf.h"
#include "base/json.h"
#include "model/facts.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/policy.h"

const char *say_reason_word(enum reason code);
int say_reason_step(enum reason code);                         /* 1 … 9 */
const char *say_reason_text(enum reason code);                 /* with its {places} */
const char *say_step_word(int step);                           /* "trust", "demand", … */
MUST int say_reason_parse(const char *word, enum reason *ret); /* -1: unknown */
const char *say_why_word(enum fact_why why);                   /* "denied", … */
const char *say_launch_word(enum launch_why why);              /* "no capacity", … */
const char *say_outcome_word(enum outcome_kind kind);
const char *say_mode_word(enum policy_mode mode);

/* One sentence for one stair, without numbers of the stair: "clear 1200 jobs at 10 a worker". */
int say_stair(const struct policy *p, const struct stair *s, struct buf *out);
/* The whole staircase, one line a stair:
 *   thumbs  now 2  backlog 1200  seen 1 s ago
 *     2 demand    2 -> 120   clear 1200 jobs at 10 a worker
 *     5 ramp    120 ->   6   at most +4 now, after +0 within 1m
 * @p f may be NULL (then the head line has no metrics). */
int say_plan(const struct policy *p, const struct facts *f, const struct plan *plan,
	     struct instant now, struct buf *out);
/* One line: "2 -> 6: at most +4 now, after +0 within 1m". */
int say_plan_short(const struct policy *p, const struct plan *plan, struct buf *out);

/* {"ramp": 120, …}: the stairs without which the size would be another. NULL where it is unknown.
 */
struct json *say_without_json(const struct plan *plan, const struct plan_without *w);
/* "without ramp 120, without cool 6"; nothing where each leads to the same size. */
int say_without(const struct plan *plan, const struct plan_without *w, struct buf *out);
/* Back from the stored form; unknown for NULL. */
void say_without_read(const struct json *stored, const struct plan *plan, struct plan_without *ret);
/* Why the size is not @p n, a line each: what took it away, or that nobody asked for it. */
int say_why_not(const struct policy *p, const struct plan *plan, const struct plan_without *w,
		int32_t n, struct buf *out);

struct json *say_plan_json(const struct policy *p, const struct plan *plan);
struct json *say_facts_json(const struct policy *p, const struct facts *f);
/* Back from the stored form, for explain and replay: rule and metric names are looked up in @p p.
 */
MUST int say_plan_read(const struct policy *p, const struct json *stored, struct plan *ret,
		       struct err *e);
/* Of the facts' JSON, the calls alone; zeros where it has none. */
void say_spent_read(const struct json *facts, struct facts_spent *ret);
MUST int say_facts_read(const struct policy *p, const struct json *stored, struct facts *ret,
			struct err *e);

#endif
