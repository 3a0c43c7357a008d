#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CALL_S 20

const char *doctor_level_word(enum doctor_level l)
{
	static const char *const words[] = { [DOCTOR_NOTE] = "note",
					     [DOCTOR_WARN] = "warning",
					     [DOCTOR_ERROR] = "error",
					     [DOCTOR_FIXED] = "fixed" };

	return words[l];
}

void doctor_done(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		struct doctor_finding *f = &d->list[i];

		own_free(f->subject);
		own_free(f->text);
		own_free(f->remedy);
		own_free(f->target);
		for (size_t k = 0; k < f->id_count; k++)
			own_free(f->ids[k]);
		own_free(f->ids);
	}
	own_free(d->list);
	for (size_t i = 0; i < d->denied_count; i++)
		own_free(d->denied[i]);
	d->list = NULL;
	d->count = d->denied_count = 0;
}

size_t doctor_ills(const struct doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->list[i].level == DOCTOR_WARN || d->list[i].level == DOCTOR_ERROR;
	return n;
}

struct doctor_finding *doctor_add(struct doctor *d, enum doctor_level level, const char *check,
				  const char *subject, const char *remedy, const char *fmt, ...)
{
	struct doctor_finding *f;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->list = own_grow(d->list, d->count + 1, sizeof(*d->list));
	f = &d->list[d->count++];
	*f = (struct doctor_finding){ .level = level,
				      .check = check,
				      .subject = own_strdup(subject),
				      .text = own_strdup(text),
				      .remedy = own_strdup(remedy) };
	return f;
}

static const char *iam_prefix(enum service s)
{
	return s == SERVICE_CLOUDWATCH ? "cloudwatch" : service_info(s)->signing;
}

static bool said_before(struct doctor *d, const char *action)
{
	for (size_t i = 0; i < d->denied_count; i++)
		if (strcmp(d->denied[i], action) == 0)
			return true;
	if (d->denied_count < COUNT_OF(d->denied))
		d->denied[d->denied_count++] = own_strdup(action);
	return false;
}

static bool is_refusal(const struct err *e)
{
	return strncmp(e->code, "AccessDenied", 12) == 0 ||
	       strncmp(e->code, "UnauthorizedOperation", 21) == 0;
}

static void say_denied(struct doctor *d, const struct reply *r, const struct err *e,
		       const char *subject)
{
	AUTO(own_freep)
	char *action = own_printf("%s:%s", iam_prefix(r->service), r->action ? r->action : "?");

	if (is_refusal(e)) {
		if (!said_before(d, action))
			doctor_add(d, DOCTOR_ERROR, "permission", subject,
				   "allow it; windlass iam-policy controller prints all that is "
				   "needed",
				   "%s is not allowed", action);
	} else if (!d->keyless) {
		d->keyless = true;
		doctor_add(d, DOCTOR_ERROR, "credentials", subject,
			   "set AWS_PROFILE, or give the instance a role", "%s", e->text);
	}
}

bool doctor_call(struct doctor *d, struct lane *l, struct aws_call *c, const char *subject,
		 bool *ret_missing)
{
	struct err e = { 0 };

	if (ret_missing)
		*ret_missing = false;
	aws_run_one(l, c, span_s(CALL_S));
	if (reply_check(&c->reply, &e) == 0)
		return true;
	if (e.kind == ERR_DENIED)
		say_denied(d, &c->reply, &e, subject);
	else if (e.kind == ERR_NOT_FOUND && ret_missing)
		*ret_missing = true;
	else if (strcmp(e.code, "InvalidAction") == 0) /* what plays AWS plays not all of it */
		doctor_add(d, DOCTOR_NOTE, "cannot-tell", subject, NULL, "the service knows no %s",
			   c->request.action);
	else
		doctor_add(d, DOCTOR_ERROR, "call-failed", subject, NULL, "%s", e.text);
	return false;
}

bool doctor_try(struct doctor *d, struct lane *l, struct aws_call *c, const char *subject)
{
	struct err e = { 0 };

	aws_run_one(l, c, span_s(CALL_S));
	if (reply_check(&c->reply, &e) == 0)
		return true;
	if (e.kind == ERR_DENIED)
		say_denied(d, &c->reply, &e, subject);
	else
		doctor_add(d, DOCTOR_NOTE, "cannot-tell", subject, NULL, "%s", e.text);
	return false;
}

void doctor_untried(struct doctor *d)
{
	doctor_add(d, DOCTOR_NOTE, "not-tried", "permissions",
		   "windlass iam-policy prints what each program needs",
		   "not tried, as a try would change something: sqs:ReceiveMessage, "
		   "sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:SendMessage, "
		   "autoscaling:SetDesiredCapacity");
}
