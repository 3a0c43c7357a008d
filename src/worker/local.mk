# src/worker: the supervisor, and the processes of its slots.
noinst_LIBRARIES += src/worker/libworker.a
src_worker_libworker_a_SOURCES = \
	src/worker/argv.c src/worker/argv.h \
	src/worker/assets.c src/worker/assets.h \
	src/worker/assign.c \
	src/worker/body.c src/worker/body.h \
	src/worker/claim.c src/worker/command.c \
	src/worker/crew.c \
	src/worker/encoders.c src/worker/encoders.h src/worker/encoders_run.c \
	src/worker/evidence.c \
	src/worker/exec.c \
	src/worker/event.c src/worker/event.h src/worker/event_command.c src/worker/event_hook.c \
	src/worker/event_queue.c \
	src/worker/fetch.c \
	src/worker/finish.c \
	src/worker/folder.c src/worker/folder.h \
	src/worker/frames.c src/worker/frames.h \
	src/worker/gather.c \
	src/worker/graph.c src/worker/graph.h \
	src/worker/ground.c \
	src/worker/guard.c \
	src/worker/hash.c src/worker/hash.h \
	src/worker/hls.c src/worker/hls.h \
	src/worker/inside.h \
	src/worker/lease.c src/worker/lease.h \
	src/worker/life.c \
	src/worker/mate.c src/worker/mate.h \
	src/worker/meter.c src/worker/meter.h \
	src/worker/outside.c \
	src/worker/outputs.c src/worker/outputs.h \
	src/worker/note.c src/worker/note.h \
	src/worker/probe.c src/worker/probe.h src/worker/probe_run.c \
	src/worker/profile.c src/worker/profile.h src/worker/profile_check.c src/worker/profile_table.c \
	src/worker/progress.c src/worker/progress.h \
	src/worker/pull.c src/worker/pull.h \
	src/worker/push.c src/worker/push.h \
	src/worker/publish.c \
	src/worker/queues.c \
	src/worker/record.c \
	src/worker/rank.c src/worker/rank.h \
	src/worker/receive.c \
	src/worker/run.c src/worker/run.h \
	src/worker/sandbox.c src/worker/sandbox.h src/worker/sandbox_filter.c \
	src/worker/sandbox_reach.c src/worker/sandbox_parts.h \
	src/worker/selftest.c src/worker/selftest.h src/worker/selftest_corpus.c \
	src/worker/shape.c src/worker/shape.h \
	src/worker/size.c src/worker/size.h \
	src/worker/slot.c \
	src/worker/spot.c \
	src/worker/store.c \
	src/worker/supervise.c \
	src/worker/task.c src/worker/task.h \
	src/worker/top.c src/worker/top.h \
	src/worker/transcode.c src/worker/transcode.h src/worker/transcode_run.c \
	src/worker/unprotect.c \
	src/worker/verify.c src/worker/verify.h \
	src/worker/watch.c \
	src/worker/words.h src/worker/worker.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_worker
TESTS += tests/unit/check_worker
endif
tests_unit_check_worker_SOURCES = tests/unit/check_worker.c tests/unit/check_worker.h \
	tests/unit/check_worker_children.c tests/unit/check_worker_graph.c tests/unit/check_worker_ends.c tests/unit/check_worker_mate.c tests/unit/check_worker_media.c \
	tests/unit/check_worker_sandbox.c
tests_unit_check_worker_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_worker_LDADD = $(WORKER_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_worker
TESTS += tests/fuzz/fuzz_worker
tests_fuzz_fuzz_worker_SOURCES = tests/fuzz/fuzz_worker.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_worker_LDADD = $(WORKER_LIBS)
