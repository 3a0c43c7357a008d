/* What ffmpeg is told: its argument list and filter graph, by profile and source. */
#include "check_worker.h"

#include <stdlib.h>
#include <string.h>

#include "worker/graph.h"
#include "worker/hls.h"
#include "worker/transcode.h"

/* --- argument lists */

static const char *after(const struct argv *a, const char *flag)
{
	for (size_t i = 0; i + 1 < a->count; i++)
		if (strcmp(a->list[i], flag) == 0)
			return a->list[i + 1];
	return NULL;
}

static size_t place(const struct argv *a, const char *word)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i], word) == 0)
			return i;
	return a->count;
}

/* What ffmpeg is told of a source. */
static void told(const struct profile *p, const struct probe *source, const struct assets *assets,
		 struct argv *a)
{
	struct targets targets;
	struct shape shape;
	struct transcode t = { .profile = p,
			       .source = source,
			       .assets = assets,
			       .shape = &shape,
			       .targets = &targets,
			       .in = "source" };
	struct err e = { 0 };

	ck_assert_msg(worker_shape(p, source, assets, &shape, &e) == 0, "%s", e.text);
	worker_shape_targets(p, source, &shape, &targets);
	ck_assert_msg(worker_transcode_argv(&t, a, &e) == 0, "%s", e.text);
}

static const struct assets none;

START_TEST(ffmpeg_is_told_what_the_profile_says)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(HEAD STEPS OUTPUTS);
	AUTO(worker_argv_done) struct argv a = { 0 };
	struct probe source = { .video = 2,
				.audio = -1,
				.square = true,
				.width = 640,
				.height = 360,
				.rate = { 25, 1 } };

	told(&p, &source, &none, &a);
	ck_assert_str_eq(a.list[0], "ffmpeg");
	ck_assert_uint_lt(place(&a, "-nostdin"), a.count);
	ck_assert_str_eq(after(&a, "-protocol_whitelist"), "file");
	ck_assert_ptr_nonnull(strstr(after(&a, "-format_whitelist"), "mp4"));
	ck_assert_ptr_null(strstr(after(&a, "-format_whitelist"), "hls"));
	ck_assert_ptr_null(strstr(after(&a, "-format_whitelist"), "concat"));
	ck_assert_uint_lt(place(&a, "-format_whitelist"), place(&a, "-i")); /* of the input */
	ck_assert_str_eq(after(&a, "-i"), "file:source");
	ck_assert_str_eq(after(&a, "-map"), "[v0]");
	ck_assert_uint_lt(place(&a, "-an"), a.count);
	ck_assert_str_eq(after(&a, "-t"), "30.000");
	ck_assert_uint_lt(place(&a, "-t"), place(&a, "-i")); /* of the source, not of an intro */
	ck_assert_str_eq(after(&a, "-c:v"), "libx264");
	ck_assert_str_eq(after(&a, "-crf"), "23");
	ck_assert_str_eq(after(&a, "-preset"), "veryfast");
	ck_assert_str_eq(after(&a, "-pix_fmt"), "yuv420p");
	ck_assert_str_eq(after(&a, "-movflags"), "+faststart");
	ck_assert_str_eq(after(&a, "-progress"), "pipe:1");
	ck_assert_str_eq(a.list[a.count - 1], "file:out/video.mp4");
	ck_assert_str_eq(
		after(&a, "-filter_complex"),
		"[0:2]scale=w=1280:h=720:force_original_aspect_ratio=decrease:"
		"force_divisible_by=2,pad=w=1280:h=720:x=(ow-iw)/2:y=(oh-ih)/2:color=black,"
		"setsar=1[x0];[x0]null[v0]");
}
END_TEST

#define MP4(name, more) \
	"outputs:\n  - { name: v, key: \"{video_id}{digest}\", " more "video: { " name " } }\n"
#define SOURCE(...)                                                                   \
	{                                                                             \
		.video = 0, .audio = -1, .width = 640, .height = 360, .square = true, \
		.rate = { 25, 1 }, .codec = "h264", .pixel_format = "yuv420p",        \
		.duration = { 10000 }, __VA_ARGS__                                    \
	}
#define ASSETS "assets:\n  - { name: logo, file: /l.png }\n  - { name: in, file: /i.mp4 }\n"

static const struct {
	const char *name, *profile, *flag, *says;
	struct probe source;
} graphs[] = {
	{ "pixels that are not square are made so", HEAD STEPS OUTPUTS, "-filter_complex", "iw*sar",
	  SOURCE(.square = false, .pixel = { 4, 3 }) },
	{ "a variable rate becomes the next usual one", HEAD STEPS OUTPUTS, "-filter_complex",
	  "[0:0]fps=30000/1001[", SOURCE(.variable = true, .rate = { 299, 10 }) },
	{ "a rate as asked", HEAD "steps:\n  - rate: { fps: 12.5 }\n" OUTPUTS, "-filter_complex",
	  "fps=12500/1000", SOURCE(.video = 0) },
	{ "without steps an odd size becomes even", HEAD MP4("crf: 20", ""), "-filter_complex",
	  "scale=w=640:h=360", SOURCE(.width = 641, .height = 361) },
	{ "a turned picture is as a player shows it", HEAD MP4("height: 320", ""),
	  "-filter_complex", "scale=w=180:h=320", SOURCE(.turned = 90) },
	{ "no bars", HEAD "steps:\n  - fit: { width: 100, height: 100, mode: fill }\n" OUTPUTS,
	  "-filter_complex", "crop=w=100:h=100", SOURCE(.video = 0) },
	{ "as large as fits",
	  HEAD "steps:\n  - fit: { width: 320, height: 320, mode: inside }\n" OUTPUTS,
	  "-filter_complex", "scale=w=320:h=180", SOURCE(.video = 0) },
	{ "a crop", HEAD "steps:\n  - crop: { width: 64, height: 48, y: 10 }\n" OUTPUTS,
	  "-filter_complex", "crop=w=64:h=48:y=10", SOURCE(.video = 0) },
	{ "a watermark of an eighth",
	  HEAD ASSETS
	  "steps:\n  - watermark: { image: logo, width: 12.5%, opacity: 50%, margin: 8 }\n" OUTPUTS,
	  "-filter_complex",
	  "[1:0]scale=w=80:h=-1,format=rgba,colorchannelmixer=aa=0.500[x0];[0:0][x0]overlay="
	  "format=auto:x=W-w-8:y=8",
	  SOURCE(.video = 0) },
	{ "an intro with sound before a source without",
	  HEAD ASSETS "steps:\n  - fit: { width: 64, height: 36 }\n  - intro: { clip: in }\n" MP4(
		  "crf: 20", "audio: aac, "),
	  "-filter_complex", "anullsrc=r=48000:cl=stereo,atrim=duration=10.000",
	  SOURCE(.video = 0) },
	{ "an intro without sound where none is wanted",
	  HEAD ASSETS
	  "steps:\n  - fit: { width: 64, height: 36 }\n  - intro: { clip: in }\n" OUTPUTS,
	  "-filter_complex", "concat=n=2:v=1:a=0", SOURCE(.video = 0) },
	{ "an even loudness",
	  HEAD "steps:\n  - loudness: { target: -14.5 }\n" MP4("crf: 20", "audio: aac, "),
	  "-filter_complex", "loudnorm=I=-14.500:", SOURCE(.audio = 1) },
	{ "pictures and sound one after the other",
	  HEAD "steps:\n  - fit: { width: 64, height: 36, mode: stretch }\n  - loudness: {}\n" MP4(
		  "crf: 20", "audio: aac, "),
	  "-filter_complex", "scale=w=64:h=36,setsar=1[x1];[x0]loudnorm=", SOURCE(.audio = 1) },
	{ "VP9", HEAD MP4("codec: vp9, crf: 40", "container: webm, audio: opus, "), "-c:v",
	  "libvpx-vp9", SOURCE(.audio = 1) },
	{ "Opus", HEAD MP4("codec: vp9", "container: webm, audio: opus, "), "-c:a", "libopus",
	  SOURCE(.audio = 1) },
	{ "AV1", HEAD MP4("codec: av1, preset: medium", ""), "-preset", "7", SOURCE(.video = 0) },
	{ "H.265 as Apple knows it", HEAD MP4("codec: h265", ""), "-tag:v", "hvc1",
	  SOURCE(.video = 0) },
	{ "no more than so many bits", HEAD MP4("max_kilobits: 900", ""), "-bufsize", "1800k",
	  SOURCE(.video = 0) },
	{ "a source that fits is copied", HEAD MP4("copy_kilobits: 500", ""), "-c", "copy",
	  SOURCE(.kilobits = 500) },
	{ "with more bits it is not", HEAD MP4("copy_kilobits: 500", ""), "-c:v", "libx264",
	  SOURCE(.kilobits = 501) },
	{ "with an end to be cut it is not",
	  HEAD "steps:\n  - trim: { to: 9s }\n" MP4("copy_kilobits: 500", ""), "-c:v", "libx264",
	  SOURCE(.kilobits = 400) },
	{ "a poster of a video that is too short",
	  HEAD "outputs:\n  - { name: p, key: \"{video_id}{digest}\", container: jpeg, at: 30s }\n",
	  "-filter_complex", "select='gte(t,5.000)'", SOURCE(.video = 0) },
};

START_TEST(one_graph_does_it)
{
	AUTO(worker_profile_done) struct profile p = check_worker_profile(graphs[_i].profile);
	AUTO(worker_argv_done) struct argv a = { 0 };
	struct assets assets = { .count = p.asset_count };
	const char *found;

	for (size_t i = 0; i < assets.count; i++) {
		assets.list[i].path = (char *)(uintptr_t)p.assets[i].file;
		assets.list[i].demuxer = i ? NULL : "png_pipe";
		assets.list[i].probe =
			(struct probe){ .audio = i ? 1 : -1, .square = true, .duration = { 2000 } };
	}
	told(&p, &graphs[_i].source, &assets, &a);
	found = after(&a, graphs[_i].flag);
	ck_assert_msg(found && strstr(found, graphs[_i].says), "%s: %s", graphs[_i].name, found);
}
END_TEST

START_TEST(several_outputs_are_one_run)
{
	AUTO(worker_profile_done)
	struct profile p = check_worker_profile(
		HEAD STEPS
		"manifest: \"{video_id}{digest}.json\"\noutputs:\n"
		"  - { name: v, key: \"{video_id}{digest}.mp4\", audio: aac, video: {} }\n"
		"  - { name: h, key: \"{video_id}-{digest}/m.m3u8\", container: hls, audio: aac,\n"
		"      renditions: [ { name: a, video: { height: 480 } },\n"
		"                    { name: b, video: { height: 240 } } ] }\n"
		"  - { name: p, key: \"{video_id}{digest}.jpg\", container: jpeg, at: 1s }\n");
	AUTO(worker_argv_done) struct argv a = { 0 };
	struct probe source = SOURCE(.audio = 1);
	const char *graph;
	size_t inputs = 0;

	told(&p, &source, &none, &a);
	graph = after(&a, "-filter_complex");
	ck_assert_ptr_nonnull(strstr(graph, "split=4[s0][s1][s2][s3];"));
	ck_assert_ptr_nonnull(strstr(graph, "asplit=3[a0][a1][a2];"));
	ck_assert_ptr_nonnull(strstr(graph, "[s1]scale=w=852:h=480,setsar=1[v1]"));
	for (size_t i = 0; i < a.count; i++)
		inputs += strcmp(a.list[i], "-i") == 0;
	ck_assert_uint_eq(inputs, 1);
	ck_assert_str_eq(after(&a, "-force_key_frames"), "expr:gte(t,n_forced*6.000)");
	ck_assert_str_eq(after(&a, "-hls_segment_filename"), "out/h/a/seg_%05d.ts");
}
END_TEST

START_TEST(a_crop_that_is_too_large_is_the_sources_fault)
{
	AUTO(worker_profile_done)
	struct profile p =
		check_worker_profile(HEAD "steps:\n  - crop: { width: 700, height: 48 }\n" OUTPUTS);
	struct probe source = SOURCE(.video = 0);
	struct shape shape;
	struct err e = { 0 };

	ck_assert_int_lt(worker_shape(&p, &source, &none, &shape, &e), 0);
	ck_assert_int_eq(e.kind, ERR_POLICY);
}
END_TEST

START_TEST(a_master_playlist_names_its_renditions)
{
	const struct hls_variant list[] = { { "720p", "avc1.64001f,mp4a.40.2", 1280, 720, 3000,
					      2000 },
					    { "360p", "", 640, 360, 900, 800 } };
	AUTO(buf_done) struct buf out = BUF(4096);

	worker_hls_master(list, 2, &out);
	ck_assert_str_eq(
		buf_str(&out),
		"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=3000,AVERAGE-BANDWIDTH=2000,RESOLUTION="
		"1280x720,CODECS=\"avc1.64001f,mp4a.40.2\"\n720p/video.m3u8\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,RESOLUTION=640x360\n"
		"360p/video.m3u8\n");
}
END_TEST

TCase *check_worker_graph(void)
{
	TCase *t = tcase_create("graph");

	tcase_add_test(t, ffmpeg_is_told_what_the_profile_says);
	tcase_add_loop_test(t, one_graph_does_it, 0, COUNT_OF(graphs));
	tcase_add_test(t, several_outputs_are_one_run);
	tcase_add_test(t, a_crop_that_is_too_large_is_the_sources_fault);
	tcase_add_test(t, a_master_playlist_names_its_renditions);
	return t;
}
