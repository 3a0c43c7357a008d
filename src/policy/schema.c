/* The language for editors and people, from the one table. */
#include "policy/policy.h"
#include "policy/raw.h"

struct json *policy_schema(void)
{
	return keys_schema(&policy_table);
}

int policy_schema_manual(struct buf *out)
{
	buf_adds(
		out,
		"A policy is a YAML file of these keys. Lengths of time are 90s, 5m, 2h, 14d; "
		"${NAME} takes\nan environment variable, $$ is a $. A file defaults.yaml beside it "
		"gives what the\npolicies of its folder have in common.\n\n");
	return keys_manual(&policy_table, out);
}
