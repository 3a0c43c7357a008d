/* A form that comes in pieces of any size gives what it gives in one, whatever it is; and what
 * tells kinds of video apart reads no further than it may. The first bytes say how it is cut, and
 * how often the taker wants no more for now. */
#include "fuzz.h"

#include <string.h>
#include <sys/types.h>

#include "gateway/sniff.h"
#include "wire/multipart.h"

#define BOUNDARY "multipart/form-data; boundary=\"b\""

struct seen {
	struct buf text;
	size_t most; /* taken at once; 0: all */
	bool wants;  /* every other time none */
};

static int begin(const struct multipart_part *p, void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	FUZZ_HOLDS(strlen(p->name) < MULTIPART_NAME_MAX);
	buf_addf(&s->text, "[%s %d]", p->name, p->is_file);
	return 0;
}

static size_t data(const char *bytes, size_t len, void *arg)
{
	struct seen *s = arg;

	if (s->most && len > s->most)
		len = s->most;
	if (s->most && (s->wants = !s->wants))
		return 0;
	buf_add(&s->text, bytes, len);
	return len;
}

static int end(void *arg, struct err *e)
{
	(void)e;
	buf_adds(&((struct seen *)arg)->text, "[end]");
	return 0;
}

static void feed(struct seen *s, const char *bytes, size_t len, size_t piece, bool *ret_whole)
{
	const struct multipart_events events = { begin, data, end, s };
	struct multipart f;
	size_t idle = 0;

	FUZZ_HOLDS(multipart_init(&f, BOUNDARY, &events, NULL) == 0);
	for (size_t at = 0; at < len;) {
		size_t n = piece && piece < len - at ? piece : len - at;
		ssize_t took = multipart_feed(&f, bytes + at, n, NULL);

		if (took < 0) {
			buf_adds(&s->text, "[broken]");
			break;
		}
		FUZZ_HOLDS((size_t)took <= n);
		idle = took ? 0 : idle + 1;
		FUZZ_HOLDS(idle < 200); /* a piece of what looked like a delimiter may be owed */
		at += (size_t)took;
	}
	*ret_whole = multipart_whole(&f);
	multipart_done(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct seen one = { .text = BUF(4 << 20) }, many = { .text = BUF(4 << 20) };
	bool whole, whole_many;

	if (size < 2)
		return 0;
	many.most = bytes[1] % 8;
	feed(&one, (const char *)bytes + 2, size - 2, 0, &whole);
	feed(&many, (const char *)bytes + 2, size - 2, 1 + bytes[0] % 16, &whole_many);
	FUZZ_HOLDS(whole == whole_many && one.text.len == many.text.len &&
		   memcmp(buf_str(&one.text), buf_str(&many.text), one.text.len) == 0);
	gateway_sniff(bytes, size);
	buf_done(&one.text);
	buf_done(&many.text);
	return 0;
}
