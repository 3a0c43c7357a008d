/* The rows of launch templates. */
#include "local/fleet_template.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/schema.h"

const char local_fleet_template_schema[] =
	"CREATE TABLE fleet_template ("
	" id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,"
	" preset INTEGER NOT NULL, latest INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE fleet_template_version ("
	" template TEXT NOT NULL, number INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	" note TEXT, data TEXT NOT NULL," /* LaunchTemplateData in JSON */
	" PRIMARY KEY (template, number)) WITHOUT ROWID;";

void local_fleet_template_done(struct local_fleet_template *t)
{
	own_free(TAKE(t->id));
	own_free(TAKE(t->name));
}

int local_fleet_template_find(struct db *d, const char *name, const char *id,
			      struct local_fleet_template *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(d,
				    "SELECT id, name, created_ms, preset, latest FROM "
				    "fleet_template WHERE CASE WHEN ?1 IS NULL THEN id = ?2 ELSE "
				    "name = ?1 END",
				    DB_ARGS(DB_S(name), DB_S(id)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct local_fleet_template){ 0 };
	if (rc == 1)
		*ret = (struct local_fleet_template){ own_strdup(db_str(r, 0)),
						      own_strdup(db_str(r, 1)),
						      { db_int(r, 2) },
						      db_int(r, 3),
						      db_int(r, 4) };
	return rc;
}

int64_t local_fleet_template_number(const struct local_fleet_template *t, const char *word)
{
	char *end;
	long long n;

	if (!word || !*word || !strcmp(word, "$Default"))
		return t->preset;
	if (!strcmp(word, "$Latest"))
		return t->latest;
	n = strtoll(word, &end, 10);
	return *end || *word < '0' || *word > '9' || n > t->latest ? 0 : n;
}

int local_fleet_template_data(struct db *d, const struct local_fleet_template *t, int64_t number,
			      struct json **ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		d, "SELECT data FROM fleet_template_version WHERE template = ? AND number = ?",
		DB_ARGS(DB_S(t->id), DB_I(number)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = rc == 1 ? json_parse(db_str(r, 0), strlen(db_str(r, 0)), e) : NULL;
	return rc == 1 && !*ret ? -1 : rc;
}

int local_fleet_template_word(struct db *d, const char *name, const char *word, char **ret,
			      struct err *e)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	int rc = word ? local_fleet_template_find(d, name, NULL, &t, e) : 0;

	if (rc < 0)
		return -1;
	*ret = rc == 1 ? own_printf("%" PRId64, local_fleet_template_number(&t, word))
		       : own_strdup(word);
	return 0;
}
