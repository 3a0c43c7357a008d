/* A request as a server gets it: method, target, headers, each on its line. */
#include "fuzz.h"

#include <string.h>

#include "base/own.h"
#include "wire/sigv4.h"

#define LINES_MAX 40

struct seen {
	const char *names[LINES_MAX], *values[LINES_MAX];
	size_t count;
};

static bool next_header(const void *source, size_t *it, const char **name, const char **value)
{
	const struct seen *s = source;

	if (*it >= s->count)
		return false;
	*name = s->names[*it];
	*value = s->values[(*it)++];
	return true;
}

static bool lookup(const char *access_key, struct sigv4_keys *ret, void *arg)
{
	(void)arg;
	*ret = (struct sigv4_keys){ access_key, "secret", NULL };
	return access_key[0] != 'x';
}

static char *cut_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	*at = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static void verify(const struct sigv4_seen *in)
{
	struct sigv4_verdict v;
	struct err e = { 0 };

	if (sigv4_verify(in, lookup, NULL, &v, &e) < 0)
		FUZZ_HOLDS(e.code[0] && e.status >= 400 && e.kind == ERR_DENIED);
	sigv4_stream_done(&v.stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = own_strndup((const char *)data, size), *at = text;
	struct seen s = { 0 };
	struct sigv4_seen in = { .next = next_header, .headers = &s };

	in.now = (struct instant){ 1369353600000 }; /* of S3's worked examples */
	in.method = cut_line(&at);
	in.target = cut_line(&at);
	while (*at && s.count < LINES_MAX) {
		char *line = cut_line(&at), *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		s.names[s.count] = line;
		s.values[s.count++] = colon + 1;
	}
	in.service = "s3";
	verify(&in);
	in.service = "sqs";
	in.body_sha256 = SIGV4_EMPTY_SHA256;
	verify(&in);
	own_free(text);
	return 0;
}
