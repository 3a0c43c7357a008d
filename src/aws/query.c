#include "aws/query.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/form.h"

void aws_query_ask(struct request *r, enum service s, const char *action)
{
	request_init(r, s, action, "POST");
	request_header(r, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
	form_add(&r->body, "Action", action);
	form_add(&r->body, "Version", service_info(s)->version);
}

void aws_query_add(struct request *r, const char *name, const char *value)
{
	if (value)
		form_add(&r->body, name, value);
}

void aws_query_add_int(struct request *r, const char *name, int64_t value)
{
	form_add_int(&r->body, name, value);
}

void aws_query_add_list(struct request *r, const char *list, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		form_addf(&r->body, values[i], "%s.member.%zu", list, i + 1);
}

bool aws_query_int(const struct xml_node *n, const char *path, int64_t missing, int64_t *ret)
{
	const char *text = xml_text(n, path);
	char *end;
	long long v;

	*ret = missing;
	if (!text)
		return true;
	if (!*text || ((*text < '0' || *text > '9') && *text != '-'))
		return false;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

char *aws_query_dup(const struct xml_node *n, const char *path)
{
	const char *text = xml_text(n, path);

	return own_strdup(text ? text : "");
}

size_t aws_query_members(const struct xml_node *list)
{
	size_t n = 0;

	for (const struct xml_node *m = list ? xml_first(list, "member") : NULL; m;
	     m = xml_next(m, "member"))
		n++;
	return n;
}
