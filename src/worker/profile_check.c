/* What the profile's tables cannot say: what fits together. */
#include <string.h>

#include "base/own.h"
#include "model/job.h"
#include "worker/profile.h"

static struct yaml_place place_of(const struct yaml_node *n, const char *key)
{
	const struct yaml_node *found = n && n->kind == YAML_MAP ? yaml_get(n, key) : NULL;

	return found ? found->at : n ? n->at : (struct yaml_place){ .line = 1, .column = 1 };
}

static const struct yaml_node *item(const struct yaml_node *list, size_t i)
{
	return list && list->kind == YAML_LIST && i < list->count ? list->items[i] : list;
}

static bool is_word(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_#") ==
		       strlen(s);
}

/* --- assets */

static void check_assets(struct keys_reader *r, const struct profile *p, const struct yaml_node *n)
{
	for (size_t i = 0; i < p->asset_count; i++) {
		const struct profile_asset *a = &p->assets[i];
		const struct yaml_node *at = item(n, i);
		char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
		struct err e = { 0 };

		if (!is_word(a->name) || strchr(a->name, '#'))
			keys_error(r, place_of(at, "name"),
				   "name is a word of letters, digits and _");
		if (worker_profile_asset(p, a->name) != i)
			keys_error(r, place_of(at, "name"), "an asset '%s' was there already",
				   a->name);
		if (!a->file == !a->s3)
			keys_error(r, place_of(at, "?"), "an asset has either file or s3");
		if (a->file && a->file[0] != '/')
			keys_error(r, place_of(at, "file"), "file is an absolute path");
		if (a->s3 && job_read_path(a->s3, bucket, key, &e) < 0)
			keys_error(r, place_of(at, "s3"), "%s", e.text);
	}
}

static void check_asset_named(struct keys_reader *r, const struct profile *p, const char *name,
			      struct yaml_place at)
{
	if (worker_profile_asset(p, name) == p->asset_count)
		keys_error(r, at, "there is no asset '%.60s'", name);
}

/* --- steps */

static int kinds_of(const struct profile_step *s, bool out[static 8])
{
	const bool is[8] = { s->has_trim,  s->has_crop,  s->has_fit,      s->has_rate,
			     s->has_intro, s->has_outro, s->has_loudness, s->has_watermark };
	int n = 0;

	memcpy(out, is, sizeof(is));
	for (size_t i = 0; i < COUNT_OF(is); i++)
		n += is[i];
	return n;
}

static void check_fit(struct keys_reader *r, const struct profile_fit *f,
		      const struct yaml_node *at)
{
	if (f->width % 2 || f->height % 2)
		keys_error(r, at->at,
			   "width and height must be even: pictures are coded in pairs of lines");
	if (!is_word(f->color))
		keys_error(r, place_of(at, "color"),
			   "color is a word that ffmpeg knows, or "
			   "#RRGGBB");
}

static void check_step(struct keys_reader *r, const struct profile *p, const struct profile_step *s,
		       const struct yaml_node *at)
{
	if (s->has_trim && s->trim.to.ms <= s->trim.from.ms)
		keys_error(r, place_of(yaml_get(at, "trim"), "to"), "to must be after from");
	if (s->has_fit)
		check_fit(r, &s->fit, yaml_get(at, "fit"));
	if (s->has_crop && (s->crop.width % 2 || s->crop.height % 2))
		keys_error(r, place_of(at, "crop"), "width and height must be even");
	if (s->has_watermark)
		check_asset_named(r, p, s->watermark.image,
				  place_of(yaml_get(at, "watermark"), "image"));
	if (s->has_intro)
		check_asset_named(r, p, s->intro.clip, place_of(yaml_get(at, "intro"), "clip"));
	if (s->has_outro)
		check_asset_named(r, p, s->outro.clip, place_of(yaml_get(at, "outro"), "clip"));
}

static void check_steps(struct keys_reader *r, const struct profile *p, const struct yaml_node *n)
{
	bool seen[8] = { false };

	for (size_t i = 0; i < p->step_count; i++) {
		const struct profile_step *s = &p->steps[i];
		const struct yaml_node *at = item(n, i);
		bool is[8];

		if (kinds_of(s, is) != 1) {
			keys_error(r, place_of(at, "?"),
				   "a step is one key: trim, crop, fit, rate, watermark, intro, "
				   "outro or loudness");
			continue;
		}
		check_step(r, p, s, at);
		if ((is[4] || is[5]) && !seen[2])
			keys_error(r, place_of(at, "?"),
				   "intro and outro come after a fit step: the size that they get");
		if (seen[4] + seen[5] && (is[1] || is[2] || is[3]))
			keys_error(r, place_of(at, "?"),
				   "crop, fit and rate come before intro and outro");
		for (size_t k = 0; k < 7; k++) { /* there may be many watermarks */
			if (seen[k] && is[k])
				keys_error(r, place_of(at, "?"), "this step was there already");
			seen[k] |= is[k];
		}
	}
}

/* --- outputs */

/* @p needs: NULL-terminated, of which each has to be in it. */
static void check_template(struct keys_reader *r, const char *key, struct yaml_place at,
			   const char *const *needs, const char *extra)
{
	static const char *const names[] = { "{video_id}", "{task_id}", "{message_id}",
					     "{digest}" };

	for (; *needs; needs++)
		if (!strstr(key, *needs))
			keys_error(r, at, "key needs %s: one job, one object", *needs);
	if (key[0] == '/' || strstr(key, ".."))
		keys_error(r, at, "key may not begin with / or hold ..");
	for (const char *p = strchr(key, '{'); p; p = strchr(p + 1, '{')) {
		bool known = extra && strncmp(p, extra, strlen(extra)) == 0;

		for (size_t i = 0; i < COUNT_OF(names); i++)
			known |= strncmp(p, names[i], strlen(names[i])) == 0;
		if (!known)
			keys_error(r, at,
				   "key: what is in braces must be {video_id}, {task_id}, "
				   "{message_id} or {digest}, and {number} or {file} where there "
				   "are several");
	}
}

static const char *const of_video[] = { "{video_id}", "{digest}", NULL };
static const char *const of_message[] = { "{digest}", NULL };

static void check_video(struct keys_reader *r, const struct profile_output *o,
			const struct profile_video *v, const struct yaml_node *at)
{
	if (v->codec <= PROFILE_H265 && v->crf > 51)
		keys_error(r, place_of(at, "crf"), "crf ends at 51 for h264 and h265");
	if (v->width % 2 || v->height % 2)
		keys_error(r, place_of(at, "?"), "width and height must be even");
	if (o->container == PROFILE_WEBM && v->codec <= PROFILE_H265)
		keys_error(r, place_of(at, "codec"), "webm takes vp9 or av1");
	if (o->container == PROFILE_HLS && v->codec == PROFILE_VP9)
		keys_error(r, place_of(at, "codec"), "HLS takes h264, h265 or av1");
	if (v->copy_kilobits && (v->width || v->height || o->container == PROFILE_HLS))
		keys_error(r, place_of(at, "copy_kilobits"),
			   "a copy has the steps' size and is no HLS");
}

static void check_hls(struct keys_reader *r, const struct profile_output *o,
		      const struct yaml_node *at)
{
	const char *slash = strrchr(o->key, '/');
	AUTO(own_freep) char *folder = own_strndup(o->key, slash ? (size_t)(slash - o->key) : 0);

	if (o->has_video || o->rendition_count == 0)
		keys_error(r, place_of(at, o->has_video ? "video" : "?"),
			   "an HLS output has renditions, each with its video");
	if (!strstr(folder, "{video_id}") || !strstr(folder, "{digest}"))
		keys_error(r, place_of(at, "key"),
			   "key: a master playlist needs a folder of its own, with {video_id} and "
			   "{digest} in the folder's name");
	for (size_t i = 0; i < o->rendition_count; i++) {
		const struct yaml_node *one = item(yaml_get(at, "renditions"), i);

		if (!is_word(o->renditions[i].name) || strchr(o->renditions[i].name, '#'))
			keys_error(r, place_of(one, "name"),
				   "name is a word of letters, digits and _");
		for (size_t k = 0; k < i; k++)
			if (strcmp(o->renditions[k].name, o->renditions[i].name) == 0)
				keys_error(r, place_of(one, "name"), "this name was there already");
		check_video(r, o, &o->renditions[i].video, yaml_get(one, "video"));
	}
}

static void check_picture(struct keys_reader *r, const struct profile_output *o,
			  const struct yaml_node *at)
{
	if (o->has_video || o->audio != PROFILE_AUDIO_NONE)
		keys_error(r, place_of(at, "container"), "a picture has no video and no audio");
	if (o->has_at == o->has_every)
		keys_error(r, place_of(at, "?"), "a picture is taken either at or every");
	if (o->has_every && !strstr(o->key, "{number}"))
		keys_error(r, place_of(at, "key"), "key needs {number}: one picture, one object");
	if (o->width % 2)
		keys_error(r, place_of(at, "width"), "width must be even");
}

static void check_output(struct keys_reader *r, const struct profile_output *o,
			 const struct yaml_node *at)
{
	check_template(r, o->key, place_of(at, "key"), of_video, o->has_every ? "{number}" : NULL);
	if (o->file)
		keys_error(r, place_of(at, "file"), "file is of processor: exec");
	if (worker_profile_is_picture(o)) {
		check_picture(r, o, at);
		return;
	}
	if (o->has_at || o->has_every)
		keys_error(r, place_of(at, o->has_at ? "at" : "every"),
			   "at and every are of pictures: container jpeg or png");
	if (o->container == PROFILE_WEBM && o->audio == PROFILE_AUDIO_AAC)
		keys_error(r, place_of(at, "audio"), "webm takes opus");
	if (o->container == PROFILE_HLS && o->audio == PROFILE_AUDIO_OPUS)
		keys_error(r, place_of(at, "audio"), "HLS takes aac");
	if (o->container == PROFILE_HLS)
		check_hls(r, o, at);
	else if (!o->has_video || o->rendition_count)
		keys_error(r, place_of(at, "?"), "an output of this container has one video");
	else
		check_video(r, o, &o->video, yaml_get(at, "video"));
}

static void check_exec_output(struct keys_reader *r, const struct profile_output *o,
			      const struct yaml_node *at)
{
	bool pattern = o->file && strpbrk(o->file, "*?[");

	check_template(r, o->key, place_of(at, "key"), of_message, "{file}");
	if (strstr(o->key, "{video_id}") || strstr(o->key, "{task_id}"))
		keys_error(r, place_of(at, "key"),
			   "a command's message has an id and a digest, and no video");
	if (!o->file || strchr(o->file, '/') || o->file[0] == '.')
		keys_error(r, place_of(at, "file"),
			   "a command's output has a file: a name or a pattern, without /");
	if (!o->bucket)
		keys_error(r, place_of(at, "?"), "a command's output has a bucket");
	if (pattern && !strstr(o->key, "{file}"))
		keys_error(r, place_of(at, "key"), "key needs {file}: one file, one object");
	if (o->has_video || o->rendition_count || o->has_at || o->has_every)
		keys_error(r, place_of(at, "?"), "a command's output is a file, and nothing else");
}

static void check_outputs(struct keys_reader *r, const struct profile *p, const struct yaml_node *n)
{
	size_t targets = 0;

	for (size_t i = 0; i < p->output_count; i++)
		targets += p->outputs[i].rendition_count ? p->outputs[i].rendition_count : 1;
	if (targets > PROFILE_TARGETS_MAX)
		keys_error(r, n->at, "outputs and their renditions are %d at most",
			   PROFILE_TARGETS_MAX);
	if (p->output_count == 0 && p->processor == PROFILE_VIDEO)
		keys_error(r, place_of(n, "?"), "there must be an output");
	for (size_t i = 0; i < p->output_count; i++) {
		const struct profile_output *o = &p->outputs[i];
		const struct yaml_node *at = item(n, i);

		if (!is_word(o->name) || strchr(o->name, '#'))
			keys_error(r, place_of(at, "name"),
				   "name is a word of letters, digits and _");
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->outputs[k].name, o->name) == 0)
				keys_error(r, place_of(at, "name"), "this name was there already");
		if (p->processor == PROFILE_EXEC)
			check_exec_output(r, o, at);
		else
			check_output(r, o, at);
	}
}

static void check_manifest(struct keys_reader *r, const struct profile *p,
			   const struct yaml_node *root)
{
	if (p->manifest)
		check_template(r, p->manifest, place_of(root, "manifest"),
			       p->processor == PROFILE_EXEC ? of_message : of_video, NULL);
	else if (worker_profile_many(p))
		keys_error(
			r, place_of(root, "outputs"),
			"a job that leaves more than one object needs a manifest: the key of the "
			"list that is written when all the others are stored");
}

static void check_exec(struct keys_reader *r, const struct profile *p, const struct yaml_node *root)
{
	const struct yaml_node *at = yaml_get(root, "exec");

	if (p->processor == PROFILE_VIDEO) {
		if (p->has_exec)
			keys_error(r, place_of(root, "exec"), "exec is of processor: exec");
		return;
	}
	if (!p->has_exec || p->exec.command_count == 0 || !*p->exec.command[0])
		keys_error(r, place_of(root, "exec"), "processor: exec needs exec.command");
	if (!p->exec.persistent && (p->exec.max_jobs || p->exec.max_resident_megabytes))
		keys_error(r,
			   place_of(at, p->exec.max_jobs ? "max_jobs" : "max_resident_megabytes"),
			   "max_jobs and max_resident_megabytes are of a persistent command");
	if (p->step_count || p->asset_count)
		keys_error(r, place_of(root, p->step_count ? "steps" : "assets"),
			   "steps and assets are of processor: video");
	for (size_t i = 0; i < p->exec.read_count; i++)
		if (p->exec.read[i][0] != '/')
			keys_error(r, place_of(at, "read"), "'%.60s' is no absolute path",
				   p->exec.read[i]);
	for (size_t i = 0; i < p->exec.environment_count; i++)
		if (!is_word(p->exec.environment[i]))
			keys_error(r, place_of(at, "environment"), "'%.60s' is no name",
				   p->exec.environment[i]);
}

void worker_profile_check(struct keys_reader *r, const struct profile *p,
			  const struct yaml_node *root)
{
	const struct yaml_node *formats = yaml_get(yaml_get(root, "input"), "formats");

	for (size_t i = 0; i < p->input.format_count; i++)
		if (!is_word(p->input.formats[i]))
			keys_error(r, place_of(formats, "?"),
				   "formats: '%.40s' is no name of a demuxer", p->input.formats[i]);
	check_exec(r, p, root);
	check_assets(r, p, yaml_get(root, "assets"));
	check_steps(r, p, yaml_get(root, "steps") ? yaml_get(root, "steps") : root);
	check_outputs(r, p, yaml_get(root, "outputs") ? yaml_get(root, "outputs") : root);
	check_manifest(r, p, root);
}
