/* The journal's tables, shared by write.c, read.c and compact.c only. */
#ifndef JOURNAL_SCHEMA_H
#define JOURNAL_SCHEMA_H

#include "base/db.h"
#include "journal/journal.h"

struct journal {
	struct db *db;
	char *reserve; /* path; NULL on a read-only journal */
	bool short_;   /* the reserve is given up */
};

extern const char *const journal_migrations[];
extern const size_t journal_migration_count;

MUST int journal_reserve_make(struct journal *j, struct err *e);
void journal_reserve_give(struct journal *j);
/* A row of `sample` stands for turns within so long of its first. */
#define JOURNAL_RUN_MS 600000

/* The turns of a row, one after the other. */
struct journal_run {
	struct instant at;
	const char *later; /* NULL: no more */
};
bool journal_run_next(struct journal_run *r); /* false: it was the last */

/* Adds @p by to every time in @p f. */
void journal_facts_shift(struct facts *f, struct span by);

#endif
