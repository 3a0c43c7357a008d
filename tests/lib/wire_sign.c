/* Signs and verifies requests that come as JSON lines, for comparison with other signers.
 *
 * {"op":"sign","method":…,"host":…,"path":…,"query":…,"headers":[[name,value]…],"payload":…,"region":…,
 *  "service":…,"at":ms,"access":…,"secret":…,"token":…}           -> {"authorization":…,"date":…}
 * {"op":"verify","method":…,"target":…,"headers":…,"body_sha":…,"service":…,"at":ms,…}
 *                                                                 -> {"ok":true} or
 * {"ok":false,"code":…}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "wire/sigv4.h"

static const char *text(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);

	return s ? s : "";
}

static struct instant at(const struct json *j)
{
	int64_t ms = 0;

	json_get_int(j, "at", &ms);
	return (struct instant){ ms };
}

static struct sigv4_keys keys(const struct json *j)
{
	return (struct sigv4_keys){ text(j, "access"), text(j, "secret"), text(j, "token") };
}

static struct json *sign(const struct json *j)
{
	const struct json *list = json_get(j, "headers");
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	struct sigv4_request r = { .method = text(j, "method"),
				   .host = text(j, "host"),
				   .path = text(j, "path"),
				   .query = text(j, "query"),
				   .headers = headers,
				   .payload = text(j, "payload"),
				   .region = text(j, "region"),
				   .service = text(j, "service"),
				   .at = at(j) };
	const struct sigv4_keys k = keys(j);
	struct json *out = json_object();
	struct sigv4_signed s;
	struct err e = { 0 };

	for (; r.header_count < json_count(list) && r.header_count < SIGV4_HEADERS_MAX;
	     r.header_count++) {
		const struct json *pair = json_at(list, r.header_count);

		headers[r.header_count] = (struct sigv4_header){ json_str(json_at(pair, 0)),
								 json_str(json_at(pair, 1)) };
	}
	if (sigv4_sign(&r, &k, &s, &e) < 0) {
		json_set_str(out, "error", e.text);
		return out;
	}
	json_set_str(out, "authorization", s.authorization);
	json_set_str(out, "date", s.date);
	return out;
}

static bool next_header(const void *source, size_t *it, const char **name, const char **value)
{
	const struct json *pair = json_at(json_get(source, "headers"), (*it)++);

	*name = json_str(json_at(pair, 0));
	*value = json_str(json_at(pair, 1));
	return *name && *value;
}

static bool lookup(const char *access_key, struct sigv4_keys *ret, void *arg)
{
	*ret = keys(arg);
	return strcmp(access_key, ret->access_key) == 0;
}

static struct json *verify(struct json *j)
{
	struct sigv4_seen s = { .method = text(j, "method"),
				.target = text(j, "target"),
				.next = next_header,
				.headers = j,
				.body_sha256 = json_get_str(j, "body_sha"),
				.service = text(j, "service"),
				.now = at(j) };
	struct json *out = json_object();
	struct sigv4_verdict v;
	struct err e = { 0 };
	int rc = sigv4_verify(&s, lookup, j, &v, &e);

	json_set_bool(out, "ok", rc == 0);
	json_set_str(out, "code", e.code);
	json_set_str(out, "text", e.text);
	return out;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		AUTO(buf_done) struct buf out = BUF(64 << 10);
		struct json *j = json_parse(line, (size_t)len, NULL);
		struct json *answer = strcmp(text(j, "op"), "sign") == 0 ? sign(j) : verify(j);

		json_write(answer, &out);
		buf_addc(&out, '\n');
		fwrite(buf_str(&out), 1, out.len, stdout);
		json_free(answer);
		json_free(j);
	}
	free(line);
	return ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
