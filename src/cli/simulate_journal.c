#include <string.h>

#include "cli/simulate.h"
#include "journal/journal.h"

struct reading {
	struct load_seen seen;
	struct err *e;
	bool failed;
};

static int on_sample(const struct journal_sample *s, void *arg)
{
	struct reading *r = arg;

	if (s->visible == JOURNAL_UNKNOWN || s->in_flight == JOURNAL_UNKNOWN)
		return 0;
	r->failed = load_seen_add(&r->seen, s->at, s->visible, s->in_flight, r->e) < 0;
	return r->failed;
}

int cli_simulate_journal(const char *what, double service_us, struct load *ret, struct err *e)
{
	const char *path = what + strlen(CLI_SIMULATE_JOURNAL), *colon = strrchr(path, ':');
	AUTO(own_freep)
	char *file = own_strndup(path, colon ? (size_t)(colon - path) : strlen(path));
	AUTO(journal_freep) struct journal *j = journal_open_read(file, e);
	struct reading r = { .e = e };
	int rc;

	if (!j) {
		e->kind = ERR_POLICY;
		return err_wrap(e, "load");
	}
	if (!colon)
		return err_set(e, ERR_POLICY, "load %s: say which policy's: journal:FILE:POLICY",
			       what);
	load_seen_begin(&r.seen, service_us);
	rc = journal_read_samples(j, colon + 1, (struct instant){ 0 }, on_sample, &r, e);
	if (load_seen_finish(&r.seen, ret, rc < 0 || r.failed ? NULL : e) < 0 || rc < 0 ||
	    r.failed) {
		load_done(ret);
		return err_wrap(e, "load %s", what);
	}
	return 0;
}
