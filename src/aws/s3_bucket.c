/* Buckets: creating, looking whether one is there, listing. */
#include "aws/s3.h"

#include <stdio.h>
#include <string.h>

#include "aws/query.h"
#include "aws/reply_own.h"
#include "aws/s3_own.h"
#include "base/clock.h"
#include "wire/form.h"

void aws_s3_create_bucket_ask(struct request *r, const char *bucket, const char *region)
{
	aws_s3_ask(r, "CreateBucket", "PUT", bucket, NULL);
	r->write = true;
	/* us-east-1 must not be named. */
	if (region && *region && strcmp(region, "us-east-1") != 0) {
		request_header(r, "Content-Type", "application/xml");
		buf_addf(&r->body, "<CreateBucketConfiguration xmlns=\"%s\">",
			 service_info(SERVICE_S3)->xmlns);
		xml_elem(&r->body, "LocationConstraint", region);
		buf_adds(&r->body, "</CreateBucketConfiguration>");
	}
}

void aws_s3_head_bucket_ask(struct request *r, const char *bucket)
{
	aws_s3_ask(r, "HeadBucket", "HEAD", bucket, NULL);
}

void aws_s3_list_ask(struct request *r, const char *bucket, const char *prefix,
		     const char *delimiter, int max, const char *next_token)
{
	aws_s3_ask(r, "ListObjectsV2", "GET", bucket, NULL);
	form_add(&r->query, "list-type", "2");
	form_add_int(&r->query, "max-keys", max > 0 && max < 1000 ? max : 1000);
	if (prefix && *prefix)
		form_add(&r->query, "prefix", prefix);
	if (delimiter && *delimiter)
		form_add(&r->query, "delimiter", delimiter);
	if (next_token)
		form_add(&r->query, "continuation-token", next_token);
}

static int read_entry(const struct reply *r, const struct xml_node *n, struct s3_entry *out,
		      struct err *e)
{
	const char *modified = xml_text(n, "LastModified"), *etag = xml_text(n, "ETag");

	out->key = aws_query_dup(n, "Key");
	out->modified = INSTANT_NEVER;
	if (!out->key[0] || !aws_query_int(n, "Size", -1, &out->size) || out->size < 0)
		return reply_odd(r, e, "an entry lacks Key or Size");
	snprintf(out->etag, sizeof(out->etag), "%s", etag ? etag : "");
	if (modified && clock_parse(modified, strlen(modified), &out->modified, NULL) < 0)
		out->modified = INSTANT_NEVER;
	return 0;
}

static size_t count(const struct xml_node *root, const char *name)
{
	size_t n = 0;

	for (const struct xml_node *c = xml_first(root, name); c; c = xml_next(c, name))
		n++;
	return n;
}

int aws_s3_list_read(const struct reply *r, struct s3_entries *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *root;
	const char *cut;

	*ret = (struct s3_entries){ 0 };
	if (reply_xml(r, "ListBucketResult", &x, e) < 0)
		return -1;
	root = xml_root(x);
	ret->list = own_array(count(root, "Contents") + 1, sizeof(*ret->list));
	ret->prefixes = own_array(count(root, "CommonPrefixes") + 1, sizeof(*ret->prefixes));
	for (const struct xml_node *c = xml_first(root, "Contents"); c;
	     c = xml_next(c, "Contents")) {
		if (read_entry(r, c, &ret->list[ret->count++], e) < 0) {
			s3_entries_done(ret);
			return -1;
		}
	}
	for (const struct xml_node *c = xml_first(root, "CommonPrefixes"); c;
	     c = xml_next(c, "CommonPrefixes"))
		ret->prefixes[ret->prefix_count++] = aws_query_dup(c, "Prefix");
	cut = xml_text(root, "IsTruncated");
	if (cut && strcmp(cut, "true") == 0)
		ret->next_token = own_strdup(xml_text(root, "NextContinuationToken"));
	return 0;
}

void s3_entries_done(struct s3_entries *x)
{
	for (size_t i = 0; i < x->count; i++)
		own_free(x->list[i].key);
	for (size_t i = 0; i < x->prefix_count; i++)
		own_free(x->prefixes[i]);
	own_free(x->list);
	own_free(x->prefixes);
	own_free(x->next_token);
	*x = (struct s3_entries){ 0 };
}
