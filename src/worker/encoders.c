#include "worker/encoders.h"

#include <stdbool.h>
#include <string.h>

#include "base/own.h"

#define OPUS "libopus"

static const struct encoder {
	const char *name;
	int codec;
} encoders[] = {
	/* of one codec, the better first */
	{ "libx264", PROFILE_H264 },  { "libx265", PROFILE_H265 },   { "libvpx-vp9", PROFILE_VP9 },
	{ "libsvtav1", PROFILE_AV1 }, { "libaom-av1", PROFILE_AV1 }, { OPUS, PROFILE_CODECS },
};

static struct {
	bool taken, there[COUNT_OF(encoders)];
} known; /* as long as the process */

/* As a whole word. */
static bool said(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(text, name); p; p = strstr(p + 1, name))
		if ((p == text || strchr(" \n", p[-1])) && (!p[n] || strchr(" \n", p[n])))
			return true;
	return false;
}

void worker_encoders_take(const char *text)
{
	known.taken = true;
	for (size_t i = 0; i < COUNT_OF(encoders); i++)
		known.there[i] = said(text, encoders[i].name);
}

void worker_encoders_words(struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(encoders); i++)
		if (known.there[i])
			buf_addf(out, "%s ", encoders[i].name);
}

static const struct encoder *find(int codec)
{
	const struct encoder *usual = NULL;

	for (size_t i = COUNT_OF(encoders); i-- > 0;) {
		if (encoders[i].codec != codec)
			continue;
		if (known.there[i])
			return &encoders[i];
		usual = &encoders[i];
	}
	return known.taken ? NULL : usual;
}

static int codec_there(int codec, const char *output, struct err *e)
{
	static const char *const words[] = { "h264", "h265", "vp9", "av1", "opus" };
	AUTO(buf_done) struct buf names = BUF(ENCODERS_WORDS_MAX);

	if (find(codec))
		return 0;
	for (size_t i = 0; i < COUNT_OF(encoders); i++)
		if (encoders[i].codec == codec)
			buf_addf(&names, "%s%s", names.len ? " or " : "", encoders[i].name);
	return err_set(
		e, ERR_POLICY,
		"the profile's output '%.100s' is to be coded as %s, for which this machine's "
		"ffmpeg has no encoder (%s) -> install an ffmpeg that has it, or change the "
		"profile",
		output, words[codec], buf_str(&names));
}

int worker_encoders_check(const struct profile *p, struct err *e)
{
	for (size_t i = 0; i < p->output_count; i++) {
		const struct profile_output *o = &p->outputs[i];

		if (o->has_video && codec_there(o->video.codec, o->name, e) < 0)
			return -1;
		for (size_t r = 0; r < o->rendition_count; r++)
			if (codec_there(o->renditions[r].video.codec, o->name, e) < 0)
				return -1;
		if (o->audio == PROFILE_AUDIO_OPUS && codec_there(PROFILE_CODECS, o->name, e) < 0)
			return -1;
	}
	return 0;
}

const char *worker_encoders_name(int codec)
{
	const struct encoder *found = find(codec);

	return found ? found->name : "none"; /* the check was before */
}

#define PRESETS 9 /* of profile_table.c, ultrafast to veryslow */

void worker_encoders_options(int codec, int preset, struct argv *a)
{
	static const int vp9[PRESETS] = { 5, 5, 4, 4, 3, 2, 1, 1, 0 };
	static const int svt[PRESETS] = { 12, 11, 10, 9, 8, 7, 5, 4, 2 };
	static const int aom[PRESETS] = { 8, 8, 7, 6, 6, 5, 4, 3, 2 };
	const char *name = worker_encoders_name(codec);
	bool is_svt = strcmp(name, "libsvtav1") == 0;
	int i = preset < 0 ? 0 : preset >= PRESETS ? PRESETS - 1 : preset;

	switch ((enum profile_codec)codec) {
	case PROFILE_H265:
		worker_argv_adds(a, (const char *const[]){ "-x265-params", "log-level=error" }, 2);
		/* fall through */
	case PROFILE_H264:
		worker_argv_add(a, "-preset");
		worker_argv_add(a, worker_profile_preset_word(i));
		break;
	case PROFILE_VP9:
		worker_argv_adds(
			a,
			(const char *const[]){ "-deadline", "good", "-row-mt", "1", "-cpu-used" },
			5);
		worker_argv_addf(a, "%d", vp9[i]);
		break;
	case PROFILE_AV1:
		if (!is_svt)
			worker_argv_adds(a, (const char *const[]){ "-row-mt", "1" }, 2);
		worker_argv_add(a, is_svt ? "-preset" : "-cpu-used");
		worker_argv_addf(a, "%d", is_svt ? svt[i] : aom[i]);
		break;
	case PROFILE_CODECS:
		break;
	}
}
