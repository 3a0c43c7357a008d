/* own, err, utf8, buf, text */
#include "check_base.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/trim.h"
#include "base/utf8.h"

START_TEST(own_hands_over)
{
	char *p = own_strdup("x");
	AUTO(own_freep) char *q = TAKE(p);

	ck_assert_ptr_null(p);
	ck_assert_str_eq(q, "x");
	ck_assert_ptr_null(own_strdup(NULL));
	own_free(NULL);
	own_wipe(NULL, 3);
	own_wipe_str(NULL);
	own_wipe_str(own_strndup("secret", 3));
}
END_TEST

START_TEST(own_ends_when_sizes_overflow)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		own_array(SIZE_MAX / 2, 3);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 70);
}
END_TEST

START_TEST(err_grows_leftwards)
{
	struct err e = { .status = 500, .code = "Old" };

	ck_assert_int_eq(err_set(&e, ERR_DENIED, "%d AccessDenied", 403), -1);
	ck_assert_int_eq(e.status, 0);
	ck_assert_str_eq(e.code, "");
	snprintf(e.code, sizeof(e.code), "AccessDenied");
	ck_assert_int_eq(err_wrap(&e, "SQS %s", "GetQueueAttributes"), -1);
	ck_assert_str_eq(e.text, "SQS GetQueueAttributes: 403 AccessDenied");
	ck_assert_str_eq(e.code, "AccessDenied");
	ck_assert_str_eq(err_word(e.kind), "denied");
	ck_assert_int_eq(err_set(&e, ERR_LOCAL, "again: %s", e.text), -1);
	ck_assert_str_eq(e.text, "again: SQS GetQueueAttributes: 403 AccessDenied");
	ck_assert_int_eq(err_set(NULL, ERR_LOCAL, "x"), -1);
	ck_assert_int_eq(err_wrap(NULL, "x"), -1);
	ck_assert_int_eq(err_errno(&e, 2, "reading '%s'", "f"), -1);
	ck_assert_str_eq(e.text, "reading 'f': No such file or directory");
}
END_TEST

START_TEST(err_cuts_at_a_character)
{
	struct err e = { 0 };
	AUTO(buf_done) struct buf b = BUF(5000);

	buf_addc(&b, 'x');
	while (b.len < 4000)
		buf_adds(&b, "é😀");
	err_set(&e, ERR_LOCAL, "%s", buf_str(&b));
	ck_assert_uint_ge(strlen(e.text), ERR_TEXT_MAX - 5);
	ck_assert(utf8_valid(e.text, strlen(e.text)));
	for (int i = 0; i < 20; i++) {
		err_wrap(&e, "é%d", i);
		ck_assert(utf8_valid(e.text, strlen(e.text)));
	}
}
END_TEST

static const struct {
	const char *name, *text;
	size_t len, first;
	bool valid;
} utf8[] = {
	{ "empty", "", 0, 0, true },
	{ "ascii", "a", 1, 1, true },
	{ "two", "\xC3\xA9", 2, 2, true },
	{ "three", "\xE2\x82\xAC", 3, 3, true },
	{ "four", "\xF0\x9F\x98\x80", 4, 4, true },
	{ "last", "\xF4\x8F\xBF\xBF", 4, 4, true },
	{ "past the last", "\xF4\x90\x80\x80", 4, 0, false },
	{ "overlong two", "\xC0\x80", 2, 0, false },
	{ "overlong slash", "\xC1\xBF", 2, 0, false },
	{ "overlong three", "\xE0\x9F\xBF", 3, 0, false },
	{ "overlong four", "\xF0\x8F\xBF\xBF", 4, 0, false },
	{ "surrogate", "\xED\xA0\x80", 3, 0, false },
	{ "lone tail", "\x80", 1, 0, false },
	{ "cut", "\xE2\x82", 2, 0, false },
	{ "five bytes", "\xF8\x88\x80\x80\x80", 5, 0, false },
	{ "NUL", "\0", 1, 1, true },
};

static void utf8_knows_row(size_t i)
{
	ROW_ASSERT(utf8[i].name, utf8_char(utf8[i].text, utf8[i].len) == utf8[i].first);
	ROW_ASSERT(utf8[i].name, utf8_valid(utf8[i].text, utf8[i].len) == utf8[i].valid);
}

START_TEST(utf8_knows)
{
	for (size_t i = 0; i < COUNT_OF(utf8); i++)
		utf8_knows_row(i);
}
END_TEST

START_TEST(utf8_cuts_and_counts)
{
	const char *s = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";

	ck_assert_uint_eq(utf8_count(s, strlen(s)), 4);
	ck_assert_uint_eq(utf8_count("\xFF\xFE", 2), 2);
	for (size_t i = 0; i <= strlen(s); i++)
		ck_assert(utf8_valid(s, utf8_cut(s, i)) && utf8_cut(s, i) + 3 >= i);
}
END_TEST

START_TEST(buf_keeps_its_cap)
{
	struct buf b = BUF(10);
	struct err e = { 0 };

	ck_assert_str_eq(buf_str(&b), "");
	ck_assert_int_eq(buf_adds(&b, "0123456789"), 0);
	ck_assert_int_eq(buf_ok(&b, "it", &e), 0);
	ck_assert_int_eq(buf_addc(&b, 'x'), -1);
	ck_assert_str_eq(buf_str(&b), "0123456789");
	ck_assert_int_eq(buf_addf(&b, "%s", ""), 0);
	ck_assert(b.full);
	ck_assert_int_eq(buf_ok(&b, "it", &e), -1);
	ck_assert_str_eq(e.text, "it is larger than 10 bytes");
	buf_drop(&b, 4);
	ck_assert_str_eq(buf_str(&b), "456789");
	buf_drop(&b, 400);
	ck_assert_str_eq(buf_str(&b), "");
	buf_clear(&b);
	ck_assert(!b.full && b.cap == 10);
	ck_assert_int_eq(buf_add(&b, "a\0b", 3), 0);
	ck_assert_uint_eq(b.len, 3);
	buf_wipe(&b);
	ck_assert(!b.data && b.cap == 10);
	b = BUF(0);
	ck_assert_int_eq(buf_addc(&b, 'x'), -1);
	buf_done(&b);
	b = BUF(SIZE_MAX);
	ck_assert_int_eq(buf_add(&b, "x", SIZE_MAX), -1);
	buf_done(&b);
	buf_done(NULL);
}
END_TEST

START_TEST(buf_formats_long_texts)
{
	AUTO(buf_done) struct buf b = BUF(100000);
	AUTO(own_freep) char *s = NULL;

	ck_assert_int_eq(buf_addf(&b, "%5000d", 7), 0);
	ck_assert_uint_eq(b.len, 5000);
	s = buf_take(&b);
	ck_assert_uint_eq(strlen(s), 5000);
	ck_assert(!b.data && b.len == 0);
	own_free(s);
	s = buf_take(&b);
	ck_assert_str_eq(s, "");
}
END_TEST

/* What is added in any pieces is what stands there. */
START_TEST(buf_any_pieces)
{
	struct rng g;

	rng_seed(&g, 5);
	for (int round = 0; round < 200; round++) {
		AUTO(buf_done) struct buf b = BUF(4096);
		char mirror[4096];
		size_t len = 0;

		for (int i = 0; i < 100; i++) {
			char piece[120];
			size_t n = rng_below(&g, sizeof(piece));

			for (size_t k = 0; k < n; k++)
				piece[k] = (char)rng_u64(&g);
			if (rng_below(&g, 8) == 0) {
				size_t drop = rng_below(&g, len + 1);

				buf_drop(&b, drop);
				memmove(mirror, mirror + drop, len - drop);
				len -= drop;
			}
			ck_assert_int_eq(buf_add(&b, piece, n), len + n <= 4096 ? 0 : -1);
			if (len + n <= 4096) {
				memcpy(mirror + len, piece, n);
				len += n;
			}
			ck_assert_uint_eq(b.len, len);
		}
		ck_assert_mem_eq(buf_str(&b), mirror, len);
		ck_assert_int_eq(b.data[len], 0);
	}
}
END_TEST

START_TEST(buf_files)
{
	char folder[] = "/tmp/check_base.XXXXXX", path[64], link[64];
	AUTO(buf_done) struct buf b = BUF(1 << 20), back = BUF(1 << 20), small = BUF(10);
	struct err e = { 0 };
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(link, sizeof(link), "%s/none/file", folder);
	for (int i = 0; i < 200000; i++)
		buf_addc(&b, (char)i);
	ck_assert_int_eq(buf_write_file(&b, path, 0640, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(buf_read_file(&back, path, &e), 0);
	ck_assert(back.len == b.len && memcmp(back.data, b.data, b.len) == 0);
	buf_clear(&b);
	ck_assert_int_eq(buf_write_file(&b, path, 0600, &e), 0);
	ck_assert_int_eq(buf_read_file(&back, path, &e), 0);
	ck_assert_uint_eq(back.len, 0);
	buf_adds(&b, "more than ten bytes");
	ck_assert_int_eq(buf_write_file(&b, path, 0600, &e), 0);
	ck_assert_int_eq(buf_read_file(&small, path, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than 10 bytes"));
	ck_assert_int_eq(buf_write_file(&b, link, 0600, &e), -1);
	ck_assert_int_eq(buf_read_file(&back, link, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_int_eq(buf_read_file(&back, folder, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LOCAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing was left beside */
}
END_TEST

START_TEST(what_is_no_file_is_written_into)
{
	char folder[] = "/tmp/check_base.XXXXXX", path[64], got[8] = "";
	AUTO(buf_done) struct buf b = BUF(16);
	struct stat st;
	struct err e;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	buf_adds(&b, "text");
	ck_assert_msg(buf_write_file(&b, path, 0644, &e) == 0, "%s", e.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_int_eq(read(fd, got, sizeof(got)), 4);
	ck_assert_str_eq(got, "text");
	close(fd);
	ck_assert_int_eq(buf_write_file(&b, folder, 0644, &e), -1);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static const struct {
	const char *text;
	bool is_int, is_milli;
	int64_t i, milli;
} numbers[] = {
	{ "0", true, true, 0, 0 },
	{ "-0", true, true, 0, 0 },
	{ "+7", true, true, 7, 7000 },
	{ "1.5", false, true, 0, 1500 },
	{ "-0.001", false, true, 0, -1 },
	{ "1.2500", false, true, 0, 1250 },
	{ "1.2501", false, true, 0, 0 },
	{ "9223372036854775807", true, false, INT64_MAX, 0 },
	{ "-9223372036854775808", true, false, INT64_MIN, 0 },
	{ "9223372036854775808", false, false, 0, 0 },
	{ "-9223372036854775809", false, false, 0, 0 },
	{ "9223372036854775.807", false, true, 0, INT64_MAX },
	{ "-9223372036854775.808", false, true, 0, INT64_MIN },
	{ "9223372036854775.808", false, false, 0, 0 },
	{ "", false, false, 0, 0 },
	{ "-", false, false, 0, 0 },
	{ ".5", false, false, 0, 0 },
	{ "5.", false, false, 0, 0 },
	{ " 5", false, false, 0, 0 },
	{ "5 ", false, false, 0, 0 },
	{ "0x10", false, false, 0, 0 },
	{ "1e3", false, false, 0, 0 },
	{ "--5", false, false, 0, 0 },
};

static void text_numbers_row(size_t i)
{
	bool milli_ok = numbers[i].is_milli && strcmp(numbers[i].text, "1.2501") != 0;
	char text[TEXT_MILLI_MAX];
	int64_t v = 0;

	ROW_ASSERT(numbers[i].text, text_int(numbers[i].text, &v) == numbers[i].is_int);
	ROW_ASSERT(numbers[i].text, !numbers[i].is_int || v == numbers[i].i);
	ROW_ASSERT(numbers[i].text, text_milli(numbers[i].text, &v) == milli_ok);
	ROW_ASSERT(numbers[i].text, !milli_ok || v == numbers[i].milli);
	if (milli_ok) {
		ck_assert(text_milli(text_print_milli(v, text), &v));
		ROW_ASSERT(numbers[i].text, v == numbers[i].milli);
	}
}

START_TEST(text_numbers)
{
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		text_numbers_row(i);
}
END_TEST

START_TEST(text_wraps)
{
	AUTO(buf_done) struct buf b = BUF(1000);
	char words[64], tiny[8];

	text_wrap(&b, "one two three four\nfive sixsixsixsixsix", 2, 4, 12);
	ck_assert_str_eq(buf_str(&b),
			 "one two\n    three\n    four\n    five\n    sixsixsixsixsix");
	ck_assert_str_eq(text_choices("a", words, sizeof(words)), "a");
	ck_assert_str_eq(text_choices("a|b|c", words, sizeof(words)), "a, b or c");
	ck_assert_uint_lt(strlen(text_choices("aaaaaaaaa|b", tiny, sizeof(tiny))), sizeof(tiny));
	ck_assert_int_eq(text_choice("a|b|c", "c"), 2);
	ck_assert_int_eq(text_choice("a|b|c", ""), -1);
	ck_assert_int_eq(text_choice("a|bc", "b"), -1);
}
END_TEST

START_TEST(arena_holds)
{
	AUTO(arena_done) struct arena a = { 0 };
	char *kept[500], dirty = 0;

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		kept[i] = arena_alloc(&a, i * 37 + 1);
		ck_assert_uint_eq((uintptr_t)kept[i] % 16, 0);
		for (size_t k = 0; k <= i * 37; k++)
			dirty |= kept[i][k];
		memset(kept[i], (int)i, i * 37 + 1);
	}
	ck_assert_int_eq(dirty, 0);
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		ck_assert_int_eq((unsigned char)kept[i][i * 37], (unsigned char)i);
	ck_assert_str_eq(arena_strn(&a, "abc", 2), "ab");
	ck_assert_str_eq(arena_strn(&a, "", 0), "");
}
END_TEST

/* Reads all of a large library's code, so that there is something to give back. */
static void touch_code(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[512];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "libcrypto") && strstr(line, "r-xp") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			for (; from < to; from += 4096)
				(void)*(const volatile char *)from;
	fclose(f);
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long all, pages = -1;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld", &all, &pages), 2);
	fclose(f);
	return pages;
}

static char kept_data[4096] = "written";
static const char kept_text[] = "read only";

START_TEST(trim_gives_back_code_and_keeps_data)
{
	AUTO(own_freep) char *heap = own_strdup("on the heap");
	AUTO(buf_done) struct buf b = BUF(100);
	long before;

	kept_data[1] = 'R';
	touch_code();
	before = resident_pages();
	trim_memory();
	ck_assert_int_lt(resident_pages(), before - 256);
	ck_assert_str_eq(kept_data, "wRitten");
	ck_assert_str_eq(kept_text, "read only");
	buf_addf(&b, "%s, %d", heap, 5);
	ck_assert_str_eq(buf_str(&b), "on the heap, 5");
}
END_TEST

Suite *suite_text(void)
{
	Suite *s = suite_create("text");
	TCase *c = suite_case(s, "text");

	tcase_add_test(c, own_hands_over);
	tcase_add_test(c, own_ends_when_sizes_overflow);
	tcase_add_test(c, err_grows_leftwards);
	tcase_add_test(c, err_cuts_at_a_character);
	tcase_add_test(c, utf8_knows);
	tcase_add_test(c, utf8_cuts_and_counts);
	tcase_add_test(c, buf_keeps_its_cap);
	tcase_add_test(c, buf_formats_long_texts);
	tcase_add_test(c, buf_any_pieces);
	tcase_add_test(c, buf_files);
	tcase_add_test(c, what_is_no_file_is_written_into);
	tcase_add_test(c, text_numbers);
	tcase_add_test(c, text_wraps);
	tcase_add_test(c, arena_holds);
	tcase_add_test(c, trim_gives_back_code_and_keeps_data);
	return s;
}
