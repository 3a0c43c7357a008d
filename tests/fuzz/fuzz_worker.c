/* What the worker reads of strangers: profiles, ffprobe's words about a hostile file, ffmpeg's
 * progress and complaints. The first byte says which. */
#include "fuzz.h"

#include <string.h>

#include "worker/note.h"
#include "worker/probe.h"
#include "worker/profile.h"
#include "worker/progress.h"
#include "worker/run.h"
#include "worker/transcode.h"

static const char usual[] =
	"version: 1\nname: t\nsteps: [ { trim: { to: 30s } }, { fit: { width: 64, height: 64 } } "
	"]\n"
	"outputs: [ { name: v, key: \"{video_id}{digest}\", video: { crf: 23 } } ]\n";

static void profile(const char *text, size_t len)
{
	AUTO(buf_done) struct buf problems = BUF(1 << 20), key = BUF(4096);
	AUTO(worker_profile_done) struct profile p = { 0 };
	AUTO(worker_argv_done) struct argv argv = { 0 };
	struct probe source = { .square = len % 2 };
	struct transcode_files files = { "source", "out/v.mp4" };
	struct profile_key_parts parts = { "v", "t", "b", "k", "e" };
	struct err e = { 0 };

	if (worker_profile_read("p", text, len, &p, &problems, &e) < 0) {
		FUZZ_HOLDS(e.kind != ERR_NONE && e.text[0]);
		return;
	}
	FUZZ_HOLDS(p.output_count == 1 && worker_profile_fit_step(&p));
	worker_transcode_argv(&p, &p.outputs[0], &source, &files, &argv);
	FUZZ_HOLDS(strcmp(argv.list[0], "ffmpeg") == 0);
	if (worker_profile_output_key(&p, &p.outputs[0], &parts, &key, &e) == 0)
		FUZZ_HOLDS(key.len > 0 && key.data[0] != '/');
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
	if (worker_probe_check_source(&found, &p, &e) == 0)
		FUZZ_HOLDS(found.video >= 0 && found.width > 0 && found.height > 0 &&
			   found.width * found.height <= p.input.max_pixels);
	if (worker_probe_check_output(&found, &found, &p, &p.outputs[0], &e) == 0)
		FUZZ_HOLDS(found.streams == 1 && found.width == 64);
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
