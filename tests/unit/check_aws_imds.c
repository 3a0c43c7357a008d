/* Instance metadata, and the keys that come from it. */
#include "check_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cred.h"
#include "aws/imds.h"
#include "base/httpd.h"

struct world {
	struct loop *loop;
	struct httpd *server;
	int tokens;        /* handed out */
	bool refuse_token; /* the next GET is answered 401 */
	int fail;          /* so many answers are 500 */
	char text[256];
	struct err e;
	char access[64], token[64];
};

static void answer(struct httpd_exchange *x, int status, const char *body)
{
	httpd_answer(x, status, NULL, 0, body, strlen(body));
}

static void on_get(struct world *w, struct httpd_exchange *x, const char *target)
{
	const char *token = httpd_header(x, "X-aws-ec2-metadata-token");
	char expected[16];

	snprintf(expected, sizeof(expected), "tok-%d", w->tokens);
	if (w->refuse_token || !token || strcmp(token, expected) != 0) {
		w->refuse_token = false;
		answer(x, 401, "");
	} else if (strcmp(target, IMDS_INSTANCE_ID) == 0) {
		answer(x, 200, "i-0123456789abcdef0");
	} else if (strcmp(target, IMDS_ROLES) == 0) {
		answer(x, 200, "worker\n");
	} else if (strcmp(target, IMDS_ROLES "worker") == 0) {
		answer(x, 200,
		       "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\","
		       "\"Token\":\"t\",\"Expiration\":\"2030-01-01T00:00:00Z\"}");
	} else {
		answer(x, 404, "");
	}
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	struct world *w = arg;
	char token[16];

	if (w->fail > 0) {
		w->fail--;
		answer(x, 500, "");
	} else if (strcmp(httpd_method(x), "PUT") == 0) {
		ck_assert_str_eq(httpd_target(x), "/latest/api/token");
		ck_assert_str_eq(httpd_header(x, "X-aws-ec2-metadata-token-ttl-seconds"), "21600");
		snprintf(token, sizeof(token), "tok-%d", ++w->tokens);
		answer(x, 200, token);
	} else {
		on_get(w, x, httpd_target(x));
	}
}

static void up(struct world *w)
{
	const struct httpd_handler h = { .on_request = on_request, .arg = w };
	AUTO(own_freep) char *url = NULL;

	check_aws_clean();
	unsetenv("AWS_EC2_METADATA_DISABLED");
	*w = (struct world){ .loop = loop_new() };
	w->server = httpd_new(w->loop, "127.0.0.1", 0, NULL, &h, NULL);
	ck_assert_ptr_nonnull(w->server);
	url = own_printf("http://127.0.0.1:%d/", httpd_port(w->server));
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
}

static void down(struct world *w)
{
	httpd_free(w->server);
	loop_free(w->loop);
}

static void got(const char *text, const struct err *e, void *arg)
{
	struct world *w = arg;

	snprintf(w->text, sizeof(w->text), "%s", text ? text : "");
	w->e = e ? *e : (struct err){ 0 };
	loop_stop(w->loop);
}

static void get(struct world *w, struct imds *m, const char *path)
{
	imds_get(m, path, got, w);
	loop_run(w->loop);
}

START_TEST(token_is_kept_and_renewed)
{
	struct world w;
	struct imds *m;

	up(&w);
	m = imds_new(w.loop);
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_str_eq(w.text, "i-0123456789abcdef0");
	get(&w, m, IMDS_TARGET_STATE);
	ck_assert_int_eq(w.e.kind, ERR_NOT_FOUND);
	ck_assert_int_eq(w.tokens, 1);
	w.refuse_token = true;
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_str_eq(w.text, "i-0123456789abcdef0");
	ck_assert_int_eq(w.tokens, 2);
	w.fail = 1;
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_str_eq(w.text, "i-0123456789abcdef0");
	w.fail = 2;
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_int_eq(w.e.kind, ERR_UNREACHABLE);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_int_eq(w.e.kind, ERR_DENIED);
	/* freed while a get is under way */
	unsetenv("AWS_EC2_METADATA_DISABLED");
	imds_get(m, IMDS_INSTANCE_ID, got, &w);
	imds_free(m);
	down(&w);
}
END_TEST

START_TEST(nobody_there)
{
	struct world w;
	struct imds *m;

	up(&w);
	m = imds_new(w.loop);
	httpd_free(w.server);
	w.server = NULL;
	get(&w, m, IMDS_INSTANCE_ID);
	ck_assert_int_eq(w.e.kind, ERR_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(w.e.text, "instance metadata " IMDS_INSTANCE_ID));
	imds_free(m);
	loop_free(w.loop);
}
END_TEST

static void got_keys(const struct cred *c, const struct err *e, void *arg)
{
	struct world *w = arg;

	if (c) {
		snprintf(w->access, sizeof(w->access), "%s", c->access_key);
		snprintf(w->token, sizeof(w->token), "%s", c->token);
		ck_assert_int_eq(c->expires.ms, 1893456000000);
	}
	w->e = e ? *e : (struct err){ 0 };
	loop_stop(w->loop);
}

START_TEST(keys_of_the_role)
{
	struct cred_fetch *f;
	struct world w;

	up(&w);
	cred_fetch(w.loop, &(struct cred_options){ 0 }, got_keys, &w);
	loop_run(w.loop);
	ck_assert_msg(w.e.kind == ERR_NONE, "%s", w.e.text);
	ck_assert_str_eq(w.access, "ASIA1");
	ck_assert_str_eq(w.token, "t");
	f = cred_fetch(w.loop, &(struct cred_options){ 0 }, got_keys, &w);
	cred_fetch_cancel(f);
	down(&w);
}
END_TEST

START_TEST(spot_notice)
{
	struct imds_spot s;
	struct err e = { 0 };

	ck_assert_int_eq(
		imds_spot_read("{\"action\":\"terminate\",\"time\":\"2025-01-01T00:00:00Z\"}", &s,
			       &e),
		0);
	ck_assert_str_eq(s.action, "terminate");
	ck_assert_int_eq(s.at.ms, 1735689600000);
	ck_assert_int_lt(imds_spot_read("", &s, &e), 0);
	ck_assert_int_lt(imds_spot_read("{\"action\":1}", &s, &e), 0);
}
END_TEST

Suite *check_aws_imds(void)
{
	Suite *s = suite_create("aws instance metadata");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, token_is_kept_and_renewed);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, keys_of_the_role);
	tcase_add_test(t, spot_notice);
	suite_add_tcase(s, t);
	return s;
}
