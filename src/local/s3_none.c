/* What S3 has and is not played here: asked for it, a bucket answers as one of AWS's that was just
 * made, and what would change it is refused. */
#include "local/s3_none.h"

#include <string.h>
#include <strings.h>

#include "base/xml.h"

#define OWNER 1 /* the body names the owner, with all rights */

/* A document, or else the code of an error. */
static const struct none {
	const char *name, *root, *body, *code;
	int flags;
} nones[] = {
	{ "acl", "AccessControlPolicy", "", NULL, OWNER },
	{ "accelerate", "AccelerateConfiguration", "", NULL, 0 },
	{ "analytics", "ListBucketAnalyticsConfigurationsResult",
	  "<IsTruncated>false</IsTruncated>", NULL, 0 },
	{ "encryption", "ServerSideEncryptionConfiguration",
	  "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
	  "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>",
	  NULL, 0 },
	{ "intelligent-tiering", "ListBucketIntelligentTieringConfigurationsOutput",
	  "<IsTruncated>false</IsTruncated>", NULL, 0 },
	{ "inventory", "ListInventoryConfigurationsResult", "<IsTruncated>false</IsTruncated>",
	  NULL, 0 },
	{ "legal-hold", NULL, NULL, "InvalidRequest", 0 },
	{ "lifecycle", NULL, NULL, "NoSuchLifecycleConfiguration", 0 },
	{ "logging", "BucketLoggingStatus", "", NULL, 0 },
	{ "metrics", "ListMetricsConfigurationsResult", "<IsTruncated>false</IsTruncated>", NULL,
	  0 },
	{ "object-lock", NULL, NULL, "ObjectLockConfigurationNotFoundError", 0 },
	{ "ownershipControls", "OwnershipControls",
	  "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>", NULL, 0 },
	{ "policy", NULL, NULL, "NoSuchBucketPolicy", 0 },
	{ "policyStatus", NULL, NULL, "NoSuchBucketPolicy", 0 },
	{ "publicAccessBlock", "PublicAccessBlockConfiguration",
	  "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
	  "<BlockPublicPolicy>true</BlockPublicPolicy>"
	  "<RestrictPublicBuckets>true</RestrictPublicBuckets>",
	  NULL, 0 },
	{ "replication", NULL, NULL, "ReplicationConfigurationNotFoundError", 0 },
	{ "requestPayment", "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>", NULL, 0 },
	{ "retention", NULL, NULL, "InvalidRequest", 0 },
	{ "website", NULL, NULL, "NoSuchWebsiteConfiguration", 0 },
};

static bool is_of_object(const struct none *n)
{
	return !strcmp(n->name, "acl") || !strcmp(n->name, "legal-hold") ||
	       !strcmp(n->name, "retention");
}

static const struct none *none_of(const struct s3_request *r)
{
	for (size_t i = 0; i < COUNT_OF(nones); i++)
		if (local_s3_query(r, nones[i].name))
			return &nones[i];
	return NULL;
}

/* Taking away what was never there is done. */
static bool may_delete(const struct none *n)
{
	static const char *const names[] = { "encryption", "lifecycle", "policy", "replication",
					     "website" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(names[i], n->name))
			return true;
	return false;
}

bool local_s3_none_asked(const struct s3_request *r)
{
	const struct none *n = none_of(r);
	const char *method = httpd_method(r->x);

	if (!n || !*r->bucket)
		return false;
	if (!strcmp(method, "GET"))
		return *r->key ? is_of_object(n) : strcmp(n->code ? n->code : "", "InvalidRequest");
	if (!strcmp(method, "DELETE"))
		return !*r->key && may_delete(n);
	return !strcmp(method, "PUT") && !strcmp(n->name, "acl");
}

static void put_owner(struct s3_request *r)
{
	for (int i = 0; i < 2; i++) {
		buf_adds(&r->out,
			 i ? "<AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/"
			     "2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">"
			   : "<Owner>");
		xml_elem(&r->out, "ID", r->s3->local->options.account);
		xml_elem(&r->out, "DisplayName", "windlass");
		buf_adds(&r->out, i ? "</Grantee><Permission>FULL_CONTROL</Permission></Grant>"
				      "</AccessControlList>"
				    : "</Owner>");
	}
}

/* Is the ACL that is put the one that all have: every right to the owner, and nobody else any? A
 * canned one was looked at with the other headers. */
static bool acl_is_ours(struct s3_request *r)
{
	const char *account = r->s3->local->options.account;
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *list;
	size_t len;
	const char *body = httpd_body(r->x, &len);

	if (len == 0)
		return local_s3_header(r, "x-amz-acl") != NULL;
	x = xml_parse(body, len, NULL);
	list = x ? xml_first(xml_root(x), "AccessControlList") : NULL;
	if (!list || !xml_first(list, "Grant"))
		return false;
	for (const struct xml_node *g = xml_first(list, "Grant"); g; g = xml_next(g, "Grant")) {
		const char *id = xml_text(g, "Grantee/ID"), *right = xml_text(g, "Permission");

		if (!id || strcmp(id, account) || !right || strcmp(right, "FULL_CONTROL"))
			return false;
	}
	return true;
}

void local_s3_none(struct s3_request *r)
{
	const struct none *n = none_of(r);

	if (!local_s3_object_there(r))
		return;
	if (!strcmp(httpd_method(r->x), "DELETE")) {
		local_s3_reply_send(r, 204);
		return;
	}
	if (!strcmp(httpd_method(r->x), "PUT")) {
		if (acl_is_ours(r))
			local_s3_reply_send(r, 200);
		else
			local_s3_reply_fail(r, "AccessControlListNotSupported", NULL);
		return;
	}
	if (n->code || (strstr(n->root, "Configurations") && local_s3_query(r, "id"))) {
		local_s3_reply_fail(r, n->code ? n->code : "NoSuchConfiguration",
				    n->code && !strcmp(n->code, "InvalidRequest")
					    ? "Bucket is missing Object Lock Configuration"
					    : NULL);
		return;
	}
	local_s3_reply_xml(r, n->root);
	if (n->flags & OWNER)
		put_owner(r);
	buf_adds(&r->out, n->body);
	xml_close(&r->out, n->root);
	local_s3_reply_send(r, 200);
}

/* ---- headers ---- */

static int refuse_acl(const struct s3_request *r, struct err *e)
{
	static const char *const known[] = { "private",
					     "public-read",
					     "public-read-write",
					     "authenticated-read",
					     "aws-exec-read",
					     "bucket-owner-read",
					     "bucket-owner-full-control" };
	const char *acl = local_s3_header(r, "x-amz-acl"), *name, *value;
	size_t i = 0;

	for (size_t it = 0; httpd_next_header(r->x, &it, &name, &value);)
		if (!strncasecmp(name, "x-amz-grant-", 12))
			return local_s3_refuse(e, "AccessControlListNotSupported", NULL);
	if (!acl)
		return 0;
	while (i < COUNT_OF(known) && strcmp(known[i], acl))
		i++;
	if (i == COUNT_OF(known))
		return local_s3_refuse(e, "InvalidArgument", "Invalid canned ACL");
	/* All is private, and its owner's. */
	return i == 0 || i == COUNT_OF(known) - 1
		       ? 0
		       : local_s3_refuse(e, "AccessControlListNotSupported", NULL);
}

static int refuse_encryption(const struct s3_request *r, struct err *e)
{
	const char *kind = local_s3_header(r, "x-amz-server-side-encryption");

	if (local_s3_header(r, "x-amz-server-side-encryption-customer-algorithm") ||
	    local_s3_header(r, "x-amz-server-side-encryption-customer-key") ||
	    local_s3_header(r, "x-amz-copy-source-server-side-encryption-customer-algorithm"))
		return local_s3_refuse(e, "NotImplemented",
				       "windlass-local does not encrypt with keys of customers.");
	if (!kind || !strcmp(kind, "AES256"))
		return 0;
	if (!strncmp(kind, "aws:", 4))
		return local_s3_refuse(e, "NotImplemented",
				       "windlass-local does not encrypt with keys of KMS.");
	return local_s3_refuse(e, "InvalidEncryptionAlgorithmError", NULL);
}

static int refuse_class(const struct s3_request *r, struct err *e)
{
	static const char *const known[] = { "STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA",
					     "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR" };
	static const char *const frozen[] = { "GLACIER", "DEEP_ARCHIVE", "EXPRESS_ONEZONE",
					      "OUTPOSTS", "SNOW" };
	const char *class = local_s3_header(r, "x-amz-storage-class");

	for (size_t i = 0; class && i < COUNT_OF(known); i++)
		if (!strcmp(known[i], class))
			return 0;
	for (size_t i = 0; class && i < COUNT_OF(frozen); i++)
		if (!strcmp(frozen[i], class))
			return local_s3_refuse(e, "NotImplemented",
					       "windlass-local has no storage class %s.", class);
	return class ? local_s3_refuse(e, "InvalidStorageClass", NULL) : 0;
}

static int refuse_lock(const struct s3_request *r, struct err *e)
{
	const char *on = local_s3_header(r, "x-amz-bucket-object-lock-enabled");

	if (on && !strcasecmp(on, "true"))
		return local_s3_refuse(e, "NotImplemented",
				       "windlass-local does not lock objects.");
	return local_s3_header(r, "x-amz-object-lock-mode") ||
			       local_s3_header(r, "x-amz-object-lock-retain-until-date") ||
			       local_s3_header(r, "x-amz-object-lock-legal-hold")
		       ? local_s3_refuse(e, "InvalidRequest",
					 "Bucket is missing Object Lock Configuration")
		       : 0;
}

/* "x-amz-checksum-xxhash64": one that we cannot check must not look checked. */
static int refuse_sum(const struct s3_request *r, struct err *e)
{
	static const char begin[] = "x-amz-checksum-";
	static const char *const others[] = { "algorithm", "type", "mode" };
	const char *name, *value, *asked = httpd_header(r->x, "x-amz-sdk-checksum-algorithm");
	enum s3_sum told = S3_SUM_NONE;

	for (size_t it = 0; httpd_next_header(r->x, &it, &name, &value);) {
		const char *word = !strcasecmp(name, "x-amz-trailer") ? value : name;
		enum s3_sum sum;
		bool other = false;

		if (strncasecmp(word, begin, sizeof(begin) - 1))
			continue;
		word += sizeof(begin) - 1;
		sum = local_s3_sum_named(word);
		for (size_t i = 0; i < COUNT_OF(others); i++)
			other |= !strcasecmp(others[i], word);
		if (other)
			continue;
		if (sum == S3_SUM_NONE)
			return local_s3_refuse(e, "InvalidRequest",
					       "The algorithm type you specified in "
					       "x-amz-checksum- header is invalid.");
		if (told != S3_SUM_NONE && told != sum)
			return local_s3_refuse(e, "InvalidRequest",
					       "Expecting a single x-amz-checksum- header. "
					       "Multiple checksum Types are not allowed.");
		told = sum;
	}
	return asked && told != S3_SUM_NONE && local_s3_sum_named(asked) != told
		       ? local_s3_refuse(
				 e, "InvalidRequest",
				 "Value for x-amz-sdk-checksum-algorithm header is invalid.")
		       : 0;
}

static int refuse_redirect(const struct s3_request *r, struct err *e)
{
	const char *to = local_s3_header(r, "x-amz-website-redirect-location");

	return to && *to != '/' && strncmp(to, "http://", 7) && strncmp(to, "https://", 8)
		       ? local_s3_refuse(e, "InvalidRedirectLocation", NULL)
		       : 0;
}

/* "COPY" or "REPLACE", of a copy. */
static int refuse_directive(const struct s3_request *r, const char *header, const char *kind,
			    struct err *e)
{
	const char *word = local_s3_header(r, header);

	return word && strcasecmp(word, "COPY") && strcasecmp(word, "REPLACE")
		       ? local_s3_refuse(e, "InvalidArgument", "Unknown %s directive.", kind)
		       : 0;
}

static int refuse_copy(const struct s3_request *r, struct err *e)
{
	const char *owner = local_s3_header(r, "x-amz-source-expected-bucket-owner");

	if (owner && !local_s3_owner(r, owner))
		return local_s3_refuse(e, "AccessDenied", NULL);
	return refuse_directive(r, "x-amz-metadata-directive", "metadata", e) < 0
		       ? -1
		       : refuse_directive(r, "x-amz-tagging-directive", "tagging", e);
}

int local_s3_none_headers(const struct s3_request *r, struct err *e)
{
	const char *version = local_s3_query(r, "versionId");

	if (version && strcmp(version, "null"))
		return local_s3_refuse(e, "InvalidArgument", "Invalid version id specified");
	if (refuse_encryption(r, e) < 0)
		return -1;
	if (strcmp(httpd_method(r->x), "PUT") && strcmp(httpd_method(r->x), "POST"))
		return 0;
	return refuse_acl(r, e) < 0 || refuse_class(r, e) < 0 || refuse_sum(r, e) < 0 ||
			       refuse_redirect(r, e) < 0 || refuse_copy(r, e) < 0
		       ? -1
		       : refuse_lock(r, e);
}
