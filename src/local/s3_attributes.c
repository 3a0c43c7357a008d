/* GetObjectAttributes. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/xml.h"

#define PARTS_MOST 1000

enum { WANT_ETAG = 1, WANT_SUM = 2, WANT_PARTS = 4, WANT_CLASS = 8, WANT_SIZE = 16 };

/* "ETag,ObjectSize": a mask; 0: none, or one that there is not. */
static unsigned attributes_wanted(const char *text)
{
	static const char *const names[] = { "ETag", "Checksum", "ObjectParts", "StorageClass",
					     "ObjectSize" };
	unsigned mask = 0;

	while (text && *text) {
		size_t n = strcspn(text, ", "), i = 0;

		while (i < COUNT_OF(names) && (strlen(names[i]) != n || strncmp(names[i], text, n)))
			i++;
		if (i == COUNT_OF(names))
			return 0;
		mask |= 1u << i;
		text += n + strspn(text + n, ", ");
	}
	return mask;
}

static void put_sum(struct buf *out, const struct s3_object *o)
{
	const char *type = strchr(o->sum, ':'), *value = type ? strchr(type + 1, ':') : NULL;
	char word[16], kind[16];

	if (!value)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)(type - o->sum), o->sum);
	snprintf(kind, sizeof(kind), "%.*s", (int)(value - type - 1), type + 1);
	xml_open(out, "Checksum");
	xml_elem(out, local_s3_sum_element(local_s3_sum_named(word)), value + 1);
	xml_elem(out, "ChecksumType", kind);
	xml_close(out, "Checksum");
}

/* "1000" of a header. False: the request has ended. */
static bool number_header(struct s3_request *r, const char *name, int64_t *ret)
{
	const char *text = local_s3_header(r, name);

	if (!text || (text_int(text, ret) && *ret >= 0))
		return true;
	local_s3_reply_fail(r, "InvalidArgument", "%s must be a number that is not negative", name);
	return false;
}

static void put_part(struct buf *out, const struct db_row *row, enum s3_sum sum)
{
	xml_open(out, "Part");
	buf_addf(out, "<PartNumber>%" PRId64 "</PartNumber><Size>%" PRId64 "</Size>",
		 db_int(row, 0), db_int(row, 1));
	xml_elem(out, local_s3_sum_element(sum), db_str(row, 2));
	xml_close(out, "Part");
}

/* Each part is told only where parts have checksums, as with AWS. */
static int put_parts(struct s3_request *r, const struct s3_object *o, int64_t after, int64_t most,
		     struct err *e)
{
	char word[16];
	enum s3_sum sum;
	AUTO(db_endp) struct db_row *row = NULL;
	int64_t n = 0, last = 0;
	int rc = 0;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(o->sum, ":"), o->sum);
	sum = local_s3_sum_named(word);
	row = db_query(r->s3->local->db,
		       "SELECT number, size, sum FROM s3_parts WHERE upload=? AND number>? ORDER "
		       "BY number LIMIT ?",
		       DB_ARGS(DB_S(o->file), DB_I(after), DB_I(most + 1)), e);
	xml_open(&r->out, "ObjectParts");
	buf_addf(&r->out, "<PartsCount>%" PRId64 "</PartsCount>", o->parts);
	while (row && sum && (rc = db_step(row, e)) == 1 && n < most) {
		n++;
		last = db_int(row, 0);
		put_part(&r->out, row, sum);
	}
	if (sum)
		buf_addf(&r->out,
			 "<PartNumberMarker>%" PRId64 "</PartNumberMarker><NextPartNumberMarker>"
			 "%" PRId64 "</NextPartNumberMarker><MaxParts>%" PRId64
			 "</MaxParts><IsTruncated>%s</IsTruncated>",
			 after, last, most, rc == 1 ? "true" : "false");
	xml_close(&r->out, "ObjectParts");
	return !row || rc < 0 ? -1 : 0;
}

void local_s3_attributes(struct s3_request *r)
{
	unsigned want = attributes_wanted(local_s3_header(r, "x-amz-object-attributes"));
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	char date[CLOCK_TEXT_MAX];
	const char *parts;
	int64_t after = 0, most = PARTS_MOST;
	struct err e;

	if (!want) {
		local_s3_reply_fail(r, "InvalidArgument", "Invalid attribute name specified.");
		return;
	}
	if (!number_header(r, "x-amz-part-number-marker", &after) ||
	    !number_header(r, "x-amz-max-parts", &most) || !local_s3_get_find(r, &o))
		return;
	most = most > PARTS_MOST ? PARTS_MOST : most;
	err_clear(&e);
	parts = strchr(o.etag, '-');
	local_s3_reply_header(r, "Last-Modified", clock_print_http(o.modified, date));
	local_s3_reply_xml(r, "GetObjectAttributesResponse");
	if (want & WANT_ETAG)
		xml_elem(&r->out, "ETag", o.etag); /* bare, unlike everywhere else */
	if (want & WANT_SUM)
		put_sum(&r->out, &o);
	if ((want & WANT_PARTS) && o.parts && put_parts(r, &o, after, most, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if ((want & WANT_PARTS) && !o.parts && parts) /* joined by an older version */
		buf_addf(&r->out, "<ObjectParts><PartsCount>%s</PartsCount></ObjectParts>",
			 parts + 1);
	if (want & WANT_CLASS)
		xml_elem(&r->out, "StorageClass", "STANDARD");
	if (want & WANT_SIZE)
		buf_addf(&r->out, "<ObjectSize>%" PRId64 "</ObjectSize>", o.size);
	xml_close(&r->out, "GetObjectAttributesResponse");
	local_s3_reply_send(r, 200);
}
