/* What the worker reads of strangers: profiles, ffprobe's words about a hostile file, ffmpeg's
 * progress and complaints. The first byte says which. */
#include "fuzz.h"

#include <string.h>

#include "worker/note.h"
#include "worker/probe.h"
#include "worker/profile.h"
#include "worker/progress.h"
#include "worker/run.h"
#include "worker/shape.h"
#include "worker/transcode.h"

static const char usual[] =
	"version: 1\nname: t\nsteps: [ { trim: { to: 30s } }, { fit: { width: 64, height: 64 } } "
	"]\n"
	"outputs: [ { name: v, key: \"{video_id}{digest}\", video: { crf: 23 } } ]\n";

/* All that is made of a profile and a source. */
static void plan(const struct profile *p, const struct probe *source)
{
	AUTO(worker_argv_done) struct argv argv = { 0 };
	struct assets assets = { .count = p->asset_count };
	struct targets targets;
	struct shape shape;
	struct transcode what = { .profile = p,
				  .source = source,
				  .assets = &assets,
				  .shape = &shape,
				  .targets = &targets,
				  .in = "source" };
	struct err e = { 0 };

	for (size_t i = 0; i < assets.count; i++) {
		assets.list[i].path = (char *)(uintptr_t) "/asset";
		assets.list[i].probe =
			(struct probe){ .audio = i % 2 ? -1 : 1, .duration = span_ms(1000) };
	}
	if (worker_shape(p, source, &assets, &shape, &e) < 0)
		return;
	FUZZ_HOLDS(shape.width > 0 && shape.height > 0);
	worker_shape_targets(p, source, &shape, &targets);
	FUZZ_HOLDS(targets.count > 0 && targets.count <= TARGETS_MAX);
	if (worker_transcode_argv(&what, &argv, &e) == 0)
		FUZZ_HOLDS(strcmp(argv.list[0], "ffmpeg") == 0);
}

static void profile(const char *text, size_t len)
{
	AUTO(buf_done) struct buf problems = BUF(1 << 20), key = BUF(4096);
	AUTO(worker_profile_done) struct profile p = { 0 };
	const struct probe source = { .audio = len % 3 ? -1 : 1,
				      .width = 640,
				      .height = 360,
				      .square = len % 2,
				      .pixel = { 4, 3 },
				      .duration = span_ms(5000) };
	struct profile_key_parts parts = { .video_id = "v",
					   .task_id = "t",
					   .message_id = "m",
					   .bucket = "b",
					   .key = "k",
					   .etag = "e",
					   .file = "f" };
	const char *mark, *bucket;
	struct err e = { 0 };

	if (worker_profile_read("p", text, len, &p, &problems, &e) < 0) {
		FUZZ_HOLDS(e.kind != ERR_NONE && e.text[0]);
		return;
	}
	mark = worker_profile_mark(&p, &bucket);
	if (mark && worker_profile_key(&p, mark, &parts, &key, &e) == 0)
		FUZZ_HOLDS(key.len > 0 && key.data[0] != '/');
	if (p.processor == PROFILE_EXEC) {
		FUZZ_HOLDS(p.exec.command_count > 0);
		return;
	}
	FUZZ_HOLDS(mark);
	plan(&p, &source);
}

static void probe(const char *text, size_t len)
{
	AUTO(buf_done) struct buf problems = BUF(4096);
	AUTO(worker_profile_done) struct profile p = { 0 };
	struct probe found;
	struct err e = { 0 };

	FUZZ_HOLDS(worker_profile_read("p", usual, sizeof(usual) - 1, &p, &problems, &e) == 0);
	if (worker_probe_read(text, len, &found, &e) < 0)
		return;
	if (worker_probe_check_source(&found, &p, &e) == 0) {
		FUZZ_HOLDS(found.video >= 0 && found.width > 0 && found.height > 0 &&
			   found.width * found.height <= p.input.max_pixels);
		plan(&p, &found);
	}
}

static void progress(const char *text, size_t len)
{
	struct progress p = PROGRESS_INIT;

	worker_progress_add(&p, text, len / 2);
	worker_progress_add(&p, text + len / 2, len - len / 2);
	FUZZ_HOLDS(p.out_ms >= -1 && p.steps <= p.blocks);
	FUZZ_HOLDS(worker_progress_permille(&p, 30000) <= 1000);
}

static void note(const char *text, size_t len)
{
	AUTO(buf_done) struct buf clean = BUF(RUN_COMPLAINT_MAX);
	AUTO(own_freep) char *copy = own_strndup(text, len), *said = NULL;
	struct broker_message m = { .body = (char *)"", .body_len = 0 };
	struct note n = { .reason = copy, .stage = "probe", .complaint = copy, .host = "h" };

	worker_run_clean(text, len, RUN_COMPLAINT_MAX, &clean);
	said = worker_note_parked(&m, &n);
	FUZZ_HOLDS(said != NULL);
	for (const char *c = said; *c; c++)
		FUZZ_HOLDS(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void (*const readers[])(const char *, size_t) = { profile, probe, progress, note };

	if (size > 0)
		readers[data[0] % COUNT_OF(readers)]((const char *)data + 1, size - 1);
	return 0;
}
