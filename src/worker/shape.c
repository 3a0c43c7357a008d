#include "worker/shape.h"

#include <string.h>

#include "base/own.h"

#define USUAL_MOST_FPS 60
#define SIDE_MAX (1 << 20) /* pixels */

static int64_t even(int64_t n)
{
	return n < 2 ? 2 : n / 2 * 2;
}

/* As a player shows it: turned, its pixels made square as the filters of graph.c do. */
static void shown(const struct probe *source, struct shape *s)
{
	bool lying = source->turned == 90 || source->turned == 270;
	int64_t w = lying ? source->height : source->width;
	int64_t h = lying ? source->width : source->height;

	if (!source->square && source->pixel.num) {
		double part = (double)source->pixel.num / (double)source->pixel.den;

		w = even((int64_t)((double)w * (lying ? 1 / part : part)));
	}
	s->shown_width = even(w);
	s->shown_height = even(h);
}

/* The usual rate that loses no picture: next above the mean. */
static struct rate tamed(const struct probe *source)
{
	static const struct rate usual[] = { { 12, 1 }, { 15, 1 }, { 24000, 1001 },
					     { 24, 1 }, { 25, 1 }, { 30000, 1001 },
					     { 30, 1 }, { 50, 1 }, { 60000, 1001 } };
	double mean = source->rate.num ? (double)source->rate.num / (double)source->rate.den : 25;

	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if ((double)usual[i].num / (double)usual[i].den >= mean * 0.995)
			return usual[i];
	return (struct rate){ USUAL_MOST_FPS, 1 };
}

static struct rate rate_of(const struct probe *source, const struct profile_step *step, bool clips)
{
	bool fast = source->rate.num > 120 * source->rate.den;

	if (step)
		return (struct rate){ step->rate.fps_milli, 1000 };
	if (source->variable || !source->rate.num || fast)
		return tamed(source);
	return clips ? source->rate : (struct rate){ 0 };
}

/* As large as fits into the box. */
static void inside(const struct profile_fit *f, struct shape *s)
{
	int64_t by_width = s->height * f->width / s->width;

	if (by_width <= f->height) {
		s->height = even(by_width);
		s->width = f->width;
	} else {
		s->width = even(s->width * f->height / s->height);
		s->height = f->height;
	}
}

static int step_done(const struct profile_step *step, struct shape *s, struct err *e)
{
	if (step->has_crop) {
		const struct profile_crop *c = &step->crop;
		int64_t x = c->x == KEYS_AUTO ? 0 : c->x, y = c->y == KEYS_AUTO ? 0 : c->y;

		if (x + c->width > s->width || y + c->height > s->height)
			return err_set(e, ERR_POLICY,
				       "its %lldx%lld are less than what the profile's crop takes",
				       (long long)s->width, (long long)s->height);
		s->width = c->width;
		s->height = c->height;
	} else if (step->has_fit && step->fit.mode == PROFILE_INSIDE) {
		inside(&step->fit, s);
	} else if (step->has_fit) {
		s->width = step->fit.width;
		s->height = step->fit.height;
	}
	return 0;
}

static void clip_added(const struct asset *a, struct shape *s)
{
	s->clips = true;
	s->audio |= a->probe.audio >= 0;
	if (a->probe.duration.ms < 0 || s->duration.ms < 0)
		s->duration = span_ms(-1);
	else
		s->duration.ms += a->probe.duration.ms;
}

int worker_shape(const struct profile *p, const struct probe *source, const struct assets *a,
		 struct shape *ret, struct err *e)
{
	const struct profile_step *rate = NULL;

	*ret = (struct shape){ .source = worker_profile_duration(p, source->duration),
			       .audio = source->audio >= 0 };
	ret->duration = ret->source;
	shown(source, ret);
	if (ret->shown_width > SIDE_MAX)
		return err_set(e, ERR_POLICY, "its pixels are of an absurd shape, %lld to %lld",
			       (long long)source->pixel.num, (long long)source->pixel.den);
	ret->width = ret->shown_width;
	ret->height = ret->shown_height;
	for (size_t i = 0; i < p->step_count; i++) {
		const struct profile_step *s = &p->steps[i];

		if (step_done(s, ret, e) < 0)
			return -1;
		if (s->has_rate)
			rate = s;
		if (s->has_intro || s->has_outro)
			clip_added(&a->list[worker_profile_asset(p, s->has_intro ? s->intro.clip
										 : s->outro.clip)],
				   ret);
	}
	ret->rate = rate_of(source, rate, ret->clips);
	return 0;
}

/* --- targets */

/* The size of one output: as asked, the other side by the shape. */
static void size_of(const struct shape *s, int64_t width, int64_t height, struct target *t)
{
	t->width = width ? width : height ? even(s->width * height / s->height) : s->width;
	t->height = height ? height : width ? even(s->height * width / s->width) : s->height;
}

/* Whether nothing of the steps would change a picture or a sound of this source. */
static bool untouched(const struct profile *p, const struct probe *source, const struct shape *s)
{
	const struct profile_trim *trim = worker_profile_trim_step(p);

	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].has_watermark || p->steps[i].has_intro || p->steps[i].has_outro ||
		    p->steps[i].has_loudness || p->steps[i].has_crop)
			return false;
	if (trim &&
	    (trim->from.ms > 0 || source->duration.ms < 0 || source->duration.ms > trim->to.ms))
		return false;
	return source->square && source->turned == 0 && !s->rate.num && source->width == s->width &&
	       source->height == s->height;
}

static bool sound_fits(const struct profile_output *o, const struct probe *source)
{
	if (o->audio == PROFILE_AUDIO_NONE || source->audio < 0)
		return true;
	return strcmp(source->audio_codec, o->audio == PROFILE_AUDIO_AAC ? "aac" : "opus") == 0;
}

static bool copied(const struct profile *p, const struct probe *source, const struct shape *s,
		   const struct profile_output *o)
{
	static const char *const names[] = { "h264", "hevc", "vp9", "av1" };
	const struct profile_video *v = &o->video;

	return v->copy_kilobits && source->kilobits && source->kilobits <= v->copy_kilobits &&
	       strcmp(source->codec, names[v->codec]) == 0 &&
	       strcmp(source->pixel_format, worker_profile_pixel_format_word(v->pixel_format)) ==
		       0 &&
	       sound_fits(o, source) && untouched(p, source, s);
}

static struct target *add(struct targets *t, const struct profile_output *o)
{
	struct target *one = &t->list[t->count++];

	*one = (struct target){ .output = o };
	return one;
}

void worker_shape_targets(const struct profile *p, const struct probe *source,
			  const struct shape *s, struct targets *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < p->output_count; i++) {
		const struct profile_output *o = &p->outputs[i];
		bool audio = o->audio != PROFILE_AUDIO_NONE && s->audio;
		struct target *t;

		for (size_t r = 0; r < o->rendition_count; r++) {
			t = add(ret, o);
			t->video = &o->renditions[r].video;
			t->rendition = o->renditions[r].name;
			t->audio = audio;
			size_of(s, t->video->width, t->video->height, t);
		}
		if (o->rendition_count)
			continue;
		t = add(ret, o);
		t->audio = audio;
		if (worker_profile_is_picture(o)) {
			size_of(s, o->width, 0, t);
			continue;
		}
		t->video = &o->video;
		size_of(s, o->video.width, o->video.height, t);
		t->copied = copied(p, source, s, o);
	}
}

int64_t worker_shape_pictures(const struct profile_output *o, struct span d)
{
	return d.ms < 0 ? -1 : d.ms / o->every.ms + (d.ms % o->every.ms > 0 || d.ms == 0);
}
