#include "worker/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SECONDS_MAX 1e9

static void whitelist(const struct profile *p, struct argv *out)
{
	AUTO(buf_done) struct buf formats = BUF(2048);

	for (size_t i = 0; i < p->input.format_count; i++)
		buf_addf(&formats, "%s%s", i ? "," : "", p->input.formats[i]);
	worker_argv_add(out, "-protocol_whitelist");
	worker_argv_add(out, "file");
	worker_argv_add(out, "-format_whitelist");
	worker_argv_add(out, buf_str(&formats));
}

void worker_probe_argv(const struct profile *p, const char *file, struct argv *out)
{
	worker_argv_adds(out,
			 (const char *const[]){ "ffprobe", "-hide_banner", "-v", "error",
						"-print_format", "json=c=1", "-show_format",
						"-show_streams" },
			 8);
	whitelist(p, out);
	worker_argv_add(out, "-max_streams");
	worker_argv_addf(out, "%lld", (long long)p->input.max_streams + 1);
	worker_argv_addf(out, "file:%s", file);
}

static void copy_word(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* "12.500000" */
static struct span seconds(const char *text)
{
	char *end;
	double s;

	if (!text)
		return span_ms(-1);
	s = strtod(text, &end);
	if (end == text || *end || !(s >= 0) || s > SECONDS_MAX)
		return span_ms(-1);
	return span_ms((int64_t)(s * 1000 + 0.5));
}

/* "00:01:30.500000000", as Matroska tags have it. */
static struct span clock_seconds(const char *text)
{
	unsigned h, m;
	double s;

	if (!text || sscanf(text, "%3u:%2u:%lf", &h, &m, &s) != 3 || !(s >= 0) || s > 60)
		return span_ms(-1);
	return span_ms((int64_t)((h * 3600.0 + m * 60.0 + s) * 1000 + 0.5));
}

static bool is_cover(const struct json *stream)
{
	int64_t attached = 0;

	return json_get_int(json_get(stream, "disposition"), "attached_pic", &attached) && attached;
}

static void video_read(const struct json *s, struct probe *p)
{
	const char *ratio = json_get_str(s, "sample_aspect_ratio");
	int64_t index = p->streams;

	if (!json_get_int(s, "index", &index) || index < 0)
		return;
	p->video = index;
	if (!json_get_int(s, "width", &p->width) || !json_get_int(s, "height", &p->height))
		p->width = p->height = 0;
	p->square = !ratio || strcmp(ratio, "1:1") == 0 || strcmp(ratio, "0:1") == 0 ||
		    strcmp(ratio, "N/A") == 0;
	copy_word(p->codec, sizeof(p->codec), json_get_str(s, "codec_name"));
	copy_word(p->pixel_format, sizeof(p->pixel_format), json_get_str(s, "pix_fmt"));
	p->duration = seconds(json_get_str(s, "duration"));
	if (p->duration.ms < 0)
		p->duration = clock_seconds(json_get_str(json_get(s, "tags"), "DURATION"));
}

int worker_probe_read(const char *text, size_t len, struct probe *ret, struct err *e)
{
	AUTO(json_freep) struct json *root = json_parse(text, len, e);
	const struct json *streams = json_get(root, "streams");

	*ret = (struct probe){ .video = -1, .duration = span_ms(-1) };
	if (!root)
		return err_wrap(e, "ffprobe's answer");
	copy_word(ret->format, sizeof(ret->format),
		  json_get_str(json_get(root, "format"), "format_name"));
	ret->streams = (int64_t)json_count(streams);
	for (size_t i = 0; i < json_count(streams); i++) {
		const struct json *s = json_at(streams, i);
		const char *type = json_get_str(s, "codec_type");

		if (type && strcmp(type, "audio") == 0)
			ret->audios++;
		if (!type || strcmp(type, "video") != 0 || is_cover(s))
			continue;
		if (ret->videos++ == 0)
			video_read(s, ret);
	}
	if (ret->duration.ms < 0)
		ret->duration = seconds(json_get_str(json_get(root, "format"), "duration"));
	return 0;
}

int worker_probe_check_source(const struct probe *f, const struct profile *p, struct err *e)
{
	const struct profile_input *in = &p->input;

	if (f->videos == 0 || f->video < 0)
		return err_set(e, ERR_POLICY, "there is no video in it (%s, %lld streams)",
			       f->format, (long long)f->streams);
	if (f->streams > in->max_streams)
		return err_set(e, ERR_POLICY, "it has more than %lld streams",
			       (long long)in->max_streams);
	if (f->width <= 0 || f->height <= 0)
		return err_set(e, ERR_POLICY,
			       "the size of its pictures cannot be told: it is damaged");
	if (f->width > in->max_pixels / f->height)
		return err_set(e, ERR_POLICY,
			       "%lldx%lld are more than the %lld pixels that the profile takes",
			       (long long)f->width, (long long)f->height,
			       (long long)in->max_pixels);
	if (f->duration.ms > in->max_duration.ms)
		return err_set(
			e, ERR_POLICY, "its %lld s are more than the %lld s that the profile takes",
			(long long)f->duration.ms / 1000, (long long)in->max_duration.ms / 1000);
	return 0;
}

int worker_probe_check_output(const struct probe *f, const struct probe *source,
			      const struct profile *p, const struct profile_output *o,
			      struct err *e)
{
	const struct profile_fit *fit = worker_profile_fit_step(p);
	struct span promised = worker_profile_duration(p, source->duration);

	if (f->videos != 1 || strcmp(f->codec, "h264") != 0)
		return err_set(e, ERR_POLICY,
			       "the output has %lld video streams (%s), not one of h264",
			       (long long)f->videos, f->codec);
	if (f->audios != 0 || f->streams != 1)
		return err_set(e, ERR_POLICY, "the output has %lld streams, not one",
			       (long long)f->streams);
	if (f->width != fit->width || f->height != fit->height || !f->square)
		return err_set(e, ERR_POLICY, "the output is %lldx%lld, not %lldx%lld",
			       (long long)f->width, (long long)f->height, (long long)fit->width,
			       (long long)fit->height);
	if (strcmp(f->pixel_format, worker_profile_pixel_format_word(o->video.pixel_format)) != 0)
		return err_set(e, ERR_POLICY, "the output's pixel format is %s", f->pixel_format);
	if (f->duration.ms < 0)
		return err_set(e, ERR_POLICY, "the output's duration cannot be told");
	if (promised.ms < 0)
		return 0;
	if (f->duration.ms < promised.ms - p->limits.tolerance.ms)
		return err_set(e, ERR_POLICY,
			       "the output ends after %lld ms where the source promises %lld ms: "
			       "the source is cut "
			       "short or damaged",
			       (long long)f->duration.ms, (long long)promised.ms);
	if (f->duration.ms > promised.ms + p->limits.tolerance.ms)
		return err_set(e, ERR_POLICY,
			       "the output lasts %lld ms where the source promises %lld ms",
			       (long long)f->duration.ms, (long long)promised.ms);
	return 0;
}
