/* Loop, HTTP client and HTTP server. */
#include "check_base_io.h"
#include "check_main.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void io_done(struct http_reply *r, const struct err *e, void *arg)
{
	struct io_call *c = arg;

	c->calls++;
	c->failed = e;
	if (e)
		c->err = *e;
	c->reply = *r;
	*r = (struct http_reply){ 0 };
	if (--*c->left == 0)
		loop_stop(c->loop);
}

void io_run(struct loop *l, struct http *h, const struct http_request *q, struct io_call *ret)
{
	*ret = (struct io_call){ .loop = l, .own_left = 1 };
	ret->left = &ret->own_left;
	http_start(h, q, io_done, ret);
	ck_assert_int_eq(ret->calls, 0); /* never before it returns */
	loop_run(l);
	ck_assert_int_eq(ret->calls, 1);
}

void io_call_done(struct io_call *c)
{
	http_reply_done(&c->reply);
}

static void fill(uint32_t *words, size_t n, int64_t at)
{
	for (size_t i = 0; i < n; i++)
		words[i] = (uint32_t)((uint64_t)at + i) * 2654435761u;
}

int io_file(int64_t size)
{
	char name[] = "/tmp/check_base_io.XXXXXX";
	int fd = mkstemp(name);
	uint32_t words[16384];

	ck_assert_int_ge(fd, 0);
	unlink(name);
	for (int64_t at = 0; at < size; at += (int64_t)sizeof(words)) {
		size_t n = size - at < (int64_t)sizeof(words) ? (size_t)(size - at) : sizeof(words);

		fill(words, COUNT_OF(words), at);
		ck_assert_int_eq(pwrite(fd, words, n, at), (ssize_t)n);
	}
	return fd;
}

bool io_same(int a, int b, int64_t size)
{
	static char x[65536], y[65536];
	ssize_t n;

	if (lseek(a, 0, SEEK_END) < size || lseek(b, 0, SEEK_END) < size)
		return false;
	for (int64_t at = 0; at < size; at += n) {
		n = size - at < (int64_t)sizeof(x) ? (ssize_t)(size - at) : (ssize_t)sizeof(x);
		if (pread(a, x, (size_t)n, at) != n || pread(b, y, (size_t)n, at) != n ||
		    memcmp(x, y, (size_t)n) != 0)
			return false;
	}
	return true;
}

static void stop(void *arg)
{
	loop_stop(arg);
}

void io_wait(struct loop *l, int ms)
{
	struct loop_timer *t = loop_timer_new(l, stop, l);

	loop_timer_start(t, span_ms(ms));
	loop_run(l);
	loop_timer_free(t);
}

int main(void)
{
	SRunner *r = srunner_create(check_base_loop());

	srunner_add_suite(r, check_base_http());
	srunner_add_suite(r, check_base_httpd());
	srunner_add_suite(r, check_base_stream());
	return check_main_run(r);
}
