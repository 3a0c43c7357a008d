#include "model/say.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const struct {
	const char *word;
	int step;
	const char *text;
} reasons[] = {
#define REASON(code, word, step, text) [REASON_##code] = { word, step, text },
#include "model/reasons.def"
#undef REASON
};

static const char *const step_words[] = { "none", "trust", "demand", "activate", "stabilize",
					  "ramp", "cool",  "reach",  "bounds",   "mode" };

static const char *const why_words[] = {
	[FACT_READABLE] = "readable",
	[FACT_NEVER_READ] = "never read",
	[FACT_DENIED] = "denied",
	[FACT_THROTTLED] = "throttled",
	[FACT_UNREACHABLE] = "unreachable",
	[FACT_NOT_FOUND] = "not found",
	[FACT_NONSENSE] = "nonsense",
	[FACT_STALE] = "stale",
	[FACT_UNSUPPORTED] = "not read by this version",
	[FACT_UNDEFINED] = "undefined",
	[FACT_NO_REGION] = "no region is set: fleet.region or AWS_REGION",
};

static const char *const launch_words[] = {
	[LAUNCH_OTHER] = "see its activities",
	[LAUNCH_CAPACITY] = "EC2 has no capacity",
	[LAUNCH_LIMIT] = "a quota is reached",
	[LAUNCH_SPOT] = "no spot instance at this price",
	[LAUNCH_SETUP] = "its launch template or what it names is wrong",
};

static const char *const outcome_words[] = {
	[OUTCOME_HELD] = "held",       [OUTCOME_FORBIDDEN] = "forbidden",
	[OUTCOME_DONE] = "done",       [OUTCOME_CONFLICT] = "conflict",
	[OUTCOME_REFUSED] = "refused", [OUTCOME_UNKNOWN] = "unknown",
};

static const char *const mode_words[] = {
	[POLICY_ENFORCE] = "enforce",
	[POLICY_DRY_RUN] = "dry_run",
	[POLICY_SHADOW] = "shadow",
	[POLICY_PAUSED] = "paused",
};

#define WORD(table, i) ((size_t)(i) < COUNT_OF(table) ? (table)[i] : "unknown")

const char *say_reason_word(enum reason code)
{
	return (size_t)code < COUNT_OF(reasons) ? reasons[code].word : "unknown";
}

int say_reason_step(enum reason code)
{
	return (size_t)code < COUNT_OF(reasons) ? reasons[code].step : 0;
}

const char *say_reason_text(enum reason code)
{
	return (size_t)code < COUNT_OF(reasons) ? reasons[code].text : "";
}

const char *say_step_word(int step)
{
	return WORD(step_words, step);
}

int say_reason_parse(const char *word, enum reason *ret)
{
	for (size_t i = 0; word && i < COUNT_OF(reasons); i++)
		if (strcmp(reasons[i].word, word) == 0) {
			*ret = (enum reason)i;
			return 0;
		}
	return -1;
}

const char *say_why_word(enum fact_why why)
{
	return WORD(why_words, why);
}

const char *say_launch_word(enum launch_why why)
{
	return WORD(launch_words, why);
}

const char *say_outcome_word(enum outcome_kind kind)
{
	return WORD(outcome_words, kind);
}

const char *say_mode_word(enum policy_mode mode)
{
	return WORD(mode_words, mode);
}

/* 2500 thousandths as 2.5. */
static int say_milli(int64_t v, struct buf *out)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned part = (unsigned)(u % 1000);
	char text[40];
	int n = snprintf(text, sizeof(text), "%s%llu", v < 0 ? "-" : "",
			 (unsigned long long)(u / 1000));

	if (part)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%03u", part);
	while (part && text[n - 1] == '0')
		n--;
	return buf_add(out, text, (size_t)n);
}

static const char *rule_name(const struct policy *p, int rule)
{
	return rule >= 0 && (size_t)rule < p->rule_count ? p->rules[rule].name : "?";
}

static const char *metric_name(const struct policy *p, int64_t metric)
{
	return metric >= 0 && (uint64_t)metric < p->metric_count ? p->metrics[metric].name : "?";
}

static int say_arg(const struct policy *p, char type, int64_t v, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];

	switch (type) {
	case 'n':
		return buf_addf(out, "%lld", (long long)v);
	case 'j':
		return buf_addf(out, "%lld job%s", (long long)v, v == 1 ? "" : "s");
	case 'm':
		return say_milli(v, out);
	case 'p':
		return say_milli(v > INT64_MAX / 100 ? v : v * 100, out) < 0 ? -1
									     : buf_addc(out, '%');
	case 'd':
		return buf_adds(out, clock_print_span(span_ms(v), text));
	case 't':
		return buf_adds(out, clock_print((struct instant){ v }, text));
	case 'w':
		return buf_adds(
			out, say_why_word((enum fact_why)(v < 0 || v >= FACT_WHY_COUNT ? -1 : v)));
	case 'l':
		return buf_adds(out, say_launch_word((enum launch_why)(
					     v < 0 || v >= LAUNCH_WHY_COUNT ? LAUNCH_OTHER : v)));
	case 's':
		return buf_adds(out, v >= 0 && (uint64_t)v < p->schedule_count
					     ? p->schedules[v].name
					     : "?");
	case 'x':
		return buf_adds(out, metric_name(p, v));
	default:
		return buf_addc(out, '?');
	}
}

int say_stair(const struct policy *p, const struct stair *s, struct buf *out)
{
	const char *t = say_reason_text((enum reason)s->code);

	while (*t) {
		if (*t != '{') {
			if (buf_addc(out, *t++) < 0)
				return -1;
		} else if (t[1] == 'r') {
			if (buf_adds(out, rule_name(p, s->rule)) < 0)
				return -1;
			t += 3;
		} else {
			int i = t[2] - '0';

			if (say_arg(p, t[1], i >= 0 && i < 3 ? s->arg[i] : 0, out) < 0)
				return -1;
			t += 4;
		}
	}
	return 0;
}

/* Names and values of what was seen, and how long ago the oldest of it was. */
static int say_head(const struct policy *p, const struct facts *f, const struct plan *plan,
		    struct instant now, struct buf *out)
{
	struct instant oldest = INSTANT_NEVER;
	char text[CLOCK_TEXT_MAX];

	buf_adds(out, p->name);
	if (plan->known)
		buf_addf(out, "  now %d", plan->current);
	else
		buf_adds(out, "  now ?");
	for (size_t i = 0; f && i < f->metric_count && i < p->metric_count; i++) {
		const struct fact *m = &f->metric[i];

		if (policy_metric_is_derived(&p->metrics[i]))
			continue;
		if (m->why != FACT_READABLE) {
			buf_addf(out, "  %s (%s)", p->metrics[i].name, say_why_word(m->why));
			continue;
		}
		buf_addf(out, "  %s ", p->metrics[i].name);
		if (m->is_queue)
			buf_addf(out, "%lld",
				 (long long)fact_jobs(
					 m, m->has & policy_metric_counts(&p->metrics[i])));
		else
			say_milli(m->value_milli, out);
		if (instant_is_never(oldest) || m->seen_at.ms < oldest.ms)
			oldest = m->seen_at;
	}
	if (!instant_is_never(oldest))
		buf_addf(out, "  seen %s ago",
			 clock_print_span(
				 span_ms(oldest.ms < now.ms ? instant_since(now, oldest).ms : 0),
				 text));
	return buf_addc(out, '\n');
}

static int digits(int32_t v)
{
	return snprintf(NULL, 0, "%d", v);
}

/* "  2 -> 120"; where the group could not be read no size is known, and none is zero. */
static int say_sizes(const struct plan *plan, const struct stair *s, int width, struct buf *out)
{
	if (!plan->known)
		return buf_addf(out, "%*s -> %*s", width, "?", width, "?");
	return buf_addf(out, "%*d -> %*d", width, s->from, width, s->to);
}

/* Of several rules, which one says so; many sentences name it themselves. */
static void say_whose(const struct policy *p, const struct stair *s, struct buf *out)
{
	if (p->rule_count > 1 && s->rule >= 0 &&
	    !strstr(say_reason_text((enum reason)s->code), "{r}"))
		buf_addf(out, "rule %s: ", rule_name(p, s->rule));
}

int say_plan(const struct policy *p, const struct facts *f, const struct plan *plan,
	     struct instant now, struct buf *out)
{
	int width = 3;

	say_head(p, f, plan, now, out);
	for (size_t i = 0; i < plan->stair_count; i++) {
		int from = digits(plan->stairs[i].from), to = digits(plan->stairs[i].to);

		width = from > width ? from : width;
		width = to > width ? to : width;
	}
	for (size_t i = 0; i < plan->stair_count; i++) {
		const struct stair *s = &plan->stairs[i];
		int step = say_reason_step((enum reason)s->code);

		buf_addf(out, "  %d %-9s ", step, say_step_word(step));
		say_sizes(plan, s, width, out);
		buf_adds(out, "   ");
		say_whose(p, s, out);
		say_stair(p, s, out);
		buf_addc(out, '\n');
		if (s->code == REASON_LAUNCH_FAILED && f && f->group.launch_text[0])
			buf_addf(out, "%*sAWS says: %s\n", 21 + 2 * width, "",
				 f->group.launch_text);
	}
	return out->full ? -1 : 0;
}

int say_plan_short(const struct policy *p, const struct plan *plan, struct buf *out)
{
	const struct stair *why = NULL;

	for (size_t i = 0; i < plan->stair_count; i++)
		if (plan->stairs[i].code == plan->why)
			why = &plan->stairs[i];
	if (!plan->known)
		buf_adds(out, "hold: ");
	else if (plan->desired == plan->current)
		buf_addf(out, "%d: ", plan->current);
	else
		buf_addf(out, "%d -> %d: ", plan->current, plan->desired);
	return why ? say_stair(p, why, out)
		   : buf_adds(out, say_reason_text((enum reason)plan->why));
}
