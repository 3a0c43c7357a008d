/* Where keys come from when somebody must be asked: roles, tokens, logins, processes, containers,
 * against one server that plays STS, SSO, the container's agent and instance metadata. Each says
 * in the access key that it gives who asked for what, so that a chain can be read off it. */
#include "check_aws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/cred.h"
#include "aws/lane.h"
#include "base/clock.h"
#include "base/httpd.h"
#include "wire/form.h"

#define ROLE(name) "arn:aws:iam::111122223333:role/" name

/* clang-format off */
static const char config[] =
	"[profile keys]\naws_access_key_id = KEYS\naws_secret_access_key = s\n"
	"[profile session]\naws_access_key_id = SESSION\naws_secret_access_key = s\n"
	"aws_session_token = t\n"
	"[profile one]\nrole_arn = " ROLE("one") "\nsource_profile = keys\nexternal_id = door\n"
	"role_session_name = me\nduration_seconds = 7200\n"
	"[profile two]\nrole_arn = " ROLE("two") "\nsource_profile = one\n"
	"[profile capped]\nrole_arn = " ROLE("capped") "\nsource_profile = session\n"
	"duration_seconds = 7200\n"
	"[profile self]\nrole_arn = " ROLE("self") "\nsource_profile = self\n"
	"aws_access_key_id = SELF\naws_secret_access_key = s\n"
	"[profile round]\nrole_arn = " ROLE("a") "\nsource_profile = about\n"
	"[profile about]\nrole_arn = " ROLE("b") "\nsource_profile = round\n"
	"[profile lost]\nrole_arn = " ROLE("c") "\nsource_profile = nowhere\n"
	"[profile alone]\nrole_arn = " ROLE("d") "\n"
	"[profile mfa]\nrole_arn = " ROLE("e") "\nsource_profile = keys\n"
	"mfa_serial = arn:aws:iam::1:mfa/me\n"
	"[profile denied]\nrole_arn = " ROLE("denied") "\nsource_profile = keys\n"
	"[profile env]\nrole_arn = " ROLE("env") "\ncredential_source = Environment\n"
	"[profile ec2]\nrole_arn = " ROLE("ec2") "\ncredential_source = Ec2InstanceMetadata\n"
	"[profile ecs]\nrole_arn = " ROLE("ecs") "\ncredential_source = EcsContainer\n"
	"[profile odd]\nrole_arn = " ROLE("odd") "\ncredential_source = Oracle\n"
	"[profile web]\nrole_arn = " ROLE("web") "\nweb_identity_token_file = @/token\n"
	"[profile noweb]\nrole_arn = " ROLE("web") "\nweb_identity_token_file = @/none\n"
	"[profile process]\ncredential_process = printf "
	"'{\"Version\":1,\"AccessKeyId\":\"PROCESS\",\"SecretAccessKey\":\"s\"}'\n"
	"[profile ended]\ncredential_process = exit 3\n"
	"[profile killed]\ncredential_process = kill -9 $$\n"
	"[profile babble]\ncredential_process = echo hello\n"
	"[profile newer]\ncredential_process = echo '{\"Version\":2}'\n"
	"[profile keyless]\ncredential_process = echo '{\"Version\":1}'\n"
	"[profile flood]\ncredential_process = yes | head -c 100000\n"
	"[profile byprocess]\nrole_arn = " ROLE("byprocess") "\nsource_profile = process\n"
	"[sso-session login]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
	"[profile sso]\nsso_session = login\nsso_account_id = 1234\nsso_role_name = Reader\n"
	"[profile old]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-west-1\n"
	"sso_account_id = 5678\nsso_role_name = Old One\n"
	"[profile gone]\nsso_session = gone\nsso_account_id = 1\nsso_role_name = R\n"
	"[sso-session gone]\nsso_start_url = https://gone.awsapps.com/start\nsso_region = r\n"
	"[profile late]\nsso_session = late\nsso_account_id = 1\nsso_role_name = R\n"
	"[sso-session late]\nsso_start_url = https://x.awsapps.com/start\nsso_region = r\n"
	"[profile nosession]\nsso_session = unknown\nsso_account_id = 1\nsso_role_name = R\n"
	"[profile norole]\nsso_session = login\nsso_account_id = 1\n"
	"[profile empty]\nregion = eu-west-1\n";
/* clang-format on */

static char folder[64];
static struct httpd *server;
static struct loop *loop;

static void put(const char *name, const char *text)
{
	AUTO(own_freep) char *path = own_printf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	for (const char *c = text; *c; c++)
		if (*c == '@')
			fputs(folder, f);
		else
			fputc(*c, f);
	fclose(f);
}

static void answer(struct httpd_exchange *x, int status, const char *body)
{
	httpd_answer(x, status, NULL, 0, body, strlen(body));
}

/* The access key that signed, "" for an unsigned request. */
static void signer(struct httpd_exchange *x, char name[static 128])
{
	const char *authorization = httpd_header(x, "Authorization");
	const char *at = authorization ? strstr(authorization, "Credential=") : NULL;

	snprintf(name, 128, "%.*s", at ? (int)strcspn(at + 11, "/") : 0, at ? at + 11 : "");
}

static void play_sts(struct httpd_exchange *x, const struct form *f)
{
	const char *arn = form_get(f, "RoleArn"), *token = form_get(f, "WebIdentityToken");
	const char *external = form_get(f, "ExternalId"), *session = form_get(f, "RoleSessionName");
	const char *seconds = form_get(f, "DurationSeconds"), *action = form_get(f, "Action");
	AUTO(own_freep) char *body = NULL;
	char by[128];

	signer(x, by);
	if (strcmp(arn, ROLE("denied")) == 0) {
		answer(x, 403,
		       "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message>"
		       "</Error></ErrorResponse>");
		return;
	}
	body = own_printf("<%sResponse><%sResult><Credentials>"
			  "<AccessKeyId>%s(%s%s%s%s%s%s%s)</AccessKeyId>"
			  "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
			  "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></%sResult>"
			  "</%sResponse>",
			  action, action, strrchr(arn, '/') + 1, token ? token : by,
			  external ? " door=" : "", external ? external : "",
			  session && strncmp(session, "windlass", 8) != 0 ? " session=" : "",
			  session && strncmp(session, "windlass", 8) != 0 ? session : "",
			  seconds ? " for=" : "", seconds ? seconds : "", action, action);
	answer(x, 200, body);
}

static void play_sso(struct httpd_exchange *x)
{
	const char *bearer = httpd_header(x, "x-amz-sso_bearer_token");
	const char *query = strchr(httpd_target(x), '?');
	AUTO(own_freep) char *body = NULL;

	if (!bearer || strcmp(bearer, "logged-in") != 0) {
		answer(x, 401, "{\"message\":\"Session token not found or invalid\"}");
		return;
	}
	body = own_printf(
		"{\"roleCredentials\":{\"accessKeyId\":\"SSO%s\",\"secretAccessKey\":\"s\","
		"\"sessionToken\":\"t\",\"expiration\":4070908800000}}",
		query);
	answer(x, 200, body);
}

static void play_container(struct httpd_exchange *x)
{
	const char *token = httpd_header(x, "Authorization");

	if (!token || strcmp(token, "let me in") != 0)
		answer(x, 403, "{\"code\":\"AccessDenied\"}");
	else
		answer(x, 200,
		       "{\"AccessKeyId\":\"CONTAINER\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
		       "\"Expiration\":\"2099-01-01T00:00:00Z\"}");
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	const char *target = httpd_target(x);
	struct form f = { 0 };
	size_t len;
	const char *body = httpd_body(x, &len);

	(void)arg;
	if (strncmp(target, "/federation/credentials", 23) == 0) {
		play_sso(x);
	} else if (strcmp(target, "/container") == 0) {
		play_container(x);
	} else if (strcmp(target, "/latest/api/token") == 0) {
		answer(x, 200, "imds-token");
	} else if (strcmp(target, "/latest/meta-data/iam/security-credentials/") == 0) {
		answer(x, 200, "machine");
	} else if (strcmp(target, "/latest/meta-data/iam/security-credentials/machine") == 0) {
		answer(x, 200,
		       "{\"Code\":\"Success\",\"AccessKeyId\":\"MACHINE\",\"SecretAccessKey\":"
		       "\"s\","
		       "\"Token\":\"t\",\"Expiration\":\"2099-01-01T00:00:00Z\"}");
	} else {
		ck_assert_int_eq(form_parse(body ? body : "", len, &f, NULL), 0);
		play_sts(x, &f);
		form_done(&f);
	}
}

static void set_url(const char *variable, const char *path)
{
	AUTO(own_freep) char *url = own_printf("http://127.0.0.1:%d%s", httpd_port(server), path);

	setenv(variable, url, 1);
}

static void begin(void)
{
	const struct httpd_handler h = { .on_request = on_request };
	AUTO(own_freep) char *file = NULL;
	struct err e = { 0 };

	check_aws_clean();
	snprintf(folder, sizeof(folder), "/tmp/check-aws-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	loop = loop_new();
	server = httpd_new(loop, "127.0.0.1", 0, NULL, &h, &e);
	ck_assert_msg(server != NULL, "%s", e.text);
	put("config", config);
	put("token", "web-token\n");
	file = own_printf("%s/config", folder);
	setenv("AWS_CONFIG_FILE", file, 1);
	setenv("HOME", folder, 1);
	for (const char *const *d =
		     (const char *const[]){ "/.aws", "/.aws/sso", "/.aws/sso/cache", NULL };
	     *d; d++) {
		AUTO(own_freep) char *path = own_printf("%s%s", folder, *d);

		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	/* SHA-1 of "login", of the old profile's start URL, and of "late" */
	put(".aws/sso/cache/2736fab291f04e69b62d490c3c09361f5b82461a.json",
	    "{\"accessToken\":\"logged-in\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}");
	put(".aws/sso/cache/33d5ca4bf3b1a62edb96b47f7c203034a43ac435.json",
	    "{\"accessToken\":\"logged-in\",\"expiresAt\":\"2099-01-01T00:00:00UTC\"}");
	put(".aws/sso/cache/5d6200f8cf98af475edcac2c97f966ad156ed51f.json",
	    "{\"accessToken\":\"logged-in\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}");
	set_url("AWS_ENDPOINT_URL", "");
	set_url("AWS_ENDPOINT_URL_SSO", "");
	set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
	unsetenv("AWS_EC2_METADATA_DISABLED");
}

static void end(void)
{
	static const char *const names[] = {
		".aws/sso/cache/2736fab291f04e69b62d490c3c09361f5b82461a.json",
		".aws/sso/cache/33d5ca4bf3b1a62edb96b47f7c203034a43ac435.json",
		".aws/sso/cache/5d6200f8cf98af475edcac2c97f966ad156ed51f.json",
		".aws/sso/cache",
		".aws/sso",
		".aws",
		"config",
		"token",
		""
	};

	httpd_free(TAKE(server));
	loop_free(loop);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(own_freep) char *path = own_printf("%s/%s", folder, names[i]);

		ck_assert_msg(remove(path) == 0, "%s: %s", path, strerror(errno));
	}
}

struct got {
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
	loop_stop(loop);
}

#define ENV_KEYS "AWS_ACCESS_KEY_ID", "ENV", "AWS_SECRET_ACCESS_KEY", "s"
#define CONTAINER "AWS_CONTAINER_CREDENTIALS_FULL_URI", "*/container"
#define LET_IN "AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in"

static const struct {
	const char *name, *profile, *access, *source, *says;
	const char *variables[7]; /* a value that begins with '*' is a path of the server */
} cases[] = {
	{ "keys of the profile", "keys", "KEYS", "profile", NULL, { 0 } },
	{ "a role", "one", "one(KEYS door=door session=me for=7200)", "role", NULL, { 0 } },
	{ "a role by a role",
	  "two",
	  "two(one(KEYS door=door session=me for=7200))",
	  "role",
	  NULL,
	  { 0 } },
	{ "a session has an hour", "capped", "capped(SESSION for=3600)", "role", NULL, { 0 } },
	{ "its own source", "self", "self(SELF)", "role", NULL, { 0 } },
	{ "a role that is denied",
	  "denied",
	  NULL,
	  NULL,
	  "profile 'denied': taking the role " ROLE("denied") ": STS AssumeRole: 403 AccessDenied",
	  { 0 } },
	{ "a circle", "round", NULL, NULL, "leads in a circle by 'round'", { 0 } },
	{ "a source that is not there",
	  "lost",
	  NULL,
	  NULL,
	  "its source_profile 'nowhere' is not in",
	  { 0 } },
	{ "a role of nobody",
	  "alone",
	  NULL,
	  NULL,
	  "source_profile, credential_source or web_identity_token_file",
	  { 0 } },
	{ "a role behind a device", "mfa", NULL, NULL, "mfa_serial", { 0 } },
	{ "by the environment", "env", "env(ENV)", "role", NULL, { ENV_KEYS } },
	{ "by an empty environment",
	  "env",
	  NULL,
	  NULL,
	  "credential_source Environment gives no keys",
	  { 0 } },
	{ "by the instance", "ec2", "ec2(MACHINE)", "role", NULL, { 0 } },
	{ "by the container", "ecs", "ecs(CONTAINER)", "role", NULL, { CONTAINER, LET_IN } },
	{ "by something unknown", "odd", NULL, NULL, "'Oracle' is none of", { 0 } },
	{ "a token in a file", "web", "web(web-token)", "role", NULL, { 0 } },
	{ "no token in a file", "noweb", NULL, NULL, "web identity token", { 0 } },
	{ "a process", "process", "PROCESS", "process", NULL, { 0 } },
	{ "a role by a process", "byprocess", "byprocess(PROCESS)", "role", NULL, { 0 } },
	{ "a process that fails",
	  "ended",
	  NULL,
	  NULL,
	  "profile 'ended': credential_process: it ended with status 3",
	  { 0 } },
	{ "a process that dies", "killed", NULL, NULL, "killed by signal 9", { 0 } },
	{ "a process that babbles", "babble", NULL, NULL, "it printed no JSON", { 0 } },
	{ "a process of another version", "newer", NULL, NULL, "another Version than 1", { 0 } },
	{ "a process without keys", "keyless", NULL, NULL, "are not understood", { 0 } },
	{ "a process that floods", "flood", NULL, NULL, "what it printed", { 0 } },
	{ "a login", "sso", "SSO?account_id=1234&role_name=Reader", "SSO", NULL, { 0 } },
	{ "a login of the old form",
	  "old",
	  "SSO?account_id=5678&role_name=Old%20One",
	  "SSO",
	  NULL,
	  { 0 } },
	{ "nobody logged in", "gone", NULL, NULL, "aws sso login --profile gone", { 0 } },
	{ "a login that has ended",
	  "late",
	  NULL,
	  NULL,
	  "the login has ended -> aws sso login --profile late",
	  { 0 } },
	{ "a session that is not there",
	  "nosession",
	  NULL,
	  NULL,
	  "there is no [sso-session unknown]",
	  { 0 } },
	{ "a login without a role", "norole", NULL, NULL, "SSO lacks sso_role_name", { 0 } },
	{ "a profile without anything",
	  "empty",
	  NULL,
	  NULL,
	  "names no other source of keys",
	  { 0 } },
	{ "web identity of the environment",
	  NULL,
	  "pod(web-token)",
	  "role",
	  NULL,
	  { "AWS_WEB_IDENTITY_TOKEN_FILE", "@/token", "AWS_ROLE_ARN", ROLE("pod") } },
	{ "web identity without a role",
	  NULL,
	  NULL,
	  NULL,
	  "AWS_ROLE_ARN is not",
	  { "AWS_WEB_IDENTITY_TOKEN_FILE", "@/token" } },
	{ "the container", NULL, "CONTAINER", "container", NULL, { CONTAINER, LET_IN } },
	{ "the container, its token in a file",
	  NULL,
	  NULL,
	  NULL,
	  "credentials of the container: answered 403",
	  { CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "@/token" } },
	{ "another machine",
	  NULL,
	  NULL,
	  NULL,
	  "'example.com:80' is another machine",
	  { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com:80/x" } },
	{ "a relative path that is none",
	  NULL,
	  NULL,
	  NULL,
	  "is no path",
	  { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x" } },
	{ "a token that would break the request",
	  NULL,
	  NULL,
	  NULL,
	  "has a line break",
	  { CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\nb" } },
	{ "the instance, last", NULL, "MACHINE", "instance metadata", NULL, { 0 } },
};

static void set_variables(const char *const *list)
{
	for (; *list; list += 2) {
		AUTO(own_freep) char *path = own_printf("%s%s", folder, list[1] + 1);

		if (list[1][0] == '*')
			set_url(list[0], list[1] + 1);
		else
			setenv(list[0], list[1][0] == '@' ? path : list[1], 1);
	}
}

START_TEST(keys_come_from)
{
	struct got g = { .c = { .expires = INSTANT_NEVER } };

	set_variables(cases[_i].variables);
	cred_fetch(loop, &(struct cred_options){ .profile = cases[_i].profile }, got, &g);
	loop_run(loop);
	if (cases[_i].access) {
		ck_assert_msg(g.e.kind == ERR_NONE, "%s: %s", cases[_i].name, g.e.text);
		ck_assert_str_eq(g.c.access_key, cases[_i].access);
		ck_assert_str_eq(g.c.source, cases[_i].source);
	} else {
		ck_assert_msg(g.e.kind != ERR_NONE, "%s: it got %s", cases[_i].name,
			      g.c.access_key);
		ck_assert_msg(strstr(g.e.text, cases[_i].says) != NULL, "%s: %s", cases[_i].name,
			      g.e.text);
	}
	cred_done(&g.c);
}
END_TEST

static void count(const struct cred *c, const struct err *e, void *arg)
{
	int *answers = arg;

	(void)c;
	(void)e;
	++*answers;
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void turn(int times)
{
	while (times--) {
		loop_soon(loop, stop, NULL);
		loop_run(loop);
	}
}

/* Given up at every moment of it, it says nothing more and leaves nothing (the sanitizers look). */
START_TEST(a_fetch_can_be_given_up)
{
	static const char *const profiles[] = { "two", "process", "sso", "web", "ec2", "ecs" };
	int given_up = 0;

	set_variables((const char *const[]){ CONTAINER, LET_IN, NULL });
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		for (int turns = 0; turns < 12; turns++) {
			struct cred_options o = { .profile = profiles[i] };
			int answers = 0;
			struct cred_fetch *f = cred_fetch(loop, &o, count, &answers);

			turn(turns);
			if (answers)
				break; /* it was faster */
			cred_fetch_cancel(f);
			turn(5);
			ck_assert_int_eq(answers, 0);
			given_up++;
		}
	ck_assert_int_ge(given_up, (int)COUNT_OF(profiles));
}
END_TEST

Suite *check_aws_chain(void)
{
	Suite *s = suite_create("aws sources of keys");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, keys_come_from, 0, COUNT_OF(cases));
	tcase_add_test(t, a_fetch_can_be_given_up);
	suite_add_tcase(s, t);
	return s;
}
