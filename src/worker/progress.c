#include "worker/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return false;
	*ret = v;
	return true;
}

static void block(struct progress *p, const char *word)
{
	p->blocks++;
	if (p->frames > p->last_frames || p->out_ms > p->last_ms)
		p->steps++;
	p->last_frames = p->frames;
	p->last_ms = p->out_ms;
	if (strcmp(word, "end") == 0)
		p->ended = true;
}

/* "1.5x" and "N/A" */
static void speed(struct progress *p, const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end != text && v >= 0 && v < 1e6)
		p->speed_milli = (int64_t)(v * 1000);
}

static void take(struct progress *p)
{
	char *value = strchr(p->line, '=');
	int64_t n;

	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " ");
	if (strcmp(p->line, "out_time_us") == 0) {
		if (number(value, &n) && n >= 0)
			p->out_ms = n / 1000;
	} else if (strcmp(p->line, "frame") == 0) {
		if (number(value, &n) && n >= 0)
			p->frames = (uint64_t)n;
	} else if (strcmp(p->line, "speed") == 0) {
		speed(p, value);
	} else if (strcmp(p->line, "progress") == 0) {
		block(p, value);
	}
}

void worker_progress_add(struct progress *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			p->line[p->len] = '\0';
			if (!p->skipping)
				take(p);
			p->len = 0;
			p->skipping = false;
		} else if (p->len + 1 < sizeof(p->line)) {
			p->line[p->len++] = data[i];
		} else {
			p->skipping = true;
		}
	}
}

int worker_progress_permille(const struct progress *p, int64_t whole_ms)
{
	int64_t share;

	if (p->out_ms < 0 || whole_ms <= 0)
		return 0;
	share = p->out_ms * 1000 / whole_ms;
	return share > 1000 ? 1000 : (int)share;
}
