#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "local/fleet_own.h"

#define KEPT 100
#define FOLDER_FDS 16

struct old {
	char id[LOCAL_FLEET_ID_MAX];
	struct timespec changed;
};

int local_fleet_clear(struct local *l, int64_t *ret_left, struct err *e)
{
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };
	AUTO(local_fleet_rows_groups_done) struct local_fleet_groups gs = { 0 };
	const struct instant now = local_wall(l);

	if (local_fleet_rows_groups(l->db, "", -1, &gs, e) < 0 ||
	    local_fleet_rows_instances(l->db, NULL, "", -1, &is, e) < 0 ||
	    DB_RUN(l->db, e, "UPDATE fleet_group SET status = ?, least = 0, most = 0, desired = 0",
		   DB_S(FLEET_DELETING)) < 0 ||
	    DB_RUN(l->db, e, "UPDATE fleet_instance SET stop_ms = ?, healthy = 0", DB_I(now.ms)) <
		    0)
		return -1;
	*ret_left = (int64_t)is.count;
	for (size_t k = 0; k < is.count; k++) {
		struct local_fleet_instance *i = &is.all[k];
		struct local_fleet_group g = { .name = i->grp, .arn = i->grp };

		i->stop = now;
		if (local_fleet_choose_stopping(i->state))
			continue;
		if (local_fleet_life_terminate(l, &g, i, "", true, now, e) < 0)
			return -1;
		i->stop = now; /* no grace */
		if (local_fleet_rows_put_instance(l->db, i, e) < 0)
			return -1;
	}
	local_fleet_wake(l);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	err_ignore(remove(path)); /* what cannot be removed does not keep the rest */
	return 0;
}

static void remove_all(const char *path)
{
	err_ignore(nftw(path, remove_one, FOLDER_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
}

static int by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct old *)a)->changed;
	const struct timespec *y = &((const struct old *)b)->changed;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Folders of instances that have nothing running, the oldest first. */
static struct old *list_old(struct local_fleet *f, const char *folder, size_t *ret_count)
{
	DIR *dir = opendir(folder);
	struct old *all = NULL;

	*ret_count = 0;
	for (struct dirent *d; dir && (d = readdir(dir));) {
		AUTO(own_freep) char *path = own_printf("%s/%s", folder, d->d_name);
		struct stat st;
		struct old *o;

		if (strncmp(d->d_name, "i-", 2) != 0 || strlen(d->d_name) >= sizeof(o->id) ||
		    local_fleet_find(f, d->d_name) || lstat(path, &st) < 0)
			continue;
		all = own_grow(all, *ret_count + 1, sizeof(*all));
		o = &all[(*ret_count)++];
		snprintf(o->id, sizeof(o->id), "%.19s", d->d_name);
		o->changed = st.st_mtim;
	}
	if (dir)
		closedir(dir);
	if (*ret_count)
		qsort(all, *ret_count, sizeof(*all), by_age);
	return all;
}

void local_fleet_prune(struct local_fleet *f, const char *id)
{
	AUTO(own_freep) char *folder = own_printf("%s/instances", f->local->data);
	AUTO(own_freep) char *tmp = own_printf("%s/%s/tmp", folder, id);
	AUTO(own_freep) struct old *all = NULL;
	size_t count;

	remove_all(tmp);
	all = list_old(f, folder, &count);
	for (size_t i = 0; i + KEPT < count; i++) {
		AUTO(own_freep) char *path = own_printf("%s/%s", folder, all[i].id);

		remove_all(path);
	}
}
