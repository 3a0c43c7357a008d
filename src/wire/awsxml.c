#include "wire/awsxml.h"

#include <stdio.h>
#include <string.h>

int awsxml_begin(struct buf *out, enum service s, const char *action, bool result)
{
	int rc = buf_addf(out, "<?xml version=\"1.0\"?>\n<%sResponse xmlns=\"%s\">", action,
			  service_info(s)->xmlns);

	if (result)
		rc |= buf_addf(out, "<%sResult>", action);
	return rc ? -1 : 0;
}

int awsxml_end(struct buf *out, const char *action, bool result, const char *request_id)
{
	int rc = result ? buf_addf(out, "</%sResult>", action) : 0;

	rc |= buf_adds(out, "<ResponseMetadata>");
	rc |= xml_elem(out, "RequestId", request_id);
	rc |= buf_addf(out, "</ResponseMetadata></%sResponse>\n", action);
	return rc ? -1 : 0;
}

/* EC2's way: no result inside, and its id first. */
int awsxml_begin_ec2(struct buf *out, const char *action, const char *request_id)
{
	int rc = awsxml_begin(out, SERVICE_EC2, action, false);

	rc |= xml_elem(out, "requestId", request_id);
	return rc ? -1 : 0;
}

int awsxml_end_ec2(struct buf *out, const char *action)
{
	return buf_addf(out, "</%sResponse>\n", action);
}

static int ec2_error(struct buf *out, const struct code *c, const char *message,
		     const char *request_id)
{
	int rc = buf_adds(out, "<?xml version=\"1.0\"?>\n<Response><Errors><Error>");

	rc |= xml_elem(out, "Code", code_legacy(c));
	rc |= xml_elem(out, "Message", message);
	rc |= buf_adds(out, "</Error></Errors>");
	rc |= xml_elem(out, "RequestID", request_id);
	rc |= buf_adds(out, "</Response>\n");
	return rc ? -1 : 0;
}

static int s3_error(struct buf *out, const struct code *c, const char *message,
		    const char *resource, const char *request_id)
{
	int rc = buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");

	rc |= xml_elem(out, "Code", c->name);
	rc |= xml_elem(out, "Message", message);
	if (resource)
		rc |= xml_elem(out, "Resource", resource);
	rc |= xml_elem(out, "RequestId", request_id);
	rc |= buf_adds(out, "</Error>");
	return rc ? -1 : 0;
}

int awsxml_error(struct buf *out, const struct code *c, enum service s, const char *message,
		 const char *resource, const char *request_id)
{
	int rc;

	if (!message)
		message = c->message;
	if (s == SERVICE_S3)
		return s3_error(out, c, message, resource, request_id);
	if (s == SERVICE_EC2)
		return ec2_error(out, c, message, request_id);
	rc = buf_addf(out, "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"%s\"><Error>",
		      service_info(s)->xmlns);
	rc |= xml_elem(out, "Type", c->status >= 500 ? "Receiver" : "Sender");
	rc |= xml_elem(out, "Code", code_legacy(c));
	rc |= xml_elem(out, "Message", message);
	rc |= buf_adds(out, s == SERVICE_SQS ? "<Detail/></Error>" : "</Error>");
	rc |= xml_elem(out, "RequestId", request_id);
	rc |= buf_adds(out, "</ErrorResponse>\n");
	return rc ? -1 : 0;
}

int awsxml_error_read(const char *body, size_t len, struct wire_error *ret)
{
	AUTO(xml_freep) struct xml *x = xml_parse(body, len, NULL);
	const struct xml_node *root = x ? xml_root(x) : NULL;
	const struct xml_node *error = NULL;
	const char *code, *message, *id;

	*ret = (struct wire_error){ 0 };
	if (!root)
		return -1;
	if (strcmp(root->name, "Error") == 0)
		error = root;
	else if (strcmp(root->name, "ErrorResponse") == 0)
		error = xml_get(root, "Error");
	if (!error && (strcmp(root->name, "Response") == 0 ||     /* EC2 */
		       strcmp(root->name, "ErrorResponse") == 0)) /* and some that play AWS */
		error = xml_get(root, "Errors/Error");
	code = error ? xml_text(error, "Code") : NULL;
	if (!code || !*code)
		return -1;
	message = xml_text(error, "Message");
	id = xml_text(root, "RequestId");
	if (!id)
		id = xml_text(root, "RequestID");
	snprintf(ret->code, sizeof(ret->code), "%s", code);
	snprintf(ret->message, sizeof(ret->message), "%s", message ? message : "");
	snprintf(ret->request_id, sizeof(ret->request_id), "%s", id ? id : "");
	return 0;
}

const struct xml_node *awsxml_result(const char *body, size_t len, const char *action,
				     struct xml **ret_xml, struct err *e)
{
	AUTO(xml_freep) struct xml *x = xml_parse(body, len, e);
	const struct xml_node *root, *result;
	size_t n = strlen(action);
	char name[128];

	*ret_xml = NULL;
	if (!x)
		return NULL;
	root = xml_root(x);
	if (strncmp(root->name, action, n) != 0 || strcmp(root->name + n, "Response") != 0) {
		err_set(e, ERR_PROTOCOL, "the reply is <%.64s>, not <%sResponse>", root->name,
			action);
		return NULL;
	}
	snprintf(name, sizeof(name), "%sResult", action);
	result = xml_first(root, name);
	*ret_xml = TAKE(x);
	return result ? result : root;
}
