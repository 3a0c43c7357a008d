/* What the controller's journal knows that a doctor's look cannot see. */
#ifndef CLI_DOCTOR_PAST_H
#define CLI_DOCTOR_PAST_H

#include "journal/journal.h"

struct cli_doctor_past {
	struct span job;    /* how long a job takes, as its promise learnt; ms < 0: not known */
	struct span leaked; /* so long more was protected than jobs were in flight; 0: it was not */
};
/* @p j NULL: nothing is known. What cannot be read is not known either. */
struct cli_doctor_past cli_doctor_past(struct journal *j, const struct policy *p,
				       struct instant now);

#endif
