/* AWS JSON 1.0: action in X-Amz-Target, body in JSON, errors in __type and x-amzn-query-error. */
#ifndef WIRE_JSONRPC_H
#define WIRE_JSONRPC_H

#include <stddef.h>

#include "base/buf.h"
#include "wire/codes.h"

#define JSONRPC_TYPE "application/x-amz-json-1.0"
#define JSONRPC_ACTION_MAX 64

/* "AmazonSQS.SendMessage" -> service and action; -1 when it is another service's or malformed. */
MUST int jsonrpc_action(const char *target, enum service s, char action[static JSONRPC_ACTION_MAX],
			struct err *e);

/* What stands before a code in __type: "com.amazonaws.sqs#". */
const char *jsonrpc_space(const struct code *c);

#define JSONRPC_QUERY_ERROR_MAX 128
/* Body of an error answer, and the value of its x-amzn-query-error header ("Code;Sender"). */
int jsonrpc_error(struct buf *out, const struct code *c, const char *message);
const char *jsonrpc_query_error(const struct code *c, char out[static JSONRPC_QUERY_ERROR_MAX]);

/* An error as any of the protocols tells it. */
struct wire_error {
	char code[96];
	char message[512];
	char request_id[128];
};
/* Reads an error body; @p query_error is that header or NULL (its code goes first, as botocore
 * does). -1: the body is not an error in this protocol. */
MUST int jsonrpc_error_read(const char *body, size_t len, const char *query_error,
			    struct wire_error *ret);

#endif
