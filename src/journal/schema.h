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
/* Adds @p by to every time in @p f. */
void journal_facts_shift(struct facts *f, struct span by);

#endif
