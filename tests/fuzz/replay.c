/* The main of a fuzz target where no fuzzer drives it; clang's -fsanitize=fuzzer replaces this
 * file.
 *
 * Without arguments it replays every file of tests/fuzz/corpus/<target>, and changed copies of
 * them, the same in every run. With arguments it runs these files as they are.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"

#define INPUT_MAX (1 << 20)
#define MUTATIONS 4000 /* of the whole corpus */

static int read_input(const char *path, struct buf *b)
{
	struct err e = { 0 };

	if (buf_read_file(b, path, &e) == 0)
		return 0;
	fprintf(stderr, "%s\n", e.text);
	return -1;
}

static void run(const struct buf *b)
{
	/* A copy of exactly its size, so that reading past the end is seen. */
	uint8_t *copy = malloc(b->len ? b->len : 1);

	if (!copy)
		abort();
	memcpy(copy, buf_str(b), b->len);
	LLVMFuzzerTestOneInput(copy, b->len);
	free(copy);
}

/* Flips, overwrites, cuts, doubles or inserts at a few random places. */
static void mutate(struct rng *r, const struct buf *from, struct buf *to)
{
	static const char *const words[] = {
		"\r\n", "%", "&", "=", "<", ">", "\"", "{", "}", "-1", "99999999999999999999",
		";",    "/", ":"
	};

	buf_clear(to);
	buf_add(to, buf_str(from), from->len);
	for (uint64_t i = rng_below(r, 4) + 1; i > 0 && to->len > 0; i--) {
		size_t at = (size_t)rng_below(r, to->len), rest = to->len - at;
		size_t n = (size_t)rng_below(r, rest < 64 ? rest + 1 : 64);
		const char *word = words[rng_below(r, COUNT_OF(words))];
		AUTO(buf_done) struct buf tail = BUF(INPUT_MAX);

		switch (rng_below(r, 5)) {
		case 0:
			to->data[at] ^= (char)(1 << rng_below(r, 8));
			break;
		case 1:
			to->data[at] = (char)rng_below(r, 256);
			break;
		case 2:
			to->len = at;
			break;
		case 3:
			buf_add(&tail, to->data + at, rest);
			to->len = at + n;
			buf_add(to, buf_str(&tail), tail.len);
			break;
		default:
			buf_add(&tail, to->data + at, rest);
			to->len = at;
			buf_adds(to, word);
			buf_add(to, buf_str(&tail), tail.len);
			break;
		}
	}
}

static int replay(const char *path, struct rng *r, int mutations)
{
	AUTO(buf_done) struct buf input = BUF(INPUT_MAX);
	AUTO(buf_done) struct buf changed = BUF(INPUT_MAX);

	if (read_input(path, &input) < 0)
		return -1;
	run(&input);
	for (int i = 0; i < mutations; i++) {
		mutate(r, &input, &changed);
		run(&changed);
	}
	return 0;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay_corpus(const char *program)
{
	const char *top = getenv("WINDLASS_SRC"), *name = strrchr(program, '/');
	AUTO(own_freep) char *folder = NULL;
	struct dirent **list;
	struct rng r;
	int n, failed = 0;

	name = name ? name + 1 : program;
	name += strncmp(name, "fuzz_", 5) == 0 ? 5 : 0;
	folder = own_printf("%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	n = scandir(folder, &list, visible, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no corpus there; set WINDLASS_SRC\n", folder);
		return EXIT_FAILURE;
	}
	rng_seed(&r, 1);
	for (int i = 0; i < n; i++) {
		AUTO(own_freep) char *path = own_printf("%s/%s", folder, list[i]->d_name);

		failed += replay(path, &r, MUTATIONS / n) < 0;
		free(list[i]);
	}
	free(list);
	fprintf(stdout, "%d passed, %d failed\n", n - failed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (argc < 2)
		return replay_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		rc |= replay(argv[i], NULL, 0);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
