/* Files of a directory, and what policies may not have in common. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "policy/raw.h"

#define DIRECTORY_MAX 65536 /* entries looked at */

static bool is_policy_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && strcmp(name, POLICY_DEFAULTS) != 0 && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **items;
	size_t count;
};

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		own_free(n->items[i]);
	own_free(n->items);
}

static int list(const char *path, struct names *ret, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *one;
	size_t n = strlen(path);

	if (!d)
		return err_errno(e, errno, "directory %s", path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	while ((one = readdir(d)) && ret->count < DIRECTORY_MAX) {
		if (!is_policy_file(one->d_name))
			continue;
		ret->items = own_grow(ret->items, ret->count + 1, sizeof(*ret->items));
		ret->items[ret->count++] = own_printf("%.*s/%s", (int)n, path, one->d_name);
	}
	closedir(d);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return 0;
}

static int read_file(const char *path, const struct policy_reading *how, struct policy_set *set,
		     struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(YAML_BYTES_MAX);

	if (buf_read_file(&text, path, e) < 0)
		return -1;
	(void)policy_read_text(path, buf_str(&text), text.len, how, set);
	return 0;
}

static int read_directory(const char *path, const struct policy_reading *how,
			  struct policy_set *set, struct err *e)
{
	AUTO(names_done) struct names names = { 0 };
	struct err one;

	if (list(path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (read_file(names.items[i], how, set, &one) < 0) {
			policy_problem_add(set, &(struct policy_problem){ .file = names.items[i],
									  .text = one.text });
			set->files++;
			set->bad_files++;
		}
	return 0;
}

/* The defaults of a folder; NULL where it has none. false: they cannot be read, and no policy of
 * the folder means what was meant without them. */
static bool read_defaults(const char *folder, size_t len, struct yaml **ret, struct policy_set *set)
{
	AUTO(own_freep)
	char *path = own_printf("%.*s%s" POLICY_DEFAULTS, (int)len, folder, len ? "/" : "");
	struct err e;

	*ret = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return true;
	*ret = yaml_load(path, &e);
	if (*ret && (!yaml_root(*ret) || yaml_root(*ret)->kind == YAML_MAP))
		return true;
	if (*ret)
		err_set(&e, ERR_POLICY, "the defaults are not a map");
	policy_problem_err(set, path, &e);
	set->files++;
	set->bad_files++;
	return false;
}

int policy_set_read(const char *path, const struct policy_reading *how, struct policy_set *ret,
		    struct err *e)
{
	AUTO(yaml_freep) struct yaml *defaults = NULL;
	const char *slash = strrchr(path, '/');
	struct policy_reading with = *how;
	struct stat st;
	bool folder;
	int rc;

	*ret = (struct policy_set){ 0 };
	if (stat(path, &st) < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_LOCAL,
			       "policy %s: %s -> name a policy file or a folder of them", path,
			       strerror(errno));
	folder = S_ISDIR(st.st_mode);
	if (!read_defaults(path,
			   folder  ? strlen(path)
			   : slash ? (size_t)(slash - path)
				   : 0,
			   &defaults, ret))
		return 0;
	with.defaults = defaults ? yaml_root(defaults) : how->defaults;
	rc = folder ? read_directory(path, &with, ret, e) : read_file(path, &with, ret, e);
	if (rc < 0)
		policy_set_done(ret);
	else
		policy_set_check(ret);
	return rc;
}

static void tell(struct policy_set *set, const struct policy *p, const char *text)
{
	policy_problem_add(set, &(struct policy_problem){ .file = (char *)p->file,
							  .line = p->fleet.line,
							  .column = p->fleet.column,
							  .text = (char *)text });
}

static void block_pair(struct policy_set *set, struct policy_item *a, struct policy_item *b)
{
	AUTO(own_freep) char *of_a = NULL, *of_b = NULL;
	const struct policy *pa = a->policy, *pb = b->policy;

	of_a = own_printf("%s and %s (%s) both enforce group %s: neither may write; make one of "
			  "them a shadow",
			  pa->name, pb->name, pb->file, pa->fleet.auto_scaling_group);
	of_b = own_printf("%s and %s (%s) both enforce group %s: neither may write; make one of "
			  "them a shadow",
			  pb->name, pa->name, pa->file, pb->fleet.auto_scaling_group);
	a->blocked = b->blocked = true;
	tell(set, pa, of_a);
	tell(set, pb, of_b);
}

/* Journal and page know policies by name: the later of two is left out. */
static void drop_same_names(struct policy_set *set)
{
	for (size_t i = 1; i < set->count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct policy *p = set->items[i].policy,
					    *other = set->items[k].policy;
			AUTO(own_freep) char *text = NULL;

			if (strcmp(p->name, other->name) != 0)
				continue;
			text = own_printf(
				"%s has a policy of this name, %s, already: this one is left out",
				other->file, p->name);
			policy_problem_add(set, &(struct policy_problem){ .file = (char *)p->file,
									  .line = 1,
									  .column = 1,
									  .text = text });
			set->bad_files++;
			memmove(&set->items[i], &set->items[i + 1],
				(set->count - i - 1) * sizeof(*set->items));
			set->count--;
			i--;
			break;
		}
}

void policy_set_check(struct policy_set *set)
{
	drop_same_names(set);
	for (size_t i = 0; i < set->count; i++)
		for (size_t k = i + 1; k < set->count; k++) {
			struct policy_item *a = &set->items[i], *b = &set->items[k];

			if (a->policy->mode == POLICY_ENFORCE &&
			    b->policy->mode == POLICY_ENFORCE &&
			    policy_region_same_group(a->policy, b->policy))
				block_pair(set, a, b);
		}
}
