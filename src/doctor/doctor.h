/* What keeps a fleet from following its queue: settings looked at from outside, each finding with
 * its remedy.
 *
 * Only reads, and never ReceiveMessage: a look must not spend one of a message's receives. What can
 * be mended without a decision of the operator's is mended by doctor_fix_apply().
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "aws/autoscaling.h"
#include "aws/lane.h"
#include "aws/sqs.h"
#include "policy/policy.h"

enum doctor_level {
	DOCTOR_NOTE,  /* worth knowing: does not count against a clean bill */
	DOCTOR_WARN,  /* will hurt one day */
	DOCTOR_ERROR, /* does not work as it is */
	DOCTOR_FIXED
};
const char *doctor_level_word(enum doctor_level l);

enum doctor_fix {
	DOCTOR_FIX_NONE,
	DOCTOR_FIX_WAIT,      /* receive wait time of a queue: 20 s */
	DOCTOR_FIX_RETENTION, /* of a dead-letter queue: 14 days */
	DOCTOR_FIX_HOOK,      /* a termination lifecycle hook */
	DOCTOR_FIX_PROTECTION /* scale-in protection that nobody needs any more */
};

struct doctor_finding {
	enum doctor_level level;
	const char *check; /* a literal, for machines and the manual: "no-redrive" */
	char *subject;     /* queue, group, variable */
	char *text, *remedy;
	/* What doctor_fix_apply() needs; the lane is borrowed. */
	enum doctor_fix fix;
	struct lane *lane;
	char *target; /* queue URL or group */
	int64_t value;
	char **ids; /* instances */
	size_t id_count;
};

struct doctor {
	struct span job;    /* how long a job takes; ms < 0: not known */
	struct span leaked; /* how long protection has exceeded what is in flight; 0: not known */
	bool spot;          /* instances may be taken back: more receives are advised */
	struct doctor_finding *list;
	size_t count;
	char *denied[16]; /* actions that were refused, said once each */
	size_t denied_count;
	bool keyless;    /* no credentials: said once */
	bool blind_past; /* CloudWatch does not tell: said once */
};
void doctor_done(struct doctor *d);
/* Findings that are neither notes nor fixed. */
size_t doctor_ills(const struct doctor *d);

/* Adds a finding; @p remedy NULL: none. Returns it, to be given a fix. */
struct doctor_finding *doctor_add(struct doctor *d, enum doctor_level level, const char *check,
				  const char *subject, const char *remedy, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
/* Runs a call. False: it failed, which has been said as a finding about @p subject, unless the
 * thing is not there (@p ret_missing, may be NULL). A refusal names the IAM action. */
bool doctor_call(struct doctor *d, struct lane *l, struct aws_call *c, const char *subject,
		 bool *ret_missing);

/* The same of what is only worth a note: what cannot be told is no ill. */
bool doctor_try(struct doctor *d, struct lane *l, struct aws_call *c, const char *subject);

/* The environment of producers and workers. @p urls: the queues that policies follow. */
void doctor_environment_look(struct doctor *d, const char *const *urls, size_t n);
/* What it says of the queue of SQS_QUEUE_URL, where @p url is that one. */
void doctor_environment_queue(struct doctor *d, const char *url, const struct sqs_attributes *a);
/* Who we are, and whether our clock is right. */
void doctor_identity_look(struct doctor *d, struct lane *l);
/* A queue and its dead-letter queue. @p ret_depth may be NULL; its counts are 0 when false. */
bool doctor_queue_look(struct doctor *d, struct lane *l, const char *url, struct depth *ret_depth);
/* By CloudWatch: whether its messages sit, and how many more it has than a day ago. */
void doctor_queue_age(struct doctor *d, struct lane *l, const char *queue);
int64_t doctor_queue_grown(struct doctor *d, struct lane *l, const char *queue);
/* A metric of CloudWatch's: that it may be read, and has values. */
void doctor_metric_look(struct doctor *d, struct lane *l, const struct policy_metric *m);
/* A policy's group: @p depth is the sum over its queues, NULL when one was not readable. */
void doctor_group_look(struct doctor *d, struct lane *l, const struct policy *p,
		       const struct depth *depth);
/* What was not tried, as it cannot be without harm. */
void doctor_untried(struct doctor *d);

/* Mends what can be, and turns those findings to DOCTOR_FIXED; what fails says so. */
void doctor_fix_apply(struct doctor *d);

#endif
