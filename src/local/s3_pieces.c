/* Where the bytes of an object are: one file, or those of the parts that it was completed from,
 * whose rows it keeps. Who reads them holds them: files of an object that goes meanwhile are
 * removed once nobody reads it any more, or by the next start. */
#include "local/s3_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "local/s3.h"

const char local_s3_pieces_schema[] =
	"ALTER TABLE s3_objects ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;";

struct s3_pieces {
	struct s3_pieces *next;
	struct local_s3 *s3;
	char object[S3_FILE_NAME];
	struct s3_piece *all;
	size_t count;
	struct s3_drops left; /* to be removed once it is free */
	/* Reading them one after the other. */
	size_t at;
	int64_t done; /* bytes of the piece at hand */
	int fd;       /* its file; -1: not open */
};

/* ---- removing ---- */

void local_s3_pieces_drop(struct s3_drops *d, const char *object, const char *file)
{
	if (!*file)
		return;
	if ((d->count & (d->count - 1)) == 0) /* none, or a power of two: they are all in use */
		d->all = own_grow(d->all, d->count ? 2 * d->count : 1, sizeof(*d->all));
	snprintf(d->all[d->count].object, sizeof(d->all->object), "%s", object);
	snprintf(d->all[d->count++].file, sizeof(d->all->file), "%s", file);
}

void local_s3_pieces_drops_done(struct s3_drops *d)
{
	own_free(d->all);
	*d = (struct s3_drops){ 0 };
}

struct removal {
	struct local_s3 *s3;
	struct s3_drops files;
};

static void removal_work(void *arg)
{
	const struct removal *m = arg;

	for (size_t i = 0; i < m->files.count; i++) {
		AUTO(own_freep) char *path = local_s3_path(m->s3, m->files.all[i].file);

		unlink(path);
	}
}

static void removal_after(void *arg)
{
	struct removal *m = arg;

	local_s3_pieces_drops_done(&m->files);
	local_s3_idle(m->s3);
	own_free(m);
}

static struct s3_pieces *reader(const struct local_s3 *s, const char *object)
{
	struct s3_pieces *p = s->reading;

	while (p && strcmp(p->object, object))
		p = p->next;
	return p;
}

/* Removing a large file takes time: off the loop. */
void local_s3_pieces_remove(struct local_s3 *s, const struct s3_drops *d)
{
	struct removal *m = own_alloc(sizeof(*m));

	m->s3 = s;
	for (size_t i = 0; i < d->count; i++) {
		const struct s3_drop *one = &d->all[i];
		struct s3_pieces *p = reader(s, one->object);

		local_s3_pieces_drop(p ? &p->left : &m->files, one->object, one->file);
	}
	s->busy++;
	if (m->files.count && s->local)
		loop_work(s->local->loop, removal_work, removal_after, m);
	else
		removal_after(m); /* none, or stopped: the next start removes them */
}

/* ---- which ---- */

static void piece_add(struct s3_pieces *p, const char *file, int64_t first, int64_t count)
{
	if ((p->count & (p->count - 1)) == 0)
		p->all = own_grow(p->all, p->count ? 2 * p->count : 1, sizeof(*p->all));
	p->all[p->count] = (struct s3_piece){ .first = first, .count = count };
	snprintf(p->all[p->count++].file, sizeof(p->all->file), "%s", file);
}

/* Parts that the bytes from @p first up to @p end are in. */
static int pieces_of_parts(struct s3_pieces *p, int64_t first, int64_t end, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		p->s3->local->db, "SELECT file, size FROM s3_parts WHERE upload=? ORDER BY number",
		DB_ARGS(DB_S(p->object)), e);
	int64_t at = 0, size;
	int rc = r ? 1 : -1;

	for (; rc == 1 && at < end && (rc = db_step(r, e)) == 1; at += size) {
		int64_t from, to;

		size = db_int(r, 1);
		from = at > first ? at : first;
		to = at + size < end ? at + size : end;
		if (from < to)
			piece_add(p, db_str(r, 0), from - at, to - from);
	}
	if (rc == 0 && at < end)
		return err_set(e, ERR_LOCAL, "parts of an object are missing");
	return rc < 0 ? -1 : 0;
}

struct s3_pieces *local_s3_pieces_new(struct local_s3 *s, const struct s3_object *o, int64_t first,
				      int64_t count, struct err *e)
{
	struct s3_pieces *p = own_alloc(sizeof(*p));

	p->s3 = s;
	p->fd = -1;
	memcpy(p->object, o->file, sizeof(p->object));
	s->busy++;
	p->next = s->reading;
	s->reading = p;
	if (!o->parts)
		piece_add(p, o->file, first, count);
	else if (pieces_of_parts(p, first, first + count, e) < 0)
		local_s3_pieces_freep(&p);
	return p;
}

void local_s3_pieces_free(struct s3_pieces *p)
{
	struct s3_pieces **at;

	if (!p)
		return;
	for (at = &p->s3->reading; *at != p;)
		at = &(*at)->next;
	*at = p->next;
	if (p->left.count)
		local_s3_pieces_remove(p->s3, &p->left); /* or another reader gets them */
	local_s3_pieces_drops_done(&p->left);
	if (p->fd >= 0)
		close(p->fd);
	local_s3_idle(p->s3);
	own_free(p->all);
	own_free(p);
}

/* ---- reading ---- */

int local_s3_pieces_open(struct s3_pieces *p, struct err *e)
{
	AUTO(own_freep) char *path = NULL;

	if (p->at == p->count || p->fd >= 0)
		return 0;
	path = local_s3_path(p->s3, p->all[p->at].file);
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	return p->fd < 0 ? err_errno(e, errno, "%s, which a row names, cannot be opened", path) : 0;
}

int local_s3_pieces_file(struct s3_pieces *p, int64_t *ret_at, int64_t *ret_count, struct err *e)
{
	const struct s3_piece *one;

	while (p->at < p->count && p->done == p->all[p->at].count) {
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
		p->done = 0;
		p->at++;
	}
	if (p->at == p->count)
		return err_set(e, ERR_LOCAL, "an object has no more bytes");
	if (local_s3_pieces_open(p, e) < 0)
		return -1;
	one = &p->all[p->at];
	*ret_at = one->first + p->done;
	*ret_count = one->count - p->done;
	return p->fd;
}

void local_s3_pieces_taken(struct s3_pieces *p, int64_t bytes)
{
	p->done += bytes;
}

/* ---- parts ---- */

int local_s3_pieces_part(struct local_s3 *s, const struct s3_object *o, int64_t number,
			 int64_t *ret_first, int64_t *ret_count, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret_first = 0;
	*ret_count = o->size;
	if (!o->parts)
		return number == 1;
	r = db_query(s->local->db,
		     "SELECT size, (SELECT COALESCE(sum(size), 0) FROM s3_parts WHERE upload=?1 AND"
		     " number<?2) FROM s3_parts WHERE upload=?1 AND number=?2",
		     DB_ARGS(DB_S(o->file), DB_I(number)), e);
	rc = r ? db_step(r, e) : -1;
	if (rc == 1) {
		*ret_first = db_int(r, 1);
		*ret_count = db_int(r, 0);
	}
	return rc;
}

int local_s3_pieces_forget(struct s3_request *r, const struct s3_object *o, struct err *e)
{
	struct db *db = r->s3->local->db;
	AUTO(db_endp) struct db_row *row = NULL;
	int rc;

	if (!o->parts) {
		local_s3_pieces_drop(&r->drops, o->file, o->file);
		return 0;
	}
	row = db_query(db, "SELECT file FROM s3_parts WHERE upload=?", DB_ARGS(DB_S(o->file)), e);
	if (!row)
		return -1;
	while ((rc = db_step(row, e)) == 1)
		local_s3_pieces_drop(&r->drops, o->file, db_str(row, 0));
	return rc < 0 ? -1 : DB_RUN(db, e, "DELETE FROM s3_parts WHERE upload=?", DB_S(o->file));
}

/* ---- all of them ---- */

static void all_gone(struct local *l, bool committed, void *arg)
{
	struct s3_drops *d = arg;

	if (committed)
		local_s3_pieces_remove(l->s3, d);
	local_s3_pieces_drops_done(d);
	own_free(d);
}

int local_s3_pieces_forget_all(struct local *l, struct err *e)
{
	struct s3_drops *d = own_alloc(sizeof(*d));
	AUTO(db_endp) struct db_row *r = NULL;
	int rc = -1;

	local_after_commit(l, all_gone, d);
	r = db_query(l->db, LOCAL_S3_FILES, NULL, 0, e);
	while (r && (rc = db_step(r, e)) == 1)
		local_s3_pieces_drop(d, db_str(r, 1), db_str(r, 0));
	return rc < 0 ? -1 : 0;
}
