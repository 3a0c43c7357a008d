#include "worker/meter.h"

/* Seconds from send to start: a queue that keeps up, one that waits for an instance, one that is
 * behind. */
static const int64_t wait_up_to_s[METER_WAIT_BUCKETS] = { 1, 5, 15, 60, 300, 900, 3600, 14400 };

void worker_meter_stage(struct meter *m, enum task_stage s, struct span took)
{
	m->stage_ms[s] += took.ms;
	m->stage_count[s]++;
}

void worker_meter_wait(struct meter *m, struct span waited)
{
	int64_t ms = waited.ms > 0 ? waited.ms : 0; /* clocks differ */

	m->wait_ms += ms;
	m->wait_count++;
	for (size_t i = 0; i < METER_WAIT_BUCKETS; i++)
		m->wait_in[i] += ms <= wait_up_to_s[i] * 1000;
}

void worker_meter_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP windlass_worker_%s %s\n# TYPE windlass_worker_%s %s\n", name, help,
		 name, type);
}

void worker_meter_count(struct buf *out, const char *name, const char *type, const char *help,
			int64_t n)
{
	worker_meter_head(out, name, type, help);
	buf_addf(out, "windlass_worker_%s %lld\n", name, (long long)n);
}

static void seconds(struct buf *out, int64_t ms)
{
	buf_addf(out, "%lld.%03lld\n", (long long)ms / 1000, (long long)ms % 1000);
}

void worker_meter_seconds(struct buf *out, const char *name, const char *type, const char *help,
			  int64_t ms)
{
	worker_meter_head(out, name, type, help);
	buf_addf(out, "windlass_worker_%s ", name);
	seconds(out, ms);
}

static void stages(const struct meter *m, struct buf *out)
{
	worker_meter_head(out, "stage_seconds", "summary", "Time of each stage that was passed.");
	for (enum task_stage s = 0; s < TASK_STAGES; s++) {
		const char *word = worker_task_stage_word(s);

		buf_addf(out, "windlass_worker_stage_seconds_sum{stage=\"%s\"} ", word);
		seconds(out, m->stage_ms[s]);
		buf_addf(out, "windlass_worker_stage_seconds_count{stage=\"%s\"} %lld\n", word,
			 (long long)m->stage_count[s]);
	}
}

static void waits(const struct meter *m, struct buf *out)
{
	worker_meter_head(out, "queue_wait_seconds", "histogram",
			  "From the send of a message to the start of its job.");
	for (size_t i = 0; i < METER_WAIT_BUCKETS; i++)
		buf_addf(out, "windlass_worker_queue_wait_seconds_bucket{le=\"%lld\"} %lld\n",
			 (long long)wait_up_to_s[i], (long long)m->wait_in[i]);
	buf_addf(out, "windlass_worker_queue_wait_seconds_bucket{le=\"+Inf\"} %lld\n",
		 (long long)m->wait_count);
	buf_adds(out, "windlass_worker_queue_wait_seconds_sum ");
	seconds(out, m->wait_ms);
	buf_addf(out, "windlass_worker_queue_wait_seconds_count %lld\n", (long long)m->wait_count);
}

static void renewals(const struct meter *m, struct buf *out)
{
	static const char *const words[] = {
		[BROKER_HELD] = "held", [BROKER_LOST] = "lost", [BROKER_UNSURE] = "unsure"
	};

	worker_meter_head(out, "renewals_total", "counter",
			  "Renewals of claims on messages, by what the queue said.");
	for (enum broker_held h = BROKER_HELD; h <= BROKER_UNSURE; h++)
		buf_addf(out, "windlass_worker_renewals_total{answer=\"%s\"} %lld\n", words[h],
			 (long long)m->renewals[h]);
}

void worker_meter_write(const struct meter *m, struct buf *out)
{
	stages(m, out);
	waits(m, out);
	renewals(m, out);
	worker_meter_count(out, "input_bytes_total", "counter", "Bytes of sources fetched.",
			   m->fetched_bytes);
	worker_meter_count(out, "output_bytes_total", "counter", "Bytes of outputs stored.",
			   m->stored_bytes);
	worker_meter_seconds(out, "job_seconds_total", "counter",
			     "Time of jobs that were stored, start to stored output.",
			     m->stored_ms);
	worker_meter_seconds(out, "transcoded_seconds_total", "counter",
			     "Played time of what was transcoded; over stage_seconds_sum of "
			     "transcode it is the speed.",
			     m->media_ms);
}
