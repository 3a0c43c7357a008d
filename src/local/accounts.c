#include "local/accounts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/keys.h"

#define ACCOUNT_DIGITS 12
#define NAME_MOST 64 /* of a user, as IAM has it */

struct local_accounts {
	struct local_key *keys;
	size_t count;
};

struct entry {
	const char *account, *access_key, *secret, *name;
};

struct entries {
	struct entry *items;
	size_t count;
};

/* ---- the file ---- */

/* A text of @p least to @p most characters, letters and digits and @p also. What was found is not
 * said: in a file of secrets it may be one that went astray. */
static int read_word(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		     const char *also, void *field)
{
	const char *text = keys_text(r, k, n);
	size_t len = text ? strlen(text) : 0;
	bool ok = text && len >= (size_t)k->least && len <= (size_t)k->most;

	for (size_t i = 0; ok && i < len; i++)
		ok = (text[i] & 0x80) == 0 &&
		     (isalnum((unsigned char)text[i]) || strchr(also, text[i]));
	if (ok)
		*(const char **)field = text;
	else if (text)
		keys_error(r, n->at, "'%s' wants %s", k->name, k->doc);
	return ok ? 0 : -1;
}

static int read_account(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			void *field)
{
	const char **text = field;

	if (read_word(r, k, n, "", field) < 0)
		return -1;
	if (strspn(*text, "0123456789") == ACCOUNT_DIGITS)
		return 0;
	keys_error(r, n->at, "'%s' wants %s", k->name, k->doc);
	return -1;
}

static int read_access_key(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			   void *field)
{
	return read_word(r, k, n, "_-", field);
}

static int read_name(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		     void *field)
{
	return read_word(r, k, n, "_+=,.@-", field);
}

static int read_secret(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		       void *field)
{
	return read_word(r, k, n, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", field);
}

static const struct key entry_keys[] = {
	{ .name = "account_id",
	  .type = KEY_CUSTOM,
	  .read = read_account,
	  .offset = offsetof(struct entry, account),
	  .required = true,
	  .least = ACCOUNT_DIGITS,
	  .most = ACCOUNT_DIGITS,
	  .doc = "12 digits" },
	{ .name = "access_key_id",
	  .type = KEY_CUSTOM,
	  .read = read_access_key,
	  .offset = offsetof(struct entry, access_key),
	  .required = true,
	  .least = 1,
	  .most = sizeof(((struct local_key *)0)->access_key) - 1,
	  .doc = "1 to 63 letters, digits, '_' and '-'" },
	{ .name = "secret_access_key",
	  .type = KEY_CUSTOM,
	  .read = read_secret,
	  .offset = offsetof(struct entry, secret),
	  .required = true,
	  .least = 1,
	  .most = sizeof(((struct local_key *)0)->secret) - 1,
	  .doc = "1 to 127 printable characters without spaces" },
	{ .name = "name",
	  .type = KEY_CUSTOM,
	  .read = read_name,
	  .offset = offsetof(struct entry, name),
	  .least = 1,
	  .most = NAME_MOST,
	  .doc = "the name of a user: 1 to 64 letters, digits and any of _+=,.@-" },
};
static const struct key_table entry_table = { "an account's key", "A key that is accepted.",
					      sizeof(struct entry), entry_keys,
					      COUNT_OF(entry_keys) };

static const struct key keys[] = {
	{ .name = "accounts",
	  .type = KEY_LIST,
	  .offset = offsetof(struct entries, items),
	  .count_offset = offsetof(struct entries, count),
	  .required = true,
	  .most_items = ACCOUNTS_MOST,
	  .sub = &entry_table,
	  .doc = "keys, each with its account" },
};
static const struct key_table table = { "accounts", "Keys that windlass-local accepts.",
					sizeof(struct entries), keys, COUNT_OF(keys) };

/* What stands where a map should is not said either, as keys_read() would. */
static bool shaped(struct keys_reader *r, const struct yaml_node *root)
{
	const struct yaml_node *list =
		root && root->kind == YAML_MAP ? yaml_get(root, "accounts") : NULL;

	if (root && root->kind != YAML_MAP)
		keys_error(r, root->at, "the file wants a map with 'accounts'");
	else if (list && list->kind != YAML_LIST)
		keys_error(r, list->at, "'accounts' wants a list of keys");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
		if (list->items[i]->kind != YAML_MAP)
			keys_error(r, list->items[i]->at,
				   "a key wants a map with account_id, "
				   "access_key_id and secret_access_key");
	return keys_error_count(r) == 0;
}

/* One key of two accounts would be whichever stands first. */
static void check_twice(struct keys_reader *r, const struct yaml_node *root,
			const struct entries *all)
{
	const struct yaml_node *list = yaml_get(root, "accounts");

	for (size_t i = 1; i < all->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(all->items[i].access_key, all->items[j].access_key) == 0) {
				keys_error(r, yaml_get(list->items[i], "access_key_id")->at,
					   "'access_key_id' stands in this file twice");
				break;
			}
}

static int refuse(const struct keys_reader *r, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(ERR_TEXT_MAX - 1);

	for (size_t i = 0; i < keys_problem_count(r); i++) {
		if (i > 0)
			buf_addc(&text, '\n');
		keys_problem_print(keys_problem_at(r, i), &text);
	}
	return err_set(e, ERR_POLICY, "%s", buf_str(&text));
}

static int read_private(const char *path, struct buf *out, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_errno(e, errno, "reading '%s'", path);
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return err_set(e, ERR_POLICY,
			       "%s can be read or written by others -> its keys are no secrets: "
			       "chmod 600 it",
			       path);
	return buf_read_file(out, path, e);
}

/* ---- what it says ---- */

/* As AWS's, told by the name alone: equal names are equal users, at each start. */
static void print_user_id(const struct entry *n, char *out, size_t size)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	AUTO(own_freep) char *text = own_printf("%s/%s", n->account, n->name);
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char id[18] = "";

	crypto_sha256(text, strlen(text), digest);
	for (size_t i = 0; i < sizeof(id) - 1; i++)
		id[i] = letters[digest[i] % 32];
	snprintf(out, size, "AIDA%s", id);
}

static void keep(const struct entry *n, struct local_key *k)
{
	k->expires = INSTANT_NEVER;
	snprintf(k->access_key, sizeof(k->access_key), "%s", n->access_key);
	snprintf(k->secret, sizeof(k->secret), "%s", n->secret);
	snprintf(k->account, sizeof(k->account), "%s", n->account);
	if (n->name) {
		snprintf(k->arn, sizeof(k->arn), "arn:aws:iam::%s:user/%s", n->account, n->name);
		print_user_id(n, k->user_id, sizeof(k->user_id));
	} else {
		snprintf(k->arn, sizeof(k->arn), "arn:aws:iam::%s:root", n->account);
		snprintf(k->user_id, sizeof(k->user_id), "%s", n->account);
	}
}

struct local_accounts *local_accounts_read(const char *path, struct err *e)
{
	AUTO(buf_wipe) struct buf text = BUF(YAML_BYTES_MAX);
	AUTO(yaml_freep) struct yaml *y = NULL;
	AUTO(keys_arena_freep) struct keys_arena *arena = keys_arena_new();
	AUTO(keys_reader_freep) struct keys_reader *r = keys_reader_new(arena, KEYS_ENV_REFUSE);
	AUTO(local_accounts_freep) struct local_accounts *a = own_alloc(sizeof(*a));
	struct entries all = { 0 };

	if (read_private(path, &text, e) < 0 ||
	    !(y = yaml_parse(path, buf_str(&text), text.len, e)))
		return NULL;
	keys_reader_file(r, path);
	if (shaped(r, yaml_root(y)) && keys_read(r, &table, yaml_root(y), &all) == 0)
		check_twice(r, yaml_root(y), &all);
	if (keys_error_count(r) > 0) {
		err_ignore(refuse(r, e));
		return NULL;
	}
	a->keys = own_array(all.count, sizeof(*a->keys));
	for (; a->count < all.count; a->count++)
		keep(&all.items[a->count], &a->keys[a->count]);
	return TAKE(a);
}

void local_accounts_free(struct local_accounts *a)
{
	if (!a)
		return;
	own_wipe(a->keys, a->count * sizeof(*a->keys));
	own_free(a->keys);
	own_free(a);
}

bool local_accounts_find(const struct local_accounts *a, const char *access_key,
			 struct local_key *ret)
{
	for (size_t i = 0; a && i < a->count; i++)
		if (strcmp(a->keys[i].access_key, access_key) == 0) {
			*ret = a->keys[i];
			return true;
		}
	return false;
}

bool local_accounts_has(const struct local_accounts *a, const char *account)
{
	for (size_t i = 0; a && i < a->count; i++)
		if (strncmp(a->keys[i].account, account, ACCOUNT_DIGITS) == 0)
			return true;
	return false;
}
