#include "wire/uri.h"

#include <string.h>
#include <strings.h>

static bool unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int uri_encode(struct buf *out, const char *s, size_t len, bool keep_slash)
{
	static const char hex[] = "0123456789ABCDEF";
	int rc = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (unreserved(c) || (keep_slash && c == '/'))
			rc |= buf_addc(out, (char)c);
		else
			rc |= buf_add(out, escape, sizeof(escape));
	}
	return rc ? -1 : 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int uri_decode(struct buf *out, const char *s, size_t len, bool plus, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			int high = len - i > 2 ? nibble(s[i + 1]) : -1;
			int low = len - i > 2 ? nibble(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return err_set(e, ERR_PROTOCOL, "broken percent escape at byte %zu",
					       i);
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (buf_addc(out, c) < 0)
			return err_set(e, ERR_PROTOCOL, "longer than %zu bytes", out->cap);
	}
	return 0;
}

struct uri_target uri_split(const char *target)
{
	size_t path_len = strcspn(target, "?");
	const char *query = target[path_len] == '?' ? target + path_len + 1 : "";

	return (struct uri_target){
		.path = target, .path_len = path_len, .query = query, .query_len = strlen(query)
	};
}

int uri_parse(const char *url, struct uri_parts *ret, struct err *e)
{
	const char *rest;

	if (strncasecmp(url, "http://", 7) == 0) {
		*ret = (struct uri_parts){ .tls = false };
		rest = url + 7;
	} else if (strncasecmp(url, "https://", 8) == 0) {
		*ret = (struct uri_parts){ .tls = true };
		rest = url + 8;
	} else {
		return err_set(e, ERR_POLICY, "'%s' is not a URL that starts http:// or https://",
			       url);
	}
	ret->host = rest;
	ret->host_len = strcspn(rest, "/?#");
	ret->path = rest + ret->host_len;
	if (ret->host_len == 0 || ret->host_len > 255 || *ret->host == ':')
		return err_set(e, ERR_POLICY, "'%s' names no host", url);
	for (size_t i = 0; i < ret->host_len; i++)
		if ((unsigned char)rest[i] <= ' ' || strchr("@\\\"<>", rest[i]))
			return err_set(e, ERR_POLICY,
				       "the host in this URL has a character that "
				       "no host has (user names are not taken)");
	return 0;
}
