/* Policy files to struct policy: every error of a file in one run, and back to YAML.
 *
 * A set owns its policies and their memory. A file with errors gives no policy but its problems;
 * the good files of a directory stay usable.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/keys.h"
#include "model/policy.h"

#define POLICY_SET_MAX 20000 /* policies of one directory */
#define POLICY_PROBLEMS_MAX 1000

struct policy_problem {
	char *file;       /* as it was named */
	int line, column; /* 0: the whole file */
	bool warning;
	char *text;
};

struct policy_item {
	const struct policy *policy;
	bool blocked; /* another enforcing policy has the same group: neither may write */
};

struct policy_set {
	struct keys_arena *arena; /* of all its policies; NULL: none was read */
	struct policy_item *items;
	size_t count;
	struct policy_problem *problems;
	size_t problem_count;
	size_t error_count; /* of the problems: those that are no warnings */
	size_t files, bad_files;
};

/* One "PATH=VALUE" over the file: keys joined by dots, entries of a list by their `name`. */
struct policy_override {
	const char *path, *value;
};

struct policy_reading {
	enum keys_env env; /* what an unset ${NAME} is */
	bool lint;         /* warn of what will hurt, too */
	const struct policy_override *overrides;
	size_t override_count;
	const struct yaml_node *defaults; /* NULL: none */
};

/* A file defaults.yaml in the folder of a policy is no policy: its keys stand for those that the
 * policy does not give, maps key by key, lists as a whole. */
#define POLICY_DEFAULTS "defaults.yaml"

/* Reads a file, or the *.yaml and *.yml of a directory in the order of their names. -1 only when @p
 * path itself cannot be read; what is wrong inside is in the problems. Two enforcing policies of
 * one group are marked, and are a problem of both files. */
MUST int policy_set_read(const char *path, const struct policy_reading *how, struct policy_set *ret,
			 struct err *e);
/* The same for text in memory, added to @p set. Returns false when it had errors. */
bool policy_read_text(const char *file, const char *text, size_t len,
		      const struct policy_reading *how, struct policy_set *set);
/* Marks enforcing policies that share account, region and group, and policies that share a name.
 * Called by policy_set_read(); for sets put together by hand. */
void policy_set_check(struct policy_set *set);
void policy_set_done(struct policy_set *set);

/* The JSON Schema of a file, owned; and the manual of its keys. */
struct json *policy_schema(void);
int policy_schema_manual(struct buf *out);
/* "file:line:column: text" */
int policy_problem_print(const struct policy_problem *p, struct buf *out);
/* YAML that reads back to an equal policy. */
int policy_print(const struct policy *p, struct buf *out);
/* The region in the host of an AWS queue URL, into @p buf; false for other hosts. */
bool policy_region_url(const char *url, char *buf, size_t size);
/* The region a metric is in: its own, its queue's URL's where that is AWS's, the fleet's, or NULL.
 */
const char *policy_region_metric(const struct policy *p, const struct policy_metric *m, char *buf,
				 size_t size);
/* The role that a metric is read with: the fleet's, unless the queue's URL names another
 * account than the role does; NULL: the base credentials. */
const char *policy_region_role(const struct policy *p, const struct policy_metric *m);
/* Whether two policies write to one group; NULL regions count as equal. */
bool policy_region_same_group(const struct policy *a, const struct policy *b);

#endif
