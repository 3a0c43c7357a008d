#include "worker/profile.h"

#include <string.h>

#include "base/crypto.h"
#include "base/own.h"

#define OUTPUT_KEY_MAX 1024 /* bytes, as S3 has it */

static const char *const usual_formats[] = { "mov",  "mp4",      "m4a",  "3gp", "3g2",
					     "mj2",  "matroska", "webm", "avi", "mpegts",
					     "mpeg", "flv",      "asf",  "ogg" };

#define FIELD(type, field) .offset = offsetof(type, field)
#define GIVEN(type, field) .has_given = true, .given_offset = offsetof(type, field)
#define COUNTED(type, field, n) .offset = offsetof(type, field), .count_offset = offsetof(type, n)
#define TABLE(id, type, rows, text)                                \
	static const struct key_table id = { .name = #id,          \
					     .doc = text,          \
					     .size = sizeof(type), \
					     .keys = rows,         \
					     .count = COUNT_OF(rows) }

static const struct key input_keys[] = {
	{ "formats", KEY_STRS, COUNTED(struct profile_input, formats, format_count),
	  .most_items = 32,
	  .doc = "containers that are taken, by ffmpeg's names of their demuxers" },
	{ "max_megabytes", KEY_INT, FIELD(struct profile_input, max_megabytes), .least = 1,
	  .most = 5242880, .init = "4096", .unit = "MiB", .doc = "a larger source is parked" },
	{ "max_duration", KEY_SPAN, FIELD(struct profile_input, max_duration), .least = 1000,
	  .most = 86400000, .init = "4h", .doc = "a longer source is parked" },
	{ "max_pixels", KEY_INT, FIELD(struct profile_input, max_pixels), .least = 1,
	  .most = 268435456, .init = "35389440", .unit = "pixels",
	  .doc = "a source with more in a picture is parked" },
	{ "max_streams", KEY_INT, FIELD(struct profile_input, max_streams), .least = 1,
	  .most = 1000, .init = "32", .doc = "a source with more streams is parked" },
};
TABLE(input_table, struct profile_input, input_keys, "What is taken.");

static const struct key trim_keys[] = {
	{ "from", KEY_SPAN, FIELD(struct profile_trim, from), .least = 0, .most = 86400000,
	  .init = "0s", .doc = "where the output begins in the source" },
	{ "to", KEY_SPAN, FIELD(struct profile_trim, to), .least = 100, .most = 86400000,
	  .required = true, .doc = "where it ends at the latest" },
};
TABLE(trim_table, struct profile_trim, trim_keys, "Keep a part of the source.");

static const struct key fit_keys[] = {
	{ "width", KEY_INT, FIELD(struct profile_fit, width), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "height", KEY_INT, FIELD(struct profile_fit, height), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "color", KEY_STR, FIELD(struct profile_fit, color), .init = "black",
	  .doc = "of the bars" },
};
TABLE(fit_table, struct profile_fit, fit_keys,
      "Scale to fit inside width x height, keep the shape, fill the rest with bars.");

static const struct key step_keys[] = {
	{ "trim", KEY_MAP, FIELD(struct profile_step, trim), GIVEN(struct profile_step, has_trim),
	  .sub = &trim_table, .doc = "keep a part of the source" },
	{ "fit", KEY_MAP, FIELD(struct profile_step, fit), GIVEN(struct profile_step, has_fit),
	  .sub = &fit_table, .doc = "scale and pad to a size" },
};
TABLE(step_table, struct profile_step, step_keys, "One step, named by its key.");

#define CODECS "h264"
#define PRESETS "ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow"
#define PIXEL_FORMATS "yuv420p"
static const struct key video_keys[] = {
	{ "codec", KEY_CHOICE, FIELD(struct profile_video, codec), .choices = CODECS,
	  .init = "h264", .doc = "how pictures are coded" },
	{ "crf", KEY_INT, FIELD(struct profile_video, crf), .least = 0, .most = 51, .init = "23",
	  .doc = "constant rate factor: lower is better and larger" },
	{ "preset", KEY_CHOICE, FIELD(struct profile_video, preset), .choices = PRESETS,
	  .init = "veryfast", .doc = "slower makes smaller files" },
	{ "pixel_format", KEY_CHOICE, FIELD(struct profile_video, pixel_format),
	  .choices = PIXEL_FORMATS, .init = "yuv420p", .doc = "what every player shows" },
};
TABLE(video_table, struct profile_video, video_keys, "The picture.");

static const struct key output_keys[] = {
	{ "name", KEY_STR, FIELD(struct profile_output, name), .required = true,
	  .doc = "for logs and events" },
	{ "key", KEY_STR, FIELD(struct profile_output, key), .required = true,
	  .doc = "of the object, with {video_id}, {task_id} and {digest} (of source, its ETag and "
		 "the profile)" },
	{ "container", KEY_CHOICE, FIELD(struct profile_output, container), .choices = "mp4",
	  .init = "mp4", .doc = "kind of file" },
	{ "faststart", KEY_BOOL, FIELD(struct profile_output, faststart), .init = "true",
	  .doc = "plays while it loads" },
	{ "audio", KEY_CHOICE, FIELD(struct profile_output, audio), .choices = "none",
	  .init = "none", .doc = "what becomes of the sound" },
	{ "video", KEY_MAP, FIELD(struct profile_output, video), .sub = &video_table,
	  .required = true, .doc = "the picture" },
};
TABLE(output_table, struct profile_output, output_keys, "One file that is made.");

static const struct key limits_keys[] = {
	{ "probe", KEY_SPAN, FIELD(struct profile_limits, probe), .least = 1000, .most = 600000,
	  .init = "30s", .doc = "for looking at a file" },
	{ "stall", KEY_SPAN, FIELD(struct profile_limits, stall), .least = 1000, .most = 3600000,
	  .init = "60s", .doc = "ffmpeg without progress for so long is killed" },
	{ "wall", KEY_SPAN, FIELD(struct profile_limits, wall), .least = 1000, .most = 39600000,
	  .init = "1h",
	  .doc = "one ffmpeg, start to end; below the 12 hours that SQS hides a message at most" },
	{ "cpu", KEY_SPAN, FIELD(struct profile_limits, cpu), .least = 1000, .most = 604800000,
	  .init = "6h", .doc = "processor time of one ffmpeg" },
	{ "max_output_megabytes", KEY_INT, FIELD(struct profile_limits, max_output_megabytes),
	  .least = 1, .most = 5120, .init = "2048", .unit = "MiB",
	  .doc = "a larger output is an error" },
	{ "max_memory_megabytes", KEY_INT, FIELD(struct profile_limits, max_memory_megabytes),
	  .least = 256, .most = 1048576, .init = "4096", .unit = "MiB",
	  .doc = "data of one ffmpeg, of which each thread's stack is a part" },
	{ "tolerance", KEY_SPAN, FIELD(struct profile_limits, tolerance), .least = 50,
	  .most = 10000, .init = "500ms",
	  .doc = "between the duration that source and profile promise and the output's" },
};
TABLE(limits_table, struct profile_limits, limits_keys, "When a job is given up.");

static const struct key profile_keys[] = {
	{ "version", KEY_INT, FIELD(struct profile, version), .required = true, .least = 1,
	  .most = 1, .doc = "of this format: 1" },
	{ "name", KEY_STR, FIELD(struct profile, name), .required = true,
	  .doc = "for logs and metadata" },
	{ "input", KEY_MAP, FIELD(struct profile, input), .sub = &input_table,
	  .doc = "what is taken" },
	{ "steps", KEY_LIST, COUNTED(struct profile, steps, step_count), .sub = &step_table,
	  .most_items = PROFILE_STEPS_MAX, .doc = "in their order" },
	{ "outputs", KEY_LIST, COUNTED(struct profile, outputs, output_count), .sub = &output_table,
	  .required = true, .most_items = 1, .doc = "the files that are made" },
	{ "limits", KEY_MAP, FIELD(struct profile, limits), .sub = &limits_table,
	  .doc = "when a job is given up" },
};
const struct key_table worker_profile_table = { .name = "profile",
						.doc = "What is to become of a video.",
						.size = sizeof(struct profile),
						.keys = profile_keys,
						.count = COUNT_OF(profile_keys) };

/* Word number @p i of "a|b|c", from static text. */
static const char *word_of(const char *const *words, size_t n, int i)
{
	return i >= 0 && (size_t)i < n ? words[i] : "?";
}

const char *worker_profile_preset_word(int preset)
{
	static const char *const words[] = { "ultrafast", "superfast", "veryfast",
					     "faster",    "fast",      "medium",
					     "slow",      "slower",    "veryslow" };

	return word_of(words, COUNT_OF(words), preset);
}

const char *worker_profile_pixel_format_word(int format)
{
	static const char *const words[] = { "yuv420p" };

	return word_of(words, COUNT_OF(words), format);
}

/* --- what the table cannot say */

static struct yaml_place place_of(const struct yaml_node *n, const char *key)
{
	const struct yaml_node *found = n && n->kind == YAML_MAP ? yaml_get(n, key) : NULL;

	return found ? found->at : n ? n->at : (struct yaml_place){ .line = 1, .column = 1 };
}

static bool is_word(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_#") ==
		       strlen(s);
}

static void check_steps(struct keys_reader *r, const struct profile *p, const struct yaml_node *n)
{
	int trims = 0, fits = 0;

	for (size_t i = 0; i < p->step_count; i++) {
		const struct profile_step *s = &p->steps[i];
		const struct yaml_node *at =
			n && n->kind == YAML_LIST && i < n->count ? n->items[i] : n;

		if (s->has_trim + s->has_fit != 1)
			keys_error(r, place_of(at, "?"), "a step is one key: trim or fit");
		if (s->has_trim && s->trim.to.ms <= s->trim.from.ms)
			keys_error(r, place_of(yaml_get(at, "trim"), "to"),
				   "to must be after from");
		if (s->has_fit && (s->fit.width % 2 || s->fit.height % 2))
			keys_error(r, place_of(at, "fit"),
				   "width and height must be even: H.264 codes pictures in pairs "
				   "of lines");
		if (s->has_fit && !is_word(s->fit.color))
			keys_error(r, place_of(yaml_get(at, "fit"), "color"),
				   "color is a word that ffmpeg knows, or #RRGGBB");
		trims += s->has_trim;
		fits += s->has_fit;
		if (trims > 1 || fits > 1)
			keys_error(r, place_of(at, "?"), "this step was there already");
	}
	if (!fits)
		keys_error(r, place_of(n, "?"), "there must be a fit step: the size of the output");
}

static void check_template(struct keys_reader *r, const char *key, struct yaml_place at)
{
	static const char *const names[] = { "{video_id}", "{task_id}", "{digest}" };

	if (!strstr(key, "{video_id}") || !strstr(key, "{digest}"))
		keys_error(r, at, "key needs {video_id} and {digest}: one job, one object");
	if (key[0] == '/' || strstr(key, ".."))
		keys_error(r, at, "key may not begin with / or hold ..");
	for (const char *p = strchr(key, '{'); p; p = strchr(p + 1, '{')) {
		bool known = false;

		for (size_t i = 0; i < COUNT_OF(names); i++)
			known |= strncmp(p, names[i], strlen(names[i])) == 0;
		if (!known)
			keys_error(
				r, at,
				"key: what is in braces must be {video_id}, {task_id} or {digest}");
	}
}

static void check_outputs(struct keys_reader *r, const struct profile *p, const struct yaml_node *n)
{
	if (p->output_count == 0)
		keys_error(r, place_of(n, "?"), "there must be an output");
	for (size_t i = 0; i < p->output_count; i++) {
		const struct yaml_node *at =
			n && n->kind == YAML_LIST && i < n->count ? n->items[i] : n;

		if (!is_word(p->outputs[i].name))
			keys_error(r, place_of(at, "name"),
				   "name is a word of letters, digits and _");
		check_template(r, p->outputs[i].key, place_of(at, "key"));
	}
}

static void check(struct keys_reader *r, const struct profile *p, const struct yaml_node *root)
{
	const struct yaml_node *formats = yaml_get(yaml_get(root, "input"), "formats");

	for (size_t i = 0; i < p->input.format_count; i++)
		if (!is_word(p->input.formats[i]))
			keys_error(r, place_of(formats, "?"),
				   "formats: '%.40s' is no name of a demuxer", p->input.formats[i]);
	check_steps(r, p, yaml_get(root, "steps") ? yaml_get(root, "steps") : root);
	check_outputs(r, p, yaml_get(root, "outputs") ? yaml_get(root, "outputs") : root);
}

static void digest(struct profile *p)
{
	AUTO(buf_done) struct buf text = BUF(PROFILE_BYTES_MAX);
	uint8_t sum[CRYPTO_SHA256_BYTES];

	for (size_t i = 0; i < p->step_count; i++) {
		buf_adds(&text, p->steps[i].has_trim ? "trim\n" : "fit\n");
		if (p->steps[i].has_trim)
			err_ignore(keys_print(&trim_table, &p->steps[i].trim, &text, 0));
		else
			err_ignore(keys_print(&fit_table, &p->steps[i].fit, &text, 0));
	}
	for (size_t i = 0; i < p->output_count; i++)
		err_ignore(keys_print(&output_table, &p->outputs[i], &text, 0));
	crypto_sha256(buf_str(&text), text.len, sum);
	crypto_hex(sum, (PROFILE_DIGEST_MAX - 1) / 2, p->digest);
}

int worker_profile_read(const char *file, const char *text, size_t len, struct profile *ret,
			struct buf *problems, struct err *e)
{
	AUTO(yaml_freep) struct yaml *y = yaml_parse(file, text, len, e);
	struct keys_arena *arena;
	AUTO(keys_reader_freep) struct keys_reader *r = NULL;

	*ret = (struct profile){ 0 };
	if (!y)
		return -1;
	if (!yaml_root(y))
		return err_set(e, ERR_POLICY, "%s:1:1: the profile is empty", file);
	arena = keys_arena_new();
	r = keys_reader_new(arena, KEYS_ENV_REFUSE);
	if (keys_read(r, &worker_profile_table, yaml_root(y), ret) == 0)
		check(r, ret, yaml_root(y));
	for (size_t i = 0; i < keys_problem_count(r); i++) {
		err_ignore(keys_problem_print(keys_problem_at(r, i), problems));
		err_ignore(buf_addc(problems, '\n'));
	}
	if (keys_error_count(r)) {
		keys_arena_free(arena);
		*ret = (struct profile){ 0 };
		return err_set(e, ERR_POLICY, "%s: the profile has errors", file);
	}
	if (ret->input.format_count == 0) {
		ret->input.formats = keys_arena_alloc(arena, sizeof(usual_formats));
		memcpy(ret->input.formats, usual_formats, sizeof(usual_formats));
		ret->input.format_count = COUNT_OF(usual_formats);
	}
	ret->arena = arena;
	digest(ret);
	return 0;
}

void worker_profile_done(struct profile *p)
{
	if (p->arena)
		keys_arena_free(p->arena);
	*p = (struct profile){ 0 };
}

const struct profile_trim *worker_profile_trim_step(const struct profile *p)
{
	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].has_trim)
			return &p->steps[i].trim;
	return NULL;
}

const struct profile_fit *worker_profile_fit_step(const struct profile *p)
{
	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].has_fit)
			return &p->steps[i].fit;
	return NULL;
}

struct span worker_profile_duration(const struct profile *p, struct span source)
{
	const struct profile_trim *t = worker_profile_trim_step(p);
	int64_t ms = source.ms;

	if (ms < 0)
		return span_ms(-1);
	if (t && ms > t->to.ms)
		ms = t->to.ms;
	if (t)
		ms = ms > t->from.ms ? ms - t->from.ms : 0;
	return span_ms(ms);
}

static void key_digest(const struct profile *p, const struct profile_key_parts *k,
		       char out[static PROFILE_DIGEST_MAX])
{
	AUTO(crypto_hash_freep) struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	const char *const parts[] = { k->bucket, k->key, k->etag, p->digest };
	uint8_t sum[CRYPTO_SHA256_BYTES];

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		crypto_hash_add(h, parts[i], strlen(parts[i]) + 1); /* the NUL parts them */
	crypto_hash_end(h, sum);
	crypto_hex(sum, (PROFILE_DIGEST_MAX - 1) / 2, out);
}

int worker_profile_output_key(const struct profile *p, const struct profile_output *o,
			      const struct profile_key_parts *parts, struct buf *out, struct err *e)
{
	char hex[PROFILE_DIGEST_MAX];
	const struct {
		const char *name, *value;
	} names[] = { { "{video_id}", parts->video_id },
		      { "{task_id}", parts->task_id },
		      { "{digest}", hex } };

	key_digest(p, parts, hex);
	for (const char *c = o->key; *c;) {
		size_t i;

		for (i = 0; i < COUNT_OF(names); i++)
			if (strncmp(c, names[i].name, strlen(names[i].name)) == 0)
				break;
		if (i < COUNT_OF(names)) {
			err_ignore(buf_adds(out, names[i].value));
			c += strlen(names[i].name);
		} else {
			err_ignore(buf_addc(out, *c++));
		}
	}
	if (out->full || out->len > OUTPUT_KEY_MAX)
		return err_set(e, ERR_POLICY, "the output's key would be longer than %d bytes",
			       OUTPUT_KEY_MAX);
	return 0;
}
