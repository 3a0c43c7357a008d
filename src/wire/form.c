#include "wire/form.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/uri.h"

static int decode(const char *s, size_t len, const char *what, char **ret, struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(len + 1);

	if (uri_decode(&out, s, len, true, e) < 0)
		return err_wrap(e, "form %s", what);
	if (memchr(buf_str(&out), '\0', out.len))
		return err_set(e, ERR_PROTOCOL, "form %s holds a NUL byte", what);
	*ret = out.len ? buf_take(&out) : own_strdup("");
	return 0;
}

static int read_pair(struct form *f, const char *s, size_t len, struct err *e)
{
	const char *equals = memchr(s, '=', len);
	size_t name_len = equals ? (size_t)(equals - s) : len;
	struct form_pair p = { 0 };

	if (f->count == FORM_PAIRS_MAX)
		return err_set(e, ERR_PROTOCOL, "more than %d form fields", FORM_PAIRS_MAX);
	if (decode(s, name_len, "name", &p.name, e) < 0)
		return -1;
	if (decode(equals ? equals + 1 : "", equals ? len - name_len - 1 : 0, "value", &p.value,
		   e) < 0) {
		own_free(p.name);
		return -1;
	}
	f->pairs = own_grow(f->pairs, f->count + 1, sizeof(*f->pairs));
	f->pairs[f->count++] = p;
	return 0;
}

static int by_name(const void *a, const void *b, void *arg)
{
	const struct form_pair *pairs = arg;
	size_t ia = *(const size_t *)a, ib = *(const size_t *)b;
	int order = strcmp(pairs[ia].name, pairs[ib].name);

	return order ? order : (ia > ib) - (ia < ib);
}

int form_parse(const char *text, size_t len, struct form *ret, struct err *e)
{
	size_t end;

	*ret = (struct form){ 0 };
	for (size_t at = 0; at < len; at = end + 1) {
		const char *amp = memchr(text + at, '&', len - at);

		end = amp ? (size_t)(amp - text) : len;
		if (end > at && read_pair(ret, text + at, end - at, e) < 0) {
			form_done(ret);
			return -1;
		}
	}
	ret->by_name = own_array(ret->count + 1, sizeof(*ret->by_name));
	for (size_t i = 0; i < ret->count; i++)
		ret->by_name[i] = i;
	if (ret->count)
		qsort_r(ret->by_name, ret->count, sizeof(*ret->by_name), by_name, ret->pairs);
	return 0;
}

void form_done(struct form *f)
{
	for (size_t i = 0; i < f->count; i++) {
		own_free(f->pairs[i].name);
		own_free(f->pairs[i].value);
	}
	own_free(f->pairs);
	own_free(f->by_name);
	*f = (struct form){ 0 };
}

/* Place in by_name of the first name not less than @p name. */
static size_t lower(const struct form *f, const char *name)
{
	size_t from = 0, to = f->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(f->pairs[f->by_name[mid]].name, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const char *form_get(const struct form *f, const char *name)
{
	size_t at = lower(f, name);
	const struct form_pair *p = at < f->count ? &f->pairs[f->by_name[at]] : NULL;

	return p && strcmp(p->name, name) == 0 ? p->value : NULL;
}

bool form_int(const struct form *f, const char *name, int64_t *ret)
{
	const char *text = form_get(f, name);
	char *end;
	long long v;

	if (!text || !*text || strchr(" \t\r\n\v\f", *text))
		return false;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

bool form_bool(const struct form *f, const char *name, bool *ret)
{
	const char *text = form_get(f, name);

	if (!text || (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0))
		return false;
	*ret = strcasecmp(text, "true") == 0;
	return true;
}

static bool place(char out[static FORM_NAME_MAX], const char *list, size_t i, const char *suffix)
{
	int n = snprintf(out, FORM_NAME_MAX, "%s.%zu%s%s", list, i, suffix ? "." : "",
			 suffix ? suffix : "");

	return n > 0 && n < FORM_NAME_MAX;
}

const char *form_at(const struct form *f, const char *list, size_t i, const char *suffix)
{
	char name[FORM_NAME_MAX];

	return place(name, list, i, suffix) ? form_get(f, name) : NULL;
}

static bool has(const struct form *f, const char *list, size_t i)
{
	char name[FORM_NAME_MAX];
	size_t at, len;

	if (!place(name, list, i, NULL))
		return false;
	if (form_get(f, name))
		return true;
	len = strlen(name);
	if (len + 1 >= sizeof(name))
		return false;
	name[len] = '.';
	name[len + 1] = '\0';
	at = lower(f, name);
	return at < f->count && strncmp(f->pairs[f->by_name[at]].name, name, len + 1) == 0;
}

size_t form_count(const struct form *f, const char *list)
{
	size_t n = 0;

	while (n < f->count && has(f, list, n + 1))
		n++;
	return n;
}

const char *form_item(const struct form *f, const char *list, size_t i)
{
	char member[FORM_NAME_MAX];
	const char *plain = form_at(f, list, i, NULL);
	int n;

	if (plain)
		return plain;
	n = snprintf(member, sizeof(member), "%s.member", list);
	return n > 0 && (size_t)n < sizeof(member) ? form_at(f, member, i, NULL) : NULL;
}

size_t form_items(const struct form *f, const char *list)
{
	size_t n = 0;

	while (n < f->count && form_item(f, list, n + 1))
		n++;
	return n;
}

int form_add(struct buf *out, const char *name, const char *value)
{
	int rc = out->len ? buf_addc(out, '&') : 0;

	rc |= uri_encode(out, name, strlen(name), false);
	rc |= buf_addc(out, '=');
	rc |= uri_encode(out, value, strlen(value), false);
	return rc ? -1 : 0;
}

int form_add_int(struct buf *out, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return form_add(out, name, text);
}

int form_add_bool(struct buf *out, const char *name, bool value)
{
	return form_add(out, name, value ? "true" : "false");
}

int form_addf(struct buf *out, const char *value, const char *name_fmt, ...)
{
	char *name;
	va_list ap;
	int rc;

	va_start(ap, name_fmt);
	name = own_vprintf(name_fmt, ap);
	va_end(ap);
	rc = form_add(out, name, value);
	own_free(name);
	return rc;
}
