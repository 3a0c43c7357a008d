/* json-c has types of the names of our functions; here its own are jsonc_*. */
#define json_bool jsonc_bool
#define json_object jsonc_object
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_object
#undef json_type

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/json_check.h"
#include "base/utf8.h"

/* struct json is json-c's object under our name. json-c writes null as a NULL pointer; here
 * that would be "absent", so null has a value of its own, which is never counted nor freed. */
static char json_null_place;
#define JSON_NULL_VALUE ((struct json *)&json_null_place)

static struct jsonc_object *json_in(const struct json *j)
{
	return j == JSON_NULL_VALUE ? NULL : (struct jsonc_object *)(uintptr_t)j;
}

static struct json *json_out(struct jsonc_object *o)
{
	return o ? (struct json *)o : JSON_NULL_VALUE;
}

static struct json *json_made(struct jsonc_object *o)
{
	if (!o)
		own_array((size_t)-1, 2); /* ends the process as any failed allocation does */
	return (struct json *)o;
}

struct json *json_parse(const char *text, size_t len, struct err *e)
{
	struct json_tokener *t;
	struct jsonc_object *o;
	enum json_tokener_error rc;

	if (len > INT_MAX / 2) {
		err_set(e, ERR_PROTOCOL, "JSON of %zu bytes is too large", len);
		return NULL;
	}
	if (json_check(text, len, JSON_DEPTH_MAX, e) < 0)
		return NULL;
	t = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	if (!t)
		json_made(NULL);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(t, text, (int)len);
	rc = json_tokener_get_error(t);
	if (rc == json_tokener_continue) { /* a number at the very end could go on */
		o = json_tokener_parse_ex(t, "", -1);
		rc = json_tokener_get_error(t);
	}
	if (rc != json_tokener_success)
		err_set(e, ERR_PROTOCOL, "JSON at byte %zu: %s", json_tokener_get_parse_end(t),
			json_tokener_error_desc(rc));
	json_tokener_free(t);
	return rc == json_tokener_success ? json_out(o) : NULL;
}

void json_free(struct json *j)
{
	json_object_put(json_in(j));
}

struct json *json_ref(struct json *j)
{
	json_object_get(json_in(j));
	return j;
}

enum json_type json_type(const struct json *j)
{
	if (!j)
		return JSON_ABSENT;
	switch (json_object_get_type(json_in(j))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
		return JSON_REAL;
	case json_type_int:
		return JSON_INT;
	case json_type_object:
		return JSON_OBJECT;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_string:
		return JSON_STR;
	case json_type_null:
		break;
	}
	return JSON_NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	struct jsonc_object *o = NULL;

	if (json_type(object) != JSON_OBJECT ||
	    !json_object_object_get_ex(json_in(object), key, &o))
		return NULL;
	return json_out(o);
}

size_t json_count(const struct json *array)
{
	return json_type(array) == JSON_ARRAY ? json_object_array_length(json_in(array)) : 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
	return i < json_count(array) ? json_out(json_object_array_get_idx(json_in(array), i))
				     : NULL;
}

const char *json_str(const struct json *j)
{
	return json_type(j) == JSON_STR ? json_object_get_string(json_in(j)) : NULL;
}

const char *json_strn(const struct json *j, size_t *ret_len)
{
	const char *s = json_str(j);

	*ret_len = s ? (size_t)json_object_get_string_len(json_in(j)) : 0;
	return s;
}

bool json_int(const struct json *j, int64_t *ret)
{
	enum json_type type = json_type(j);

	if (type == JSON_INT) {
		int64_t i = json_object_get_int64(json_in(j));

		/* json-c keeps numbers up to 2^64-1 and cuts them when asked for an int64 */
		if (i == INT64_MAX && json_object_get_uint64(json_in(j)) > INT64_MAX)
			return false;
		*ret = i;
		return true;
	}
	if (type == JSON_REAL) {
		double d = json_object_get_double(json_in(j));

		if (!(d >= -0x1p63 && d < 0x1p63) || d != floor(d))
			return false;
		*ret = (int64_t)d;
		return true;
	}
	return false;
}

bool json_real(const struct json *j, double *ret)
{
	enum json_type type = json_type(j);
	double d;

	if (type != JSON_INT && type != JSON_REAL)
		return false;
	d = json_object_get_double(json_in(j));
	if (!isfinite(d))
		return false;
	*ret = d;
	return true;
}

bool json_bool(const struct json *j, bool *ret)
{
	if (json_type(j) != JSON_BOOL)
		return false;
	*ret = json_object_get_boolean(json_in(j));
	return true;
}

const char *json_get_str(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

bool json_get_int(const struct json *object, const char *key, int64_t *ret)
{
	return json_int(json_get(object, key), ret);
}

bool json_get_real(const struct json *object, const char *key, double *ret)
{
	return json_real(json_get(object, key), ret);
}

bool json_get_bool(const struct json *object, const char *key, bool *ret)
{
	return json_bool(json_get(object, key), ret);
}

/* @p it is the next entry of json-c's linked list; 0 before the first, SIZE_MAX past the last. */
bool json_next(const struct json *object, size_t *it, const char **ret_key,
	       const struct json **ret_value)
{
	struct lh_entry *entry;

	if (json_type(object) != JSON_OBJECT)
		return false;
	if (*it == SIZE_MAX)
		return false;
	entry = *it ? (struct lh_entry *)(uintptr_t)*it
		    : lh_table_head(json_object_get_object(json_in(object)));
	if (!entry)
		return false;
	*ret_key = lh_entry_k(entry);
	*ret_value = json_out(lh_entry_v(entry));
	*it = lh_entry_next(entry) ? (size_t)(uintptr_t)lh_entry_next(entry) : SIZE_MAX;
	return true;
}

struct json *json_object(void)
{
	return json_made(json_object_new_object());
}

struct json *json_array(void)
{
	return json_made(json_object_new_array());
}

struct json *json_new_str(const char *s)
{
	return s ? json_new_strn(s, strlen(s)) : json_new_null();
}

struct json *json_new_strn(const char *s, size_t len)
{
	AUTO(buf_done) struct buf clean = BUF(INT_MAX / 2);

	if (utf8_valid(s, len) && len <= INT_MAX / 2)
		return json_made(json_object_new_string_len(s, (int)len));
	for (size_t i = 0, n; i < len && !clean.full; i += n ? n : 1) {
		n = utf8_char(s + i, len - i);
		buf_add(&clean, n ? s + i : UTF8_REPLACEMENT, n ? n : strlen(UTF8_REPLACEMENT));
	}
	return json_made(json_object_new_string_len(buf_str(&clean), (int)clean.len));
}

struct json *json_new_int(int64_t i)
{
	return json_made(json_object_new_int64(i));
}

struct json *json_new_real(double d)
{
	return isfinite(d) ? json_made(json_object_new_double(d)) : json_new_null();
}

struct json *json_new_bool(bool b)
{
	return json_made(json_object_new_boolean(b));
}

struct json *json_new_null(void)
{
	return JSON_NULL_VALUE;
}

void json_set(struct json *object, const char *key, struct json *value)
{
	if (json_object_object_add(json_in(object), key, json_in(value)) < 0)
		json_made(NULL);
}

void json_set_str(struct json *object, const char *key, const char *s)
{
	json_set(object, key, json_new_str(s));
}

void json_set_int(struct json *object, const char *key, int64_t i)
{
	json_set(object, key, json_new_int(i));
}

void json_set_real(struct json *object, const char *key, double d)
{
	json_set(object, key, json_new_real(d));
}

void json_set_bool(struct json *object, const char *key, bool b)
{
	json_set(object, key, json_new_bool(b));
}

void json_add(struct json *array, struct json *value)
{
	if (json_object_array_add(json_in(array), json_in(value)) < 0)
		json_made(NULL);
}
