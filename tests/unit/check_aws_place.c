/* Profiles, regions, endpoints, credentials that need no call. */
#include "check_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/cred.h"
#include "aws/endpoint.h"

static const char config[] = "# comment\n"
			     "[default]\n"
			     "region = eu-west-1 # here\n"
			     "[profile dev]\n"
			     "region=ap-south-1\r\n"
			     "endpoint_url = http://localhost:1/\n"
			     "services = mine\n"
			     "aws_access_key_id = FROMCONFIG\n"
			     "aws_secret_access_key = s1\n"
			     "[profile role]\n"
			     "role_arn = arn:aws:iam::1:role/x\n"
			     "[services mine]\n"
			     "sqs =\n"
			     "  endpoint_url = http://localhost:2\n"
			     "s3 =\n"
			     "  addressing_style = path\n"
			     "[broken\n"
			     "region = nowhere\n"
			     "no equals\n";
static const char credentials[] = "[default]\n"
				  "aws_access_key_id=AKID\n"
				  "aws_secret_access_key = with=equals/+ \n"
				  "aws_session_token = tok\n"
				  "[dev]\n"
				  "aws_access_key_id = FROMCREDENTIALS\n"
				  "aws_secret_access_key = s2\n"
				  "[half]\n"
				  "aws_access_key_id = X\n";

static char folder[] = "/tmp/check-aws-XXXXXX";

static void put(const char *name, const char *variable, const char *text)
{
	AUTO(own_freep) char *path = own_printf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	setenv(variable, path, 1);
}

static void begin(void)
{
	check_aws_clean();
	snprintf(folder, sizeof(folder), "/tmp/check-aws-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	put("config", "AWS_CONFIG_FILE", config);
	put("credentials", "AWS_SHARED_CREDENTIALS_FILE", credentials);
}

static void end(void)
{
	unlink(getenv("AWS_CONFIG_FILE"));
	unlink(getenv("AWS_SHARED_CREDENTIALS_FILE"));
	rmdir(folder);
}

START_TEST(files)
{
	AUTO(profile_freep) struct profiles *p = profile_load(NULL);

	ck_assert_str_eq(profile_get(p, "default", "region"), "eu-west-1");
	ck_assert_str_eq(profile_get(p, "default", "aws_secret_access_key"), "with=equals/+");
	ck_assert_str_eq(profile_get(p, "dev", "region"), "ap-south-1");
	ck_assert_str_eq(profile_get(p, "dev", "aws_access_key_id"), "FROMCREDENTIALS");
	ck_assert_str_eq(profile_service(p, "dev", "sqs", "endpoint_url"), "http://localhost:2");
	ck_assert_ptr_null(profile_service(p, "dev", "sts", "endpoint_url"));
	ck_assert_ptr_null(profile_get(p, "broken", "region"));
	ck_assert(profile_exists(p, "half") && !profile_exists(p, "nobody"));
	ck_assert_str_eq(profile_name(NULL), "default");
	setenv("AWS_PROFILE", "dev", 1);
	ck_assert_str_eq(profile_name(NULL), "dev");
	ck_assert_str_eq(profile_name("role"), "role");
}
END_TEST

static const struct {
	const char *name, *variable, *value, *profile;
	enum service service;
	const char *bucket, *path, *region, *url, *host, *sent;
} places[] = {
	{ "AWS's own", NULL, NULL, NULL, SERVICE_SQS, NULL, "", "eu-west-1",
	  "https://sqs.eu-west-1.amazonaws.com/", "sqs.eu-west-1.amazonaws.com", "/" },
	{ "China", "AWS_REGION", "cn-north-1", NULL, SERVICE_AUTOSCALING, NULL, "", "cn-north-1",
	  "https://autoscaling.cn-north-1.amazonaws.com.cn/",
	  "autoscaling.cn-north-1.amazonaws.com.cn", "/" },
	{ "a bucket in the host", NULL, NULL, NULL, SERVICE_S3, "bkt", "/a/b", "eu-west-1",
	  "https://bkt.s3.eu-west-1.amazonaws.com/a/b", "bkt.s3.eu-west-1.amazonaws.com", "/a/b" },
	{ "a bucket with a dot", NULL, NULL, NULL, SERVICE_S3, "b.kt", "/a", "eu-west-1",
	  "https://s3.eu-west-1.amazonaws.com/b.kt/a", "s3.eu-west-1.amazonaws.com", "/b.kt/a" },
	{ "one endpoint for all", "AWS_ENDPOINT_URL", "http://127.0.0.1:99/", NULL, SERVICE_S3,
	  "bkt", "/k", "eu-west-1", "http://127.0.0.1:99/bkt/k", "127.0.0.1:99", "/bkt/k" },
	{ "one service's endpoint", "AWS_ENDPOINT_URL_AUTO_SCALING", "https://x/base", NULL,
	  SERVICE_AUTOSCALING, NULL, "", "eu-west-1", "https://x/base", "x", "/base" },
	{ "another service's endpoint", "AWS_ENDPOINT_URL_S3", "https://x", NULL, SERVICE_STS, NULL,
	  "", "eu-west-1", "https://sts.eu-west-1.amazonaws.com/", "sts.eu-west-1.amazonaws.com",
	  "/" },
	{ "the profile's", NULL, NULL, "dev", SERVICE_STS, NULL, "", "ap-south-1",
	  "http://localhost:1/", "localhost:1", "/" },
	{ "the profile's services section", NULL, NULL, "dev", SERVICE_SQS, NULL, "", "ap-south-1",
	  "http://localhost:2/", "localhost:2", "/" },
	{ "configured endpoints ignored", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", "dev",
	  SERVICE_SQS, NULL, "", "ap-south-1", "https://sqs.ap-south-1.amazonaws.com/",
	  "sqs.ap-south-1.amazonaws.com", "/" },
};

START_TEST(placed)
{
	AUTO(profile_freep) struct profiles *p = profile_load(NULL);
	struct endpoint_place at = { 0 };
	struct endpoint ep;
	struct request r = { 0 };
	struct err e = { 0 };

	if (places[_i].variable)
		setenv(places[_i].variable, places[_i].value, 1);
	ck_assert_msg(endpoint_init(&ep,
				    &(struct endpoint_options){ .profile = places[_i].profile }, p,
				    &e) == 0,
		      "%s: %s", places[_i].name, e.text);
	request_init(&r, places[_i].service, "X", "GET");
	r.bucket = own_strdup(places[_i].bucket);
	buf_adds(&r.path, places[_i].path);
	ck_assert_msg(endpoint_place(&ep, &r, &at, &e) == 0, "%s: %s", places[_i].name, e.text);
	ck_assert_str_eq(at.region, places[_i].region);
	ck_assert_str_eq(buf_str(&at.url), places[_i].url);
	ck_assert_str_eq(buf_str(&at.host), places[_i].host);
	ck_assert_str_eq(buf_str(&at.path), places[_i].sent);
	endpoint_place_done(&at);
	endpoint_done(&ep);
	request_done(&r);
}
END_TEST

START_TEST(wrong_places)
{
	struct endpoint ep;
	struct endpoint_place at = { 0 };
	struct request r = { 0 };
	struct err e = { 0 };

	setenv("AWS_ENDPOINT_URL", "localhost:4566", 1);
	ck_assert_int_lt(endpoint_init(&ep, &(struct endpoint_options){ 0 }, NULL, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "AWS_ENDPOINT_URL: 'localhost:4566' is not a URL"));
	unsetenv("AWS_ENDPOINT_URL");
	setenv("AWS_USE_FIPS_ENDPOINT", "yes", 1);
	ck_assert_int_lt(endpoint_init(&ep, &(struct endpoint_options){ 0 }, NULL, &e), 0);
	ck_assert_str_eq(e.text, "AWS_USE_FIPS_ENDPOINT is 'yes' -> true or false");
	unsetenv("AWS_USE_FIPS_ENDPOINT");
	setenv("AWS_REGION", "us east", 1);
	ck_assert_int_lt(endpoint_init(&ep, &(struct endpoint_options){ 0 }, NULL, &e), 0);
	unsetenv("AWS_REGION");
	ck_assert_int_eq(endpoint_init(&ep, &(struct endpoint_options){ 0 }, NULL, &e), 0);
	request_init(&r, SERVICE_SQS, "X", "POST");
	ck_assert_int_lt(endpoint_place(&ep, &r, &at, &e), 0);
	ck_assert_str_eq(e.text,
			 "no region is known -> set AWS_REGION, or region in ~/.aws/config");
	endpoint_done(&ep);
	request_done(&r);
}
END_TEST

/* As botocore 1.44 has them. */
static const struct {
	enum service service;
	const char *region, *fips, *dual, *bucket, *host;
} hosts[] = {
	{ SERVICE_SQS, "us-east-1", "true", NULL, NULL, "sqs-fips.us-east-1.amazonaws.com" },
	{ SERVICE_SQS, "us-east-1", "false", "True", NULL, "sqs.us-east-1.api.aws" },
	{ SERVICE_SQS, "us-east-1", "true", "true", NULL, "sqs-fips.us-east-1.api.aws" },
	{ SERVICE_SQS, "us-gov-west-1", "true", NULL, NULL, "sqs.us-gov-west-1.amazonaws.com" },
	{ SERVICE_SQS, "us-gov-west-1", "true", "true", NULL, "sqs-fips.us-gov-west-1.api.aws" },
	{ SERVICE_SQS, "cn-north-1", NULL, "true", NULL,
	  "sqs.cn-north-1.api.amazonwebservices.com.cn" },
	{ SERVICE_AUTOSCALING, "eu-west-1", "true", NULL, NULL,
	  "autoscaling-fips.eu-west-1.amazonaws.com" },
	{ SERVICE_STS, "us-gov-east-1", "true", NULL, NULL, "sts.us-gov-east-1.amazonaws.com" },
	{ SERVICE_CLOUDWATCH, "us-east-1", "true", NULL, NULL,
	  "monitoring-fips.us-east-1.amazonaws.com" },
	{ SERVICE_S3, "us-gov-west-1", "true", NULL, "b", "b.s3-fips.us-gov-west-1.amazonaws.com" },
	{ SERVICE_S3, "us-east-1", NULL, "true", "b", "b.s3.dualstack.us-east-1.amazonaws.com" },
	{ SERVICE_S3, "us-east-1", "true", "true", "b",
	  "b.s3-fips.dualstack.us-east-1.amazonaws.com" },
};

START_TEST(hosts_of_aws)
{
	struct endpoint_place at = { 0 };
	struct endpoint ep;
	struct request r = { 0 };
	struct err e = { 0 };

	setenv("AWS_REGION", hosts[_i].region, 1);
	if (hosts[_i].fips)
		setenv("AWS_USE_FIPS_ENDPOINT", hosts[_i].fips, 1);
	if (hosts[_i].dual)
		setenv("AWS_USE_DUALSTACK_ENDPOINT", hosts[_i].dual, 1);
	ck_assert_int_eq(endpoint_init(&ep, &(struct endpoint_options){ 0 }, NULL, &e), 0);
	request_init(&r, hosts[_i].service, "X", "GET");
	r.bucket = own_strdup(hosts[_i].bucket);
	ck_assert_int_eq(endpoint_place(&ep, &r, &at, &e), 0);
	ck_assert_str_eq(buf_str(&at.host), hosts[_i].host);
	endpoint_place_done(&at);
	endpoint_done(&ep);
	request_done(&r);
}
END_TEST

struct got {
	struct loop *loop;
	struct cred c;
	struct err e;
};

static void got(const struct cred *c, const struct err *e, void *arg)
{
	struct got *g = arg;

	if (c)
		cred_copy(&g->c, c);
	else
		g->e = *e;
	loop_stop(g->loop);
}

static const struct {
	const char *name, *variables[4], *profile, *access, *source, *says;
} keys[] = {
	{ "environment first",
	  { "AWS_ACCESS_KEY_ID", "ENVKEY", "AWS_SECRET_ACCESS_KEY", "s" },
	  NULL,
	  "ENVKEY",
	  "environment",
	  NULL },
	{ "default profile", { 0 }, NULL, "AKID", "profile", NULL },
	{ "AWS_PROFILE", { "AWS_PROFILE", "dev" }, NULL, "FROMCREDENTIALS", "profile", NULL },
	{ "a profile by name goes before the environment",
	  { "AWS_ACCESS_KEY_ID", "ENVKEY", "AWS_SECRET_ACCESS_KEY", "s" },
	  "dev",
	  "FROMCREDENTIALS",
	  "profile",
	  NULL },
	{ "half an environment",
	  { "AWS_ACCESS_KEY_ID", "ENVKEY" },
	  NULL,
	  NULL,
	  NULL,
	  "AWS_SECRET_ACCESS_KEY is not" },
	{ "an unknown profile",
	  { "AWS_PROFILE", "nobody" },
	  NULL,
	  NULL,
	  NULL,
	  "profile 'nobody' is not in" },
	{ "half a profile", { 0 }, "half", NULL, NULL, "no aws_secret_access_key" },
	{ "a role is not taken for keys", { "AWS_PROFILE", "role" }, NULL, NULL, NULL, "role_arn" },
	{ "nothing at all",
	  { "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent" },
	  NULL,
	  NULL,
	  NULL,
	  "no AWS credentials -> set AWS_ACCESS_KEY_ID" },
};

START_TEST(chain)
{
	struct got g = { .loop = loop_new(), .c = { .expires = INSTANT_NEVER } };

	for (size_t i = 0; i + 1 < 4 && keys[_i].variables[i]; i += 2)
		setenv(keys[_i].variables[i], keys[_i].variables[i + 1], 1);
	cred_fetch(g.loop, &(struct cred_options){ .profile = keys[_i].profile }, got, &g);
	loop_run(g.loop);
	if (keys[_i].access) {
		ck_assert_msg(g.e.kind == ERR_NONE, "%s: %s", keys[_i].name, g.e.text);
		ck_assert_str_eq(g.c.access_key, keys[_i].access);
		ck_assert_str_eq(g.c.source, keys[_i].source);
	} else {
		ck_assert_int_eq(g.e.kind, ERR_DENIED);
		ck_assert_msg(strstr(g.e.text, keys[_i].says) != NULL, "%s: %s", keys[_i].name,
			      g.e.text);
	}
	cred_done(&g.c);
	loop_free(g.loop);
}
END_TEST

Suite *check_aws_place(void)
{
	Suite *s = suite_create("aws places and keys");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, files);
	tcase_add_loop_test(t, placed, 0, COUNT_OF(places));
	tcase_add_test(t, wrong_places);
	tcase_add_loop_test(t, hosts_of_aws, 0, COUNT_OF(hosts));
	tcase_add_loop_test(t, chain, 0, COUNT_OF(keys));
	suite_add_tcase(s, t);
	return s;
}
