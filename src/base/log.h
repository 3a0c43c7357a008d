/* Structured log: an event sentence and typed fields. logfmt on a TTY, JSON lines otherwise
 * or with --log-format json. One write(2) a line, to standard error. Values are escaped, so no
 * input can forge a line. Programs log; libraries and stages return errors instead.
 *
 *   LOG_INFO("desired capacity set", LOG_S("group", name), LOG_I("from", 2), LOG_I("to", 6));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_type { LOG_TYPE_STR, LOG_TYPE_INT, LOG_TYPE_REAL, LOG_TYPE_BOOL, LOG_TYPE_ERR };

struct log_field {
	const char *key;
	enum log_type type;
	union {
		const char *s;
		int64_t i;
		double d;
		const struct err *e;
	} v;
};

#define LOG_S(k, x)                                          \
	{                                                    \
		.key = (k), .type = LOG_TYPE_STR, .v.s = (x) \
	}
#define LOG_I(k, x)                                          \
	{                                                    \
		.key = (k), .type = LOG_TYPE_INT, .v.i = (x) \
	}
#define LOG_D(k, x)                                           \
	{                                                     \
		.key = (k), .type = LOG_TYPE_REAL, .v.d = (x) \
	}
#define LOG_B(k, x)                                           \
	{                                                     \
		.key = (k), .type = LOG_TYPE_BOOL, .v.i = (x) \
	}
#define LOG_E(x)                                                 \
	{                                                        \
		.key = "error", .type = LOG_TYPE_ERR, .v.e = (x) \
	} /* text, kind and code */

#define LOG_AT(level, event, ...)                                                                  \
	log_write((level), (event), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }, \
		  sizeof((const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }) /          \
				  sizeof(struct log_field) -                                       \
			  1)
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define LOG_INFO(event, ...) LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_WARN(event, ...) LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

void log_setup(const char *program, enum log_format format, enum log_level least);
void log_context(
	const char *key,
	const char *value); /* a field on every later line; NULL value removes it; copied */
MUST int log_parse_level(const char *word, enum log_level *ret, struct err *e);
MUST int log_parse_format(const char *word, enum log_format *ret, struct err *e);
bool log_wants(enum log_level level); /* whether such a line would be written */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

#endif
