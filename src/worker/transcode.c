#include "worker/transcode.h"

#include <string.h>

#include "base/buf.h"
#include "worker/encoders.h"
#include "worker/graph.h"
#include "worker/hls.h"
#include "worker/task.h"

#define WORDS(a, ...)                                               \
	worker_argv_adds((a), (const char *const[]){ __VA_ARGS__ }, \
			 sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void seconds(struct argv *a, const char *option, struct span d)
{
	worker_argv_add(a, option);
	worker_argv_addf(a, "%lld.%03lld", (long long)(d.ms / 1000), (long long)(d.ms % 1000));
}

/* --- inputs */

static void stranger(const struct profile *p, struct argv *a)
{
	worker_probe_whitelist(p, a);
	worker_argv_add(a, "-max_streams");
	worker_argv_addf(a, "%lld", (long long)p->input.max_streams + 1);
	worker_argv_add(a, "-max_pixels");
	worker_argv_addf(a, "%lld", (long long)p->input.max_pixels);
}

static void inputs(const struct transcode *t, struct argv *a)
{
	const struct profile *p = t->profile;
	const struct profile_trim *trim = worker_profile_trim_step(p);

	stranger(p, a);
	if (trim && trim->from.ms > 0)
		seconds(a, "-ss", trim->from);
	if (trim)
		seconds(a, "-t", span_ms(trim->to.ms - trim->from.ms));
	worker_argv_add(a, "-i");
	worker_argv_addf(a, "file:%s", t->in);
	for (size_t i = 0; i < p->step_count; i++) {
		const char *name = worker_graph_asset(&p->steps[i]);
		const struct asset *one;

		if (!name)
			continue;
		one = &t->assets->list[worker_profile_asset(p, name)];
		if (one->demuxer)
			WORDS(a, "-protocol_whitelist", "file", "-f", one->demuxer);
		else
			stranger(p, a);
		worker_argv_add(a, "-i");
		worker_argv_addf(a, "file:%s", one->path);
	}
}

/* --- encoders */

static void keyframes(struct span every, struct argv *a)
{
	if (every.ms <= 0)
		return;
	worker_argv_add(a, "-force_key_frames");
	worker_argv_addf(a, "expr:gte(t,n_forced*%lld.%03lld)", (long long)every.ms / 1000,
			 (long long)every.ms % 1000);
}

static void coded(const struct target *t, struct argv *a)
{
	const struct profile_video *v = t->video;
	const struct profile_output *o = t->output;
	bool hls = o->container == PROFILE_HLS;

	worker_argv_add(a, "-c:v");
	worker_argv_add(a, worker_encoders_name(v->codec));
	worker_encoders_options(v->codec, v->preset, a);
	worker_argv_add(a, "-crf");
	worker_argv_addf(a, "%lld", (long long)v->crf);
	if (v->max_kilobits) {
		worker_argv_add(a, "-maxrate");
		worker_argv_addf(a, "%lldk", (long long)v->max_kilobits);
		worker_argv_add(a, "-bufsize");
		worker_argv_addf(a, "%lldk", 2 * (long long)v->max_kilobits);
	} else if (v->codec == PROFILE_VP9) {
		WORDS(a, "-b:v", "0"); /* or crf is a bound only */
	}
	worker_argv_add(a, "-pix_fmt");
	worker_argv_add(a, worker_profile_pixel_format_word(v->pixel_format));
	keyframes(v->keyframes.ms == 0 && hls ? o->segment : v->keyframes, a);
}

static void sound(const struct profile_output *o, struct argv *a)
{
	WORDS(a, "-c:a", o->audio == PROFILE_AUDIO_OPUS ? "libopus" : "aac", "-b:a");
	worker_argv_addf(a, "%lldk", (long long)o->audio_kilobits);
}

/* --- muxers */

static void hls(const struct target *t, const char *name, struct argv *a)
{
	const struct profile_output *o = t->output;
	bool ts = t->video->codec == PROFILE_H264;
	int folder = (int)(strrchr(name, '/') - name);

	WORDS(a, "-f", "hls", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments");
	seconds(a, "-hls_time", o->segment);
	WORDS(a, "-hls_segment_type", ts ? "mpegts" : "fmp4");
	if (!ts)
		WORDS(a, "-hls_fmp4_init_filename", HLS_INIT);
	worker_argv_add(a, "-hls_segment_filename");
	worker_argv_addf(a, "%.*s/seg_%%05d.%s", folder, name, ts ? "ts" : "m4s");
	worker_argv_add(a, name);
}

static void pictures(const struct profile_output *o, const char *name, struct argv *a)
{
	bool png = o->container == PROFILE_PNG;

	WORDS(a, "-c:v", png ? "png" : "mjpeg");
	if (!png)
		WORDS(a, "-q:v", "3");
	WORDS(a, "-f", "image2");
	if (o->has_at) {
		WORDS(a, "-frames:v", "1", "-update", "1");
		worker_argv_add(a, name);
	} else {
		WORDS(a, "-fps_mode", "passthrough");
		worker_argv_addf(a, "%s/%%05d.%s", name, png ? "png" : "jpg");
	}
}

static void muxed(const struct target *t, const char *name, struct argv *a)
{
	static const char *const formats[PROFILE_CONTAINERS] = {
		[PROFILE_MP4] = "mp4", [PROFILE_WEBM] = "webm", [PROFILE_MKV] = "matroska"
	};
	const struct profile_output *o = t->output;
	bool mp4 = o->container == PROFILE_MP4;

	if (t->video->codec == PROFILE_H265 && (mp4 || o->container == PROFILE_HLS))
		WORDS(a, "-tag:v", "hvc1"); /* what Apple's players know it by */
	if (o->container == PROFILE_HLS) {
		hls(t, name, a);
		return;
	}
	if (mp4 && o->faststart)
		WORDS(a, "-movflags", "+faststart");
	WORDS(a, "-f", formats[o->container]);
	worker_argv_addf(a, "file:%s", name);
}

static void target(const struct transcode *t, size_t i, struct argv *a)
{
	const struct target *one = &t->targets->list[i];
	AUTO(own_freep) char *name = worker_transcode_name(one->output, one->rendition);

	worker_argv_add(a, "-map");
	if (one->copied)
		worker_argv_addf(a, "0:%lld", (long long)t->source->video);
	else
		worker_argv_addf(a, "[v%zu]", i);
	if (one->audio) {
		worker_argv_add(a, "-map");
		if (one->copied)
			worker_argv_addf(a, "0:%lld", (long long)t->source->audio);
		else
			worker_argv_addf(a, "[t%zu]", i);
	} else {
		worker_argv_add(a, "-an");
	}
	WORDS(a, "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1");
	if (!one->video) {
		pictures(one->output, name, a);
		return;
	}
	if (one->copied) {
		WORDS(a, "-c", "copy");
	} else {
		coded(one, a);
		if (one->audio)
			sound(one->output, a);
	}
	muxed(one, name, a);
}

int worker_transcode_argv(const struct transcode *t, struct argv *a, struct err *e)
{
	AUTO(buf_done) struct buf graph = BUF(GRAPH_BYTES_MAX);

	if (worker_graph(t->profile, t->source, t->assets, t->shape, t->targets, &graph, e) < 0)
		return -1;
	WORDS(a, "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", "-nostats", "-y",
	      "-progress", "pipe:1", "-stats_period", "0.5");
	inputs(t, a);
	if (graph.len) {
		worker_argv_add(a, "-filter_complex");
		worker_argv_add(a, buf_str(&graph));
	}
	for (size_t i = 0; i < t->targets->count; i++)
		target(t, i, a);
	return 0;
}

char *worker_transcode_name(const struct profile_output *o, const char *rendition)
{
	static const char *const ends[PROFILE_CONTAINERS] = {
		[PROFILE_MP4] = "mp4",  [PROFILE_WEBM] = "webm", [PROFILE_MKV] = "mkv",
		[PROFILE_HLS] = "m3u8", [PROFILE_JPEG] = "jpg",  [PROFILE_PNG] = "png"
	};

	if (rendition)
		return own_printf(TASK_OUTPUT_FOLDER "/%s/%s/" HLS_PLAYLIST, o->name, rendition);
	if (o->has_every)
		return own_printf(TASK_OUTPUT_FOLDER "/%s", o->name);
	return own_printf(TASK_OUTPUT_FOLDER "/%s.%s", o->name, ends[o->container]);
}

const char *worker_transcode_content_type(const struct profile_output *o)
{
	static const char *const types[PROFILE_CONTAINERS] = {
		[PROFILE_MP4] = "video/mp4",        [PROFILE_WEBM] = "video/webm",
		[PROFILE_MKV] = "video/x-matroska", [PROFILE_HLS] = HLS_CONTENT_TYPE,
		[PROFILE_JPEG] = "image/jpeg",      [PROFILE_PNG] = "image/png"
	};

	return types[o->container];
}
