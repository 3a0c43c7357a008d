/* --exec: the shortest profile, written from options. */
#include "base/keys.h"
#include "worker/inside.h"

#define NAME "--exec"

const char *worker_command_profile_file(const struct worker_options *o)
{
	return o->command ? NAME : o->profile;
}

void worker_command_profile(const struct worker_options *o, struct buf *out)
{
	buf_adds(out, "version: 1\nname: exec\nprocessor: exec\nexec:\n  command: [/bin/sh, -c, ");
	keys_quote(out, o->command);
	buf_addf(out,
		 "]\n  park_status: %lld\n  sandbox: %s\n  persistent: %s\n"
		 "limits: { wall: %lldms",
		 (long long)o->command_park_status, o->command_sandbox,
		 o->command_persistent ? "true" : "false", (long long)o->command_limit.ms);
	if (o->command_stall.ms > 0)
		buf_addf(out, ", stall: %lldms", (long long)o->command_stall.ms);
	buf_adds(out, " }\n");
}
