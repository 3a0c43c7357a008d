#include "aws/sts.h"

#include <stdio.h>
#include <string.h>

#include "aws/query.h"
#include "base/clock.h"

void aws_sts_identity_ask(struct request *r)
{
	aws_query_ask(r, SERVICE_STS, "GetCallerIdentity");
}

int aws_sts_identity_read(const struct reply *r, struct sts_identity *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result;
	const char *account, *arn, *user;

	*ret = (struct sts_identity){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	account = xml_text(result, "Account");
	arn = xml_text(result, "Arn");
	user = xml_text(result, "UserId");
	if (!account || !arn)
		return reply_odd(r, e, "the answer lacks Account or Arn");
	snprintf(ret->account, sizeof(ret->account), "%s", account);
	snprintf(ret->arn, sizeof(ret->arn), "%s", arn);
	snprintf(ret->user_id, sizeof(ret->user_id), "%s", user ? user : "");
	return 0;
}

static void role_ask(struct request *r, const char *action, const struct sts_role *role)
{
	aws_query_ask(r, SERVICE_STS, action);
	aws_query_add(r, "RoleArn", role->arn);
	aws_query_add(r, "RoleSessionName", role->session);
	if (role->seconds)
		aws_query_add_int(r, "DurationSeconds", role->seconds);
}

void aws_sts_assume_ask(struct request *r, const struct sts_role *role)
{
	role_ask(r, "AssumeRole", role);
	aws_query_add(r, "ExternalId", role->external_id);
}

void aws_sts_assume_web_ask(struct request *r, const struct sts_role *role, const char *token)
{
	role_ask(r, "AssumeRoleWithWebIdentity", role);
	aws_query_add(r, "WebIdentityToken", token);
	r->anonymous = true;
}

int aws_sts_assume_read(const struct reply *r, struct cred *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result;
	const char *access, *secret, *token, *until;

	*ret = (struct cred){ .expires = INSTANT_NEVER };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	access = xml_text(result, "Credentials/AccessKeyId");
	secret = xml_text(result, "Credentials/SecretAccessKey");
	token = xml_text(result, "Credentials/SessionToken");
	until = xml_text(result, "Credentials/Expiration");
	if (!access || !*access || !secret || !*secret || !token || !*token || !until ||
	    clock_parse(until, strlen(until), &ret->expires, NULL) < 0)
		return reply_odd(r, e, "the answer lacks keys, or when they end");
	ret->access_key = own_strdup(access);
	ret->secret_key = own_strdup(secret);
	ret->token = own_strdup(token);
	return 0;
}
