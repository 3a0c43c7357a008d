/* The last calls, for the page. Names only: neither parameters nor keys are kept. */
#ifndef LOCAL_RECENT_H
#define LOCAL_RECENT_H

#include "base/instant.h"
#include "local/local.h"

#define RECENT_MOST 50

struct local_recent_call {
	struct instant at;   /* real time */
	const char *service; /* lasting */
	char action[64];
	char about[96]; /* what it was done to, cut; "" where that is not told */
	int status;
	char code[64]; /* the error, "" for none */
};

struct local_recent *local_recent_new(void);
void local_recent_free(struct local_recent *r);
/* @p about and @p code: NULL is "". */
void local_recent_add(struct local *l, const char *service, const char *action, const char *about,
		      int status, const char *code);
/* The @p i-th last; NULL past the first. */
const struct local_recent_call *local_recent_at(const struct local *l, size_t i);

#endif
