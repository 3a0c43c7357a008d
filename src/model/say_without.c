/* What would have been: the size without each limiter, and why it is not another. */
#include <string.h>

#include "model/say.h"

#define FIRST_STEP 3
#define LAST_STEP 8

static bool differs(const struct plan *plan, const struct plan_without *w, int step)
{
	return w->known && w->desired[step] != plan->desired;
}

struct json *say_without_json(const struct plan *plan, const struct plan_without *w)
{
	struct json *o;

	if (!w || !w->known)
		return NULL;
	o = json_object();
	for (int step = FIRST_STEP; step <= LAST_STEP; step++)
		if (differs(plan, w, step))
			json_set_int(o, say_step_word(step), w->desired[step]);
	return o;
}

void say_without_read(const struct json *stored, const struct plan *plan, struct plan_without *ret)
{
	*ret = (struct plan_without){ .known = json_type(stored) == JSON_OBJECT };
	for (int step = FIRST_STEP; step <= LAST_STEP; step++) {
		int64_t v = plan->desired;

		(void)json_get_int(stored, say_step_word(step), &v);
		ret->desired[step] = v < 0 || v > POLICY_CAPACITY_MAX ? plan->desired : (int32_t)v;
	}
}

int say_without(const struct plan *plan, const struct plan_without *w, struct buf *out)
{
	bool any = false;

	for (int step = FIRST_STEP; step <= LAST_STEP; step++)
		if (differs(plan, w, step)) {
			buf_addf(out, "%swithout %s %d", any ? ", " : "", say_step_word(step),
				 w->desired[step]);
			any = true;
		}
	return 0;
}

static bool is_proposal(const struct stair *s)
{
	return say_reason_step((enum reason)s->code) == 2 && s->rule >= 0 &&
	       s->code != REASON_WINNER && s->code != REASON_DISAGREE;
}

/* The stair that took the size away from @p n: it led there or past it, and from it no longer. */
static bool takes_away(const struct stair *s, int32_t n, bool more)
{
	if (is_proposal(s) || s->code == REASON_WINNER)
		return false;
	return more ? s->from >= n && s->to < n : s->from <= n && s->to > n;
}

static void say_one(const struct policy *p, const struct stair *s, const struct plan_without *w,
		    struct buf *out)
{
	int step = say_reason_step((enum reason)s->code);

	buf_addf(out, "%d %s took %d to %d: ", step, say_step_word(step), s->from, s->to);
	say_stair(p, s, out);
	if (w->known && step >= FIRST_STEP && step <= LAST_STEP)
		buf_addf(out, "; without it %d", w->desired[step]);
	buf_addc(out, '\n');
}

/* Nothing took it away: no rule asked for it, or one would not go so low. */
static void say_unasked(const struct policy *p, const struct plan *plan, int32_t n, bool more,
			struct buf *out)
{
	const struct stair *most = NULL;

	for (size_t i = 0; i < plan->stair_count; i++)
		if (is_proposal(&plan->stairs[i]) && (!most || plan->stairs[i].to > most->to))
			most = &plan->stairs[i];
	if (!most) {
		buf_adds(out, "no rule has data to ask for anything\n");
		return;
	}
	buf_addf(out,
		 more ? "no rule asks for %d: the most is %d, by rule %s: "
		      : "not all rules agree to %d: %d is the wish of rule %s: ",
		 n, most->to, p->rules[most->rule].name);
	say_stair(p, most, out);
	buf_addc(out, '\n');
}

int say_why_not(const struct policy *p, const struct plan *plan, const struct plan_without *w,
		int32_t n, struct buf *out)
{
	bool more = n > plan->desired, any = false;

	if (!plan->known)
		return buf_adds(out, "the group could not be read: nothing was decided\n");
	if (n == plan->desired)
		return buf_addf(out, "%d is what was wanted%s\n", n,
				plan->act == PLAN_SET || n == plan->current ? ""
									    : ", and not written");
	for (size_t i = 0; i < plan->stair_count; i++) {
		if (!takes_away(&plan->stairs[i], n, more))
			continue;
		say_one(p, &plan->stairs[i], w, out);
		any = true;
	}
	if (!any)
		say_unasked(p, plan, n, more, out);
	return out->full ? -1 : 0;
}
