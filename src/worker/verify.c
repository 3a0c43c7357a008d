#include "worker/verify.h"

#include <string.h>

#include "base/own.h"

static int streams(const struct target *t, const struct probe *f, struct err *e)
{
	static const char *const names[] = { "h264", "hevc", "vp9", "av1" };
	const char *wanted = t->video                              ? names[t->video->codec]
			     : t->output->container == PROFILE_PNG ? "png"
								   : "mjpeg";
	int64_t sounds = t->audio ? 1 : 0;

	if (f->videos != 1 || strcmp(f->codec, wanted) != 0)
		return err_set(e, ERR_POLICY,
			       "the output has %lld video streams (%s), not one of %s",
			       (long long)f->videos, f->codec, wanted);
	if (f->audios != sounds || f->streams != 1 + sounds)
		return err_set(e, ERR_POLICY, "the output has %lld streams, %lld of sound, not %s",
			       (long long)f->streams, (long long)f->audios,
			       sounds ? "one of pictures and one of sound" : "one");
	if (sounds &&
	    strcmp(f->audio_codec, t->output->audio == PROFILE_AUDIO_OPUS ? "opus" : "aac") != 0)
		return err_set(e, ERR_POLICY, "the output's sound is coded as %s", f->audio_codec);
	return 0;
}

static int duration(const struct shape *s, const struct profile *p, const struct probe *f,
		    struct err *e)
{
	if (f->duration.ms < 0)
		return err_set(e, ERR_POLICY, "the output's duration cannot be told");
	if (s->duration.ms < 0)
		return 0;
	if (f->duration.ms < s->duration.ms - p->limits.tolerance.ms)
		return err_set(e, ERR_POLICY,
			       "the output ends after %lld ms where the source promises %lld ms: "
			       "the source is cut short or damaged",
			       (long long)f->duration.ms, (long long)s->duration.ms);
	if (f->duration.ms > s->duration.ms + p->limits.tolerance.ms)
		return err_set(e, ERR_POLICY,
			       "the output lasts %lld ms where the source promises %lld ms",
			       (long long)f->duration.ms, (long long)s->duration.ms);
	return 0;
}

int worker_verify_target(const struct target *t, const struct shape *s, const struct profile *p,
			 const struct probe *f, struct err *e)
{
	if (streams(t, f, e) < 0)
		return -1;
	if (f->width != t->width || f->height != t->height || !f->square || f->turned)
		return err_set(e, ERR_POLICY, "the output is %lldx%lld, not %lldx%lld",
			       (long long)f->width, (long long)f->height, (long long)t->width,
			       (long long)t->height);
	if (!t->video)
		return 0;
	if (strcmp(f->pixel_format, worker_profile_pixel_format_word(t->video->pixel_format)) != 0)
		return err_set(e, ERR_POLICY, "the output's pixel format is %s", f->pixel_format);
	return duration(s, p, f, e);
}

int worker_verify_pictures(const struct target *t, const struct shape *s, size_t pictures,
			   struct err *e)
{
	int64_t promised = worker_shape_pictures(t->output, s->duration);

	if (pictures == 0 || (promised >= 0 && ((int64_t)pictures < promised - 1 ||
						(int64_t)pictures > promised + 1)))
		return err_set(e, ERR_POLICY,
			       "%zu pictures were taken where the source promises %lld", pictures,
			       (long long)promised);
	return 0;
}
