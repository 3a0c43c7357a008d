/* A message as it is sent: what AWS accepts, how it counts bytes, and its digests. */
#include "local/sqs.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"

#define ATTRIBUTES_MOST 10
#define ATTRIBUTE_NAME_MAX 256
#define GROUP_MAX 128

/* ---- characters: #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF, in UTF-8 ---- */

/* Length of the character at @p s, its value in @p ret; 0: not UTF-8. */
static size_t utf8_char(const unsigned char *s, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xf0 && s[0] < 0xf8 ? 4
		   : s[0] >= 0xe0                ? 3
		   : s[0] >= 0xc0                ? 2
						 : 0;

	if (n == 0 || n > len || s[0] >= 0xf8)
		return 0;
	*ret = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3f);
	}
	return *ret < least[n] ? 0 : n;
}

static bool char_allowed(uint32_t c)
{
	return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) ||
	       (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

static int check_chars(const char *text, size_t len, const char *where, struct err *e)
{
	for (size_t i = 0; i < len;) {
		uint32_t c = (unsigned char)text[i];
		size_t n = utf8_char((const unsigned char *)text + i, len - i, &c);

		if (n == 0 || !char_allowed(c))
			return local_sqs_refuse(e, "InvalidMessageContents",
						"Invalid binary character '#x%" PRIX32
						"' was found in the %s, the set of "
						"allowed characters is #x9 | #xA | #xD | [#x20 to "
						"#xD7FF] | [#xE000 to "
						"#xFFFD] | [#x10000 to #x10FFFF]",
						c, where);
		i += n;
	}
	return 0;
}

/* ---- attributes ---- */

static bool name_reserved(const char *name)
{
	return !strncasecmp(name, "AWS.", 4) || !strncasecmp(name, "Amazon.", 7);
}

static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool ok = n > 0 && n <= ATTRIBUTE_NAME_MAX && name[0] != '.' && name[n - 1] != '.' &&
		  !name_reserved(name) && !strstr(name, "..");

	for (size_t i = 0; i < n; i++)
		ok = ok && (isalnum((unsigned char)name[i]) || strchr("_-.", name[i]));
	if (ok)
		return 0;
	return local_sqs_refuse(
		e, "InvalidParameterValueException",
		"The message attribute name '%.100s' is invalid. Attribute name can contain A-Z, "
		"a-z, 0-9, underscore (_), hyphen (-), and period (.) characters%s.",
		name, name_reserved(name) ? ", and must not start with AWS. or Amazon" : "");
}

static bool is_type(const char *type, const char *base)
{
	size_t n = strlen(base);

	return !strncmp(type, base, n) && (type[n] == '\0' || (type[n] == '.' && type[n + 1]));
}

static bool is_number(const char *text)
{
	char *end;
	double d;

	if (!*text || isspace((unsigned char)*text))
		return false;
	d = strtod(text, &end);
	return !*end && isfinite(d);
}

/* One attribute as the digest takes it. @p bytes holds a decoded binary value. */
static int read_attribute(const char *name, const struct json *v, struct buf *bytes,
			  struct md5attr *ret, struct err *e)
{
	const char *type = json_get_str(v, "DataType"), *binary = json_get_str(v, "BinaryValue");
	size_t len = 0;
	const char *text = json_strn(json_get(v, "StringValue"), &len);

	*ret = (struct md5attr){ .name = name, .type = type, .value = text, .len = len };
	if (!type || !*type)
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"The message attribute '%.100s' must contain a non-empty "
					"message attribute type.",
					name);
	if (!is_type(type, "String") && !is_type(type, "Number") && !is_type(type, "Binary"))
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"The message attribute '%.100s' has an invalid message "
					"attribute type, the set of "
					"supported type prefixes is Binary, Number, and String.",
					name);
	if (is_type(type, "Binary")) {
		if (binary && crypto_unbase64(binary, strlen(binary), bytes, e) < 0)
			return local_sqs_refuse(
				e, "InvalidParameterValueException",
				"The value of the message attribute '%.100s' is not base64.", name);
		ret->value = bytes->data;
		ret->len = bytes->len;
	}
	if (!ret->value || ret->len == 0)
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Message (user) attribute '%.100s' must contain a "
					"non-empty value of type '%.50s'.",
					name, type);
	if (is_type(type, "Number") && !is_number(text))
		return local_sqs_refuse(
			e, "InvalidParameterValueException",
			"Can't cast the value of message attribute '%.100s' to a number.", name);
	return is_type(type, "Binary") ? 0 : check_chars(text, len, "message attribute", e);
}

struct attributes {
	struct md5attr list[ATTRIBUTES_MOST];
	struct buf bytes[ATTRIBUTES_MOST];
	size_t count;
};

static void attributes_done(struct attributes *a)
{
	for (size_t i = 0; i < a->count; i++)
		buf_done(&a->bytes[i]);
}

static int read_attributes(const struct json *attributes, sqs_want_fn *want, const void *arg,
			   struct attributes *ret, struct err *e)
{
	const struct json *value;
	const char *name;

	for (size_t it = 0; json_next(attributes, &it, &name, &value);) {
		size_t i = ret->count;

		if (want && !want(name, arg))
			continue;
		if (i == ATTRIBUTES_MOST)
			return local_sqs_refuse(
				e, "InvalidParameterValueException",
				"Number of message attributes exceeds the allowed maximum [10].");
		ret->bytes[i] = BUF(SQS_BYTES_MAX);
		ret->count++;
		if (check_name(name, e) < 0 ||
		    read_attribute(name, value, &ret->bytes[i], &ret->list[i], e) < 0)
			return -1;
	}
	return 0;
}

int local_sqs_message_digest(const struct json *attributes, sqs_want_fn *want, const void *arg,
			     char out[static MD5ATTR_HEX], struct err *e)
{
	AUTO(attributes_done) struct attributes a = { 0 };

	if (read_attributes(attributes, want, arg, &a, e) < 0)
		return -1;
	md5attr_digest(a.list, a.count, out);
	return 0;
}

static int message_attributes(const struct json *o, struct message *ret, struct err *e)
{
	AUTO(attributes_done) struct attributes a = { 0 };

	ret->attributes = json_get(o, "MessageAttributes");
	if (read_attributes(ret->attributes, NULL, NULL, &a, e) < 0)
		return -1;
	for (size_t i = 0; i < a.count; i++)
		ret->bytes += strlen(a.list[i].name) + strlen(a.list[i].type) + a.list[i].len;
	md5attr_digest(a.list, a.count, ret->attributes_md5);
	return 0;
}

/* ---- the whole ---- */

void local_sqs_message_done(struct message *m)
{
	own_free(TAKE(m->content));
}

static int message_body(const struct queue *q, const struct json *o, struct message *ret,
			struct err *e)
{
	ret->body = json_strn(json_get(o, "MessageBody"), &ret->body_len);
	if (!ret->body || ret->body_len == 0)
		return local_sqs_refuse(e, "MissingRequiredParameterException",
					"The request must contain the parameter MessageBody.");
	ret->bytes += ret->body_len;
	if (ret->bytes > (size_t)q->size_max)
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"One or more parameters %s. Reason: Message must be "
					"shorter than %" PRId64 " bytes.",
					ret->id ? "cannot be validated" : "are invalid",
					q->size_max);
	if (check_chars(ret->body, ret->body_len, "message body", e) < 0)
		return -1;
	md5attr_body(ret->body, ret->body_len, ret->body_md5);
	return 0;
}

static int message_trace(const struct json *o, struct message *ret, struct err *e)
{
	const struct json *system = json_get(o, "MessageSystemAttributes"), *value;
	const char *name, *type;

	for (size_t it = 0; json_next(system, &it, &name, &value);) {
		if (strcmp(name, "AWSTraceHeader"))
			return local_sqs_refuse(
				e, "InvalidParameterValueException",
				"Message system attribute name '%.100s' is invalid.", name);
		ret->trace = json_get_str(value, "StringValue");
		type = json_get_str(value, "DataType");
		if (!ret->trace || !*ret->trace || !type || strcmp(type, "String"))
			return local_sqs_refuse(e, "InvalidParameterValueException",
						"The message system attribute 'AWSTraceHeader' "
						"must contain a non-empty value of type 'String'.");
	}
	if (ret->trace) {
		const struct md5attr a = { "AWSTraceHeader", "String", ret->trace,
					   strlen(ret->trace) };

		md5attr_digest(&a, 1, ret->trace_md5);
	}
	return 0;
}

static int message_word(const char *name, const char *value, struct err *e)
{
	bool ok = !value || (*value && strlen(value) <= GROUP_MAX);

	for (const char *p = value; ok && p && *p; p++)
		ok = isgraph((unsigned char)*p);
	if (ok)
		return 0;
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.128s for parameter %s is invalid. Reason: %s can only "
				"include alphanumeric and punctuation characters. 1 to 128 in "
				"length.",
				value, name, name);
}

static int message_foreign(const char *name, const char *value, struct err *e)
{
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.128s for parameter %s is invalid. Reason: The request "
				"include parameter that is not valid for this queue type.",
				value, name);
}

/* Groups and deduplication: what a FIFO queue must be told, and what others must not. */
static int message_order(const struct queue *q, const struct message *m, struct err *e)
{
	if (message_word("MessageGroupId", m->group, e) < 0 ||
	    message_word("MessageDeduplicationId", m->dedup, e) < 0)
		return -1;
	if (!q->fifo && m->dedup)
		return message_foreign("MessageDeduplicationId", m->dedup, e);
	return local_sqs_message_ordered(q, m, e);
}

int local_sqs_message_ordered(const struct queue *q, const struct message *m, struct err *e)
{
	if (!q->fifo)
		return 0;
	if (!m->group)
		return local_sqs_refuse(e, "MissingRequiredParameterException",
					"The request must contain the parameter MessageGroupId.");
	if (!m->dedup && !q->by_content)
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"The queue should either have ContentBasedDeduplication "
					"enabled or MessageDeduplicationId provided explicitly");
	return 0;
}

static int message_delay(const struct queue *q, struct message *m, struct err *e)
{
	char text[32];

	if (q->fifo && m->delay_s > 0 && m->delay_s <= 900) {
		snprintf(text, sizeof(text), "%" PRId64, m->delay_s);
		return message_foreign("DelaySeconds", text, e);
	}
	if (m->delay_s < 0 || q->fifo)
		m->delay_s = q->delay_s;
	if (m->delay_s > 900)
		return local_sqs_refuse(
			e, "InvalidParameterValueException",
			"Value %" PRId64
			" for parameter DelaySeconds is invalid. Reason: DelaySeconds must "
			"be >= 0 and <= 900.",
			m->delay_s);
	return 0;
}

int local_sqs_message_read(const struct queue *q, const struct json *o, struct message *ret,
			   struct err *e)
{
	ret->id = json_get_str(o, "Id");
	ret->group = json_get_str(o, "MessageGroupId");
	ret->dedup = json_get_str(o, "MessageDeduplicationId");
	if (message_delay(q, ret, e) < 0 || message_order(q, ret, e) < 0 ||
	    message_attributes(o, ret, e) < 0 || message_body(q, o, ret, e) < 0)
		return -1;
	return message_trace(o, ret, e);
}
