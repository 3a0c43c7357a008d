/* The suites of the program that tests what of base does input and output. */
#ifndef CHECK_BASE_IO_H
#define CHECK_BASE_IO_H

#include <check.h>
#include <stdint.h>

#include "base/http.h"
#include "base/httpd.h"

Suite *check_base_loop(void);
Suite *check_base_http(void);
Suite *check_base_httpd(void);
TCase *check_base_httpd_flow(void); /* bodies and answers bit by bit */
Suite *check_base_stream(void);

/* One call and what became of it. */
struct io_call {
	struct loop *loop; /* stopped when *left comes to 0 */
	int *left, own_left;
	int calls;
	bool failed;
	struct err err;
	struct http_reply reply;
};

void io_done(struct http_reply *r, const struct err *e, void *arg);
/* Starts @p q and runs the loop until it is done. */
void io_run(struct loop *l, struct http *h, const struct http_request *q, struct io_call *ret);
void io_call_done(struct io_call *c);

#define IO_BIG (32ll << 20)
/* A deleted file with @p size bytes that differ from place to place. */
int io_file(int64_t size);
/* The files hold the same @p size bytes. */
bool io_same(int a, int b, int64_t size);

/* Runs the loop for a while. */
void io_wait(struct loop *l, int ms);

#endif
