/* Records of videos: what is written is read again, and which of two is the later. */
#include <stdlib.h>
#include <string.h>

#include "check_model.h"
#include "model/record.h"

#define NONE INT64_MIN

static struct record record_of(enum record_state state, int64_t began, int progress, int64_t at)
{
	struct record r = { 0 };
	struct job j = { .video_id = "v-1",
			 .task_id = "t-1",
			 .bucket = "videos",
			 .key = "uploads/v-1/a.mp4",
			 .created_at = { 1704067200000 } };

	record_init(&r, &j, state, (struct instant){ at });
	r.began_at.ms = began;
	r.progress = progress;
	return r;
}

static const struct {
	const char *name;
	struct {
		enum record_state state;
		int64_t began;
		int progress;
		int64_t at;
	} old, next;
	bool may;
} pairs[] = {
	{ "sent", { RECORD_UPLOADED, NONE, 0, 1 }, { RECORD_QUEUED, NONE, 0, 2 }, true },
	{ "sent, told too late",
	  { RECORD_PROCESSING, 5, 0, 5 },
	  { RECORD_QUEUED, NONE, 0, 2 },
	  false },
	{ "received", { RECORD_QUEUED, NONE, 0, 2 }, { RECORD_PROCESSING, 5, 0, 5 }, true },
	{ "received before it was said to be sent",
	  { RECORD_UPLOADED, NONE, 0, 1 },
	  { RECORD_PROCESSING, 5, 0, 5 },
	  true },
	{ "further", { RECORD_PROCESSING, 5, 10, 6 }, { RECORD_PROCESSING, 5, 20, 7 }, true },
	{ "less far", { RECORD_PROCESSING, 5, 20, 7 }, { RECORD_PROCESSING, 5, 10, 8 }, false },
	{ "as far", { RECORD_PROCESSING, 5, 20, 7 }, { RECORD_PROCESSING, 5, 20, 8 }, false },
	{ "given back", { RECORD_PROCESSING, 5, 20, 7 }, { RECORD_QUEUED, 5, 0, 8 }, true },
	{ "late progress after that",
	  { RECORD_QUEUED, 5, 0, 8 },
	  { RECORD_PROCESSING, 5, 90, 9 },
	  false },
	{ "a second attempt", { RECORD_QUEUED, 5, 0, 8 }, { RECORD_PROCESSING, 20, 0, 20 }, true },
	{ "the first one's progress",
	  { RECORD_PROCESSING, 20, 0, 20 },
	  { RECORD_PROCESSING, 5, 90, 21 },
	  false },
	{ "the first one gives back late",
	  { RECORD_PROCESSING, 20, 0, 20 },
	  { RECORD_QUEUED, 5, 0, 21 },
	  false },
	{ "done", { RECORD_PROCESSING, 20, 90, 22 }, { RECORD_DONE, 20, 100, 30 }, true },
	{ "done by an earlier attempt",
	  { RECORD_PROCESSING, 20, 90, 22 },
	  { RECORD_DONE, 5, 100, 30 },
	  true },
	{ "late progress after done",
	  { RECORD_DONE, 20, 100, 30 },
	  { RECORD_PROCESSING, 20, 99, 31 },
	  false },
	{ "a second delivery after done",
	  { RECORD_DONE, 20, 100, 30 },
	  { RECORD_PROCESSING, 40, 0, 40 },
	  false },
	{ "done twice", { RECORD_DONE, 20, 100, 30 }, { RECORD_DONE, 40, 100, 41 }, false },
	{ "parked after done", { RECORD_DONE, 20, 100, 30 }, { RECORD_PARKED, 40, 0, 41 }, false },
	{ "parked", { RECORD_PROCESSING, 20, 50, 22 }, { RECORD_PARKED, 20, 0, 30 }, true },
	{ "late progress after parked",
	  { RECORD_PARKED, 20, 0, 30 },
	  { RECORD_PROCESSING, 20, 60, 31 },
	  false },
	{ "moved back to the queue and received",
	  { RECORD_PARKED, 20, 0, 30 },
	  { RECORD_PROCESSING, 40, 0, 40 },
	  true },
	{ "done after all", { RECORD_PARKED, 20, 0, 30 }, { RECORD_DONE, 5, 100, 31 }, true },
	{ "taken by who looks after it",
	  { RECORD_UPLOADED, NONE, 0, 1 },
	  { RECORD_UPLOADED, NONE, 0, 9 },
	  true },
	{ "taken twice at once",
	  { RECORD_UPLOADED, NONE, 0, 9 },
	  { RECORD_UPLOADED, NONE, 0, 9 },
	  false },
	{ "uploaded after queued",
	  { RECORD_QUEUED, NONE, 0, 2 },
	  { RECORD_UPLOADED, NONE, 0, 9 },
	  false },
};

START_TEST(a_record_never_goes_back)
{
	struct record old = record_of(pairs[_i].old.state, pairs[_i].old.began,
				      pairs[_i].old.progress, pairs[_i].old.at);
	struct record next = record_of(pairs[_i].next.state, pairs[_i].next.began,
				       pairs[_i].next.progress, pairs[_i].next.at);

	ck_assert_msg(record_may_follow(&old, &next) == pairs[_i].may, "%s", pairs[_i].name);
}
END_TEST

/* Two states of which each may replace the other would go to and fro for ever. */
START_TEST(no_two_records_follow_each_other)
{
	for (size_t i = 0; i < 2 * COUNT_OF(pairs); i++)
		for (size_t k = 0; k < 2 * COUNT_OF(pairs); k++) {
			struct record a, b;

			a = i % 2 ? record_of(pairs[i / 2].old.state, pairs[i / 2].old.began,
					      pairs[i / 2].old.progress, pairs[i / 2].old.at)
				  : record_of(pairs[i / 2].next.state, pairs[i / 2].next.began,
					      pairs[i / 2].next.progress, pairs[i / 2].next.at);
			b = k % 2 ? record_of(pairs[k / 2].old.state, pairs[k / 2].old.began,
					      pairs[k / 2].old.progress, pairs[k / 2].old.at)
				  : record_of(pairs[k / 2].next.state, pairs[k / 2].next.began,
					      pairs[k / 2].next.progress, pairs[k / 2].next.at);
			ck_assert(!record_may_follow(&a, &b) || !record_may_follow(&b, &a));
		}
}
END_TEST

START_TEST(a_record_reads_back_as_it_was_written)
{
	AUTO(record_done) struct record r = record_of(RECORD_DONE, 5000, 100, 9000), back = { 0 };
	AUTO(json_freep) struct json *j = NULL, *again = NULL;
	AUTO(buf_done) struct buf a = BUF(RECORD_BYTES_MAX), b = BUF(RECORD_BYTES_MAX);
	struct job job;
	struct err e = { 0 };

	record_text(&r.title, "El vídeo de \"Ana\"", RECORD_TITLE_MAX);
	record_reason(&r, "fetch: S3 did not answer");
	record_text(&r.upload, "u/1+2=", RECORD_UPLOAD_MAX);
	record_add_output(&r, "videos", "processed/v-1.mp4", 77, "video/mp4");
	record_add_output(&r, "videos", "processed/v-1.jpg", 7, NULL);
	r.attempt = 3;
	j = record_json(&r);
	json_write(j, &a);
	ck_assert_msg(record_read(buf_str(&a), a.len, &back, &e) == 0, "%s", e.text);
	again = record_json(&back);
	json_write(again, &b);
	ck_assert_str_eq(buf_str(&a), buf_str(&b));
	ck_assert_int_eq(back.state, RECORD_DONE);
	ck_assert_int_eq(back.began_at.ms, 5000);
	ck_assert_int_eq(back.attempt, 3);
	ck_assert_uint_eq(back.output_count, 2);
	ck_assert_str_eq(back.outputs[0].key, "processed/v-1.mp4");
	record_job(&back, &job);
	ck_assert_str_eq(job.key, "uploads/v-1/a.mp4");
	ck_assert_str_eq(job.task_id, "t-1");
}
END_TEST

#define WHOLE                                                                                   \
	"{\"version\":1,\"video_id\":\"v\",\"task_id\":\"t\",\"bucket\":\"bkt\",\"key\":\"k\"," \
	"\"state\":\"queued\""

static const struct {
	const char *name, *text, *error; /* NULL: good */
} texts[] = {
	{ "the least", WHOLE "}", NULL },
	{ "of a later program, with more in it", WHOLE ",\"x\":[1],\"outputs\":[{\"y\":1}]}",
	  NULL },
	{ "no JSON", "hello", "record" },
	{ "no version", "{\"video_id\":\"v\"}", "no version" },
	{ "a version to come", "{\"version\":2}", "of version 2" },
	{ "a state that is none",
	  "{\"version\":1,\"video_id\":\"v\",\"task_id\":\"t\",\"bucket\":\"bkt\",\"key\":\"k\","
	  "\"state\":\"lost\"}",
	  "'lost'" },
	{ "a key that climbs",
	  "{\"version\":1,\"video_id\":\"v\",\"task_id\":\"t\",\"bucket\":\"bkt\",\"key\":\"../k\","
	  "\"state\":\"done\"}",
	  ".." },
	{ "progress past its end", WHOLE ",\"progress\":101}", "progress" },
	{ "less than no attempt", WHOLE ",\"attempt\":-1}", "attempt" },
	{ "a time that is none", WHOLE ",\"at\":\"soon\"}", "at" },
};

START_TEST(what_is_no_record_is_refused)
{
	AUTO(record_done) struct record r = { 0 };
	struct err e = { 0 };
	int rc = record_read(texts[_i].text, strlen(texts[_i].text), &r, &e);

	ck_assert_msg((rc == 0) == !texts[_i].error, "%s: %s", texts[_i].name, e.text);
	if (texts[_i].error) {
		ck_assert_int_eq(e.kind, ERR_PROTOCOL);
		ck_assert_msg(strstr(e.text, texts[_i].error), "%s: %s", texts[_i].name, e.text);
	}
}
END_TEST

START_TEST(a_text_is_cut_between_characters)
{
	AUTO(own_freep) char *s = NULL;

	record_text(&s, "a\xc3\xb1o", 2);
	ck_assert_str_eq(s, "a");
	record_text(&s, "a\xc3\xb1o", 3);
	ck_assert_str_eq(s, "a\xc3\xb1");
	record_text(&s, "", 3);
	ck_assert_ptr_null(s);
}
END_TEST

TCase *check_model_record(void)
{
	TCase *t = tcase_create("record");

	tcase_add_loop_test(t, a_record_never_goes_back, 0, COUNT_OF(pairs));
	tcase_add_test(t, no_two_records_follow_each_other);
	tcase_add_test(t, a_record_reads_back_as_it_was_written);
	tcase_add_loop_test(t, what_is_no_record_is_refused, 0, COUNT_OF(texts));
	tcase_add_test(t, a_text_is_cut_between_characters);
	return t;
}
