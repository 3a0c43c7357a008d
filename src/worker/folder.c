#include "worker/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/own.h"

#define DEPTH_MAX 8
#define RESERVE_BYTES (64 << 20)
#define LOCK_NAME "lock"
#define PREFIX "worker-"

static int remove_inside(int dir, int depth)
{
	DIR *d = fdopendir(dir);
	struct dirent *entry;
	int failed = 0;

	if (!d) {
		close(dir);
		return -1;
	}
	while ((entry = readdir(d))) {
		int inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) == 0)
			continue;
		inner = depth > 0 ? openat(dirfd(d), entry->d_name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				  : -1;
		if (inner < 0 || remove_inside(inner, depth - 1) < 0 ||
		    unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR) < 0)
			failed = -1;
	}
	closedir(d);
	return failed;
}

/* Removes what is in @p dir, which is taken; a folder of the name @p keep is only emptied. */
static int empty(int dir, const char *keep)
{
	DIR *d = fdopendir(dir);
	struct dirent *entry;
	int failed = 0, inner;

	if (!d) {
		close(dir);
		return -1;
	}
	while ((entry = readdir(d))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    unlinkat(dirfd(d), name, 0) == 0)
			continue;
		inner = openat(dirfd(d), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner < 0 || remove_inside(inner, DEPTH_MAX) < 0 ||
		    (strcmp(name, keep) != 0 && unlinkat(dirfd(d), name, AT_REMOVEDIR) < 0))
			failed = -1;
	}
	closedir(d);
	return failed;
}

int worker_folder_fresh(const char *path, const char *inner, struct err *e)
{
	AUTO(own_freep) char *below = own_printf("%s/%s", path, inner);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* What a command did to its folder, its mode say, is not for the next to find. */
	if (dir >= 0 &&
	    (fchmod(dir, 0700) < 0 || empty(dir, inner) < 0 || chmod(below, 0700) < 0) &&
	    worker_folder_remove(path, e) < 0)
		return -1;
	if (worker_folder_make(path, e) < 0)
		return -1;
	return worker_folder_make(below, e);
}

/* A folder's time of change is set to zero when it has been cleared: whatever is made or removed
 * in it sets that to now. */
static bool untouched(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700 &&
	       st.st_mtim.tv_sec == 0 && st.st_mtim.tv_nsec == 0;
}

int worker_folder_tidied(const char *path, const char *inner, struct err *e)
{
	static const struct timespec never[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	AUTO(own_freep) char *below = own_printf("%s/%s", path, inner);

	if (untouched(path) && untouched(below))
		return 0;
	if (worker_folder_fresh(path, inner, e) < 0)
		return -1;
	if (utimensat(AT_FDCWD, path, never, 0) < 0 || utimensat(AT_FDCWD, below, never, 0) < 0)
		return err_errno(e, errno, "clearing the folder %s", path);
	return 0;
}

int worker_folder_remove(const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : err_errno(e, errno, "removing %s", path);
	if (remove_inside(dir, DEPTH_MAX) < 0 || rmdir(path) < 0)
		return err_errno(e, errno, "removing %s", path);
	return 0;
}

int worker_folder_make(const char *path, struct err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "making the folder %s", path);
	return 0;
}

static int make_all(const char *path, struct err *e)
{
	AUTO(own_freep) char *part = own_strdup(path);
	struct err ignored = { 0 };

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		err_ignore(worker_folder_make(part, &ignored)); /* the last one tells */
		*slash = '/';
	}
	return worker_folder_make(part, e);
}

/* The lock of a worker's folder: its descriptor, or -1 when somebody has it or it is not there. */
static int lock_of(const char *folder, int flags)
{
	AUTO(own_freep) char *path = own_printf("%s/" LOCK_NAME, folder);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A folder without a lock is half made or half removed; the work dir's own lock says nobody is at
 * it. */
static void clear_dead(const char *work_dir)
{
	DIR *d = opendir(work_dir);
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d))) {
		AUTO(own_freep) char *path = own_printf("%s/%s", work_dir, entry->d_name);
		AUTO(own_freep) char *lock = own_printf("%s/" LOCK_NAME, path);
		struct err ignored = { 0 };
		int fd;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		fd = lock_of(path, 0);
		if (fd < 0 && access(lock, F_OK) == 0)
			continue; /* alive */
		err_ignore(worker_folder_remove(
			path, &ignored)); /* what cannot be removed is in nobody's way */
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
}

int worker_folder_open(struct folder *f, const char *work_dir, struct err *e)
{
	char id[CRYPTO_UUID_MAX];
	int all;

	f->path = NULL;
	f->lock = -1;
	if (make_all(work_dir, e) < 0)
		return -1;
	all = open(work_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (all < 0)
		return err_errno(e, errno, "opening %s", work_dir);
	while (flock(all, LOCK_EX) < 0 && errno == EINTR)
		continue;
	clear_dead(work_dir);
	f->path = own_printf("%s/" PREFIX "%.8s", work_dir, crypto_uuid(id));
	if (worker_folder_make(f->path, e) == 0) {
		f->lock = lock_of(f->path, O_CREAT);
		if (f->lock < 0)
			err_errno(e, errno, "locking %s", f->path);
	}
	close(all);
	if (f->lock >= 0)
		return 0;
	own_free(TAKE(f->path));
	return -1;
}

void worker_folder_close(struct folder *f)
{
	struct err ignored = { 0 };

	if (f->path)
		err_ignore(worker_folder_remove(
			f->path, &ignored)); /* else the next worker's start removes it */
	if (f->lock >= 0)
		close(f->lock);
	own_free(TAKE(f->path));
	f->lock = -1;
}

int worker_folder_need(const char *path, int64_t bytes, struct err *e)
{
	struct statvfs s;
	int64_t free_bytes;

	if (statvfs(path, &s) < 0)
		return err_errno(e, errno, "looking at the disk of %s", path);
	free_bytes = (int64_t)s.f_bavail * (int64_t)s.f_frsize;
	if (free_bytes < bytes + RESERVE_BYTES)
		return err_set(e, ERR_LOCAL,
			       "the work folder's disk has %lld MiB free, and %lld MiB are needed"
			       " -> free some, or name another --work-dir",
			       (long long)(free_bytes >> 20),
			       (long long)((bytes + RESERVE_BYTES) >> 20));
	return 0;
}

int worker_folder_could(const char *path, int64_t bytes, struct err *e)
{
	struct statvfs s;
	int64_t whole;

	if (statvfs(path, &s) < 0)
		return err_errno(e, errno, "looking at the disk of %s", path);
	whole = (int64_t)s.f_blocks * (int64_t)s.f_frsize;
	if (whole < bytes)
		return err_set(e, ERR_POLICY,
			       "its %lld MiB do not fit on the whole of the work folder's disk, "
			       "%lld MiB -> larger disks, or a lower max_megabytes in the profile",
			       (long long)(bytes >> 20), (long long)(whole >> 20));
	return 0;
}
