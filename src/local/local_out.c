/* Answers in the caller's protocol: one set of functions, and a rendering in
 * JSON, XML and CBOR. */
#include "local/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cbor.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/xml.h"
#include "wire/awsxml.h"

/* 10 messages of 1 MiB, and XML may write a byte as six. */
#define OUT_MAX (80u << 20)
#define OUT_DEPTH_MAX 16

enum kind { OUT_OBJECT, OUT_LIST, OUT_MAP };

struct level {
	enum kind kind;
	bool any;          /* something is inside: the next needs a comma */
	const char *tag;   /* XML: closes this level; NULL where flattening leaves none */
	const char *outer; /* XML: closes after tag (an object that is a map's value) */
	const char *item;  /* XML: tag of an item */
	const char *key;   /* XML maps: "Name" or "Key", "key" where they are not flattened */
};

struct local_out {
	struct buf body;
	enum local_protocol as;
	bool xml;
	int depth;
	struct level stack[OUT_DEPTH_MAX];
};

struct local_out *local_out_new(const struct local_call *c)
{
	struct local_out *o = own_alloc(sizeof(*o));

	o->body = BUF(OUT_MAX);
	o->as = c->protocol;
	o->xml = c->protocol == LOCAL_QUERY;
	o->stack[0].kind = OUT_OBJECT;
	if (o->as == LOCAL_CBOR)
		cbor_write_map(&o->body);
	else if (o->xml && c->service->id == SERVICE_EC2)
		awsxml_begin_ec2(&o->body, c->action->name, c->request_id);
	else if (o->xml)
		awsxml_begin(&o->body, c->service->id, c->action->name, true);
	else
		buf_addc(&o->body, '{');
	return o;
}

void local_out_free(struct local_out *o)
{
	if (!o)
		return;
	buf_done(&o->body);
	own_free(o);
}

const struct buf *local_out_finish(struct local_call *c)
{
	struct local_out *o = c->out;

	if (o->as == LOCAL_CBOR)
		cbor_write_end(&o->body);
	else if (o->xml && c->service->id == SERVICE_EC2)
		awsxml_end_ec2(&o->body, c->action->name);
	else if (o->xml)
		awsxml_end(&o->body, c->action->name, true, c->request_id);
	else
		buf_addc(&o->body, '}');
	return o->body.full ? NULL : &o->body;
}

static void tag(struct local_out *o, const char *open, const char *name)
{
	if (!name)
		return;
	buf_adds(&o->body, open);
	buf_adds(&o->body, name);
	buf_addc(&o->body, '>');
}

/* What stands before a value. Fills the tags that must close it: @p ret_tag, then @p ret_outer. */
static void out_begin(struct local_out *o, const char *name, const char **ret_tag,
		      const char **ret_outer)
{
	struct level *top = &o->stack[o->depth];

	*ret_tag = *ret_outer = NULL;
	if (o->as == LOCAL_CBOR) {
		if (top->kind != OUT_LIST)
			cbor_write_text(&o->body, name, strlen(name));
		return;
	}
	if (!o->xml) {
		if (top->any)
			buf_addc(&o->body, ',');
		top->any = true;
		if (top->kind != OUT_LIST) {
			json_quote(&o->body, name, strlen(name));
			buf_addc(&o->body, ':');
		}
		return;
	}
	switch (top->kind) {
	case OUT_OBJECT:
		*ret_tag = name;
		break;
	case OUT_LIST:
		*ret_tag = top->item;
		break;
	case OUT_MAP:
		tag(o, "<", top->item);
		xml_elem(&o->body, top->key, name);
		*ret_tag = strcmp(top->key, "key") ? "Value" : "value";
		*ret_outer = top->item;
		break;
	}
	tag(o, "<", *ret_tag);
}

static void out_close(struct local_out *o, const char *inner, const char *outer)
{
	tag(o, "</", inner);
	tag(o, "</", outer);
}

void local_putn(struct local_call *c, const char *name, const char *value, size_t len)
{
	const char *inner, *outer;

	out_begin(c->out, name, &inner, &outer);
	if (c->out->xml)
		xml_escape(&c->out->body, value, len);
	else if (c->out->as == LOCAL_CBOR)
		cbor_write_text(&c->out->body, value, len);
	else
		json_quote(&c->out->body, value, len);
	out_close(c->out, inner, outer);
}

void local_put(struct local_call *c, const char *name, const char *value)
{
	if (value)
		local_putn(c, name, value, strlen(value));
}

/* CBOR has items of their own for what the others write as text: the buffer, once the key stands
 * there; NULL for the others. */
static struct buf *out_packed(struct local_call *c, const char *name)
{
	const char *inner, *outer;

	if (c->out->as != LOCAL_CBOR)
		return NULL;
	out_begin(c->out, name, &inner, &outer);
	return &c->out->body;
}

/* A value that the other protocols write without quotes. */
static void out_bare(struct local_call *c, const char *name, const char *text)
{
	const char *inner, *outer;

	out_begin(c->out, name, &inner, &outer);
	buf_adds(&c->out->body, text);
	out_close(c->out, inner, outer);
}

void local_put_int(struct local_call *c, const char *name, int64_t value)
{
	struct buf *packed = out_packed(c, name);
	char text[32];

	if (packed) {
		cbor_write_int(packed, value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64, value);
	out_bare(c, name, text);
}

void local_put_real(struct local_call *c, const char *name, double value)
{
	struct buf *packed = out_packed(c, name);
	AUTO(buf_done) struct buf text = BUF(64);

	if (packed) {
		cbor_write_real(packed, value);
		return;
	}
	json_number(&text, value);
	if (!strpbrk(buf_str(&text), ".en")) /* a whole number is a double as well */
		buf_adds(&text, ".0");
	out_bare(c, name, buf_str(&text));
}

void local_put_bool(struct local_call *c, const char *name, bool value)
{
	struct buf *packed = out_packed(c, name);

	if (packed)
		cbor_write_bool(packed, value);
	else
		out_bare(c, name, value ? "true" : "false");
}

void local_put_time(struct local_call *c, const char *name, struct instant t)
{
	struct buf *packed = out_packed(c, name);
	char text[CLOCK_TEXT_MAX];

	if (packed) {
		cbor_write_seconds(packed, t.ms);
		return;
	}
	if (c->out->xml) {
		local_put(c, name, clock_print(t, text));
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64 ".%03d", t.ms / 1000, (int)(t.ms % 1000));
	out_bare(c, name, text);
}

void local_put_base64(struct local_call *c, const char *name, const void *data, size_t len)
{
	struct buf *packed = out_packed(c, name);
	AUTO(buf_done) struct buf text = BUF(OUT_MAX);

	if (packed) {
		cbor_write_bytes(packed, data, len);
		return;
	}
	crypto_base64(data, len, &text);
	local_putn(c, name, buf_str(&text), text.len);
}

static struct level *out_push(struct local_out *o, enum kind kind)
{
	if (o->depth + 1 < OUT_DEPTH_MAX)
		o->depth++;
	o->stack[o->depth] = (struct level){ .kind = kind };
	return &o->stack[o->depth];
}

void local_object(struct local_call *c, const char *name)
{
	const char *inner, *outer;
	struct level *top;

	out_begin(c->out, name, &inner, &outer);
	top = out_push(c->out, OUT_OBJECT);
	top->tag = inner;
	top->outer = outer;
	if (c->out->as == LOCAL_CBOR)
		cbor_write_map(&c->out->body);
	else if (!c->out->xml)
		buf_addc(&c->out->body, '{');
}

static struct level *out_items(struct local_out *o, enum kind kind, const char *name,
			       const char *item)
{
	const char *inner = NULL, *outer = NULL;
	struct level *top;

	if (!o->xml || !item)
		out_begin(o, name, &inner, &outer);
	top = out_push(o, kind);
	top->tag = inner;
	top->outer = outer;
	if (o->as == LOCAL_CBOR && kind == OUT_MAP)
		cbor_write_map(&o->body);
	else if (o->as == LOCAL_CBOR)
		cbor_write_list(&o->body);
	else if (!o->xml)
		buf_addc(&o->body, kind == OUT_MAP ? '{' : '[');
	return top;
}

void local_list(struct local_call *c, const char *name, const char *item)
{
	const char *usual = c->service->id == SERVICE_EC2 ? "item" : "member";

	out_items(c->out, OUT_LIST, name, item)->item = item ? item : usual;
}

/* The service says how it spells the key of such a map. */
static const char *out_key(const struct local_call *c, const char *item)
{
	for (size_t i = 0; item && i < c->service->alias_count; i++)
		if (!strcmp(c->service->aliases[i].query, item) && c->service->aliases[i].key)
			return c->service->aliases[i].key;
	return "Name";
}

void local_map(struct local_call *c, const char *name, const char *item)
{
	struct level *top = out_items(c->out, OUT_MAP, name, item);

	top->item = item ? item : "entry";
	top->key = item ? out_key(c, item) : "key";
}

void local_end(struct local_call *c)
{
	struct local_out *o = c->out;
	const struct level *top = &o->stack[o->depth];

	if (o->as == LOCAL_CBOR)
		cbor_write_end(&o->body);
	else if (!o->xml)
		buf_addc(&o->body, top->kind == OUT_LIST ? ']' : '}');
	out_close(o, top->tag, top->outer);
	if (o->depth > 0)
		o->depth--;
}
