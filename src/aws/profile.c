#include "aws/profile.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define FILE_MAX (1u << 20)
#define ENTRIES_MAX 20000

enum kind { SECTION_NONE, SECTION_PROFILE, SECTION_SERVICES, SECTION_SSO };

struct entry {
	enum kind kind;
	bool credentials;         /* of the credentials file */
	char *name, *key, *value; /* key: "sqs.endpoint_url" for nested ones */
};

struct profiles {
	struct entry *list;
	size_t count;
};

struct reader {
	struct profiles *p;
	bool credentials;
	enum kind kind;
	char *name;   /* of the section */
	char *parent; /* key whose indented lines follow */
};

static char *trimmed(const char *s, size_t len)
{
	while (len && strchr(" \t\r", *s)) {
		s++;
		len--;
	}
	while (len && strchr(" \t\r", s[len - 1]))
		len--;
	return own_strndup(s, len);
}

static void keep(struct reader *rd, char *key, char *value)
{
	struct profiles *p = rd->p;

	if (rd->kind == SECTION_NONE || p->count == ENTRIES_MAX) {
		own_free(key);
		own_wipe_str(value);
		return;
	}
	p->list = own_grow(p->list, p->count + 1, sizeof(*p->list));
	p->list[p->count++] = (struct entry){ .kind = rd->kind,
					      .credentials = rd->credentials,
					      .name = own_strdup(rd->name),
					      .key = key,
					      .value = value };
}

/* "[profile dev]" in the config file, "[dev]" in the credentials file, "[services mine]",
 * "[sso-session mine]". */
static void read_section(struct reader *rd, const char *line, size_t len)
{
	AUTO(own_freep) char *title = trimmed(line + 1, len - 1);
	char *end = strchr(title, ']');

	own_free(TAKE(rd->name));
	own_free(TAKE(rd->parent));
	rd->kind = SECTION_NONE;
	if (!end)
		return;
	*end = '\0';
	if (strncmp(title, "services ", 9) == 0 && !rd->credentials) {
		rd->kind = SECTION_SERVICES;
		rd->name = trimmed(title + 9, strlen(title + 9));
	} else if (strncmp(title, "sso-session ", 12) == 0 && !rd->credentials) {
		rd->kind = SECTION_SSO;
		rd->name = trimmed(title + 12, strlen(title + 12));
	} else if (strncmp(title, "profile ", 8) == 0 && !rd->credentials) {
		rd->kind = SECTION_PROFILE;
		rd->name = trimmed(title + 8, strlen(title + 8));
	} else if (rd->credentials || strcmp(title, "default") == 0) {
		rd->kind = SECTION_PROFILE;
		rd->name = trimmed(title, strlen(title));
	}
	if (rd->name) /* the section is there even when nothing stands in it */
		keep(rd, own_strdup(""), own_strdup(""));
}

static void read_line(struct reader *rd, const char *line, size_t len)
{
	bool indented = len && (*line == ' ' || *line == '\t');
	const char *equals = memchr(line, '=', len);
	char *key, *value, *comment;

	if (len == 0 || *line == '#' || *line == ';')
		return;
	if (*line == '[') {
		read_section(rd, line, len);
		return;
	}
	if (!equals)
		return;
	key = trimmed(line, (size_t)(equals - line));
	value = trimmed(equals + 1, len - (size_t)(equals + 1 - line));
	comment = strstr(value, " #");
	if (!comment)
		comment = strstr(value, " ;");
	if (comment)
		*comment = '\0';
	if (indented && rd->parent) {
		char *nested = own_printf("%s.%s", rd->parent, key);

		own_free(key);
		key = nested;
	} else {
		own_free(rd->parent);
		rd->parent = own_strdup(key);
	}
	keep(rd, key, value);
}

static int read_file(struct profiles *p, const char *path, bool credentials, struct err *e)
{
	AUTO(buf_wipe) struct buf text = BUF(FILE_MAX);
	struct reader rd = { .p = p, .credentials = credentials };

	if (access(path, F_OK) < 0)
		return 0;
	if (buf_read_file(&text, path, e) < 0)
		return -1;
	for (size_t at = 0; at < text.len;) {
		const char *newline = memchr(text.data + at, '\n', text.len - at);
		size_t len = newline ? (size_t)(newline - text.data) - at : text.len - at;

		read_line(&rd, text.data + at, len);
		at += len + 1;
	}
	own_free(rd.name);
	own_free(rd.parent);
	return 0;
}

const char *profile_home(void)
{
	const char *dir = getenv("HOME");
	const struct passwd *pw;

	if (dir && *dir)
		return dir;
	pw = getpwuid(getuid());
	return pw && pw->pw_dir ? pw->pw_dir : "/";
}

static char *place(const char *variable, const char *fallback)
{
	const char *given = getenv(variable);

	if (!given || !*given)
		return own_printf("%s/.aws/%s", profile_home(), fallback);
	if (strncmp(given, "~/", 2) == 0)
		return own_printf("%s%s", profile_home(), given + 1);
	return own_strdup(given);
}

struct profiles *profile_load(struct err *e)
{
	AUTO(own_freep) char *config = place("AWS_CONFIG_FILE", "config");
	AUTO(own_freep) char *credentials = place("AWS_SHARED_CREDENTIALS_FILE", "credentials");
	struct profiles *p = own_alloc(sizeof(*p));

	if (read_file(p, credentials, true, e) < 0 || read_file(p, config, false, e) < 0) {
		profile_free(p);
		return NULL;
	}
	return p;
}

void profile_free(struct profiles *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		own_free(p->list[i].name);
		own_free(p->list[i].key);
		own_wipe_str(p->list[i].value);
	}
	own_free(p->list);
	own_free(p);
}

const char *profile_name(const char *given)
{
	static const char *const variables[] = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" };

	if (given && *given)
		return given;
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		const char *name = getenv(variables[i]);

		if (name && *name)
			return name;
	}
	return "default";
}

/* The last of equals, as the SDKs have it; the credentials file goes before the config file. */
static const char *find(const struct profiles *p, enum kind kind, const char *name, const char *key)
{
	const struct entry *found = NULL;

	for (size_t i = 0; p && i < p->count; i++) {
		const struct entry *x = &p->list[i];

		if (x->kind == kind && strcmp(x->name, name) == 0 && strcmp(x->key, key) == 0 &&
		    (!found || found->credentials == x->credentials))
			found = x;
	}
	return found ? found->value : NULL;
}

bool profile_exists(const struct profiles *p, const char *name)
{
	return find(p, SECTION_PROFILE, name, "") != NULL;
}

const char *profile_get(const struct profiles *p, const char *name, const char *key)
{
	return find(p, SECTION_PROFILE, name, key);
}

const char *profile_sso_session(const struct profiles *p, const char *name, const char *key)
{
	return find(p, SECTION_SSO, name, key);
}

const char *profile_service(const struct profiles *p, const char *name, const char *service,
			    const char *key)
{
	const char *services = profile_get(p, name, "services");
	char nested[128];

	if (!services ||
	    snprintf(nested, sizeof(nested), "%s.%s", service, key) >= (int)sizeof(nested))
		return NULL;
	return find(p, SECTION_SERVICES, services, nested);
}
