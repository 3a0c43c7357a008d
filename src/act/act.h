/* The only writer of capacity: one SetDesiredCapacity a group, behind a permit. Decides nothing.
 *
 * A write is refused here, without a call, when the plan may not write, when its number is outside
 * the bounds that the plan itself names, or when the permit does not outlive the call's deadline.
 */
#ifndef ACT_ACT_H
#define ACT_ACT_H

#include "act/permit.h"
#include "aws/lane.h"
#include "base/instant.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/policy.h"

struct act_write;
typedef void act_done_fn(struct act_write *w, void *arg);

/* One policy's write. Owned by the caller, at a fixed address until done. Zeroed is a fresh one. */
struct act_write {
	/* Set by the caller, borrowed until done. */
	const struct policy *policy;
	const struct plan *plan;
	struct lane *lane;
	void *user;
	/* Set by act. */
	struct outcome outcome;
	struct aws_call call;
	act_done_fn *fn;
	void *arg;
};
void act_write_done(struct act_write *w); /* gives up a call under way */

/* Starts the writes, scale-out first. fn is called once a write: from within this call for those
 * that need no call (held, forbidden), else from the loop. @p now stamps the outcomes that need no
 * call. */
void act_ask(struct act_write *const *writes, size_t n, const struct permit *permit, struct now now,
	     struct span deadline, act_done_fn *fn, void *arg);

/* Pure: what a reply's error means for the outcome. */
enum outcome_kind act_outcome_kind(const struct err *e);

#endif
