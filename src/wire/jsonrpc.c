#include "wire/jsonrpc.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

int jsonrpc_action(const char *target, enum service s, char action[static JSONRPC_ACTION_MAX],
		   struct err *e)
{
	const char *prefix = service_info(s)->target;
	size_t len = strlen(prefix);
	size_t action_len;

	if (len == 0 || strncmp(target, prefix, len) != 0 || target[len] != '.')
		return err_set(e, ERR_PROTOCOL, "X-Amz-Target names another service");
	action_len = strspn(target + len + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					      "0123456789");
	if (action_len == 0 || action_len >= JSONRPC_ACTION_MAX || target[len + 1 + action_len])
		return err_set(e, ERR_PROTOCOL, "X-Amz-Target names no action");
	memcpy(action, target + len + 1, action_len + 1);
	return 0;
}

const char *jsonrpc_space(const struct code *c)
{
	if (c->every)
		return "com.amazon.coral.service#";
	return c->service == SERVICE_SQS          ? "com.amazonaws.sqs#"
	       : c->service == SERVICE_CLOUDWATCH ? "com.amazonaws.cloudwatch#"
						  : "";
}

int jsonrpc_error(struct buf *out, const struct code *c, const char *message)
{
	int rc = buf_addf(out, "{\"__type\":\"%s%s\",\"message\":", jsonrpc_space(c), c->name);

	if (!message)
		message = c->message;
	rc |= json_quote(out, message, strlen(message));
	rc |= buf_addc(out, '}');
	return rc ? -1 : 0;
}

const char *jsonrpc_query_error(const struct code *c, char out[static JSONRPC_QUERY_ERROR_MAX])
{
	snprintf(out, JSONRPC_QUERY_ERROR_MAX, "%s;%s", code_legacy(c),
		 c->status >= 500 ? "Receiver" : "Sender");
	return out;
}

int jsonrpc_error_read(const char *body, size_t len, const char *query_error,
		       struct wire_error *ret)
{
	AUTO(json_freep) struct json *j = json_parse(body, len, NULL);
	const char *type = json_get_str(j, "__type");
	const char *message = json_get_str(j, "message");
	const char *semicolon = query_error ? strchr(query_error, ';') : NULL;

	*ret = (struct wire_error){ 0 };
	if (!type)
		type = json_get_str(j, "code");
	if (!message)
		message = json_get_str(j, "Message");
	if (semicolon && semicolon > query_error && !strchr(semicolon + 1, ';')) {
		snprintf(ret->code, sizeof(ret->code), "%.*s", (int)(semicolon - query_error),
			 query_error);
	} else if (type) {
		const char *hash = strrchr(type, '#');
		const char *name = hash ? hash + 1 : type;

		snprintf(ret->code, sizeof(ret->code), "%.*s", (int)strcspn(name, ":"), name);
	}
	if (!ret->code[0])
		return -1;
	snprintf(ret->message, sizeof(ret->message), "%s", message ? message : "");
	return 0;
}
