/* What a page of another origin may do: preflights, and the headers of every answer to one. */
#include "local/s3_cors.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define JOINED_MAX (32u << 10)

/* One asterisk stands for anything. */
static bool fits(const char *pattern, const char *text, size_t len, bool any_case)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : strlen(pattern),
	       after = star ? strlen(star + 1) : 0;
	int (*compare)(const char *, const char *, size_t) = any_case ? strncasecmp : strncmp;

	if (star ? len < before + after : len != before)
		return false;
	return compare(pattern, text, before) == 0 &&
	       (!star || compare(star + 1, text + len - after, after) == 0);
}

static bool any_fits(const struct json *list, const char *text, size_t len, bool any_case)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (fits(json_str(json_at(list, i)), text, len, any_case))
			return true;
	return false;
}

/* Each name of "x-amz-date, content-type" is allowed. */
static bool headers_fit(const struct json *rule, const char *names)
{
	while (names && *names) {
		size_t n;

		names += strspn(names, ", \t");
		n = strcspn(names, ", \t");
		if (n && !any_fits(json_get(rule, "AllowedHeader"), names, n, true))
			return false;
		names += n;
	}
	return true;
}

/* The first rule that lets it, or NULL. */
static const struct json *rule_of(const struct json *rules, const char *origin, const char *method,
				  const char *headers)
{
	for (size_t i = 0; i < json_count(rules); i++) {
		const struct json *rule = json_at(rules, i);

		if (any_fits(json_get(rule, "AllowedOrigin"), origin, strlen(origin), false) &&
		    any_fits(json_get(rule, "AllowedMethod"), method, strlen(method), false) &&
		    headers_fit(rule, headers))
			return rule;
	}
	return NULL;
}

static void add_joined(struct s3_request *r, const char *header, const struct json *list)
{
	AUTO(buf_done) struct buf text = BUF(JOINED_MAX);

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(&text, "%s%s", i ? ", " : "", json_str(json_at(list, i)));
	if (text.len && !text.full)
		local_s3_reply_header(r, header, buf_str(&text));
}

static void add_rule(struct s3_request *r, const struct json *rule, const char *origin)
{
	const struct json *origins = json_get(rule, "AllowedOrigin");
	bool everybody = false;
	int64_t age;

	for (size_t i = 0; i < json_count(origins); i++)
		everybody |= !strcmp(json_str(json_at(origins, i)), "*");
	local_s3_reply_header(r, "Access-Control-Allow-Origin", everybody ? "*" : origin);
	if (!everybody)
		local_s3_reply_header(r, "Access-Control-Allow-Credentials", "true");
	add_joined(r, "Access-Control-Allow-Methods", json_get(rule, "AllowedMethod"));
	add_joined(r, "Access-Control-Expose-Headers", json_get(rule, "ExposeHeader"));
	if (json_get_int(rule, "MaxAgeSeconds", &age))
		local_s3_reply_headerf(r, "Access-Control-Max-Age", "%" PRId64, age);
	local_s3_reply_header(
		r, "Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

void local_s3_preflight_headers(struct s3_request *r)
{
	const char *origin = local_s3_header(r, "Origin");
	AUTO(json_freep) struct json *rules = NULL;
	const struct json *rule;

	if (!origin || !*r->bucket || !strcmp(httpd_method(r->x), "OPTIONS") ||
	    local_s3_cors_find(r->s3, r->bucket, &rules, NULL) != 1)
		return;
	rule = rule_of(rules, origin, httpd_method(r->x), NULL);
	if (rule)
		add_rule(r, rule, origin);
}

/* ---- preflights ---- */

static void forbid(struct s3_request *r, const char *method, const char *message)
{
	local_s3_reply_detail(r, "Method", method);
	local_s3_reply_detail(r, "ResourceType", *r->key ? "OBJECT" : "BUCKET");
	local_s3_reply_fail(r, "AccessForbidden", "%s", message);
}

static void allow(struct s3_request *r, const struct json *rule, const char *origin)
{
	const char *asked = local_s3_header(r, "Access-Control-Request-Headers");
	AUTO(buf_done) struct buf names = BUF(JOINED_MAX);

	while (asked && *asked) {
		size_t n;

		asked += strspn(asked, ", \t");
		n = strcspn(asked, ", \t");
		if (n && names.len)
			buf_adds(&names, ", ");
		for (size_t i = 0; i < n; i++)
			buf_addc(&names, (char)tolower((unsigned char)asked[i]));
		asked += n;
	}
	if (names.len && !names.full)
		local_s3_reply_header(r, "Access-Control-Allow-Headers", buf_str(&names));
	add_rule(r, rule, origin);
	local_s3_reply_send(r, 200);
}

void local_s3_preflight(struct s3_request *r)
{
	const char *origin = local_s3_header(r, "Origin"),
		   *method = local_s3_header(r, "Access-Control-Request-Method"),
		   *asked = local_s3_header(r, "Access-Control-Request-Headers");
	AUTO(json_freep) struct json *rules = NULL;
	const struct json *rule;
	struct err e;
	int found;

	if (!origin || !*origin) {
		local_s3_reply_fail(r, "BadRequest",
				    "Insufficient information. Origin request header needed.");
		return;
	}
	if (!method || text_choice("GET|PUT|POST|DELETE|HEAD", method) < 0) {
		local_s3_reply_fail(r, "BadRequest", "Invalid Access-Control-Request-Method: %.60s",
				    method ? method : "null");
		return;
	}
	if (asked && asked[strspn(asked, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789!#$%&'*+-.^_`|~, \t")]) {
		local_s3_reply_fail(
			r, "BadRequest",
			"Access-Control-Request-Headers \"%.200s\" contains invalid character.",
			asked);
		return;
	}
	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	found = local_s3_cors_find(r->s3, r->bucket, &rules, &e);
	rule = found == 1 ? rule_of(rules, origin, method, asked) : NULL;
	if (found < 0)
		local_s3_reply_error(r, &e);
	else if (!found)
		forbid(r, method, "CORSResponse: CORS is not enabled for this bucket.");
	else if (!rule)
		forbid(r, method,
		       "CORSResponse: This CORS request is not allowed. This is usually because "
		       "the evalution of Origin, request method / Access-Control-Request-Method or "
		       "Access-Control-Request-Headers are not whitelisted by the resource's CORS "
		       "spec.");
	else
		allow(r, rule, origin);
}
