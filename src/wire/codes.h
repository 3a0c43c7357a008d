/* Error codes of the services: what each means to a caller, and how the service answers with it. */
#ifndef WIRE_CODES_H
#define WIRE_CODES_H

#include <stdbool.h>

#include "base/err.h"
#include "wire/service.h"

struct code {
	enum service service;
	bool every;         /* any service may answer it */
	const char *name;   /* modelled name, as in JSON __type and XML Code: "QueueDoesNotExist" */
	const char *legacy; /* Query's name where it differs:
			       "AWS.SimpleQueueService.NonExistentQueue" */
	int status;
	enum err_kind kind;
	bool unexecuted;     /* provably not executed: a write may be repeated as well */
	bool transient;      /* may go well when repeated as it is */
	bool skew;           /* may come from our clock: look at Date, sign again */
	const char *message; /* the service's usual text */
};

/* By either name; "com.amazonaws.sqs#" before and ":http…" behind are ignored. NULL: unknown. */
const struct code *code_find(enum service s, const char *name);
/* As code_find(), InternalFailure (500) for what is unknown: for servers. */
const struct code *code_get(enum service s, const char *name);
/* The kind of an answer whose code is unknown, from its HTTP status alone. */
enum err_kind code_kind_of_status(int status);
/* What Query and XML write in <Code>. */
const char *code_legacy(const struct code *c);

#endif
