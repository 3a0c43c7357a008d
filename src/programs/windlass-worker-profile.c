/* windlass-worker --help-profile, --profile-schema and --check-profile: profiles, without a queue.
 */
#include <stdio.h>

#include "base/json.h"
#include "programs/windlass-worker.h"
#include "worker/profile.h"

#define TEXT_BYTES_MAX (1u << 20)

int windlass_worker_profile_told(bool schema)
{
	AUTO(buf_done) struct buf out = BUF(TEXT_BYTES_MAX);
	AUTO(json_freep) struct json *j = schema ? keys_schema(&worker_profile_table) : NULL;
	int rc = schema ? json_write(j, &out) : keys_manual(&worker_profile_table, &out);

	printf("%s%s", buf_str(&out), schema ? "\n" : "");
	return rc < 0 || fflush(stdout) != 0 ? 1 : 0;
}

int windlass_worker_profile_checked(const char *file)
{
	AUTO(buf_done) struct buf text = BUF(PROFILE_BYTES_MAX), problems = BUF(TEXT_BYTES_MAX);
	AUTO(worker_profile_done) struct profile p = { 0 };
	struct err e = { 0 };
	int rc;

	if (!file || !*file) {
		fprintf(stderr, "windlass-worker: --check-profile needs --profile\n");
		return 2;
	}
	if (buf_read_file(&text, file, &e) < 0) {
		fprintf(stderr, "windlass-worker: %s\n", e.text);
		return 1;
	}
	rc = worker_profile_read(file, buf_str(&text), text.len, &p, &problems, &e);
	fprintf(stderr, "%s", buf_str(&problems));
	if (rc < 0) {
		fprintf(stderr, "windlass-worker: %s\n", e.text);
		return 2;
	}
	printf("%s: %s, digest %s\n", file, p.name, p.digest);
	return 0;
}
