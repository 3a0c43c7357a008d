/* A form, and what is written back from it reads the same. */
#include "fuzz.h"

#include <string.h>

#include "wire/form.h"

static void look(const struct form *f)
{
	int64_t n;
	bool b;

	for (size_t i = 0; i < f->count && i < 50; i++) {
		const char *name = f->pairs[i].name;

		FUZZ_HOLDS(form_get(f, name));
		form_int(f, name, &n);
		form_bool(f, name, &b);
		FUZZ_HOLDS(form_count(f, name) <= f->count);
		form_items(f, name);
		form_at(f, name, 1, "Name");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf out = BUF(8 << 20);
	struct form f, again;

	if (form_parse((const char *)data, size, &f, NULL) < 0)
		return 0;
	look(&f);
	for (size_t i = 0; i < f.count; i++)
		form_add(&out, f.pairs[i].name, f.pairs[i].value);
	FUZZ_HOLDS(form_parse(buf_str(&out), out.len, &again, NULL) == 0);
	FUZZ_HOLDS(again.count == f.count);
	for (size_t i = 0; i < f.count; i++)
		FUZZ_HOLDS(strcmp(f.pairs[i].name, again.pairs[i].name) == 0 &&
			   strcmp(f.pairs[i].value, again.pairs[i].value) == 0);
	form_done(&f);
	form_done(&again);
	return 0;
}
