#include "local/local_snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/s3.h"

#define COPY_BYTES (1u << 16)
#define FOLDER_FDS 16

static int copy_bytes(int in, int out, const char *path, struct err *e)
{
	AUTO(own_freep) char *bytes = own_alloc(COPY_BYTES);

	for (;;) {
		ssize_t n = read(in, bytes, COPY_BYTES);

		if (n == 0)
			return fsync(out) < 0 ? err_errno(e, errno, "%s", path) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		for (ssize_t at = 0; at < n;) {
			ssize_t done = write(out, bytes + at, (size_t)(n - at));

			if (done < 0 && errno != EINTR)
				return err_errno(e, errno, "writing %s", path);
			at += done > 0 ? done : 0;
		}
		if (n < 0)
			return err_errno(e, errno, "reading for %s", path);
	}
}

static int copy_file(const char *from, const char *to, struct err *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, rc;

	if (in < 0)
		return err_errno(e, errno, "%s cannot be read", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		rc = err_errno(e, errno, "%s cannot be made", to);
	else
		rc = copy_bytes(in, out, to, e);
	close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* Files of objects never change, so that two names can share one. */
static int share_file(const char *from, const char *to, struct err *e)
{
	return link(from, to) == 0 ? 0 : copy_file(from, to, e);
}

static int make_folder(const char *path, struct err *e)
{
	return mkdir(path, 0700) < 0 ? err_errno(e, errno, "%s cannot be made", path) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	err_ignore(remove(path)); /* what cannot be removed does not keep the rest */
	return 0;
}

/* The files that rows name, and no others: what is being uploaded belongs to nobody yet. */
static int share_objects(struct local *l, const char *folder, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, LOCAL_S3_FILES, NULL, 0, e);
	int rc;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		AUTO(own_freep) char *from = own_printf("%s/s3/%s", l->data, db_str(r, 0));
		AUTO(own_freep) char *to = own_printf("%s/s3/%s", folder, db_str(r, 0));

		if (share_file(from, to, e) < 0)
			return -1;
	}
	return rc;
}

int local_snapshot_take(struct local *l, const char *folder, struct err *e)
{
	AUTO(own_freep) char *part = own_printf("%s.part", folder);
	AUTO(own_freep) char *objects = own_printf("%s/s3", part);
	AUTO(own_freep) char *rows = own_printf("%s/snapshot.db", part);
	struct stat st;
	int rc = -1;

	if (lstat(folder, &st) == 0)
		return err_set(e, ERR_CONFLICT, "%s is there already", folder);
	err_ignore(nftw(part, remove_one, FOLDER_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
	if (make_folder(part, e) < 0)
		return -1;
	if (make_folder(objects, e) == 0 && db_copy(l->db, rows, e) == 0)
		rc = share_objects(l, part, e);
	if (rc == 0 && rename(part, folder) < 0)
		rc = err_errno(e, errno, "%s cannot be made", folder);
	if (rc < 0)
		err_ignore(nftw(part, remove_one, FOLDER_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
	return rc;
}

static int lay_objects(const char *from, const char *data, struct err *e)
{
	AUTO(own_freep) char *source = own_printf("%s/s3", from);
	AUTO(own_freep) char *target = own_printf("%s/s3", data);
	DIR *dir = opendir(source);
	int rc = dir ? 0 : err_errno(e, errno, "%s cannot be read", source);

	if (rc == 0 && mkdir(target, 0700) < 0 && errno != EEXIST)
		rc = err_errno(e, errno, "%s cannot be made", target);
	for (struct dirent *d; rc == 0 && (d = readdir(dir));) {
		AUTO(own_freep) char *file = own_printf("%s/%s", source, d->d_name);
		AUTO(own_freep) char *to = own_printf("%s/%s", target, d->d_name);

		if (d->d_name[0] != '.')
			rc = share_file(file, to, e);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int local_snapshot_lay(const char *from, const char *data, bool memory, struct err *e)
{
	AUTO(own_freep) char *rows = own_printf("%s/snapshot.db", from);
	AUTO(own_freep) char *part = own_printf("%s/local.db.part", data);
	AUTO(own_freep) char *there = own_printf("%s/local.db", data);
	struct stat st;

	if (lstat(rows, &st) < 0)
		return err_errno(e, errno, "%s is no snapshot", from);
	if (memory)
		return lay_objects(from, data, e);
	if (lstat(there, &st) == 0)
		return err_set(e, ERR_POLICY, "%s holds a state already: --from is for a new one",
			       data);
	unlink(part); /* of a start that was killed */
	if (lay_objects(from, data, e) < 0 || copy_file(rows, part, e) < 0)
		return -1;
	/* Last, since from then on the state is there. */
	return rename(part, there) < 0 ? err_errno(e, errno, "%s cannot be made", there) : 0;
}

int local_snapshot_settle(struct db *d, struct err *e)
{
	/* Their processes are another's: nothing of them is found here, and they are launched anew.
	 */
	return DB_RUN(d, e,
		      "UPDATE fleet_instance SET pid = 0, pid_start = 0, boot_id = NULL, port = ?",
		      DB_I(0));
}
