/* JSON values (json-c; the only file that includes it).
 *
 * struct json is an opaque counted value. Functions that return "borrowed" give a pointer
 * that lives as long as its parent. Constructors return an owned value; json_set* and
 * json_add* take ownership of what they are given. All readers accept NULL and a wrong type
 * and answer "absent", so that a path of getters needs one check at its end.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json;
enum json_type {
	JSON_ABSENT,
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_REAL,
	JSON_STR,
	JSON_ARRAY,
	JSON_OBJECT
};

#define JSON_DEPTH_MAX 32

/* Strict: one value, UTF-8, depth at most JSON_DEPTH_MAX, nothing after it but white space.
 * Errors are ERR_PROTOCOL with the byte offset. */
MUST struct json *json_parse(const char *text, size_t len, struct err *e);
void json_free(struct json *j); /* drops one reference; NULL is fine */
struct json *json_ref(struct json *j);
DEFINE_FREEP(struct json, json);

enum json_type json_type(const struct json *j);
const struct json *json_get(const struct json *object, const char *key); /* borrowed or NULL */
size_t json_count(const struct json *array);                    /* items of an array, else 0 */
const struct json *json_at(const struct json *array, size_t i); /* borrowed or NULL */
const char *json_str(const struct json *j); /* borrowed or NULL; may hold NULs: */
const char *json_strn(const struct json *j, size_t *ret_len);
bool json_int(const struct json *j, int64_t *ret); /* false when absent, not whole, out of range */
bool json_real(const struct json *j, double *ret); /* ints too; never NaN or infinite */
bool json_bool(const struct json *j, bool *ret);
const char *json_get_str(const struct json *object, const char *key);
bool json_get_int(const struct json *object, const char *key, int64_t *ret);
bool json_get_real(const struct json *object, const char *key, double *ret);
bool json_get_bool(const struct json *object, const char *key, bool *ret);

/* for (size_t it = 0; json_next(object, &it, &key, &value);) — insertion order, borrowed. */
bool json_next(const struct json *object, size_t *it, const char **ret_key,
	       const struct json **ret_value);

struct json *json_object(void);
struct json *json_array(void);
struct json *
json_new_str(const char *s); /* NULL becomes null; bytes that are not UTF-8 become U+FFFD */
struct json *json_new_strn(const char *s, size_t len);
struct json *json_new_int(int64_t i);
struct json *
json_new_real(double d); /* not finite becomes null; written shortest that reads back equal */
struct json *json_new_bool(bool b);
struct json *json_new_null(void);
void json_set(struct json *object, const char *key, struct json *value);
void json_set_str(struct json *object, const char *key, const char *s);
void json_set_int(struct json *object, const char *key, int64_t i);
void json_set_real(struct json *object, const char *key, double d);
void json_set_bool(struct json *object, const char *key, bool b);
void json_add(struct json *array, struct json *value);

int json_write(const struct json *j, struct buf *out);        /* compact, no newline */
int json_write_pretty(const struct json *j, struct buf *out); /* two spaces, newline at the end */
/* Adds @p s as a quoted JSON string, for writers that need no tree. */
int json_quote(struct buf *out, const char *s, size_t len);
/* Adds @p d as json_write() does: shortest that reads back equal, "null" when not finite. */
int json_number(struct buf *out, double d);

#endif
