#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#define LOG_LINE_BYTES 16384 /* a line never grows past this */
#define LOG_TAIL_BYTES 32    /* kept free for what closes a line */
#define LOG_VALUE_BYTES 4096 /* longer texts are cut */
#define LOG_CONTEXT_MAX 8

static struct {
	char program[64];
	bool json;
	enum log_level least;
	struct {
		char key[32], value[128];
	} context[LOG_CONTEXT_MAX];
} log_state = { .program = "windlass", .json = true, .least = LOG_LEVEL_INFO };

static const char *const log_levels[] = { "debug", "info", "warn", "error" };
static const char *const log_formats[] = { "auto", "logfmt", "json" };

void log_setup(const char *program, enum log_format format, enum log_level least)
{
	snprintf(log_state.program, sizeof(log_state.program), "%s", program);
	log_state.json =
		format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO));
	log_state.least = least;
}

void log_context(const char *key, const char *value)
{
	size_t slot = LOG_CONTEXT_MAX;

	for (size_t i = LOG_CONTEXT_MAX; i-- > 0;)
		if (!log_state.context[i].key[0])
			slot = i;
	for (size_t i = 0; i < LOG_CONTEXT_MAX; i++)
		if (strcmp(log_state.context[i].key, key) == 0)
			slot = i;
	if (slot == LOG_CONTEXT_MAX)
		return;
	snprintf(log_state.context[slot].key, sizeof(log_state.context[slot].key), "%s",
		 value ? key : "");
	snprintf(log_state.context[slot].value, sizeof(log_state.context[slot].value), "%s",
		 value ? value : "");
}

static int log_parse_word(const char *word, const char *const *words, size_t n, const char *what,
			  struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	return err_set(e, ERR_POLICY, "'%.64s' is no log %s", word, what);
}

int log_parse_level(const char *word, enum log_level *ret, struct err *e)
{
	int i = log_parse_word(word, log_levels, COUNT_OF(log_levels),
			       "level: debug, info, warn or error", e);

	if (i < 0)
		return -1;
	*ret = (enum log_level)i;
	return 0;
}

int log_parse_format(const char *word, enum log_format *ret, struct err *e)
{
	int i = log_parse_word(word, log_formats, COUNT_OF(log_formats),
			       "format: auto, logfmt or json", e);

	if (i < 0)
		return -1;
	*ret = (enum log_format)i;
	return 0;
}

static bool log_is_bare(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
			return false;
	}
	return len > 0;
}

static void log_add_str(struct buf *b, const char *s)
{
	size_t len;

	if (!s) {
		buf_adds(b, log_state.json ? "null" : "-");
		return;
	}
	len = strlen(s);
	if (len > LOG_VALUE_BYTES)
		len = utf8_cut(s, LOG_VALUE_BYTES);
	if (!log_state.json && log_is_bare(s, len))
		buf_add(b, s, len);
	else
		json_quote(b, s, len); /* escapes all that could end a line or move a terminal */
}

static void log_add_key(struct buf *b, const char *key)
{
	if (b->len)
		buf_addc(b, log_state.json ? ',' : ' ');
	if (log_state.json) {
		json_quote(b, key, strlen(key));
		buf_addc(b, ':');
		return;
	}
	for (; *key; key++)
		buf_addc(b, log_is_bare(key, 1) ? *key : '_');
	buf_addc(b, '=');
}

static void log_add_text(struct buf *b, const char *key, const char *s)
{
	log_add_key(b, key);
	log_add_str(b, s);
}

static void log_add_err(struct buf *b, const char *key, const struct err *e)
{
	log_add_text(b, key, e ? e->text : NULL);
	if (!e)
		return;
	log_add_text(b, "error_kind", err_word(e->kind));
	if (e->code[0])
		log_add_text(b, "error_code", e->code);
}

static void log_add_field(struct buf *b, const struct log_field *f)
{
	switch (f->type) {
	case LOG_TYPE_STR:
		log_add_text(b, f->key, f->v.s);
		break;
	case LOG_TYPE_INT:
		log_add_key(b, f->key);
		buf_addf(b, "%lld", (long long)f->v.i);
		break;
	case LOG_TYPE_REAL:
		log_add_key(b, f->key);
		json_number(b, f->v.d);
		break;
	case LOG_TYPE_BOOL:
		log_add_key(b, f->key);
		buf_adds(b, f->v.i ? "true" : "false");
		break;
	case LOG_TYPE_ERR:
		log_add_err(b, f->key, f->v.e);
		break;
	}
}

/* Adds whole fields only; returns false when @p f did not fit. */
static bool log_try_field(struct buf *b, const struct log_field *f)
{
	size_t len = b->len;

	log_add_field(b, f);
	if (!b->full)
		return true;
	b->len = len;
	b->full = false;
	return false;
}

static void log_fill(struct buf *b, enum log_level level, const char *event,
		     const struct log_field *fields, size_t n)
{
	char when[CLOCK_TEXT_MAX];
	bool cut = false;

	log_add_text(b, "time", clock_print_ms(clock_wall(), when));
	log_add_text(b, "level", log_levels[level]);
	log_add_text(b, "program", log_state.program);
	log_add_text(b, "event", event);
	for (size_t i = 0; i < LOG_CONTEXT_MAX; i++)
		if (log_state.context[i].key[0])
			log_add_text(b, log_state.context[i].key, log_state.context[i].value);
	for (size_t i = 0; i < n; i++)
		if (fields[i].key && !log_try_field(b, &fields[i]))
			cut = true;
	b->cap += LOG_TAIL_BYTES;
	if (cut) {
		log_add_key(b, "cut");
		buf_adds(b, "true");
	}
}

bool log_wants(enum log_level level)
{
	return level >= log_state.least;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	AUTO(buf_done) struct buf body = BUF(LOG_LINE_BYTES - 2 * LOG_TAIL_BYTES);
	AUTO(buf_done) struct buf line = BUF(LOG_LINE_BYTES);
	ssize_t rc;

	if (!log_wants(level))
		return;
	log_fill(&body, level, event, fields, n);
	buf_adds(&line, log_state.json ? "{" : "");
	buf_adds(&line, buf_str(&body));
	buf_adds(&line, log_state.json ? "}\n" : "\n");
	/* A log that cannot be written must not stop the program. */
	do {
		rc = write(STDERR_FILENO, line.data, line.len);
	} while (rc < 0 && errno == EINTR);
}
