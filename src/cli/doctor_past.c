#include "cli/doctor_past.h"

#define LOOK_BACK_S 86400
#define JOBS_LEAST 20 /* fewer tell nothing of the usual job */

struct leak {
	int64_t slots;
	struct instant since, last; /* INSTANT_NEVER: it did not leak at the last sample */
};

static int on_sample(const struct journal_sample *s, void *arg)
{
	struct leak *l = arg;

	if (s->busy == JOURNAL_UNKNOWN || s->in_flight == JOURNAL_UNKNOWN)
		return 0;
	if (s->busy == 0 || (s->busy - 1) * l->slots < s->in_flight)
		l->since = INSTANT_NEVER;
	else if (instant_is_never(l->since))
		l->since = s->at;
	l->last = s->at;
	return 0;
}

static struct span job_of(const struct policy *p, const struct memory *m)
{
	for (size_t i = 0; i < p->rule_count; i++) {
		struct span told = p->rules[i].queue_wait.service_time;

		if (p->rules[i].kind != POLICY_QUEUE_WAIT)
			continue;
		if (told.ms > 0)
			return told;
		if (m->wait.known && m->wait.done >= JOBS_LEAST)
			return span_ms(m->wait.use_service_ms);
	}
	return span_ms(-1);
}

struct cli_doctor_past cli_doctor_past(struct journal *j, const struct policy *p,
				       struct instant now)
{
	struct cli_doctor_past past = { .job = span_ms(-1) };
	struct leak leak = { .slots = p->fleet.jobs_per_instance > 0 ? p->fleet.jobs_per_instance
								     : 1,
			     .since = INSTANT_NEVER };
	struct memory *m;
	struct err e = { 0 };

	if (!j)
		return past;
	m = own_alloc(sizeof(*m));
	memory_init(m);
	if (journal_read_memory(j, p, now, m, &e) == 0)
		past.job = job_of(p, m);
	own_free(m);
	if (journal_read_samples(j, p->name, instant_add(now, span_s(-LOOK_BACK_S)), on_sample,
				 &leak, &e) == 0 &&
	    !instant_is_never(leak.since))
		past.leaked = instant_since(leak.last, leak.since);
	return past;
}
