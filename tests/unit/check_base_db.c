#include "check_base.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"

static const char *const migrations[] = {
	("CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT, b BLOB, r REAL);"
	 "CREATE TABLE child(id INTEGER REFERENCES t(id))"),
	"ALTER TABLE t ADD COLUMN extra TEXT",
	"CREATE INDEX t_s ON t(s)",
};

static char folder[64], path[128];

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/check_base_db.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.db", folder);
}

static void teardown(void)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < COUNT_OF(tails); i++) {
		char name[160];

		snprintf(name, sizeof(name), "%s%s", path, tails[i]);
		unlink(name);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct db *open_or_fail(enum db_mode mode, size_t versions)
{
	struct err e = { 0 };
	struct db *d = db_open(path, mode, migrations, versions, &e);

	ck_assert_msg(d != NULL, "%s", e.text);
	return d;
}

static int64_t count(struct db *d, const char *sql)
{
	struct err e = { 0 };
	struct db_row *r = db_query(d, sql, NULL, 0, &e);
	int64_t n;

	ck_assert_msg(r != NULL, "%s", e.text);
	ck_assert_int_eq(db_step(r, &e), 1);
	n = db_int(r, 0);
	db_end(r);
	return n;
}

START_TEST(db_keeps_values)
{
	AUTO(db_closep) struct db *d = db_open(NULL, DB_MEMORY, migrations, 3, NULL);
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e = { 0 };
	int64_t changes = 0;
	size_t len;

	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id,s,b,r) VALUES(?,?,?,?)", DB_I(INT64_MIN),
				DB_S("é'; --"), DB_B("a\0b", 3), DB_D(0.1)),
			 0);
	ck_assert_int_eq(db_last_id(d), INT64_MIN);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id,s,b,r) VALUES(?,?,?,?)", DB_I(1),
				DB_S(NULL), DB_B(NULL, 0), DB_N),
			 0);
	r = db_query(d, "SELECT id,s,b,r FROM t ORDER BY id", NULL, 0, &e);
	ck_assert_int_eq(db_step(r, &e), 1);
	ck_assert(db_int(r, 0) == INT64_MIN && db_real(r, 3) == 0.1);
	ck_assert_str_eq(db_str(r, 1), "é'; --");
	ck_assert_mem_eq(db_blob(r, 2, &len), "a\0b", 3);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(db_step(r, &e), 1);
	ck_assert(db_is_null(r, 1) && !db_str(r, 1) && !db_is_null(r, 2) && db_is_null(r, 3));
	db_blob(r, 2, &len);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(db_step(r, &e), 0);
	ck_assert_int_eq(db_exec(d, "UPDATE t SET s='x'", NULL, 0, &changes, &e), 0);
	ck_assert_int_eq(changes, 2);
}
END_TEST

START_TEST(db_says_what_is_wrong)
{
	AUTO(db_closep) struct db *d = db_open(NULL, DB_MEMORY, migrations, 3, NULL);
	struct db_row *r;
	struct err e = { 0 };

	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), 0);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_str_eq(e.code, "constraint");
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO child VALUES(?)", DB_I(99)),
			 -1); /* foreign keys are on */
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1), DB_I(2)), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "wrong number of values"));
	ck_assert_int_eq(db_exec(d, "SELEC", NULL, 0, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "syntax error"));
	ck_assert_int_eq(db_exec(d, "SELECT 1; DROP TABLE t", NULL, 0, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "one statement"));
	ck_assert_int_eq(db_exec(d, "", NULL, 0, NULL, &e), -1);
	r = db_query(d, "SELECT id FROM t", NULL, 0, &e);
	ck_assert_ptr_null(db_query(d, "SELECT id FROM t", NULL, 0, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "already open"));
	db_end(r);
	r = db_query(d, "SELECT id FROM t", NULL, 0, &e);
	ck_assert_ptr_nonnull(r);
	db_end(r);
	db_end(NULL);
}
END_TEST

START_TEST(db_transactions)
{
	AUTO(db_closep) struct db *d = open_or_fail(DB_CREATE, 3);
	struct err e = { 0 };

	ck_assert_int_eq(db_begin(d, &e), 0);
	ck_assert(db_in_transaction(d));
	ck_assert_int_eq(db_begin(d, &e), -1);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), 0);
	db_rollback(d);
	ck_assert(!db_in_transaction(d));
	db_rollback(d);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM t"), 0);
	ck_assert_int_eq(db_commit(d, &e), -1);
	ck_assert_int_eq(db_begin(d, &e), 0);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), 0);
	ck_assert_int_eq(db_commit(d, &e), 0);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM t"), 1);
	ck_assert_int_eq(count(d, "PRAGMA synchronous"), 2);
	ck_assert_int_eq(count(d, "PRAGMA foreign_keys"), 1);
}
END_TEST

START_TEST(db_many_statements)
{
	AUTO(db_closep) struct db *d = db_open(NULL, DB_MEMORY, migrations, 3, NULL);
	struct db_row *open[300] = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	for (int i = 0; i < 1000; i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT %d", i);
		ck_assert_int_eq(count(d, sql), i);
	}
	for (; n < COUNT_OF(open); n++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT %zu", n);
		open[n] = db_query(d, sql, NULL, 0, &e);
		if (!open[n])
			break;
	}
	ck_assert_ptr_nonnull(strstr(e.text, "too many open queries"));
	while (n--)
		db_end(open[n]);
	ck_assert_int_eq(count(d, "SELECT 7"), 7);
}
END_TEST

/* A reader that comes between the making of the file and that of its tables. */
START_TEST(db_just_being_made_is_not_there_yet)
{
	struct err e = { 0 };
	FILE *made = fopen(path, "w");

	ck_assert_ptr_nonnull(made);
	fclose(made);
	ck_assert_ptr_null(db_open(path, DB_READ_ONLY, migrations, 2, &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.text, "has not made it yet"));
}
END_TEST

START_TEST(db_migrates)
{
	struct err e = { 0 };
	struct db *d = open_or_fail(DB_CREATE, 1);
	static const char *const broken[] = { "SELECT 1", "CREATE TABLE w(a)",
					      "CREATE TABLE x(a); CREATE TABL y" };

	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), 0);
	db_close(d);
	ck_assert_ptr_null(db_open(path, DB_READ_ONLY, migrations, 2, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "start the program that writes it once"));
	ck_assert_ptr_null(db_open(path, DB_CREATE, broken, 3, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "migration to version 3"));
	d = open_or_fail(DB_READ_ONLY, 1); /* the step before it went with it: all or none */
	ck_assert_int_eq(count(d, "SELECT count(*) FROM sqlite_master WHERE name IN ('w','x')"), 0);
	db_close(d);
	d = open_or_fail(DB_CREATE, 2);
	ck_assert_int_eq(count(d, "SELECT count(extra) + count(*) FROM t"), 1);
	ck_assert_int_eq(count(d, "PRAGMA user_version"), 2);
	db_close(d);
	ck_assert_ptr_null(db_open(path, DB_CREATE, migrations, 1, &e));
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_ptr_nonnull(strstr(
		e.text,
		"has version 2, written by a newer program; this one knows versions up to 1"));
	d = open_or_fail(DB_READ_ONLY, 2);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM t"), 1);
	ck_assert_int_eq(DB_RUN(d, &e, "INSERT INTO t(id) VALUES(?)", DB_I(2)), -1);
	ck_assert_str_eq(e.code, "readonly");
	db_close(d);
}
END_TEST

START_TEST(db_not_there_or_damaged)
{
	AUTO(buf_done) struct buf file = BUF(1 << 22);
	struct err e = { 0 };
	struct db *d;

	ck_assert_ptr_null(db_open(path, DB_READ_ONLY, migrations, 3, &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_ptr_null(db_open("/nonexistent/folder/x.db", DB_CREATE, migrations, 3, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/folder/x.db"));
	buf_adds(&file, "this is no database, whatever its name says; it is longer than a header");
	while (file.len < 5000)
		buf_addc(&file, 'x');
	ck_assert_int_eq(buf_write_file(&file, path, 0600, &e), 0);
	ck_assert_ptr_null(db_open(path, DB_CREATE, migrations, 3, &e));
	ck_assert_str_eq(e.code, "corrupt");
	ck_assert_ptr_nonnull(strstr(e.text, "damaged"));
	unlink(path);
	d = open_or_fail(DB_CREATE, 3);
	ck_assert_int_eq(db_begin(d, &e), 0);
	for (int i = 0; i < 5000; i++)
		ck_assert_int_eq(
			DB_RUN(d, &e, "INSERT INTO t(id,s) VALUES(?,'some text')", DB_I(i)), 0);
	ck_assert_int_eq(db_commit(d, &e), 0);
	db_close(d);
	ck_assert_int_eq(buf_read_file(&file, path, &e), 0);
	memset(file.data + 8192, 0xA5, file.len - 8192); /* behind the schema's pages */
	ck_assert_int_eq(buf_write_file(&file, path, 0600, &e), 0);
	d = db_open(path, DB_CREATE, migrations, 3, &e);
	if (d) {
		struct db_row *r = db_query(d, "SELECT sum(length(s)) FROM t", NULL, 0, &e);

		ck_assert(!r || db_step(r, &e) < 0);
		db_end(r);
		db_close(d);
	}
	ck_assert_str_eq(e.code, "corrupt");
	ck_assert_int_eq(e.kind, ERR_LOCAL);
}
END_TEST

START_TEST(db_locked_by_another)
{
	AUTO(db_closep) struct db *a = open_or_fail(DB_CREATE, 3);
	AUTO(db_closep) struct db *b = open_or_fail(DB_CREATE, 3);
	AUTO(db_closep) struct db *reader = open_or_fail(DB_READ_ONLY, 3);
	struct err e = { 0 };
	int64_t before = clock_mono().ms;

	ck_assert_int_eq(db_begin(a, &e), 0);
	ck_assert_int_eq(DB_RUN(a, &e, "INSERT INTO t(id) VALUES(?)", DB_I(1)), 0);
	ck_assert_int_eq(count(reader, "SELECT count(*) FROM t"), 0); /* readers never wait */
	ck_assert_int_eq(db_begin(b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_str_eq(e.code, "busy");
	ck_assert_int_ge(clock_mono().ms - before, 4500);
	ck_assert_int_eq(db_commit(a, &e), 0);
	ck_assert_int_eq(db_begin(b, &e), 0);
	db_rollback(b);
	ck_assert_int_eq(count(reader, "SELECT count(*) FROM t"), 1);
}
END_TEST

/* Opening a new file at once: one creates it, the others wait, all see the same tables. */
START_TEST(db_created_by_many)
{
	pid_t pids[6];

	for (size_t i = 0; i < COUNT_OF(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct db *d = db_open(path, DB_CREATE, migrations, 3, NULL);
			int rc = d ? DB_RUN(d, NULL, "INSERT INTO t(s) VALUES(?)", DB_S("x")) : -1;

			db_close(d);
			_exit(rc == 0 ? 0 : 1);
		}
	}
	for (size_t i = 0; i < COUNT_OF(pids); i++) {
		int status = 0;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	AUTO(db_closep) struct db *d = open_or_fail(DB_CREATE, 3);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM t"), COUNT_OF(pids));
}
END_TEST

/* Writes row after row and says each number once it is committed. */
static void write_for_ever(int to)
{
	struct db *d = db_open(path, DB_CREATE, migrations, 3, NULL);

	for (int64_t i = 1;; i++) {
		if (db_begin(d, NULL) < 0 ||
		    DB_RUN(d, NULL, "INSERT INTO t(s) VALUES(?)", DB_S("first of two")) < 0 ||
		    DB_RUN(d, NULL, "INSERT INTO t(s) VALUES(?)", DB_S("second of two")) < 0 ||
		    db_commit(d, NULL) < 0 || write(to, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

START_TEST(db_survives_kill)
{
	int64_t committed = 0;

	for (int round = 0; round < 5; round++) {
		int64_t told = 0, rows, i;
		int pair[2], status;
		struct db *d;
		pid_t pid;

		ck_assert_int_eq(pipe(pair), 0);
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			write_for_ever(pair[1]);
		}
		close(pair[1]);
		while (told < 20 + 13 * round && read(pair[0], &i, sizeof(i)) == sizeof(i))
			told = i;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		while (read(pair[0], &i, sizeof(i)) == sizeof(i)) /* said before it died */
			told = i;
		close(pair[0]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		committed += told;
		d = open_or_fail(DB_CREATE, 3);
		rows = count(d, "SELECT count(*) FROM t");
		ck_assert_int_eq(rows % 2, 0); /* no half of a transaction */
		/* all that was told; at most one more that died before telling */
		ck_assert(rows / 2 >= committed && rows / 2 <= committed + 1);
		committed = rows / 2;
		db_close(d);
	}
}
END_TEST

static off_t log_size(void)
{
	char name[160];
	struct stat st;

	snprintf(name, sizeof(name), "%s-wal", path);
	ck_assert_int_eq(stat(name, &st), 0);
	return st.st_size;
}

/* A mover on a thread of its own keeps up with a writer that never rests; what is left in the log
 * is found again, and the log does not grow for ever. */
static void *tidy(void *arg)
{
	db_tidy(arg);
	return NULL;
}

START_TEST(db_synced_apart)
{
	char body[3000];
	struct db *d = open_or_fail(DB_CREATE, 3);
	struct err e = { 0 };
	off_t most = 0;
	int moved = 0;

	memset(body, 'b', sizeof(body));
	ck_assert_msg(db_sync_apart(d, &e) == 0, "%s", e.text);
	ck_assert(!db_tidy_due(d));
	for (int i = 0; i < 30000; i++) {
		ck_assert_int_eq(db_begin(d, &e), 0);
		ck_assert_msg(DB_RUN(d, &e, "INSERT INTO t(s, b) VALUES(?,?)", DB_S("x"),
				     DB_B(body, sizeof(body))) == 0,
			      "%s", e.text);
		ck_assert_msg(db_commit(d, &e) == 0, "%s", e.text);
		if (i % 1000 == 0)
			ck_assert_msg(db_sync(d, &e) == 0, "%s", e.text);
		if (db_tidy_due(d) && i % 500 == 0) {
			pthread_t thread;

			ck_assert_int_eq(pthread_create(&thread, NULL, tidy, d), 0);
			ck_assert_int_eq(pthread_join(thread, NULL), 0);
			moved++;
		}
		most = log_size() > most ? log_size() : most;
	}
	ck_assert_int_gt(moved, 0);
	ck_assert_int_lt(most, 100 << 20); /* 30,000 commits of several pages each are far more */
	db_close(d);
	d = open_or_fail(DB_CREATE, 3);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM t"), 30000);
	db_close(d);
}
END_TEST

Suite *suite_db(void)
{
	Suite *s = suite_create("db");
	TCase *c = suite_case(s, "db");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, db_keeps_values);
	tcase_add_test(c, db_says_what_is_wrong);
	tcase_add_test(c, db_transactions);
	tcase_add_test(c, db_many_statements);
	tcase_add_test(c, db_migrates);
	tcase_add_test(c, db_just_being_made_is_not_there_yet);
	tcase_add_test(c, db_not_there_or_damaged);
	tcase_add_test(c, db_locked_by_another);
	tcase_add_test(c, db_created_by_many);
	tcase_add_test(c, db_survives_kill);
	tcase_add_test(c, db_synced_apart);
	return s;
}
