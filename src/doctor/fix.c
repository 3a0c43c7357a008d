/* What can be mended without asking anybody. */
#include "doctor/doctor.h"

#define CALL_S 20
#define HOOK_NAME "windlass-drain"

static bool run(struct doctor_finding *f, struct aws_call *c)
{
	struct err e = { 0 };

	aws_run_one(f->lane, c, span_s(CALL_S));
	if (reply_check(&c->reply, &e) == 0)
		return true;
	own_free(f->remedy);
	f->remedy = own_printf("the mending failed: %s", e.text);
	return false;
}

static bool set_queue(struct doctor_finding *f, const struct sqs_queue_options *o)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_set_attributes_ask(&c.request, f->target, o);
	return run(f, &c);
}

static bool put_hook(struct doctor_finding *f)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_autoscaling_put_hook_ask(&c.request, f->target, HOOK_NAME,
				     "autoscaling:EC2_INSTANCE_TERMINATING", (int)f->value,
				     "CONTINUE");
	return run(f, &c);
}

static bool clear_protection(struct doctor_finding *f)
{
	for (size_t at = 0; at < f->id_count; at += AUTOSCALING_PROTECT_MAX) {
		AUTO(aws_call_done) struct aws_call c = { 0 };
		size_t n = f->id_count - at;

		aws_autoscaling_protect_ask(
			&c.request, f->target, (const char *const *)f->ids + at,
			n < AUTOSCALING_PROTECT_MAX ? n : AUTOSCALING_PROTECT_MAX, false);
		if (!run(f, &c))
			return false;
	}
	return true;
}

static bool mend(struct doctor_finding *f)
{
	switch (f->fix) {
	case DOCTOR_FIX_WAIT:
		return set_queue(f, &SQS_QUEUE_OPTIONS(.wait_s = (int)f->value));
	case DOCTOR_FIX_RETENTION:
		return set_queue(f, &SQS_QUEUE_OPTIONS(.retention_s = (int)f->value));
	case DOCTOR_FIX_HOOK:
		return put_hook(f);
	case DOCTOR_FIX_PROTECTION:
		return clear_protection(f);
	case DOCTOR_FIX_NONE:
		break;
	}
	return false;
}

void doctor_fix_apply(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].fix != DOCTOR_FIX_NONE && mend(&d->list[i]))
			d->list[i].level = DOCTOR_FIXED;
}
