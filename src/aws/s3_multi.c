/* Uploads in parts. Wire forms: S3's API reference, CreateMultipartUpload to ListMultipartUploads.
 */
#include <stdio.h>
#include <string.h>

#include "aws/query.h"
#include "aws/reply_own.h"
#include "aws/s3.h"
#include "aws/s3_own.h"
#include "base/clock.h"
#include "wire/form.h"

/* "uploads" and "uploadId" are told apart by S3 from their names alone, so that is all of them. */
static void add_upload(struct request *r, const char *upload)
{
	form_add(&r->query, "uploadId", upload);
}

void aws_s3_multi_create_ask(struct request *r, const char *bucket, const char *key,
			     const char *content_type)
{
	aws_s3_ask(r, "CreateMultipartUpload", "POST", bucket, key);
	buf_adds(&r->query, "uploads=");
	request_header(r, "Content-Type", content_type ? content_type : "application/octet-stream");
}

int aws_s3_multi_create_read(const struct reply *r, char **ret_upload, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;

	*ret_upload = NULL;
	if (reply_xml(r, "InitiateMultipartUploadResult", &x, e) < 0)
		return -1;
	*ret_upload = aws_query_dup(xml_root(x), "UploadId");
	if ((*ret_upload)[0] && strlen(*ret_upload) <= S3_UPLOAD_MAX)
		return 0;
	own_free(TAKE(*ret_upload));
	return reply_odd(r, e, "the answer has no UploadId");
}

void aws_s3_multi_part_ask(struct request *r, const char *bucket, const char *key,
			   const char *upload, int number, int fd, int64_t offset, int64_t size)
{
	aws_s3_ask(r, "UploadPart", "PUT", bucket, key);
	form_add_int(&r->query, "partNumber", number);
	add_upload(r, upload);
	r->body_fd = fd;
	r->body_offset = offset;
	r->body_size = size;
}

void aws_s3_multi_complete_ask(struct request *r, const char *bucket, const char *key,
			       const char *upload, const char *const *etags, size_t n)
{
	char number[24];

	aws_s3_ask(r, "CompleteMultipartUpload", "POST", bucket, key);
	r->write = true; /* done once it answers "no such upload" */
	add_upload(r, upload);
	request_header(r, "Content-Type", "application/xml");
	buf_addf(&r->body, "<CompleteMultipartUpload xmlns=\"%s\">",
		 service_info(SERVICE_S3)->xmlns);
	for (size_t i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		xml_open(&r->body, "Part");
		xml_elem(&r->body, "PartNumber", number);
		xml_elem(&r->body, "ETag", etags[i]);
		xml_close(&r->body, "Part");
	}
	xml_close(&r->body, "CompleteMultipartUpload");
}

/* S3 answers 200 before it has joined the parts; what failed then stands in the body. */
static int late_error(const struct reply *r, struct err *e)
{
	AUTO(xml_freep) struct xml *x = xml_parse(buf_str(&r->body), r->body.len, NULL);
	const char *code;

	if (r->status != 200 || !x || strcmp(xml_root(x)->name, "Error") != 0)
		return 0;
	code = xml_text(xml_root(x), "Code");
	err_set(e, ERR_UNREACHABLE, "S3 CompleteMultipartUpload: %.64s: %.300s",
		code ? code : "an error", xml_text(xml_root(x), "Message"));
	if (e)
		snprintf(e->code, sizeof(e->code), "%s", code ? code : "");
	return -1;
}

int aws_s3_multi_complete_read(const struct reply *r, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;

	if (late_error(r, e) < 0)
		return -1;
	return reply_xml(r, "CompleteMultipartUploadResult", &x, e);
}

void aws_s3_multi_complete_etag(const struct reply *r, char etag[static S3_ETAG_MAX])
{
	AUTO(xml_freep) struct xml *x = xml_parse(buf_str(&r->body), r->body.len, NULL);
	const char *told = x ? xml_text(xml_root(x), "ETag") : NULL;

	snprintf(etag, S3_ETAG_MAX, "%s", told && strlen(told) < S3_ETAG_MAX ? told : "");
}

void aws_s3_multi_abort_ask(struct request *r, const char *bucket, const char *key,
			    const char *upload)
{
	aws_s3_ask(r, "AbortMultipartUpload", "DELETE", bucket, key);
	add_upload(r, upload);
}

void aws_s3_multi_list_ask(struct request *r, const char *bucket, const char *prefix,
			   const char *key_marker, const char *upload_marker)
{
	aws_s3_ask(r, "ListMultipartUploads", "GET", bucket, NULL);
	buf_adds(&r->query, "uploads=");
	if (prefix && *prefix)
		form_add(&r->query, "prefix", prefix);
	if (key_marker)
		form_add(&r->query, "key-marker", key_marker);
	if (upload_marker)
		form_add(&r->query, "upload-id-marker", upload_marker);
}

static int read_upload(const struct reply *r, const struct xml_node *n, struct s3_upload *out,
		       struct err *e)
{
	const char *began = xml_text(n, "Initiated");

	out->key = aws_query_dup(n, "Key");
	out->upload = aws_query_dup(n, "UploadId");
	out->began = INSTANT_NEVER;
	if (!out->key[0] || !out->upload[0])
		return reply_odd(r, e, "an entry lacks Key or UploadId");
	if (began && clock_parse(began, strlen(began), &out->began, NULL) < 0)
		out->began = INSTANT_NEVER;
	return 0;
}

int aws_s3_multi_list_read(const struct reply *r, struct s3_uploads *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *root;
	const char *cut;
	size_t n = 0;

	*ret = (struct s3_uploads){ 0 };
	if (reply_xml(r, "ListMultipartUploadsResult", &x, e) < 0)
		return -1;
	root = xml_root(x);
	for (const struct xml_node *u = xml_first(root, "Upload"); u; u = xml_next(u, "Upload"))
		n++;
	ret->list = own_array(n + 1, sizeof(*ret->list));
	for (const struct xml_node *u = xml_first(root, "Upload"); u; u = xml_next(u, "Upload"))
		if (read_upload(r, u, &ret->list[ret->count++], e) < 0) {
			s3_uploads_done(ret);
			return -1;
		}
	cut = xml_text(root, "IsTruncated");
	if (cut && strcmp(cut, "true") == 0) {
		ret->next_key = own_strdup(xml_text(root, "NextKeyMarker"));
		ret->next_upload = own_strdup(xml_text(root, "NextUploadIdMarker"));
	}
	return 0;
}

void s3_uploads_done(struct s3_uploads *x)
{
	for (size_t i = 0; i < x->count; i++) {
		own_free(x->list[i].key);
		own_free(x->list[i].upload);
	}
	own_free(x->list);
	own_free(x->next_key);
	own_free(x->next_upload);
	*x = (struct s3_uploads){ 0 };
}
