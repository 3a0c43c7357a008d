#include "base/cbor.h"

#include <cbor.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/utf8.h"

#define TEXT_MAX (16u << 20)
#define FOREVER SIZE_MAX /* of an indefinite length */
/* What the service that speaks CBOR nests, and some. */
#define KEY_MAX 256

struct frame {
	struct json *value; /* borrowed from its parent, or the root */
	size_t left;        /* items to come; of a map keys and values count singly */
	char key[KEY_MAX];
	bool has_key;
};

struct reader {
	struct json *root;
	struct frame stack[JSON_DEPTH_MAX];
	int depth;
	size_t items;
	const char *wrong; /* NULL: all is well */
	bool tagged;       /* a tag was read; its content is to come */
	bool done;
	/* A text or byte string that comes in chunks. */
	struct buf chunks;
	bool in_text, in_bytes;
};

static bool is_map(const struct frame *f)
{
	return json_type(f->value) == JSON_OBJECT;
}

/* Containers that have all of their items end here. */
static void close_full(struct reader *r)
{
	while (r->depth > 0 && r->stack[r->depth - 1].left == 0)
		r->depth--;
	r->done = r->depth == 0;
}

static void count_item(struct frame *f)
{
	if (f->left != FOREVER)
		f->left--;
}

/* Puts a value where it belongs and takes it over. */
static void place(struct reader *r, struct json *value)
{
	struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;

	r->tagged = false;
	if (++r->items > CBOR_ITEMS_MAX)
		r->wrong = "has too many items";
	else if (r->done || r->in_text || r->in_bytes)
		r->wrong = "has an item where none belongs";
	else if (f && is_map(f) && !f->has_key)
		r->wrong = "has a key that is not a text";
	if (r->wrong) {
		json_free(value);
		return;
	}
	if (!f) {
		r->root = value;
	} else if (is_map(f)) {
		json_set(f->value, f->key, value);
		f->has_key = false;
		count_item(f);
	} else {
		json_add(f->value, value);
		count_item(f);
	}
}

static void put(struct reader *r, struct json *value)
{
	place(r, value);
	if (!r->wrong)
		close_full(r);
}

static void open(struct reader *r, struct json *value, size_t items)
{
	place(r, value);
	if (r->wrong)
		return;
	if (r->depth == JSON_DEPTH_MAX) {
		r->wrong = "is nested too deep";
		return;
	}
	r->stack[r->depth++] = (struct frame){ .value = value, .left = items };
	if (items == 0)
		close_full(r);
}

static void put_text(struct reader *r, const char *s, size_t len)
{
	struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;

	if (!utf8_valid(s, len)) {
		r->wrong = "has a text that is not UTF-8";
	} else if (f && is_map(f) && !f->has_key && !r->tagged && !r->in_text) {
		if (len >= KEY_MAX || memchr(s, '\0', len)) {
			r->wrong = "has a key that is too long or holds a NUL";
			return;
		}
		memcpy(f->key, s, len);
		f->key[len] = '\0';
		f->has_key = true;
		count_item(f);
		r->items++;
		if (f->left == 0)
			r->wrong = "has a key without a value";
	} else {
		put(r, json_new_strn(s, len));
	}
}

static void put_bytes(struct reader *r, const void *data, size_t len)
{
	AUTO(buf_done) struct buf text = BUF(TEXT_MAX);

	if (crypto_base64(data, len, &text) < 0)
		r->wrong = "has a byte string that is too long";
	else
		put(r, json_new_strn(buf_str(&text), text.len));
}

/* ---- libcbor's callbacks ---- */

static void on_uint(struct reader *r, uint64_t v)
{
	put(r, v <= INT64_MAX ? json_new_int((int64_t)v) : json_new_real((double)v));
}

static void on_uint8(void *r, uint8_t v)
{
	on_uint(r, v);
}

static void on_uint16(void *r, uint16_t v)
{
	on_uint(r, v);
}

static void on_uint32(void *r, uint32_t v)
{
	on_uint(r, v);
}

static void on_uint64(void *r, uint64_t v)
{
	on_uint(r, v);
}

/* CBOR writes -1 - v. */
static void on_negative(struct reader *r, uint64_t v)
{
	put(r, v <= INT64_MAX ? json_new_int(-1 - (int64_t)v) : json_new_real(-1 - (double)v));
}

static void on_negative8(void *r, uint8_t v)
{
	on_negative(r, v);
}

static void on_negative16(void *r, uint16_t v)
{
	on_negative(r, v);
}

static void on_negative32(void *r, uint32_t v)
{
	on_negative(r, v);
}

static void on_negative64(void *r, uint64_t v)
{
	on_negative(r, v);
}

/* JSON has no word for what is not finite: it goes on as a text, which no reader takes for a
 * number. */
static void on_double(void *r, double v)
{
	put(r, isfinite(v) ? json_new_real(v)
			   : json_new_str(isnan(v) ? "NaN"
					  : v > 0  ? "Infinity"
						   : "-Infinity"));
}

static void on_float(void *r, float v)
{
	on_double(r, (double)v);
}

static void on_bool(void *r, bool v)
{
	put(r, json_new_bool(v));
}

static void on_null(void *r)
{
	put(r, json_new_null());
}

static void on_text(void *arg, cbor_data data, size_t len)
{
	struct reader *r = arg;

	if (r->in_text) {
		if (buf_add(&r->chunks, data, len) < 0)
			r->wrong = "has a text that is too long";
	} else if (r->in_bytes) {
		r->wrong = "mixes text and bytes in one string";
	} else {
		put_text(r, (const char *)data, len);
	}
}

static void on_bytes(void *arg, cbor_data data, size_t len)
{
	struct reader *r = arg;

	if (r->in_bytes) {
		if (buf_add(&r->chunks, data, len) < 0)
			r->wrong = "has a byte string that is too long";
	} else if (r->in_text) {
		r->wrong = "mixes text and bytes in one string";
	} else {
		put_bytes(r, data, len);
	}
}

static void on_text_start(void *arg)
{
	struct reader *r = arg;

	if (r->in_text || r->in_bytes)
		r->wrong = "has a string inside a string";
	r->in_text = true;
	buf_clear(&r->chunks);
}

static void on_bytes_start(void *arg)
{
	struct reader *r = arg;

	if (r->in_text || r->in_bytes)
		r->wrong = "has a string inside a string";
	r->in_bytes = true;
	buf_clear(&r->chunks);
}

static void on_array(void *r, size_t items)
{
	open(r, json_array(), items);
}

static void on_array_start(void *r)
{
	open(r, json_array(), FOREVER);
}

static void on_map(void *arg, size_t pairs)
{
	struct reader *r = arg;

	if (pairs > CBOR_ITEMS_MAX)
		r->wrong = "has too many items";
	else
		open(r, json_object(), pairs * 2);
}

static void on_map_start(void *r)
{
	open(r, json_object(), FOREVER);
}

static void on_tag(void *arg, uint64_t tag)
{
	struct reader *r = arg;

	(void)tag;
	if (r->in_text || r->in_bytes || r->done)
		r->wrong = "has a tag where none belongs";
	r->tagged = true;
}

static void on_break(void *arg)
{
	struct reader *r = arg;
	struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;

	if (r->in_text || r->in_bytes) {
		bool text = r->in_text;

		r->in_text = r->in_bytes = false;
		if (text)
			put_text(r, buf_str(&r->chunks), r->chunks.len);
		else
			put_bytes(r, buf_str(&r->chunks), r->chunks.len);
	} else if (!f || f->left != FOREVER || f->has_key || r->tagged) {
		r->wrong = "has an end where none belongs";
	} else {
		r->depth--;
		close_full(r);
	}
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negative8,
	.negint16 = on_negative16,
	.negint32 = on_negative32,
	.negint64 = on_negative64,
	.byte_string = on_bytes,
	.byte_string_start = on_bytes_start,
	.string = on_text,
	.string_start = on_text_start,
	.array_start = on_array,
	.indef_array_start = on_array_start,
	.map_start = on_map,
	.indef_map_start = on_map_start,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_null,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

struct json *cbor_read(const void *data, size_t len, struct err *e)
{
	struct reader r = { .chunks = BUF(TEXT_MAX) };
	size_t at = 0;

	while (!r.wrong && !r.done) {
		struct cbor_decoder_result got = { 0 };

		if (at < len)
			got = cbor_stream_decode((cbor_data)data + at, len - at, &callbacks, &r);
		if (at >= len || got.status == CBOR_DECODER_NEDATA)
			r.wrong = "ends too early";
		else if (got.status != CBOR_DECODER_FINISHED)
			r.wrong = "is malformed";
		else
			at += got.read;
	}
	if (!r.wrong && at < len)
		r.wrong = "goes on after its end";
	buf_done(&r.chunks);
	if (!r.wrong)
		return r.root;
	json_free(r.root);
	err_ignore(err_set(e, ERR_PROTOCOL, "the CBOR %s at byte %zu", r.wrong, at));
	return NULL;
}

/* ---- writing ---- */

#define HEAD_MAX 16

int cbor_write_text(struct buf *out, const char *s, size_t len)
{
	unsigned char head[HEAD_MAX];
	size_t n = cbor_encode_string_start(len, head, sizeof(head));

	return buf_add(out, head, n) < 0 ? -1 : buf_add(out, s, len);
}

int cbor_write_bytes(struct buf *out, const void *data, size_t len)
{
	unsigned char head[HEAD_MAX];
	size_t n = cbor_encode_bytestring_start(len, head, sizeof(head));

	return buf_add(out, head, n) < 0 ? -1 : buf_add(out, data, len);
}

int cbor_write_int(struct buf *out, int64_t i)
{
	unsigned char head[HEAD_MAX];
	size_t n = i >= 0 ? cbor_encode_uint((uint64_t)i, head, sizeof(head))
			  : cbor_encode_negint((uint64_t)(-1 - i), head, sizeof(head));

	return buf_add(out, head, n);
}

int cbor_write_real(struct buf *out, double d)
{
	unsigned char head[HEAD_MAX];

	return buf_add(out, head, cbor_encode_double(d, head, sizeof(head)));
}

int cbor_write_bool(struct buf *out, bool b)
{
	unsigned char head[HEAD_MAX];

	return buf_add(out, head, cbor_encode_bool(b, head, sizeof(head)));
}

int cbor_write_seconds(struct buf *out, int64_t ms)
{
	unsigned char head[HEAD_MAX];

	if (buf_add(out, head, cbor_encode_tag(1, head, sizeof(head))) < 0)
		return -1;
	return ms % 1000 ? cbor_write_real(out, (double)ms / 1000) : cbor_write_int(out, ms / 1000);
}

int cbor_write_map(struct buf *out)
{
	unsigned char head[HEAD_MAX];

	return buf_add(out, head, cbor_encode_indef_map_start(head, sizeof(head)));
}

int cbor_write_list(struct buf *out)
{
	unsigned char head[HEAD_MAX];

	return buf_add(out, head, cbor_encode_indef_array_start(head, sizeof(head)));
}

int cbor_write_end(struct buf *out)
{
	unsigned char head[HEAD_MAX];

	return buf_add(out, head, cbor_encode_break(head, sizeof(head)));
}
