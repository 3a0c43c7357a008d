#include "worker/transcode.h"

#include "base/buf.h"

#define FILTER_MAX 2048

static void seconds(struct argv *a, struct span d)
{
	worker_argv_addf(a, "%lld.%03lld", (long long)(d.ms / 1000), (long long)(d.ms % 1000));
}

static void input(const struct profile *p, const char *file, struct argv *a)
{
	const struct profile_trim *trim = worker_profile_trim_step(p);
	AUTO(buf_done) struct buf formats = BUF(2048);

	for (size_t i = 0; i < p->input.format_count; i++)
		buf_addf(&formats, "%s%s", i ? "," : "", p->input.formats[i]);
	worker_argv_adds(
		a, (const char *const[]){ "-protocol_whitelist", "file", "-format_whitelist" }, 3);
	worker_argv_add(a, buf_str(&formats));
	worker_argv_add(a, "-max_streams");
	worker_argv_addf(a, "%lld", (long long)p->input.max_streams + 1);
	worker_argv_add(a, "-max_pixels");
	worker_argv_addf(a, "%lld", (long long)p->input.max_pixels);
	if (trim && trim->from.ms > 0) {
		worker_argv_add(a, "-ss");
		seconds(a, trim->from);
	}
	worker_argv_add(a, "-i");
	worker_argv_addf(a, "file:%s", file);
}

static void fit(const struct profile_fit *f, const struct probe *source, struct buf *out)
{
	long long w = (long long)f->width, h = (long long)f->height;

	/* Scaling keeps the shape of the pixel grid; where pixels are not square, make them so
	 * first. */
	if (!source->square)
		buf_adds(out,
			 "scale=w='max(2,trunc(iw*sar/2)*2)':h='max(2,trunc(ih/2)*2)',setsar=1,");
	buf_addf(out,
		 "scale=w=%lld:h=%lld:force_original_aspect_ratio=decrease:force_divisible_by=2,"
		 "pad=w=%lld:h=%lld:x=(ow-iw)/2:y=(oh-ih)/2:color=%s,setsar=1",
		 w, h, w, h, f->color);
}

static void filters(const struct profile *p, const struct probe *source, struct argv *a)
{
	AUTO(buf_done) struct buf text = BUF(FILTER_MAX);

	for (size_t i = 0; i < p->step_count; i++) {
		if (!p->steps[i].has_fit)
			continue;
		if (text.len)
			buf_addc(&text, ',');
		fit(&p->steps[i].fit, source, &text);
	}
	worker_argv_add(a, "-vf");
	worker_argv_add(a, buf_str(&text));
}

static void output(const struct profile *p, const struct profile_output *o, const char *file,
		   struct argv *a)
{
	const struct profile_trim *trim = worker_profile_trim_step(p);

	if (trim) {
		worker_argv_add(a, "-t");
		seconds(a, span_ms(trim->to.ms - trim->from.ms));
	}
	worker_argv_adds(a, (const char *const[]){ "-c:v", "libx264", "-preset" }, 3);
	worker_argv_add(a, worker_profile_preset_word(o->video.preset));
	worker_argv_add(a, "-crf");
	worker_argv_addf(a, "%lld", (long long)o->video.crf);
	worker_argv_add(a, "-pix_fmt");
	worker_argv_add(a, worker_profile_pixel_format_word(o->video.pixel_format));
	if (o->faststart)
		worker_argv_adds(a, (const char *const[]){ "-movflags", "+faststart" }, 2);
	worker_argv_adds(
		a,
		(const char *const[]){ "-f", "mp4", "-progress", "pipe:1", "-stats_period", "0.5" },
		6);
	worker_argv_addf(a, "file:%s", file);
}

void worker_transcode_argv(const struct profile *p, const struct profile_output *o,
			   const struct probe *source, const struct transcode_files *files,
			   struct argv *a)
{
	worker_argv_adds(a,
			 (const char *const[]){ "ffmpeg", "-hide_banner", "-nostdin", "-loglevel",
						"warning", "-nostats", "-y" },
			 7);
	input(p, files->in, a);
	worker_argv_add(a, "-map");
	worker_argv_addf(a, "0:%lld", (long long)source->video);
	worker_argv_adds(a,
			 (const char *const[]){ "-an", "-sn", "-dn", "-map_metadata", "-1",
						"-map_chapters", "-1" },
			 7);
	filters(p, source, a);
	output(p, o, files->out, a);
}

const char *worker_transcode_extension(const struct profile_output *o)
{
	return o->container == PROFILE_MP4 ? "mp4" : "bin";
}

const char *worker_transcode_content_type(const struct profile_output *o)
{
	return o->container == PROFILE_MP4 ? "video/mp4" : "application/octet-stream";
}
