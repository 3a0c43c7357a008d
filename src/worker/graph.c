#include "worker/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define LABEL_MAX 40
#define LOUDNESS_MORE "TP=-1.5:LRA=11"
#define LAYOUT "aformat=sample_fmts=fltp:channel_layouts=stereo"
#define SOUND "aresample=48000:async=1:first_pts=0," LAYOUT

struct chain {                 /* filters after one another, of pictures or of sound */
	char label[LABEL_MAX]; /* where it stands: without its brackets */
	bool open;             /* filters were added after the label */
};

struct graph {
	const struct profile *p;
	const struct probe *source;
	const struct assets *a;
	const struct shape *s;
	const struct targets *t;
	struct buf *out;
	struct chain v, au;
	bool sound; /* some target wants it */
	int input, labels;
	int64_t width, height; /* of the picture here */
};

const char *worker_graph_asset(const struct profile_step *s)
{
	return s->has_watermark ? s->watermark.image
	       : s->has_intro   ? s->intro.clip
	       : s->has_outro   ? s->outro.clip
				: NULL;
}

/* Before each filter. */
static struct buf *then(struct graph *g, struct chain *c)
{
	if (c->open)
		buf_addc(g->out, ',');
	else
		buf_addf(g->out, "[%s]", c->label);
	c->open = true;
	return g->out;
}

static void close_chain(struct graph *g, struct chain *c)
{
	if (!c->open)
		return;
	snprintf(c->label, sizeof(c->label), "x%d", g->labels++);
	buf_addf(g->out, "[%s];", c->label);
	c->open = false;
}

static struct chain from_input(int input, int64_t stream)
{
	struct chain c = { .open = false };

	snprintf(c.label, sizeof(c.label), "%d:%lld", input, (long long)stream);
	return c;
}

static const struct asset *asset(const struct graph *g, const char *name)
{
	return &g->a->list[worker_profile_asset(g->p, name)];
}

/* Scaling keeps the shape of the pixel grid; where pixels are not square they are made so first. */
static void squared(struct graph *g, struct chain *c, const struct probe *of)
{
	if (!of->square)
		buf_adds(then(g, c), "scale=w='max(2,trunc(iw*sar/2)*2)':h='max(2,trunc(ih/2)*2)',"
				     "setsar=1");
}

static void rate(struct graph *g, struct chain *c)
{
	if (g->s->rate.num)
		buf_addf(then(g, c), "fps=%lld/%lld", (long long)g->s->rate.num,
			 (long long)g->s->rate.den);
}

static void padded(struct graph *g, struct chain *c, int64_t width, int64_t height,
		   const char *color)
{
	long long w = (long long)width, h = (long long)height;

	buf_addf(then(g, c),
		 "scale=w=%lld:h=%lld:force_original_aspect_ratio=decrease:force_divisible_by=2,"
		 "pad=w=%lld:h=%lld:x=(ow-iw)/2:y=(oh-ih)/2:color=%s,setsar=1",
		 w, h, w, h, color);
}

static void fit(struct graph *g, const struct profile_fit *f)
{
	int64_t at_width = g->s->width, at_height = g->s->height;
	long long w = (long long)f->width, h = (long long)f->height;

	switch ((enum profile_fit_mode)f->mode) {
	case PROFILE_PAD:
		padded(g, &g->v, f->width, f->height, f->color);
		break;
	case PROFILE_FILL:
		buf_addf(then(g, &g->v),
			 "scale=w=%lld:h=%lld:force_original_aspect_ratio=increase:"
			 "force_divisible_by=2,crop=w=%lld:h=%lld,setsar=1",
			 w, h, w, h);
		break;
	case PROFILE_INSIDE: /* nothing changes the size after it: the shape's is its own */
		buf_addf(then(g, &g->v), "scale=w=%lld:h=%lld,setsar=1", (long long)at_width,
			 (long long)at_height);
		g->width = at_width;
		g->height = at_height;
		return;
	case PROFILE_STRETCH:
		buf_addf(then(g, &g->v), "scale=w=%lld:h=%lld,setsar=1", w, h);
		break;
	}
	g->width = f->width;
	g->height = f->height;
}

static void crop(struct graph *g, const struct profile_crop *c)
{
	struct buf *out = then(g, &g->v);

	buf_addf(out, "crop=w=%lld:h=%lld", (long long)c->width, (long long)c->height);
	if (c->x != KEYS_AUTO)
		buf_addf(out, ":x=%lld", (long long)c->x);
	if (c->y != KEYS_AUTO)
		buf_addf(out, ":y=%lld", (long long)c->y);
	g->width = c->width;
	g->height = c->height;
}

static void watermark(struct graph *g, const struct profile_watermark *w)
{
	long long m = (long long)w->margin;
	struct chain image = from_input(++g->input, 0);
	int64_t width = g->width * w->width / 1000;

	close_chain(g, &g->v);
	buf_addf(then(g, &image), "scale=w=%lld:h=-1,format=rgba",
		 (long long)(width < 2 ? 2 : width));
	if (w->opacity < 1000)
		buf_addf(g->out, ",colorchannelmixer=aa=%lld.%03lld", (long long)w->opacity / 1000,
			 (long long)w->opacity % 1000);
	close_chain(g, &image);
	buf_addf(g->out, "[%s][%s]overlay=format=auto:", g->v.label, image.label);
	g->v.open = true;
	switch ((enum profile_corner)w->corner) {
	case PROFILE_TOP_RIGHT:
		buf_addf(g->out, "x=W-w-%lld:y=%lld", m, m);
		break;
	case PROFILE_TOP_LEFT:
		buf_addf(g->out, "x=%lld:y=%lld", m, m);
		break;
	case PROFILE_BOTTOM_RIGHT:
		buf_addf(g->out, "x=W-w-%lld:y=H-h-%lld", m, m);
		break;
	case PROFILE_BOTTOM_LEFT:
		buf_addf(g->out, "x=%lld:y=H-h-%lld", m, m);
		break;
	case PROFILE_CENTER:
		buf_adds(g->out, "x=(W-w)/2:y=(H-h)/2");
		break;
	}
}

static int silence(struct graph *g, struct chain *c, struct span d, struct err *e)
{
	if (d.ms < 0)
		return err_set(e, ERR_POLICY,
			       "it has no sound, and how long it is cannot be told: a silence as "
			       "long cannot be put beside it");
	buf_addf(g->out,
		 "anullsrc=r=48000:cl=stereo,atrim=duration=%lld.%03lld,"
		 "aformat=sample_fmts=fltp",
		 (long long)d.ms / 1000, (long long)d.ms % 1000);
	c->open = true;
	close_chain(g, c);
	return 0;
}

static int sound_of(struct graph *g, struct chain *c, int input, const struct probe *of,
		    struct span d, struct err *e)
{
	if (of->audio < 0)
		return silence(g, c, d, e);
	*c = from_input(input, of->audio);
	buf_adds(then(g, c), SOUND);
	close_chain(g, c);
	return 0;
}

/* A clip before or after what there is: made to its size and rate. */
static int clip(struct graph *g, const char *name, bool before, struct err *e)
{
	const struct probe *of = &asset(g, name)->probe;
	struct chain v = from_input(++g->input, of->video), au = { .open = false };

	close_chain(g, &g->v);
	buf_adds(then(g, &v), "setpts=PTS-STARTPTS");
	rate(g, &v);
	squared(g, &v, of);
	padded(g, &v, g->width, g->height, "black");
	close_chain(g, &v);
	if (g->sound && sound_of(g, &au, g->input, of, of->duration, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		bool ours = (i == 0) == before;

		buf_addf(g->out, "[%s]", ours ? v.label : g->v.label);
		if (g->sound)
			buf_addf(g->out, "[%s]", ours ? au.label : g->au.label);
	}
	snprintf(g->v.label, sizeof(g->v.label), "x%d", g->labels++);
	buf_addf(g->out, "concat=n=2:v=1:a=%d[%s]", g->sound, g->v.label);
	if (g->sound) {
		snprintf(g->au.label, sizeof(g->au.label), "x%d", g->labels++);
		buf_addf(g->out, "[%s]", g->au.label);
	}
	buf_addc(g->out, ';');
	return 0;
}

static int step(struct graph *g, const struct profile_step *s, struct err *e)
{
	if (s->has_crop)
		crop(g, &s->crop);
	else if (s->has_fit)
		fit(g, &s->fit);
	else if (s->has_watermark)
		watermark(g, &s->watermark);
	else if (s->has_intro || s->has_outro)
		return clip(g, s->has_intro ? s->intro.clip : s->outro.clip, s->has_intro, e);
	return 0;
}

static int source_sound(struct graph *g, struct err *e)
{
	if (!g->sound)
		return 0;
	return sound_of(g, &g->au, 0, g->source, g->s->source, e);
}

static void loudness(struct graph *g)
{
	for (size_t i = 0; g->sound && i < g->p->step_count; i++) {
		const struct profile_loudness *l = &g->p->steps[i].loudness;
		long long least = -(long long)l->target_milli;

		if (g->p->steps[i].has_loudness)
			buf_addf(then(g, &g->au),
				 "loudnorm=I=-%lld.%03lld:" LOUDNESS_MORE
				 ",aresample=48000," LAYOUT,
				 least / 1000, least % 1000);
	}
	close_chain(g, &g->au);
}

/* --- one chain for each target */

static void picture_filter(const struct graph *g, const struct target *t, struct buf *out)
{
	const struct profile_output *o = t->output;
	int64_t at = o->at.ms, whole = g->s->duration.ms;

	if (o->has_at) {
		if (whole >= 0 && at >= whole)
			at = whole / 2;
		buf_addf(out, ",select='gte(t,%lld.%03lld)'", (long long)at / 1000,
			 (long long)at % 1000);
	} else if (o->has_every) {
		/* A thousandth earlier: times are fractions that do not add up. */
		at = o->every.ms - 1;
		buf_addf(out, ",select='isnan(prev_selected_t)+gte(t-prev_selected_t,%lld.%03lld)'",
			 (long long)at / 1000, (long long)at % 1000);
	}
}

static void end_target(struct graph *g, size_t i, const char *from)
{
	const struct target *t = &g->t->list[i];

	buf_addf(g->out, "[%s]", from);
	if (t->width != g->width || t->height != g->height)
		buf_addf(g->out, "scale=w=%lld:h=%lld,setsar=1", (long long)t->width,
			 (long long)t->height);
	else
		buf_adds(g->out, "null");
	picture_filter(g, t, g->out);
	buf_addf(g->out, "[v%zu];", i);
}

/* One label becomes as many as are taken from it. */
static void split(struct graph *g, struct chain *c, const char *how, size_t n)
{
	close_chain(g, c);
	if (n < 2)
		return;
	buf_addf(g->out, "[%s]%s=%zu", c->label, how, n);
	for (size_t i = 0; i < n; i++)
		buf_addf(g->out, "[%c%zu]", *how, i);
	buf_addc(g->out, ';');
}

static void end_targets(struct graph *g, size_t pictures, size_t sounds)
{
	char from[LABEL_MAX];
	size_t v = 0, a = 0;

	split(g, &g->v, "split", pictures);
	if (g->sound)
		split(g, &g->au, "asplit", sounds);
	for (size_t i = 0; i < g->t->count; i++) {
		const struct target *t = &g->t->list[i];

		if (t->copied)
			continue;
		snprintf(from, sizeof(from), "s%zu", v++);
		end_target(g, i, pictures > 1 ? from : g->v.label);
		if (!t->audio)
			continue;
		snprintf(from, sizeof(from), "a%zu", a++);
		buf_addf(g->out, "[%s]anull[t%zu];", sounds > 1 ? from : g->au.label, i);
	}
}

int worker_graph(const struct profile *p, const struct probe *source, const struct assets *a,
		 const struct shape *shape, const struct targets *t, struct buf *out, struct err *e)
{
	struct graph g = { .p = p,
			   .source = source,
			   .a = a,
			   .s = shape,
			   .t = t,
			   .out = out,
			   .width = shape->shown_width,
			   .height = shape->shown_height,
			   .v = from_input(0, source->video) };
	size_t pictures = 0, sounds = 0;

	for (size_t i = 0; i < t->count; i++) {
		pictures += !t->list[i].copied;
		sounds += !t->list[i].copied && t->list[i].audio;
	}
	if (!pictures)
		return 0;
	g.sound = sounds > 0;
	if (shape->clips)
		buf_adds(then(&g, &g.v), "setpts=PTS-STARTPTS");
	rate(&g, &g.v);
	squared(&g, &g.v, source);
	if (source->square && (source->width % 2 || source->height % 2))
		buf_addf(then(&g, &g.v), "scale=w=%lld:h=%lld,setsar=1", (long long)g.width,
			 (long long)g.height);
	close_chain(&g, &g.v);
	if (source_sound(&g, e) < 0)
		return -1;
	for (size_t i = 0; i < p->step_count; i++)
		if (step(&g, &p->steps[i], e) < 0)
			return -1;
	close_chain(&g, &g.v); /* one is open at a time */
	loudness(&g);
	end_targets(&g, pictures, sounds);
	if (out->len) /* its last semicolon is one too many */
		out->data[--out->len] = '\0';
	return buf_ok(out, "the filter graph", e);
}
