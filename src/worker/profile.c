#include "worker/profile.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/own.h"

#define OUTPUT_KEY_MAX 1024 /* bytes, as S3 has it */

static const char *const usual_formats[] = { "mov",  "mp4",      "m4a",  "3gp", "3g2",
					     "mj2",  "matroska", "webm", "avi", "mpegts",
					     "mpeg", "flv",      "asf",  "ogg" };

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
	static const char *const words[] = { "yuv420p", "yuv420p10le" };

	return word_of(words, COUNT_OF(words), format);
}

static void digest(struct profile *p)
{
	AUTO(buf_done) struct buf text = BUF(4 * PROFILE_BYTES_MAX);
	uint8_t sum[CRYPTO_SHA256_BYTES];

	err_ignore(worker_profile_print_making(p, &text)); /* of a file a fourth as long at most */
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
		worker_profile_check(r, ret, yaml_root(y));
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

size_t worker_profile_asset(const struct profile *p, const char *name)
{
	size_t i = 0;

	while (i < p->asset_count && strcmp(p->assets[i].name, name) != 0)
		i++;
	return i;
}

bool worker_profile_is_picture(const struct profile_output *o)
{
	return o->container == PROFILE_JPEG || o->container == PROFILE_PNG;
}

bool worker_profile_many(const struct profile *p)
{
	const struct profile_output *o = p->outputs;

	if (p->output_count != 1)
		return p->output_count > 1;
	if (p->processor == PROFILE_EXEC)
		return o->file && strpbrk(o->file, "*?[");
	return o->container == PROFILE_HLS || o->has_every;
}

const char *worker_profile_mark(const struct profile *p, const char **ret_bucket)
{
	*ret_bucket = p->output_count ? p->outputs[0].bucket : NULL;
	if (p->output_count == 0)
		return NULL;
	return p->manifest ? p->manifest : p->outputs[0].key;
}

/* --- keys */

static void key_digest(const struct profile *p, const struct profile_key_parts *k,
		       char out[static PROFILE_DIGEST_MAX])
{
	AUTO(crypto_hash_freep) struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	const char *const parts[] = { k->bucket, k->key, k->etag, p->digest, k->assets };
	uint8_t sum[CRYPTO_SHA256_BYTES];

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (parts[i])
			crypto_hash_add(h, parts[i], strlen(parts[i]) + 1); /* the NUL parts them */
	crypto_hash_end(h, sum);
	crypto_hex(sum, (PROFILE_DIGEST_MAX - 1) / 2, out);
}

int worker_profile_key(const struct profile *p, const char *template,
		       const struct profile_key_parts *parts, struct buf *out, struct err *e)
{
	char hex[PROFILE_DIGEST_MAX], number[16];
	const struct {
		const char *name, *value;
	} names[] = { { "{video_id}", parts->video_id },
		      { "{task_id}", parts->task_id },
		      { "{message_id}", parts->message_id },
		      { "{digest}", hex },
		      { "{file}", parts->file },
		      { "{number}", number } };

	key_digest(p, parts, hex);
	snprintf(number, sizeof(number), "%05d", parts->number);
	for (const char *c = template; *c;) {
		size_t i;

		for (i = 0; i < COUNT_OF(names); i++)
			if (strncmp(c, names[i].name, strlen(names[i].name)) == 0)
				break;
		if (i < COUNT_OF(names)) {
			err_ignore(buf_adds(out, names[i].value ? names[i].value : ""));
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
