/* Cost against lateness as an SVG that stands alone. */
#include <math.h>

#include "cli/tune.h"

#define WIDTH 720
#define HEIGHT 420
#define LEFT 70
#define RIGHT 20
#define TOP 20
#define BOTTOM 50

struct frame {
	double low, high, top;
};

static double x_of(const struct frame *f, double cost)
{
	return LEFT + (cost - f->low) / (f->high - f->low) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct frame *f, double late)
{
	return HEIGHT - BOTTOM - fmin(late / f->top, 1) * (HEIGHT - TOP - BOTTOM);
}

static void axes(const struct cli_tune *t, const struct frame *f, struct buf *out)
{
	double y = y_of(f, t->search.limit);

	buf_addf(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		 "font-family=\"sans-serif\" font-size=\"12\">\n"
		 "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
		 WIDTH, HEIGHT, WIDTH, HEIGHT);
	buf_addf(out, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#444\"/>\n", LEFT, TOP,
		 HEIGHT - BOTTOM, WIDTH - RIGHT);
	buf_addf(out,
		 "<path d=\"M%d %.1fH%d\" stroke=\"#c33\" stroke-dasharray=\"6 4\"/>\n"
		 "<text x=\"%d\" y=\"%.1f\" fill=\"#c33\" text-anchor=\"end\">the promise</text>\n",
		 LEFT, y, WIDTH - RIGHT, WIDTH - RIGHT, y - 5);
	for (int i = 0; i <= 4; i++) {
		double cost = f->low + (f->high - f->low) * i / 4, late = f->top * i / 4;

		buf_addf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">$%.4g</text>\n",
			 x_of(f, cost), HEIGHT - BOTTOM + 18, cost);
		buf_addf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g %%</text>\n",
			 LEFT - 6, y_of(f, late) + 4, 100 * late);
	}
	buf_addf(out,
		 "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">cost</text>\n"
		 "<text x=\"14\" y=\"%d\" transform=\"rotate(-90 14 %d)\" "
		 "text-anchor=\"middle\">jobs that are late</text>\n",
		 WIDTH / 2, HEIGHT - 8, HEIGHT / 2, HEIGHT / 2);
}

static void xml_text(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '&')
			buf_adds(out, "&amp;");
		else if (*s == '<')
			buf_adds(out, "&lt;");
		else
			buf_addc(out, *s);
	}
}

static void dot(const struct cli_tune *t, const struct frame *f, const struct tune_point *p,
		bool best, struct buf *out)
{
	struct tune_mean cost = tune_mean(p, TUNE_COST), late = tune_mean(p, TUNE_LATE);
	bool front = tune_on_front(&t->search, p);

	buf_addf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" fill=\"%s\"><title>",
		 x_of(f, cost.mean), y_of(f, late.mean),
		 best    ? 7
		 : front ? 5
			 : 3,
		 best    ? "#2a7"
		 : front ? "#27c"
			 : "#bbb");
	for (size_t a = 0; a < t->axes; a++) {
		xml_text(t->axis[a].path, out);
		buf_adds(out, " ");
		xml_text(cli_tune_level(&t->axis[a], p->at[a]), out);
		buf_adds(out, "\n");
	}
	buf_addf(out, "$%.4f, %.2f %% late</title></circle>\n", cost.mean, 100 * late.mean);
}

int cli_tune_chart(const struct cli_tune *t, const char *path, struct err *e)
{
	const struct tune_point *best = tune_best(&t->search);
	struct frame f = { INFINITY, 0, 3 * t->search.limit };
	AUTO(buf_done) struct buf out = BUF(16u << 20);

	for (size_t i = 0; i < t->search.count; i++) {
		const struct tune_point *p = &t->search.points[i];

		if (p->seeds < t->search.seeds)
			continue;
		f.low = fmin(f.low, tune_mean(p, TUNE_COST).mean);
		f.high = fmax(f.high, tune_mean(p, TUNE_COST).mean);
	}
	if (!isfinite(f.low))
		return err_set(e, ERR_LOCAL, "there is nothing to draw yet");
	if (f.high <= f.low)
		f.high = f.low + 1e-6;
	f.top = f.top > 0 ? f.top : 0.01;
	axes(t, &f, &out);
	for (size_t i = 0; i < t->search.count; i++)
		if (t->search.points[i].seeds == t->search.seeds && &t->search.points[i] != best)
			dot(t, &f, &t->search.points[i], false, &out);
	if (best)
		dot(t, &f, best, true, &out);
	buf_adds(&out, "</svg>\n");
	return buf_ok(&out, "the chart", e) < 0 || buf_write_file(&out, path, 0644, e) < 0 ? -1 : 0;
}
