/* By whom a browser's form is signed: Version 4, or Version 2 as boto3 still does it. */
#include "local/s3_post.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "local/s3_v2.h"
#include "local/trust.h"

static int argument(struct s3_request *r, struct err *e, const char *name, const char *value,
		    const char *message)
{
	local_s3_reply_detail(r, "ArgumentName", name);
	local_s3_reply_detail(r, "ArgumentValue", value);
	return local_s3_refuse(e, "InvalidArgument", "%.400s", message);
}

static int missing(struct s3_request *r, const char *name, struct err *e)
{
	AUTO(own_freep)
	char *text = own_printf("Bucket POST must contain a field named '%s'.  If it is specified, "
				"please check the order of the fields.",
				name);

	return argument(r, e, name, "", text);
}

/* "AKID/20240131/region/s3/aws4_request" */
struct credential {
	char part[5][128];
};

static int credential_read(struct s3_request *r, const char *text, struct credential *ret,
			   struct err *e)
{
	static const char *const wrong[] = {
		NULL,
		"This date in the credential must be in the format \"yyyyMMdd\".",
		NULL,
		"This endpoint belongs to \"s3\".",
		"This endpoint uses \"aws4_request\".",
	};
	static const char *const kind[] = { NULL, "date format", NULL, "service", "terminal" };
	const char *at = text;
	bool ok[5] = { true, false, true, false, false };

	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || n >= sizeof(ret->part[i]) || (i < 4) != (at[n] == '/'))
			return argument(r, e, "x-amz-credential", text,
					"the Credential is mal-formed; expecting "
					"\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
		snprintf(ret->part[i], sizeof(ret->part[i]), "%.*s", (int)n, at);
		at += n + 1;
	}
	ok[1] = strspn(ret->part[1], "0123456789") == 8 && strlen(ret->part[1]) == 8;
	ok[3] = !strcmp(ret->part[3], "s3");
	ok[4] = !strcmp(ret->part[4], "aws4_request");
	for (int i = 4; i > 0; i--) {
		AUTO(own_freep) char *message = NULL;

		if (ok[i])
			continue;
		message = own_printf("incorrect %s \"%s\". %s", kind[i], ret->part[i], wrong[i]);
		return argument(r, e, "x-amz-credential", text, message);
	}
	return 0;
}

static int check_v4(struct s3_request *r, const struct s3_form *f, const char *policy,
		    struct err *e)
{
	const char *date = local_s3_form_get(f, "x-amz-date"),
		   *signature = local_s3_form_get(f, "x-amz-signature");
	struct credential c = { 0 };
	struct local_key key = { 0 };
	char expected[SIGV4_SHA_MAX];
	struct instant at;
	int rc;

	if (strcmp(local_s3_form_get(f, "x-amz-algorithm"), "AWS4-HMAC-SHA256"))
		return argument(r, e, "X-Amz-Algorithm", local_s3_form_get(f, "x-amz-algorithm"),
				"Only AWS4-HMAC-SHA256 is supported");
	if (clock_parse_basic(date, &at, NULL) < 0)
		return argument(r, e, "X-Amz-Date", date,
				"X-Amz-Date must be formated via ISO8601 Long format");
	if (credential_read(r, local_s3_form_get(f, "x-amz-credential"), &c, e) < 0)
		return -1;
	rc = local_s3_v2_key(r->s3->local, c.part[0], local_s3_form_get(f, "x-amz-security-token"),
			     &key, e);
	sigv4_policy_sign(key.secret, c.part[1], c.part[2], policy, expected);
	if (rc == 0 && (strlen(signature) != strlen(expected) ||
			!crypto_equal(expected, signature, strlen(expected))))
		rc = local_s3_refuse(e, "SignatureDoesNotMatch", NULL);
	own_wipe(&key, sizeof(key));
	return rc;
}

static int check_v2(struct s3_request *r, const struct s3_form *f, const char *policy,
		    struct err *e)
{
	struct local_key key = { 0 };
	int rc = local_s3_v2_key(r->s3->local, local_s3_form_get(f, "AWSAccessKeyId"),
				 local_s3_form_get(f, "x-amz-security-token"), &key, e);

	if (rc == 0 &&
	    !local_s3_v2_same(&key, policy, strlen(policy), local_s3_form_get(f, "signature")))
		rc = local_s3_refuse(e, "SignatureDoesNotMatch", NULL);
	own_wipe(&key, sizeof(key));
	return rc;
}

/* All the fields of one way of signing, or the first that is missing. */
static bool has_all(const struct s3_form *f, const char *const *names, size_t n, size_t *any,
		    const char **absent)
{
	*any = 0;
	*absent = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *value = local_s3_form_get(f, names[i]);

		*any += value && (*value || !strcmp(names[i], "policy"));
		if (!*absent && (!value || (!*value && strcmp(names[i], "policy"))))
			*absent = names[i];
	}
	return !*absent;
}

int local_s3_post_sign(struct s3_request *r, const struct s3_form *f, struct err *e)
{
	static const char *const v4[] = { "policy", "x-amz-signature", "x-amz-credential",
					  "x-amz-date", "x-amz-algorithm" };
	static const char *const v2[] = { "policy", "AWSAccessKeyId", "signature" };
	const char *policy = local_s3_form_get(f, "policy"), *absent4, *absent2;
	size_t any4, any2;
	bool four = has_all(f, v4, COUNT_OF(v4), &any4, &absent4),
	     two = has_all(f, v2, COUNT_OF(v2), &any2, &absent2);

	if (r->s3->local->options.no_verify)
		return local_trust_form(r->x, e);
	if (four)
		return check_v4(r, f, policy, e);
	if (two)
		return check_v2(r, f, policy, e);
	if (any4 == 0 && any2 == 0)
		return local_s3_refuse(e, "AccessDenied", NULL);
	return missing(r, any2 > any4 ? absent2 : absent4, e);
}
