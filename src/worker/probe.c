#include "worker/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"

#define SECONDS_MAX 1e9
#define RATIO_MAX (1ll << 31)

void worker_probe_whitelist(const struct profile *p, struct argv *out)
{
	AUTO(buf_done) struct buf formats = BUF(2048);

	for (size_t i = 0; i < p->input.format_count; i++)
		buf_addf(&formats, "%s%s", i ? "," : "", p->input.formats[i]);
	worker_argv_add(out, "-protocol_whitelist");
	worker_argv_add(out, "file");
	worker_argv_add(out, "-format_whitelist");
	worker_argv_add(out, buf_str(&formats));
}

static void ask(struct argv *out)
{
	worker_argv_adds(out,
			 (const char *const[]){ "ffprobe", "-hide_banner", "-v", "error",
						"-print_format", "json=c=1", "-show_format",
						"-show_streams" },
			 8);
}

void worker_probe_own_argv(const char *file, struct argv *out)
{
	ask(out);
	worker_argv_adds(out,
			 (const char *const[]){ "-protocol_whitelist", "file", "-format_whitelist",
						"mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,hls,mpegts,"
						"jpeg_pipe,png_pipe,image2,mjpeg" },
			 4);
	worker_argv_addf(out, "file:%s", file);
}

void worker_probe_argv(const struct profile *p, const char *file, struct argv *out)
{
	ask(out);
	worker_probe_whitelist(p, out);
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

/* "30000/1001", "4:3"; 0/0 and nonsense are not known. */
static struct rate ratio_of(const char *text)
{
	struct rate r = { 0 };
	char *end, *last;

	if (!text)
		return r;
	r.num = strtoll(text, &end, 10);
	if (*end != '/' && *end != ':')
		return (struct rate){ 0 };
	r.den = strtoll(end + 1, &last, 10);
	if (*last || r.num <= 0 || r.den <= 0 || r.num > RATIO_MAX || r.den > RATIO_MAX)
		return (struct rate){ 0 };
	return r;
}

/* By side data, which new files have, or by a tag. */
static int64_t turned(const struct json *s)
{
	const struct json *sides = json_get(s, "side_data_list");
	const char *tag = json_get_str(json_get(s, "tags"), "rotate");
	int64_t degrees = tag ? strtoll(tag, NULL, 10) : 0;

	for (size_t i = 0; i < json_count(sides); i++) {
		int64_t found;

		if (json_get_int(json_at(sides, i), "rotation", &found))
			degrees = -found;
	}
	degrees = (degrees % 360 + 360) % 360;
	return (degrees + 45) / 90 % 4 * 90;
}

/* Two rates that a file gives, its mean and its finest; apart, the pictures do not come evenly. */
static void rate_read(const struct json *s, struct probe *p)
{
	struct rate mean = ratio_of(json_get_str(s, "avg_frame_rate"));
	struct rate finest = ratio_of(json_get_str(s, "r_frame_rate"));
	double a = mean.num ? (double)mean.num / (double)mean.den : 0;
	double f = finest.num ? (double)finest.num / (double)finest.den : 0;

	p->rate = mean.num ? mean : finest;
	p->variable = a > 0 && f > 0 && (f > a * 1.01 || f < a * 0.99);
}

static int64_t kilobits(const struct json *of)
{
	const char *text = json_get_str(of, "bit_rate");
	int64_t bits = text ? strtoll(text, NULL, 10) : 0;

	return bits > 0 && bits < INT64_MAX / 2 ? (bits + 999) / 1000 : 0;
}

/* What a player needs to know of H.264 before it fetches: "avc1.64001f". */
static void level_read(const struct json *s, struct probe *p)
{
	static const struct {
		const char *word, *idc;
	} profiles[] = { { "High", "6400" },
			 { "Main", "4d40" },
			 { "Constrained Baseline", "42c0" },
			 { "Baseline", "4200" } };
	const char *word = json_get_str(s, "profile");
	int64_t level = 0;

	if (!word || strcmp(p->codec, "h264") != 0 || !json_get_int(s, "level", &level) ||
	    level <= 0 || level > 255)
		return;
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		if (strcmp(word, profiles[i].word) == 0)
			snprintf(p->level, sizeof(p->level), "avc1.%s%02x", profiles[i].idc,
				 (unsigned)level);
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
	p->pixel = ratio_of(ratio);
	p->square |= !p->pixel.num || p->pixel.num == p->pixel.den;
	p->turned = turned(s);
	p->kilobits = kilobits(s);
	rate_read(s, p);
	copy_word(p->codec, sizeof(p->codec), json_get_str(s, "codec_name"));
	copy_word(p->pixel_format, sizeof(p->pixel_format), json_get_str(s, "pix_fmt"));
	level_read(s, p);
	p->duration = seconds(json_get_str(s, "duration"));
	if (p->duration.ms < 0)
		p->duration = clock_seconds(json_get_str(json_get(s, "tags"), "DURATION"));
}

static void audio_read(const struct json *s, struct probe *p)
{
	int64_t index;

	if (json_get_int(s, "index", &index) && index >= 0)
		p->audio = index;
	copy_word(p->audio_codec, sizeof(p->audio_codec), json_get_str(s, "codec_name"));
}

int worker_probe_read(const char *text, size_t len, struct probe *ret, struct err *e)
{
	AUTO(json_freep) struct json *root = json_parse(text, len, e);
	const struct json *streams = json_get(root, "streams");

	*ret = (struct probe){ .video = -1, .audio = -1, .duration = span_ms(-1) };
	if (!root)
		return err_wrap(e, "ffprobe's answer");
	copy_word(ret->format, sizeof(ret->format),
		  json_get_str(json_get(root, "format"), "format_name"));
	ret->streams = (int64_t)json_count(streams);
	for (size_t i = 0; i < json_count(streams); i++) {
		const struct json *s = json_at(streams, i);
		const char *type = json_get_str(s, "codec_type");

		if (type && strcmp(type, "audio") == 0 && ret->audios++ == 0)
			audio_read(s, ret);
		if (!type || strcmp(type, "video") != 0 || is_cover(s))
			continue;
		if (ret->videos++ == 0)
			video_read(s, ret);
	}
	if (ret->duration.ms < 0)
		ret->duration = seconds(json_get_str(json_get(root, "format"), "duration"));
	if (!ret->kilobits)
		ret->kilobits = kilobits(json_get(root, "format"));
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
