/* windlass schema: the policy language as a JSON Schema, for editors. */
#include "base/json.h"
#include "base/options.h"
#include "cli/cli.h"
#include "policy/policy.h"

#define SCHEMA_BYTES_MAX (4u << 20)

int cli_schema(int argc, char **argv)
{
	const struct options o = {
		.program = "windlass schema",
		.summary = "print the JSON Schema of policy files",
		.details = "An editor that knows YAML schemas completes and checks policies by it; "
			   "windlass validate checks more.",
	};
	AUTO(json_freep) struct json *schema = NULL;
	AUTO(buf_done) struct buf out = BUF(SCHEMA_BYTES_MAX);
	char **operands;
	struct err e;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("schema", &e) : CLI_DONE;
	schema = policy_schema();
	json_write_pretty(schema, &out);
	return cli_print(&out, CLI_DONE);
}
