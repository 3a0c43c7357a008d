#include "check_worker.h"

#include <stdlib.h>
#include <string.h>

#include "worker/probe.h"
#include "worker/profile.h"
#include "worker/verify.h"

static const struct {
	const char *name, *text, *says; /* says: in the problems or in the error */
} bad[] = {
	{ "nothing", "", "empty" },
	{ "not YAML", HEAD "steps: [", "t.yaml:4:1" },
	{ "an unknown key, with the nearest", HEAD STEPS OUTPUTS "stepps: 1\n", "'steps'" },
	{ "no outputs", HEAD STEPS, "there must be an output" },
	{ "an empty list of outputs", HEAD STEPS "outputs: []\n", "output" },
	{ "an intro of no size",
	  HEAD "assets:\n  - { name: i, file: /i.mp4 }\nsteps:\n  - intro: { clip: i }\n" OUTPUTS,
	  "t.yaml:6:5: intro and outro come after a fit step" },
	{ "an asset that is not there", HEAD "steps:\n  - watermark: { image: logo }\n" OUTPUTS,
	  "t.yaml:4:25: there is no asset 'logo'" },
	{ "an asset of two places",
	  HEAD "assets:\n  - { name: a, file: /a, s3: s3://bucket/a }\n" STEPS OUTPUTS,
	  "either file or s3" },
	{ "an asset of no place at all",
	  HEAD "assets:\n  - { name: a, file: a.png }\n" STEPS OUTPUTS, "absolute path" },
	{ "a codec that its container does not take",
	  HEAD STEPS "outputs:\n  - { name: v, key: \"{video_id}{digest}\", container: webm, "
		     "video: { codec: h264 } }\n",
	  "webm takes vp9 or av1" },
	{ "two outputs without a manifest",
	  HEAD STEPS OUTPUTS "  - { name: p, key: \"{video_id}{digest}.jpg\", container: jpeg, at: "
			     "1s }\n",
	  "needs a manifest" },
	{ "pictures that share a key",
	  HEAD STEPS "manifest: \"{video_id}{digest}\"\noutputs:\n  - { name: p, key: "
		     "\"{video_id}{digest}\", container: jpeg, every: 1s }\n",
	  "key needs {number}" },
	{ "HLS without a folder of its own",
	  HEAD STEPS "manifest: \"{video_id}{digest}\"\noutputs:\n  - { name: h, container: hls, "
		     "key: \"{video_id}{digest}.m3u8\", renditions: [ { name: a, video: {} } ] }\n",
	  "a folder of its own" },
	{ "a command among videos", HEAD "exec: { command: [true] }\n" STEPS OUTPUTS,
	  "exec is of processor: exec" },
	{ "a processor without its command", HEAD "processor: exec\n", "needs exec.command" },
	{ "a command's output of nowhere",
	  HEAD "processor: exec\nexec: { command: [true] }\noutputs:\n  - { name: a, key: "
	       "\"{digest}\", file: a }\n",
	  "has a bucket" },
	{ "a command's output that leaves its folder",
	  HEAD "processor: exec\nexec: { command: [true] }\noutputs:\n  - { name: a, key: "
	       "\"{digest}\", bucket: bbb, file: ../a }\n",
	  "without /" },
	{ "a step of two keys",
	  HEAD "steps:\n  - { trim: { to: 3s }, fit: { width: 64, height: 64 } }\n" OUTPUTS,
	  "a step is one key" },
	{ "a step of none", HEAD "steps:\n  - {}\n  - fit: { width: 64, height: 64 }\n" OUTPUTS,
	  "a step is one key" },
	{ "a step twice", HEAD STEPS "  - fit: { width: 64, height: 64 }\n" OUTPUTS,
	  "was there already" },
	{ "an odd width", HEAD "steps:\n  - fit: { width: 1281, height: 720 }\n" OUTPUTS, "even" },
	{ "a width out of bounds", HEAD "steps:\n  - fit: { width: 99999, height: 720 }\n" OUTPUTS,
	  "t.yaml:4:19" },
	{ "a trim that ends before it begins",
	  HEAD
	  "steps:\n  - trim: { from: 9s, to: 5s }\n  - fit: { width: 64, height: 64 }\n" OUTPUTS,
	  "after from" },
	{ "a colour that is a filter",
	  HEAD "steps:\n  - fit: { width: 64, height: 64, color: \"red,drawtext=x\" }\n" OUTPUTS,
	  "color" },
	{ "a key that all jobs would share",
	  HEAD STEPS
	  "outputs:\n  - name: v\n    key: \"p/{video_id}.mp4\"\n    video: { crf: 23 }\n",
	  "one job, one object" },
	{ "a key with unknown braces",
	  HEAD STEPS
	  "outputs:\n  - name: v\n    key: \"{video_id}{digest}{x}\"\n    video: { crf: 23 }\n",
	  "braces" },
	{ "a key that climbs",
	  HEAD STEPS
	  "outputs:\n  - name: v\n    key: \"../{video_id}{digest}\"\n    video: { crf: 23 }\n",
	  ".." },
	{ "a name that is a path",
	  HEAD STEPS
	  "outputs:\n  - name: \"../v\"\n    key: \"{video_id}{digest}\"\n    video: { crf: 23 }\n",
	  "name is a word" },
	{ "a preset that is not known",
	  HEAD STEPS "outputs:\n  - name: v\n    key: \"{video_id}{digest}\"\n    video: { preset: "
		     "veryfst }\n",
	  "veryfast" },
	{ "a format that is no name", HEAD "input: { formats: [ \"mp4,hls\" ] }\n" STEPS OUTPUTS,
	  "no name of a demuxer" },
	{ "a later version", "version: 2\nname: t\n" STEPS OUTPUTS, "version" },
	{ "a wall past what a message can be hidden", HEAD STEPS OUTPUTS "limits: { wall: 12h }\n",
	  "wall" },
};

START_TEST(a_bad_profile_is_told_by_its_place)
{
	AUTO(buf_done) struct buf problems = BUF(65536);
	struct profile p;
	struct err e = { 0 };
	int rc = worker_profile_read("t.yaml", bad[_i].text, strlen(bad[_i].text), &p, &problems,
				     &e);

	ck_assert_msg(rc < 0, "%s was taken", bad[_i].name);
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_msg(strstr(buf_str(&problems), bad[_i].says) || strstr(e.text, bad[_i].says),
		      "%s: %s | %s", bad[_i].name, buf_str(&problems), e.text);
	worker_profile_done(&p);
}
END_TEST

START_TEST(the_shipped_profile_is_the_migrations)
{
	AUTO(buf_done) struct buf text = BUF(PROFILE_BYTES_MAX);
	AUTO(own_freep)
	char *path = own_printf("%s/examples/quickstart/anb-profile.yaml",
				getenv("WINDLASS_SRC") ? getenv("WINDLASS_SRC") : "..");
	AUTO(worker_profile_done) struct profile p = { 0 };
	struct err e = { 0 };

	ck_assert_msg(buf_read_file(&text, path, &e) == 0, "%s", e.text);
	p = check_worker_profile(buf_str(&text));
	ck_assert_int_eq(worker_profile_trim_step(&p)->to.ms, 30000);
	ck_assert_int_eq(worker_profile_fit_step(&p)->width, 1280);
	ck_assert_int_eq(worker_profile_fit_step(&p)->height, 720);
	ck_assert_int_eq(p.outputs[0].video.crf, 23);
	ck_assert_str_eq(worker_profile_preset_word(p.outputs[0].video.preset), "veryfast");
	ck_assert(p.outputs[0].faststart);
	ck_assert_int_eq(p.outputs[0].audio, PROFILE_AUDIO_NONE);
}
END_TEST

START_TEST(the_digest_is_of_what_makes_the_output)
{
	AUTO(worker_profile_done) struct profile a = check_worker_profile(HEAD STEPS OUTPUTS);
	AUTO(worker_profile_done)
	struct profile b = check_worker_profile(
		"# a comment\nversion: 1\nname: other\n" OUTPUTS STEPS "limits: { wall: 5m }\n");
	AUTO(worker_profile_done)
	struct profile c = check_worker_profile(
		HEAD
		"steps:\n  - trim: { to: 31s }\n  - fit: { width: 1280, height: 720 }\n" OUTPUTS);

	ck_assert_str_eq(a.digest, b.digest);
	ck_assert_str_ne(a.digest, c.digest);
}
END_TEST

static const struct {
	const char *name;
	int64_t source_ms, promised_ms;
} durations[] = {
	{ "short", 5000, 5000 }, { "exactly", 30000, 30000 }, { "long", 45000, 30000 },
	{ "unknown", -1, -1 },   { "nothing", 0, 0 },
};

START_TEST(at_most_the_trim)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(HEAD STEPS OUTPUTS);

	ck_assert_int_eq(worker_profile_duration(&p, span_ms(durations[_i].source_ms)).ms,
			 durations[_i].promised_ms);
}
END_TEST

START_TEST(the_key_comes_from_job_source_and_profile)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(HEAD STEPS OUTPUTS);
	struct profile_key_parts parts = { .video_id = "vid",
					   .task_id = "t1",
					   .bucket = "bucket",
					   .key = "a.mp4",
					   .etag = "\"e1\"" },
				 other;
	AUTO(buf_done) struct buf a = BUF(4096), b = BUF(4096), c = BUF(4096), d = BUF(4096);
	struct err e = { 0 };

	ck_assert_int_eq(worker_profile_key(&p, p.outputs[0].key, &parts, &a, &e), 0);
	other = parts;
	other.task_id = "t2"; /* the same work for another task is the same output */
	ck_assert_int_eq(worker_profile_key(&p, p.outputs[0].key, &other, &b, &e), 0);
	other.etag = "\"e2\"";
	ck_assert_int_eq(worker_profile_key(&p, p.outputs[0].key, &other, &c, &e), 0);
	other = parts;
	other.bucket = "bucketa";
	other.key = ".mp4"; /* the same letters, cut elsewhere */
	ck_assert_int_eq(worker_profile_key(&p, p.outputs[0].key, &other, &d, &e), 0);
	ck_assert_msg(strncmp(buf_str(&a), "p/vid-", 6) == 0 && a.len == 6 + 16 + 4, "%s",
		      buf_str(&a));
	ck_assert_str_eq(buf_str(&a), buf_str(&b));
	ck_assert_str_ne(buf_str(&a), buf_str(&c));
	ck_assert_str_ne(buf_str(&a), buf_str(&d));
}
END_TEST

/* --- probes */

#define VIDEO                                                                                      \
	"{\"index\":0,\"codec_type\":\"video\",\"codec_name\":\"h264\",\"width\":1280,\"height\":" \
	"720,"                                                                                     \
	"\"sample_aspect_ratio\":\"1:1\",\"pix_fmt\":\"yuv420p\",\"duration\":\"5.000000\"}"
#define FORMAT "\"format\":{\"format_name\":\"mov,mp4\",\"duration\":\"5.1\"}"

static const struct {
	const char *name, *text, *says; /* says NULL: it will do as a source */
} probes[] = {
	{ "a video", "{\"streams\":[" VIDEO "]," FORMAT "}", NULL },
	{ "a song", "{\"streams\":[{\"index\":0,\"codec_type\":\"audio\"}]," FORMAT "}",
	  "no video" },
	{ "a song with a cover",
	  "{\"streams\":[{\"codec_type\":\"audio\"},{\"index\":1,\"codec_type\":\"video\","
	  "\"width\":9,\"height\":9,"
	  "\"disposition\":{\"attached_pic\":1}}]," FORMAT "}",
	  "no video" },
	{ "nothing", "{\"streams\":[]," FORMAT "}", "no video" },
	{ "no size",
	  "{\"streams\":[{\"index\":0,\"codec_type\":\"video\",\"width\":0,\"height\":0}]," FORMAT
	  "}",
	  "damaged" },
	{ "huge",
	  "{\"streams\":[{\"index\":0,\"codec_type\":\"video\",\"width\":65535,\"height\":65535}]"
	  "," FORMAT "}",
	  "pixels" },
	{ "a product that would overflow",
	  "{\"streams\":[{\"index\":0,\"codec_type\":\"video\",\"width\":4611686018427387904,"
	  "\"height\":4}]," FORMAT "}",
	  "pixels" },
	{ "endless",
	  "{\"streams\":[{\"index\":0,\"codec_type\":\"video\",\"width\":64,\"height\":64,"
	  "\"duration\":\"999999.0\"}]," FORMAT "}",
	  "s are more" },
	{ "a negative index",
	  "{\"streams\":[{\"index\":-1,\"codec_type\":\"video\",\"width\":64,\"height\":64}]"
	  "," FORMAT "}",
	  "no video" },
	{ "not JSON", "moov atom not found", "ffprobe's answer" },
	{ "cut off", "{\"streams\":[", "ffprobe's answer" },
};

START_TEST(a_source_is_taken_or_refused)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(HEAD STEPS OUTPUTS);
	struct probe found;
	struct err e = { 0 };
	int rc = worker_probe_read(probes[_i].text, strlen(probes[_i].text), &found, &e);

	if (rc == 0)
		rc = worker_probe_check_source(&found, &p, &e);
	ck_assert_msg((rc == 0) == !probes[_i].says, "%s: %s", probes[_i].name, e.text);
	if (probes[_i].says)
		ck_assert_msg(strstr(e.text, probes[_i].says), "%s: %s", probes[_i].name, e.text);
}
END_TEST

static const struct {
	const char *name, *stream;
	int64_t ms;
} lengths[] = {
	{ "of the stream, not of the file", "\"duration\":\"4.5\"", 4500 },
	{ "Matroska's tag", "\"tags\":{\"DURATION\":\"00:01:02.500000000\"}", 62500 },
	{ "of the file", "\"x\":1", 5100 },
	{ "nonsense falls back", "\"duration\":\"nan\"", 5100 },
	{ "infinity falls back", "\"duration\":\"inf\"", 5100 },
};

START_TEST(the_duration_is_the_pictures)
{
	AUTO(own_freep)
	char *text =
		own_printf("{\"streams\":[{\"index\":0,\"codec_type\":\"video\",%s}]," FORMAT "}",
			   lengths[_i].stream);
	struct probe found;
	struct err e = { 0 };

	ck_assert_int_eq(worker_probe_read(text, strlen(text), &found, &e), 0);
	ck_assert_msg(found.duration.ms == lengths[_i].ms, "%s: %lld", lengths[_i].name,
		      (long long)found.duration.ms);
}
END_TEST

#define MADE(...)                                                                              \
	{                                                                                      \
		.streams = 1, .videos = 1, .width = 1280, .height = 720, .square = true,       \
		.codec = "h264", .pixel_format = "yuv420p", .duration = { 30000 }, __VA_ARGS__ \
	}

static const struct {
	const char *name;
	struct probe made;
	const char *says;
} outputs[] = {
	{ "as promised", MADE(.video = 0), NULL },
	{ "within the tolerance", MADE(.duration = { 29600 }), NULL },
	{ "cut short", MADE(.duration = { 29000 }), "cut short" },
	{ "too long", MADE(.duration = { 31000 }), "lasts" },
	{ "another codec", MADE(.codec = "mpeg4"), "not one of h264" },
	{ "sound", MADE(.streams = 2, .audios = 1), "streams" },
	{ "another size", MADE(.width = 640), "not 1280x720" },
	{ "pixels that are not square", MADE(.square = false), "not 1280x720" },
	{ "another pixel format", MADE(.pixel_format = "yuv444p"), "pixel format" },
	{ "no duration", MADE(.duration = { -1 }), "cannot be told" },
	{ "nothing", MADE(.videos = 0, .streams = 0), "0 video streams" },
};

static const struct assets none;

START_TEST(an_output_is_what_was_promised)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(HEAD STEPS OUTPUTS);
	struct probe source = {
		.audio = -1, .width = 64, .height = 36, .square = true, .duration = { 40000 }
	};
	struct targets targets;
	struct shape shape;
	struct err e = { 0 };
	int rc = worker_shape(&p, &source, &none, &shape, &e);

	ck_assert_int_eq(rc, 0);
	worker_shape_targets(&p, &source, &shape, &targets);
	rc = worker_verify_target(&targets.list[0], &shape, &p, &outputs[_i].made, &e);

	ck_assert_msg((rc == 0) == !outputs[_i].says, "%s: %s", outputs[_i].name, e.text);
	if (outputs[_i].says)
		ck_assert_msg(strstr(e.text, outputs[_i].says), "%s: %s", outputs[_i].name, e.text);
}
END_TEST

TCase *check_worker_media(void)
{
	TCase *t = tcase_create("media");

	tcase_add_loop_test(t, a_bad_profile_is_told_by_its_place, 0, COUNT_OF(bad));
	tcase_add_test(t, the_shipped_profile_is_the_migrations);
	tcase_add_test(t, the_digest_is_of_what_makes_the_output);
	tcase_add_loop_test(t, at_most_the_trim, 0, COUNT_OF(durations));
	tcase_add_test(t, the_key_comes_from_job_source_and_profile);
	tcase_add_loop_test(t, a_source_is_taken_or_refused, 0, COUNT_OF(probes));
	tcase_add_loop_test(t, the_duration_is_the_pictures, 0, COUNT_OF(lengths));
	tcase_add_loop_test(t, an_output_is_what_was_promised, 0, COUNT_OF(outputs));
	return t;
}
