/* AWS's XML: envelopes of Query replies, errors of Query and of S3, read and written. */
#ifndef WIRE_AWSXML_H
#define WIRE_AWSXML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/xml.h"
#include "wire/codes.h"
#include "wire/jsonrpc.h"

/* <ActionResponse xmlns="…"><ActionResult>   (the result element only when @p result) */
int awsxml_begin(struct buf *out, enum service s, const char *action, bool result);
/* </ActionResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></ActionResponse> */
int awsxml_end(struct buf *out, const char *action, bool result, const char *request_id);

/* EC2 writes its id first and no result inside. */
int awsxml_begin_ec2(struct buf *out, const char *action, const char *request_id);
int awsxml_end_ec2(struct buf *out, const char *action);

/* Query: <ErrorResponse><Error>…; S3: a bare <Error> with Resource (may be NULL); EC2:
 * <Response><Errors><Error>…. */
int awsxml_error(struct buf *out, const struct code *c, enum service s, const char *message,
		 const char *resource, const char *request_id);

/* Reads an error of either form. -1: not an error document. */
MUST int awsxml_error_read(const char *body, size_t len, struct wire_error *ret);
/* The <ActionResult> of a reply, or the root itself where an action has no result. NULL and @p e:
 * not such a reply. @p ret_xml owns the tree. */
MUST const struct xml_node *awsxml_result(const char *body, size_t len, const char *action,
					  struct xml **ret_xml, struct err *e);

#endif
