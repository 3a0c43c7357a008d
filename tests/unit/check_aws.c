/* Requests, replies, endpoints, credentials, lanes. */
#include "check_aws.h"
#include "check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

struct reply check_aws_reply(enum service s, const char *action, int status, const char *file)
{
	struct reply r = { .service = s, .action = action, .status = status, .body = BUF(1 << 20) };
	const char *top = getenv("WINDLASS_SRC");
	struct err e = { 0 };

	if (file) {
		AUTO(own_freep)
		char *path = own_printf("%s/tests/vectors/aws/%s", top ? top : ".", file);

		ck_assert_msg(buf_read_file(&r.body, path, &e) == 0, "%s", e.text);
	}
	r.body_bytes = (int64_t)r.body.len;
	return r;
}

void check_aws_header(struct reply *r, const char *name, const char *value)
{
	r->headers = own_grow(r->headers, r->header_count + 1, sizeof(*r->headers));
	r->headers[r->header_count++] =
		(struct reply_header){ .name = own_strdup(name), .value = own_strdup(value) };
}

void check_aws_clean(void)
{
	char names[64][64];
	size_t n = 0;

	for (char **at = environ; *at && n < 64; at++)
		if (strncmp(*at, "AWS_", 4) == 0)
			snprintf(names[n++], 64, "%.*s", (int)strcspn(*at, "="), *at);
	for (size_t i = 0; i < n; i++)
		unsetenv(names[i]);
	setenv("HOME", "/nonexistent", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

int main(void)
{
	SRunner *r = srunner_create(check_aws_ask());

	srunner_add_suite(r, check_aws_read());
	srunner_add_suite(r, check_aws_place());
	srunner_add_suite(r, check_aws_lane());
	srunner_add_suite(r, check_aws_gate());
	srunner_add_suite(r, check_aws_keys());
	srunner_add_suite(r, check_aws_chain());
	srunner_add_suite(r, check_aws_imds());
	return check_main_run(r);
}
