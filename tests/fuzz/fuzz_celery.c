/* What a stranger may put into a queue of Celery, and what is written back of it. */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"
#include "broker/celery_busy.h"
#include "broker/celery_own.h"

static void check_json(const char *text, size_t len)
{
	struct err e = { 0 };
	struct json *j = json_parse(text, len, &e);

	FUZZ_HOLDS(json_type(json_get(j, "headers")) == JSON_OBJECT);
	json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct broker_celery_names names = { 0 };
	AUTO(broker_message_done) struct broker_message m = { 0 };
	AUTO(own_freep) char *back = NULL, *noted = NULL;
	const struct broker_note note = { "windlass-parked", "{\"reason\":\"x\"}" };
	struct instant eta;
	struct err e = { 0 };
	int64_t running;
	struct job job;
	size_t len = 0;

	FUZZ_HOLDS(broker_celery_names_check(&names, &e) == 0);
	broker_celery_read(&names, (const char *)data, size, (struct instant){ 1700000000000 }, &m,
			   &eta);
	FUZZ_HOLDS(m.id && m.body && m.raw && m.raw_len == size);
	FUZZ_HOLDS(!m.wrong || *m.wrong);
	FUZZ_HOLDS(m.attr_count <= BROKER_ATTRS_MAX);
	if (!m.wrong && job_read(m.body, m.body_len, &job, &e) == 0)
		FUZZ_HOLDS(job.video_id[0] && job.bucket[0]);
	back = broker_celery_redelivered(m.raw, m.raw_len, &len);
	FUZZ_HOLDS(size == 0 || len > 0);
	noted = broker_celery_noted(&m, &note, 1, &len);
	if (noted)
		check_json(noted, len);
	broker_celery_wants_result(&m);
	if (broker_celery_busy_read((const char *)data, size, "ticket", "celery", &running))
		FUZZ_HOLDS(running >= 0 && (size_t)running <= size);
	return 0;
}
