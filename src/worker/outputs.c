#include "worker/outputs.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define PROBES_MOST OUTPUTS_TOLD_MAX

static struct json *probe_json(const struct probe *p)
{
	struct json *o = json_object();

	json_set_str(o, "format", p->format);
	if (p->video >= 0) {
		json_set_str(o, "codec", p->codec);
		json_set_str(o, "pixel_format", p->pixel_format);
		json_set_int(o, "width", p->width);
		json_set_int(o, "height", p->height);
	}
	if (p->duration.ms >= 0)
		json_set_int(o, "duration_ms", p->duration.ms);
	json_set_int(o, "video_streams", p->videos);
	json_set_int(o, "audio_streams", p->audios);
	return o;
}

void worker_outputs_probed(struct task *t, const char *name, const struct probe *made)
{
	struct json *o = json_object();

	if (!t->probes)
		t->probes = json_array();
	json_set_str(o, "name", name);
	json_set(o, "probe", probe_json(made));
	if (json_count(t->probes) < PROBES_MOST)
		json_add(t->probes, o);
	else
		json_free(o);
}

static const struct json *probe_of(const struct task *t, const char *name)
{
	for (size_t i = 0; i < json_count(t->probes); i++) {
		const struct json *o = json_at(t->probes, i);

		if (strcmp(json_get_str(o, "name"), name) == 0)
			return json_get(o, "probe");
	}
	return NULL;
}

bool worker_outputs_probe(const struct task *t, const char *name, char text[static TASK_PROBE_MAX])
{
	AUTO(buf_done) struct buf out = BUF(TASK_PROBE_MAX - 1);
	const struct json *probe = probe_of(t, name);

	if (!probe || json_write(probe, &out) < 0)
		return false;
	snprintf(text, TASK_PROBE_MAX, "%s", buf_str(&out));
	return true;
}

static struct json *output(const char *bucket, const char *key, int64_t bytes, const char *etag)
{
	struct json *o = json_object();

	json_set_str(o, "bucket", bucket);
	json_set_str(o, "key", key);
	json_set_int(o, "bytes", bytes);
	json_set_str(o, "etag", etag);
	return o;
}

/* Made before: what its mark carries of it. */
static struct json *found(const struct task *t, const char *bucket)
{
	struct json *o = output(*bucket ? bucket : t->job.bucket, buf_str(&t->key), t->found.bytes,
				t->found.etag);
	struct json *probe = json_parse(t->found.probe, strlen(t->found.probe), NULL);

	if (probe)
		json_set(o, "probe", probe);
	return o;
}

struct json *worker_outputs_json(const struct task *t, const char *mark_bucket)
{
	struct json *list = json_array();
	size_t n = t->file_count;

	if (t->already || !n) {
		json_add(list, found(t, mark_bucket));
		return list;
	}
	for (size_t i = 0; i < n; i++) {
		const struct task_file *f = &t->files[i];
		const struct json *probe = probe_of(t, f->name);
		struct json *o;

		if (i + 1 < n && json_count(list) + 1 >= OUTPUTS_TOLD_MAX)
			continue;
		o = output(f->bucket, f->key, f->bytes, f->etag);
		json_set_str(o, "type", f->type);
		if (f->output)
			json_set_str(o, "name", f->output);
		if (probe)
			json_set(o, "probe", json_ref((struct json *)probe));
		json_add(list, o);
	}
	return list;
}
