#include "local/cloudwatch_store.h"

#include <string.h>

#include "local/schema.h"

#define DIMENSIONS_TEXT_MAX (64u << 10)
#define SWEEP_SERIES 20
#define SWEEP_ROWS 2000
#define ACTIVE_S (14 * 86400) /* so long a metric without values is listed */

const char local_cloudwatch_schema[] =
	"CREATE TABLE cloudwatch_series(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" space TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL,"
	" active INTEGER NOT NULL," /* when it was put last */
	" UNIQUE(space, name, dimensions));"
	"CREATE TABLE cloudwatch_data(series INTEGER NOT NULL, resolution INTEGER NOT NULL,"
	" at INTEGER NOT NULL, unit INTEGER NOT NULL, n REAL NOT NULL, sum REAL NOT NULL,"
	" low REAL NOT NULL, high REAL NOT NULL, blind INTEGER NOT NULL,"
	" pairs BLOB," /* doubles, value and count by turns; none when low is high */
	" PRIMARY KEY(series, resolution, at, unit)) WITHOUT ROWID;";

/* Their places are in the database: new ones go to the end. */
static const char *const units[] = {
	"None",
	"Seconds",
	"Microseconds",
	"Milliseconds",
	"Bytes",
	"Kilobytes",
	"Megabytes",
	"Gigabytes",
	"Terabytes",
	"Bits",
	"Kilobits",
	"Megabits",
	"Gigabits",
	"Terabits",
	"Percent",
	"Count",
	"Bytes/Second",
	"Kilobytes/Second",
	"Megabytes/Second",
	"Gigabytes/Second",
	"Terabytes/Second",
	"Bits/Second",
	"Kilobits/Second",
	"Megabits/Second",
	"Gigabits/Second",
	"Terabits/Second",
	"Count/Second",
};

int local_cloudwatch_store_unit(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcmp(units[i], word) == 0)
			return (int)i;
	return -1;
}

const char *local_cloudwatch_store_unit_word(int unit)
{
	return unit >= 0 && (size_t)unit < COUNT_OF(units) ? units[unit] : units[0];
}

/* ---- metrics ---- */

static void add_pair(struct buf *out, const struct json *dimension)
{
	const char *name = json_get_str(dimension, "Name"),
		   *value = json_get_str(dimension, "Value");

	buf_adds(out, out->len > 1 ? ",[" : "[");
	json_quote(out, name, strlen(name));
	buf_addc(out, ',');
	json_quote(out, value, strlen(value));
	buf_addc(out, ']');
}

char *local_cloudwatch_store_dimensions(const struct json *dimensions)
{
	const struct json *sorted[CLOUDWATCH_DIMENSIONS_MAX];
	AUTO(buf_done) struct buf out = BUF(DIMENSIONS_TEXT_MAX);
	size_t n = 0;

	for (size_t i = 0; i < json_count(dimensions) && n < COUNT_OF(sorted); i++) {
		const struct json *d = json_at(dimensions, i);
		size_t at = n;

		if (!json_get_str(d, "Name") || !json_get_str(d, "Value"))
			continue;
		for (; at > 0 &&
		       strcmp(json_get_str(sorted[at - 1], "Name"), json_get_str(d, "Name")) > 0;
		     at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = d;
		n++;
	}
	buf_addc(&out, '[');
	for (size_t i = 0; i < n; i++)
		add_pair(&out, sorted[i]);
	buf_addc(&out, ']');
	return buf_take(&out);
}

int local_cloudwatch_store_find(struct local *l, const struct local_cloudwatch_metric *m,
				int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		l->db, "SELECT id FROM cloudwatch_series WHERE space=? AND name=? AND dimensions=?",
		DB_ARGS(DB_S(m->space), DB_S(m->name), DB_S(m->dimensions)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc == 1)
		*ret = db_int(r, 0);
	return rc;
}

static int series_count(struct local *l, int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT count(*) FROM cloudwatch_series", NULL, 0, e);

	if (!r || db_step(r, e) < 0)
		return -1;
	*ret = db_int(r, 0);
	return 0;
}

int local_cloudwatch_store_make(struct local *l, const struct local_cloudwatch_metric *m,
				struct instant now, int64_t *ret, struct err *e)
{
	int rc = local_cloudwatch_store_find(l, m, ret, e);
	int64_t count;

	if (rc < 0)
		return -1;
	if (rc == 1)
		return DB_RUN(l->db, e,
			      "UPDATE cloudwatch_series SET active=?1 WHERE id=?2 AND active<?1",
			      DB_I(now.ms), DB_I(*ret)) < 0
			       ? -1
			       : 1;
	if (series_count(l, &count, e) < 0)
		return -1;
	if (count >= CLOUDWATCH_SERIES_MAX)
		return 0;
	if (DB_RUN(l->db, e,
		   "INSERT INTO cloudwatch_series(space, name, dimensions, active) VALUES(?,?,?,?)",
		   DB_S(m->space), DB_S(m->name), DB_S(m->dimensions), DB_I(now.ms)) < 0)
		return -1;
	*ret = db_last_id(l->db);
	return 1;
}

/* ---- rows ---- */

/* Columns: 0 n, 1 sum, 2 low, 3 high, 4 blind, 5 pairs. */
#define SUM_COLUMNS "n, sum, low, high, blind, pairs"

static void read_sum(const struct db_row *r, int first, bool deep, struct local_cloudwatch_sum *ret)
{
	size_t len = 0;
	const void *pairs = deep ? db_blob(r, first + 5, &len) : NULL;

	*ret = (struct local_cloudwatch_sum){
		.n = db_real(r, first),
		.sum = db_real(r, first + 1),
		.low = db_real(r, first + 2),
		.high = db_real(r, first + 3),
		.blind = db_int(r, first + 4),
	};
	if (!deep || ret->blind)
		return;
	ret->count = pairs ? len / sizeof(*ret->pairs) : 1;
	ret->pairs = local_cloudwatch_stat_room(ret->count);
	if (pairs)
		memcpy(ret->pairs, pairs, ret->count * sizeof(*ret->pairs));
	else
		ret->pairs[0] = (struct local_cloudwatch_pair){ ret->low, ret->n };
}

static int put_row(struct local *l, const struct local_cloudwatch_row *r,
		   const struct local_cloudwatch_sum *s, struct err *e)
{
	bool pairs = !s->blind && s->low != s->high && s->count;

	return DB_RUN(
		l->db, e,
		"INSERT OR REPLACE INTO cloudwatch_data(series, resolution, at, unit, " SUM_COLUMNS
		") VALUES(?,?,?,?,?,?,?,?,?,?)",
		DB_I(r->series), DB_I(r->resolution), DB_I(r->at), DB_I(r->unit), DB_D(s->n),
		DB_D(s->sum), DB_D(s->low), DB_D(s->high), DB_I(s->blind && s->low != s->high),
		pairs ? DB_B(s->pairs, s->count * sizeof(*s->pairs)) : DB_N);
}

int local_cloudwatch_store_put(struct local *l, const struct local_cloudwatch_row *r, struct err *e)
{
	return put_row(l, r, &r->sum, e);
}

int local_cloudwatch_store_add(struct local *l, const struct local_cloudwatch_row *r, struct err *e)
{
	AUTO(local_cloudwatch_stat_done) struct local_cloudwatch_sum there = { 0 };
	AUTO(db_endp)
	struct db_row *row = db_query(
		l->db,
		"SELECT " SUM_COLUMNS " FROM cloudwatch_data WHERE series=? "
		"AND resolution=? AND at=? AND unit=?",
		DB_ARGS(DB_I(r->series), DB_I(r->resolution), DB_I(r->at), DB_I(r->unit)), e);
	int rc = row ? db_step(row, e) : -1;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return put_row(l, r, &r->sum, e);
	read_sum(row, 0, true, &there);
	db_endp(&row);
	local_cloudwatch_stat_add(&there, &r->sum, CLOUDWATCH_VALUES_MAX);
	return put_row(l, r, &there, e);
}

int local_cloudwatch_store_read(struct local *l, const struct local_cloudwatch_range *range,
				local_cloudwatch_store_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		l->db,
		"SELECT resolution, at, unit, " SUM_COLUMNS " FROM cloudwatch_data WHERE series=?1"
		" AND resolution IN (1, 60, 300, 3600) AND resolution<=?2 AND at>=?3 AND at<?4"
		" AND (unit=?5 OR ?5<0)",
		DB_ARGS(DB_I(range->series), DB_I(range->period), DB_I(range->from),
			DB_I(range->to), DB_I(range->unit)),
		e);
	int rc;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		struct local_cloudwatch_row row = { .series = range->series,
						    .resolution = db_int(r, 0),
						    .at = db_int(r, 1),
						    .unit = (int)db_int(r, 2) };

		read_sum(r, 3, range->deep, &row.sum);
		fn(&row, arg);
		local_cloudwatch_stat_done(&row.sum);
	}
	return rc;
}

/* ---- growing old ---- */

struct age {
	int64_t resolution, keep_s, becomes; /* 0: nothing */
};
static const struct age ages[] = {
	{ 1, 3 * 3600, 60 },
	{ 60, 15 * 86400, 300 },
	{ 300, 63 * 86400, 3600 },
	{ 3600, 455 * 86400, 0 },
};

static int64_t cut_of(const struct age *a, const struct local_cloudwatch_sweep *s, int64_t now_s)
{
	int64_t before = now_s - a->keep_s * s->share / 100;

	return a->becomes ? before - before % a->becomes : before;
}

struct old {
	struct local_cloudwatch_row rows[SWEEP_ROWS];
	size_t count;
};

static int read_old(struct local *l, int64_t series, const struct age *a, int64_t before,
		    struct old *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		l->db,
		"SELECT at, unit, " SUM_COLUMNS " FROM cloudwatch_data WHERE series=? AND "
		"resolution=? AND at<? ORDER BY at LIMIT ?",
		DB_ARGS(DB_I(series), DB_I(a->resolution), DB_I(before), DB_I(SWEEP_ROWS)), e);
	int rc;

	ret->count = 0;
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		struct local_cloudwatch_row *row = &ret->rows[ret->count++];

		*row = (struct local_cloudwatch_row){ .series = series,
						      .resolution = a->becomes,
						      .at = db_int(r, 0),
						      .unit = (int)db_int(r, 1) };
		read_sum(r, 2, a->becomes != 0, &row->sum);
	}
	return rc;
}

/* Moves at most SWEEP_ROWS rows on. 1: there may be more. */
static int age_rows(struct local *l, int64_t series, const struct age *a, int64_t before,
		    struct old *old, struct err *e)
{
	int rc = read_old(l, series, a, before, old, e);

	for (size_t i = 0; i < old->count; i++) {
		struct local_cloudwatch_row *row = &old->rows[i];

		if (rc == 0)
			rc = DB_RUN(
				l->db, e,
				"DELETE FROM cloudwatch_data WHERE series=? AND resolution=? AND "
				"at=? AND unit=?",
				DB_I(series), DB_I(a->resolution), DB_I(row->at), DB_I(row->unit));
		if (a->becomes) {
			row->at -= row->at % a->becomes;
			if (rc == 0)
				rc = local_cloudwatch_store_add(l, row, e);
		}
		local_cloudwatch_stat_done(&row->sum);
	}
	return rc < 0 ? -1 : old->count == SWEEP_ROWS;
}

static int age_series(struct local *l, int64_t series, struct local_cloudwatch_sweep *s,
		      int64_t now_s, struct old *old, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int more = 0, rc;

	for (size_t i = 0; i < COUNT_OF(ages); i++) {
		rc = age_rows(l, series, &ages[i], cut_of(&ages[i], s, now_s), old, e);
		if (rc < 0)
			return -1;
		more |= rc;
	}
	if (more)
		return 1;
	r = db_query(l->db, "SELECT count(*) FROM cloudwatch_data WHERE series=?",
		     DB_ARGS(DB_I(series)), e);
	if (!r || db_step(r, e) < 0)
		return -1;
	s->rows += db_int(r, 0);
	if (db_int(r, 0) > 0)
		return 0;
	db_endp(&r);
	return DB_RUN(l->db, e, "DELETE FROM cloudwatch_series WHERE id=? AND active<?",
		      DB_I(series), DB_I((now_s - ACTIVE_S) * 1000));
}

/* What is kept shrinks while there are too many rows, and grows back slowly. */
static void end_round(struct local_cloudwatch_sweep *s)
{
	const int64_t most = s->most ? s->most : CLOUDWATCH_ROWS_MAX;

	if (s->rows > most && s->share > 1)
		s->share = s->share * 4 / 5;
	else if (s->rows < most / 2 && s->share < 100)
		s->share++;
	s->after = s->rows = 0;
}

int local_cloudwatch_store_sweep(struct local *l, struct local_cloudwatch_sweep *s,
				 struct instant now, struct err *e)
{
	AUTO(own_freep) struct old *old = own_alloc(sizeof(*old));
	int64_t found[SWEEP_SERIES];
	AUTO(db_endp) struct db_row *r = NULL;
	size_t n = 0;
	int rc;

	if (s->share == 0)
		s->share = 100;
	r = db_query(l->db, "SELECT id FROM cloudwatch_series WHERE id>? ORDER BY id LIMIT ?",
		     DB_ARGS(DB_I(s->after), DB_I(SWEEP_SERIES)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1)
		found[n++] = db_int(r, 0);
	db_endp(&r);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = age_series(l, found[i], s, now.ms / 1000, old, e);
		if (rc != 0)
			return rc;
		s->after = found[i];
	}
	if (rc == 0 && n < SWEEP_SERIES)
		end_round(s);
	return rc < 0 ? -1 : n == SWEEP_SERIES;
}
