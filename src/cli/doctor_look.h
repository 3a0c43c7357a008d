/* What verbs that look at settings share: a policy with its queues and its group, and how a finding
 * is told. */
#ifndef CLI_DOCTOR_LOOK_H
#define CLI_DOCTOR_LOOK_H

#include "base/buf.h"
#include "base/json.h"
#include "control/lanes.h"
#include "doctor/doctor.h"
#include "journal/journal.h"

struct doctor_look {
	struct lanes *lanes;
	struct doctor doctor;
	struct span job;      /* how long one takes; ms < 0: what is in past */
	struct journal *past; /* of the controller, borrowed; NULL: none */
};

/* NULL: it cannot be made, which has been said as a finding. NULLs: found by the chain. */
struct lane *cli_doctor_lane(struct doctor_look *v, const char *region, const char *role,
			     const char *id);
/* The queues and metrics of a policy, and its group. */
void cli_doctor_policy(struct doctor_look *v, const struct policy *p);

void cli_doctor_text(const struct doctor_finding *f, struct buf *out);
struct json *cli_doctor_json(const struct doctor_finding *f);

#endif
