/* The file of accounts: what it gives, and what is said of a wrong one. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "local/accounts.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define ACCOUNT "account_id: '111122223333'"

static char path[64];

static void make_path(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/check_local_accounts.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_path(void)
{
	unlink(path);
}

static struct local_accounts *read_text(const char *text, struct err *e)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	err_clear(e);
	return local_accounts_read(path, e);
}

START_TEST(keys_are_found_with_their_accounts)
{
	struct err e;
	AUTO(local_accounts_freep)
	struct local_accounts *a = read_text(
		"accounts:\n"
		"  - { account_id: 000011112222, access_key_id: one, secret_access_key: " SECRET
		" }\n"
		"  - { " ACCOUNT ", access_key_id: two, secret_access_key: s, name: ci.bot }\n"
		"  - { " ACCOUNT ", access_key_id: three, secret_access_key: t, name: ci.bot }\n",
		&e);
	struct local_key one, two, three;

	ck_assert_msg(a, "%s", e.text);
	ck_assert(local_accounts_find(a, "one", &one) && local_accounts_find(a, "two", &two));
	ck_assert(local_accounts_find(a, "three", &three));
	ck_assert_str_eq(one.account, "000011112222");
	ck_assert_str_eq(one.secret, SECRET);
	ck_assert_str_eq(one.arn, "arn:aws:iam::000011112222:root");
	ck_assert_str_eq(one.user_id, "000011112222");
	ck_assert_str_eq(two.arn, "arn:aws:iam::111122223333:user/ci.bot");
	ck_assert_uint_eq(strlen(two.user_id), 21);
	ck_assert_str_eq(two.user_id, three.user_id);
	ck_assert(instant_is_never(one.expires) && !one.token[0]);
	ck_assert(!local_accounts_find(a, "On", &one) && !local_accounts_find(NULL, "one", &one));
	ck_assert(local_accounts_has(a, "111122223333:role/x"));
	ck_assert(!local_accounts_has(a, "11112222333"));
}
END_TEST

struct wrong {
	const char *name, *text, *said; /* behind the file's name */
};

static const struct wrong wrongs[] = {
	{ "nothing", "", ":1:1: 'accounts' is missing" },
	{ "no list", "accounts: " SECRET "\n", ":1:11: 'accounts' wants a list" },
	{ "no map", "accounts:\n  - " SECRET "\n", ":2:5: a key wants a map" },
	{ "no map at all", SECRET "\n", ":1:1: the file wants a map" },
	{ "a missing secret", "accounts:\n  - { " ACCOUNT ", access_key_id: a }\n",
	  ":2:5: 'secret_access_key' is missing" },
	{ "a short account",
	  "accounts:\n  - account_id: 1234\n    access_key_id: a\n    secret_access_key: b\n",
	  ":2:17: 'account_id' wants 12 digits" },
	{ "letters in an account",
	  "accounts:\n  - account_id: 11112222333x\n    access_key_id: a\n    secret_access_key: "
	  "b\n",
	  ":2:17: 'account_id' wants 12 digits" },
	{ "a slash in a key",
	  "accounts:\n  - " ACCOUNT "\n    access_key_id: " SECRET "\n    secret_access_key: b\n",
	  ":3:20: 'access_key_id' wants 1 to 63" },
	{ "a space in a secret",
	  "accounts:\n  - " ACCOUNT "\n    access_key_id: a\n    secret_access_key: " SECRET " b\n",
	  ":4:24: 'secret_access_key' wants 1 to 127" },
	{ "a list of secrets",
	  "accounts:\n  - " ACCOUNT "\n    access_key_id: a\n    secret_access_key: [" SECRET "]\n",
	  ":4:24: 'secret_access_key' wants a text" },
	{ "a wrong name",
	  "accounts:\n  - " ACCOUNT
	  "\n    access_key_id: a\n    secret_access_key: b\n    name: a/b\n",
	  ":5:11: 'name' wants the name of a user" },
	{ "a key that is unknown",
	  "accounts:\n  - " ACCOUNT "\n    access_key: a\n    secret_access_key: " SECRET "\n",
	  ":3:5: unknown key 'access_key': did you mean 'access_key_id'?" },
	{ "a key twice",
	  "accounts:\n  - { " ACCOUNT ", access_key_id: a, secret_access_key: b }\n"
	  "  - { " ACCOUNT ", access_key_id: a, secret_access_key: " SECRET " }\n",
	  ":3:50: 'access_key_id' stands in this file twice" },
};

START_TEST(what_is_wrong_is_said_with_its_place)
{
	const struct wrong *w = &wrongs[_i];
	AUTO(own_freep) char *said = own_printf("%s%s", path, w->said);
	struct err e;

	ck_assert_ptr_null(read_text(w->text, &e));
	ck_assert_msg(strstr(e.text, said), "%s: '%s' is not in '%s'", w->name, said, e.text);
	ck_assert_msg(!strstr(e.text, "wJalr"), "%s: a secret is in '%s'", w->name, e.text);
	ck_assert_int_eq(e.kind, ERR_POLICY);
}
END_TEST

START_TEST(a_file_for_everybody_is_refused)
{
	static const char good[] =
		"accounts: [ { " ACCOUNT ", access_key_id: a, secret_access_key: b } ]\n";
	static const struct {
		mode_t mode;
		bool taken;
	} modes[] = { { 0600, true }, { 0440, true }, { 0644, false }, { 0620, false } };
	struct err e;

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		AUTO(local_accounts_freep) struct local_accounts *a = NULL;

		ck_assert_int_eq(chmod(path, 0600), 0);
		local_accounts_free(read_text(good, &e));
		ck_assert_int_eq(chmod(path, modes[i].mode), 0);
		err_clear(&e);
		a = local_accounts_read(path, &e);
		ck_assert_msg(!a == !modes[i].taken, "%o: %s", modes[i].mode, e.text);
		ck_assert(a || strstr(e.text, "chmod 600"));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local_accounts");
	TCase *t = tcase_create("local_accounts");
	SRunner *r = srunner_create(s);

	tcase_add_checked_fixture(t, make_path, remove_path);
	tcase_add_test(t, keys_are_found_with_their_accounts);
	tcase_add_loop_test(t, what_is_wrong_is_said_with_its_place, 0, COUNT_OF(wrongs));
	tcase_add_test(t, a_file_for_everybody_is_refused);
	suite_add_tcase(s, t);
	return check_main_run(r);
}
