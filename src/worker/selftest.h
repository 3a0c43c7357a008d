/* Hostile videos tried on this machine: what ffmpeg and the sandbox make of each.
 *
 * An attack passes when nothing outside its folder was read, written or connected to, and when it
 * ended. Each playlist is tried twice: as a job would be, where the list of formats refuses it, and
 * with an ffmpeg that takes everything, where the sandbox alone must hold.
 */
#ifndef WORKER_SELFTEST_H
#define WORKER_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef void selftest_say_fn(const char *attack, bool held, const char *how, void *arg);

struct selftest {
	const char *work_dir; /* a folder of its own is made in it */
	bool confined;        /* false: to see which attacks only the sandbox stops */
	selftest_say_fn *say;
	void *arg;
};
/* @p ret_failed: attacks that did not pass. -1: they could not be tried. */
MUST int worker_selftest(const struct selftest *t, size_t *ret_failed, struct err *e);

/* For selftest.c: %f the canary's file, %a an asset beside it, %d the folder outside, %p a port
 * that listens, %i this process. */
#define SELFTEST_ARGV_MAX 20
struct attack {
	const char *name;
	const char *source;                        /* template of what is in the job's file */
	const char *format;                        /* that ffmpeg is made to take it for */
	bool link;                                 /* the job's file is a link to the canary */
	bool huge;                                 /* it is the canary with absurd dimensions */
	bool assets;                               /* with the asset, which it may read */
	const char *argv[SELFTEST_ARGV_MAX];       /* what ffmpeg is made to do instead */
	long long cpu_s, file_bytes, memory_bytes; /* 0: as a job has them */
};
extern const struct attack worker_selftest_corpus[];
extern const size_t worker_selftest_corpus_count;

#endif
