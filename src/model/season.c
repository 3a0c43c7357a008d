#include "model/season.h"

#include <string.h>

#define GRADED_MAX 1000000

void season_init(struct season *s)
{
	memset(s, 0, sizeof(*s));
	s->open = s->made_for = -1;
	for (size_t i = 0; i < SEASON_BUCKETS; i++)
		s->mean[i] = SEASON_MISSING;
	for (size_t i = 0; i < SEASON_AHEAD; i++)
		s->ahead[i].bucket = -1;
}

int64_t season_mean(const struct season *s, int64_t number)
{
	if (number < 0 || number >= s->open || number < s->open - SEASON_BUCKETS)
		return SEASON_MISSING;
	return s->mean[number % SEASON_BUCKETS];
}

void season_put(struct season *s, int64_t number, int64_t mean)
{
	if (number < 0 || number >= s->open || number < s->open - SEASON_BUCKETS)
		return;
	if (mean < 0 || mean > SEASON_VALUE_MAX)
		return;
	s->mean[number % SEASON_BUCKETS] = mean;
}

struct json *season_write(const struct season *s, const char *metric)
{
	struct json *o = json_object(), *ahead = json_array();

	json_set_str(o, "metric", metric);
	json_set_int(o, "open", s->open);
	json_set_int(o, "sum", s->sum);
	json_set_int(o, "count", s->count);
	json_set_int(o, "graded", s->graded);
	json_set_int(o, "error", s->error);
	json_set_int(o, "naive_error", s->naive_error);
	json_set_int(o, "actual", s->actual);
	for (size_t i = 0; i < SEASON_AHEAD; i++) {
		struct json *one = json_array();

		if (s->ahead[i].bucket < 0) {
			json_free(one);
			continue;
		}
		json_add(one, json_new_int(s->ahead[i].bucket));
		json_add(one, json_new_int(s->ahead[i].value));
		json_add(one, json_new_int(s->ahead[i].naive));
		json_add(ahead, one);
	}
	json_set(o, "ahead", ahead);
	return o;
}

static int64_t number(const struct json *o, const char *name, int64_t least, int64_t most,
		      int64_t usual)
{
	int64_t v;

	if (!json_get_int(o, name, &v))
		return usual;
	return v < least ? least : v > most ? most : v;
}

static void read_ahead(const struct json *list, struct season *s)
{
	for (size_t i = 0; i < json_count(list) && i < SEASON_AHEAD; i++) {
		const struct json *one = json_at(list, i);
		int64_t bucket, value, naive;

		if (!json_int(json_at(one, 0), &bucket) || !json_int(json_at(one, 1), &value) ||
		    !json_int(json_at(one, 2), &naive) || bucket < s->open ||
		    bucket > s->open + SEASON_AHEAD || value < 0 || value > SEASON_VALUE_MAX ||
		    naive < 0 || naive > SEASON_VALUE_MAX)
			continue;
		s->ahead[bucket % SEASON_AHEAD].bucket = bucket;
		s->ahead[bucket % SEASON_AHEAD].value = value;
		s->ahead[bucket % SEASON_AHEAD].naive = naive;
	}
}

void season_read(const struct json *stored, const char *metric, struct instant now,
		 struct season *ret)
{
	const int64_t sums = SEASON_VALUE_MAX * 1024;
	const char *of = json_get_str(stored, "metric");
	int64_t today = now.ms < 0 ? 0 : now.ms / SEASON_BUCKET_MS;

	season_init(ret);
	if (!of || strcmp(of, metric) != 0)
		return;
	ret->open = number(stored, "open", -1, today, -1);
	ret->count = number(stored, "count", 0, SEASON_BUCKET_MS, 0);
	ret->sum = number(stored, "sum", 0, ret->count * SEASON_VALUE_MAX, 0);
	ret->graded = number(stored, "graded", 0, GRADED_MAX, 0);
	ret->error = number(stored, "error", 0, sums, 0);
	ret->naive_error = number(stored, "naive_error", 0, sums, 0);
	ret->actual = number(stored, "actual", 0, sums, 0);
	read_ahead(json_get(stored, "ahead"), ret);
}
