/* Lines of a file of jobs: what is taken is a job that every worker takes, with the same words. */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"
#include "produce/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_freep) struct json *o = NULL;
	AUTO(buf_done) struct buf body = BUF(1 << 20);
	struct job j, again;
	struct err e = { 0 };

	if (produce_line_read((const char *)data, size, &j, &e) < 0) {
		FUZZ_HOLDS(e.kind == ERR_POLICY && e.text[0]);
		return 0;
	}
	o = job_write(&j);
	FUZZ_HOLDS(json_write(o, &body) == 0);
	FUZZ_HOLDS(job_read(buf_str(&body), body.len, &again, &e) == 0);
	FUZZ_HOLDS(strcmp(again.task_id, j.task_id) == 0 && strcmp(again.key, j.key) == 0);
	return 0;
}
