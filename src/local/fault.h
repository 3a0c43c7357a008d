/* Faults on request: what shall go wrong, how often, and for how long. Kept in memory only. */
#ifndef LOCAL_FAULT_H
#define LOCAL_FAULT_H

#include "base/rng.h"
#include "local/local.h"

enum local_fault_kind {
	FAULT_THROTTLE, /* refused as too fast */
	FAULT_FAIL,     /* refused with a code, InternalFailure unless one is given */
	FAULT_HANG,     /* answered late, or never */
	FAULT_LOSE,     /* done, and the answer never comes */
	FAULT_LIE,      /* a queue's counts are a number of choice */
	FAULT_TWICE,    /* what is received stays visible */
	FAULT_CAPACITY, /* no instance is launched */
	FAULT_DELAY,    /* metrics of the cloud itself are shown later, by so many milliseconds */
	FAULT_KIND_COUNT
};

#define LOCAL_FAULT_WORD_MAX 64
struct local_fault {
	int64_t id;
	enum local_fault_kind kind;
	char service[LOCAL_FAULT_WORD_MAX]; /* "sqs"; "": any */
	char action[LOCAL_FAULT_WORD_MAX];  /* "SendMessage", S3: "PUT"; "": any */
	char code[LOCAL_FAULT_WORD_MAX];
	double share;               /* of the calls that match */
	struct instant from, until; /* on the clock of the services; until NEVER: no end */
	int64_t left;               /* so many hits more; -1: no limit */
	int64_t value;              /* hang: milliseconds, 0 for ever; lie: the counts;
				       delay: milliseconds */
	struct rng rng;
	struct local_fault *next;
};

struct local_faults *local_fault_new(void);
void local_fault_free(struct local_faults *f);
const char *local_fault_word(enum local_fault_kind k);
bool local_fault_kind(const char *word, enum local_fault_kind *ret);
/* Copies @p f; its id. */
int64_t local_fault_add(struct local *l, const struct local_fault *f, uint64_t seed);
size_t local_fault_clear(struct local *l, int64_t id); /* 0: all; how many went */
const struct local_fault *local_fault_first(const struct local *l);

/* Draws: the fault of that kind that strikes this call, or NULL. Borrowed, until the next call. */
const struct local_fault *local_fault_hit(struct local *l, enum local_fault_kind k, enum service s,
					  const char *action);
bool local_fault_wanted(const struct local *l, enum local_fault_kind k); /* is there any? */
/* Strikes a call before its action. True: the call is taken care of. */
bool local_fault_call(struct local_call *c);

#endif
