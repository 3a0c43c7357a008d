/* Unit tests of a policy: series of what is seen, and what must be decided at given times.
 *
 *   policy: ../anb.yaml
 *   tests:
 *     - name: a burst takes the fleet to its max
 *       group: { desired: 1, min: 1, max: 3 }
 *       series: { backlog: "0x3 5+5x10", backlog.in_flight: "0" }
 *       expect:
 *         - { at: 1m, desired: 3, reasons: [target] }
 *
 * A series has one value a turn, in the notation of promtool: "5" once, "5x3" four times, "5+2x3"
 * is 5 7 9 11, "5-2x2" is 5 3 1, "_" and "_x3" missing data, once and three times. After its end
 * the last value stays. The group takes each new size at once; what is launched is in service after
 * `boot`.
 */
#ifndef REHEARSE_TRIAL_H
#define REHEARSE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"
#include "policy/policy.h"

#define TRIAL_VALUES_MAX 20000 /* of one series, and turns of one test */
#define TRIAL_MISSING INT64_MIN

struct trial_series {
	enum trial_target {
		TRIAL_METRIC,  /* visible of a queue, or the value */
		TRIAL_MEMBER,  /* another count of a queue */
		TRIAL_GROUP,   /* missing: the group cannot be read */
		TRIAL_DESIRED, /* somebody else sets the size */
		TRIAL_FAILED   /* of what is wanted, so many launches fail */
	} target;
	size_t metric;
	int member;      /* TRIAL_MEMBER: enum policy_member */
	int64_t *values; /* thousandths, or TRIAL_MISSING */
	size_t count;
};

struct trial_expect {
	int line;
	struct span at;
	bool desired_given, least_given, most_given;
	int64_t desired, least, most;
	const char **reasons, **without;
	size_t reason_count, without_count;
};

struct trial {
	const char *name;
	int line;
	struct instant start;
	struct span every, boot;
	int64_t desired, min, max;
	struct trial_series *series;
	size_t series_count;
	struct trial_expect *expects;
	size_t expect_count;
};

struct trial_file {
	char *path;
	struct policy_set set;
	const struct policy *policy;
	struct trial *trials;
	size_t count;
	struct keys_arena *arena;
	struct keys_reader *problems; /* of the file of tests */
};

/* What one test came to. The texts end in newlines. */
struct trial_result {
	const struct trial *trial;
	size_t failures;
	struct buf text;   /* each failure, and the staircase of its turn */
	struct json *json; /* the same: a list */
};

/* -1 when the file or its policy cannot be read, or either has errors: those are in set.problems
 * and problems. */
MUST int trial_read(const char *path, struct trial_file *ret, struct err *e);
/* The same for text in memory, with the policy of text too. */
MUST int trial_read_text(const char *path, const char *text, size_t len, const char *policy,
			 struct trial_file *ret, struct err *e);
void trial_done(struct trial_file *f);
void trial_run(const struct trial_file *f, const struct trial *t, struct trial_result *ret);
void trial_result_done(struct trial_result *r);
/* The values of a series' text. */
MUST int trial_series_parse(struct keys_arena *a, const char *text, struct trial_series *ret,
			    struct err *e);

#endif
