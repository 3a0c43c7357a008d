/* Lanes against a server that answers by a script. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/autoscaling.h"
#include "aws/s3.h"
#include "aws/sqs.h"
#include "base/clock.h"
#include "check_aws_world.h"

enum kind_of_call { READ, WRITE };

static const struct {
	const char *name;
	enum kind_of_call what;
	struct world_step steps[3];
	size_t step_count;
	size_t seen;
	enum err_kind kind;
	const char *says;
} answers[] = {
	{ "a read", READ, { { 200, DEPTH, { 0 } } }, 1, 1, ERR_NONE, NULL },
	{ "a write", WRITE, { { 200, SET_DESIRED, { 0 } } }, 1, 1, ERR_NONE, NULL },
	{ "a read goes on after a 500",
	  READ,
	  { { 500, JSON_ERROR("InternalFailure"), { 0 } }, { 200, DEPTH, { 0 } } },
	  2,
	  2,
	  ERR_NONE,
	  NULL },
	{ "a read goes on after a gateway's page",
	  READ,
	  { { 502, "<html>bad gateway</html>", { 0 } }, { 200, DEPTH, { 0 } } },
	  2,
	  2,
	  ERR_NONE,
	  NULL },
	{ "a read gives up after three",
	  READ,
	  { { 503, "", { 0 } } },
	  1,
	  3,
	  ERR_UNREACHABLE,
	  "answered 503 without an error code" },
	{ "a write is not repeated after a 500",
	  WRITE,
	  { { 500, XML_ERROR("InternalFailure"), { 0 } }, { 200, SET_DESIRED, { 0 } } },
	  2,
	  1,
	  ERR_UNREACHABLE,
	  "500 InternalFailure: m" },
	{ "a throttled write is repeated",
	  WRITE,
	  { { 400, XML_ERROR("Throttling"), { 0 } }, { 200, SET_DESIRED, { 0 } } },
	  2,
	  2,
	  ERR_NONE,
	  NULL },
	{ "a refused write is not",
	  WRITE,
	  { { 403, XML_ERROR("AccessDenied"), { 0 } } },
	  1,
	  1,
	  ERR_DENIED,
	  "Auto Scaling SetDesiredCapacity: 403 AccessDenied: m" },
	{ "a page for an answer",
	  READ,
	  { { 200, "<html></html>", { "Content-Type", "text/html" } } },
	  1,
	  1,
	  ERR_PROTOCOL,
	  "HTML page instead of JSON: is the endpoint right" },
	{ "a wrong request",
	  READ,
	  { { 400, JSON_ERROR("InvalidAction"), { 0 } } },
	  1,
	  1,
	  ERR_POLICY,
	  "400 InvalidAction" },
};

START_TEST(answered)
{
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, answers[_i].steps, answers[_i].step_count);
	if (answers[_i].what == READ)
		aws_sqs_depth_ask(&c.request, URL);
	else
		aws_autoscaling_set_desired_ask(&c.request, "g", 3);
	world_run(&w, &c, span_s(10));
	if (answers[_i].what == READ)
		err_ignore(aws_sqs_depth_read(&c.reply, &d, &e));
	else
		err_ignore(aws_autoscaling_none_read(&c.reply, &e));
	ck_assert_msg(e.kind == answers[_i].kind, "%s: %s", answers[_i].name, e.text);
	ck_assert_msg(w.seen == answers[_i].seen, "%s: %zu", answers[_i].name, w.seen);
	ck_assert_msg(w.refused.kind == ERR_NONE, "%s: %s", answers[_i].name, w.refused.text);
	ck_assert_str_eq(w.access_key, "AKID");
	ck_assert(!answers[_i].says || strstr(e.text, answers[_i].says));
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(our_clock_is_wrong)
{
	struct world_step steps[] = { { 403, JSON_ERROR("SignatureDoesNotMatch"), { 0 } },
				      { 200, DEPTH, { 0 } } };
	char date[CLOCK_TEXT_MAX];
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 2);
	w.server_time = instant_add(clock_wall(), span_s(3600));
	steps[0].header = (struct httpd_header){ "Date", clock_print_http(w.server_time, date) };
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(10));
	ck_assert_msg(aws_sqs_depth_read(&c.reply, &d, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(w.seen, 2);
	ck_assert_msg(w.refused.kind == ERR_NONE, "%s", w.refused.text);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(no_answer)
{
	static const struct world_step steps[] = { { 0 } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;
	struct tick start;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	start = clock_mono();
	world_run(&w, &c, span_ms(400));
	ck_assert_int_lt(tick_since(clock_mono(), start).ms, 2000);
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(e.text, "SQS GetQueueAttributes: "));
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(nobody_listens)
{
	static const struct world_step steps[] = { { 0 } };
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	httpd_free(TAKE(w.server));
	w.server = NULL;
	aws_autoscaling_set_desired_ask(&c.request, "g", 3);
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(c.reply.attempts, 3); /* nothing was sent, so a write may be repeated */
	ck_assert_int_lt(aws_autoscaling_none_read(&c.reply, &e), 0);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_msg(strstr(e.text, "is the endpoint right and running (AWS_ENDPOINT_URL)?") !=
			      NULL,
		      "%s", e.text);
	aws_call_done(&c);
	lane_free(w.lane);
	loop_timer_free(w.guard);
	loop_free(w.loop);
}
END_TEST

START_TEST(told_to_wait_too_long)
{
	static const struct world_step steps[] = { { 503, "", { "Retry-After", "5" } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(3));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_uint_eq(w.seen, 1);
	ck_assert_int_eq(e.retry_after_ms, 5000);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(too_much)
{
	AUTO(buf_done) struct buf big = BUF(1 << 20);
	struct world_step steps[] = { { 200, NULL, { 0 } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	while (big.len < 300 << 10)
		buf_adds(&big, "                                ");
	steps[0].body = buf_str(&big);
	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);
	ck_assert_uint_eq(w.seen, 1);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(given_up_by_hand)
{
	static const struct world_step steps[] = { { 0 } };
	struct aws_call c = { 0 }, other = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	aws_sqs_depth_ask(&other.request, URL);
	lane_start(w.lane, &other, span_s(10), world_ended, &w);
	lane_start(w.lane, &c, span_ms(300), world_ended, &w);
	lane_cancel(w.lane, &other);
	lane_cancel(w.lane, &other);
	loop_run(w.loop);
	ck_assert_uint_eq(w.ended, 1);
	ck_assert_ptr_null(other.flight);
	/* freed with a call on its way: its function is not called */
	lane_start(w.lane, &other, span_s(10), world_ended, &w);
	aws_call_done(&c);
	world_down(&w);
	ck_assert_uint_eq(w.ended, 1);
	aws_call_done(&other);
}
END_TEST

/* --- bodies that break, from a server too simple to be polite */

static int listen_on(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* Answers each connection with the next text and closes it. */
static pid_t blunt_server(int fd, const char *const *texts, size_t n)
{
	pid_t pid = fork();
	char request[8192];

	if (pid != 0)
		return pid;
	for (size_t i = 0; i < n; i++) {
		int c = accept(fd, NULL, NULL);

		if (read(c, request, sizeof(request)) < 0 ||
		    write(c, texts[i], strlen(texts[i])) < 0)
			_exit(1);
		close(c);
	}
	_exit(0);
}

START_TEST(half_an_object_is_fetched_again)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\nwrong",
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\n0123456789",
	};
	static const struct world_step steps[] = { { 0 } };
	AUTO(own_freep) char *url = NULL;
	struct aws_call c = { 0 };
	char path[] = "/tmp/check-aws-XXXXXX", text[32] = "";
	struct s3_object o;
	struct err e = { 0 };
	struct world w;
	uint16_t port;
	int listener, fd = mkstemp(path);
	pid_t pid;

	world_up(&w, steps, 1);
	lane_free(w.lane);
	listener = listen_on(&port);
	pid = blunt_server(listener, texts, 2);
	url = own_printf("http://127.0.0.1:%d", port);
	w.lane = lane_new(w.loop,
			  &(struct lane_options){
				  .region = "eu-west-1", .endpoint = url, .keys = &world_keys },
			  &e);
	ck_assert_int_eq(write(fd, "before", 6), 6); /* what stood there stays */
	aws_s3_get_ask(&c.request, "bkt", "k", fd, 1000, NULL);
	world_run(&w, &c, span_s(10));
	ck_assert_msg(aws_s3_get_read(&c.reply, &o, &e) == 0, "%s", e.text);
	ck_assert_int_eq(c.reply.attempts, 2);
	ck_assert_int_eq(o.size, 10);
	ck_assert_int_eq(pread(fd, text, sizeof(text) - 1, 0), 16);
	ck_assert_str_eq(text, "before0123456789");
	waitpid(pid, NULL, 0);
	close(listener);
	close(fd);
	unlink(path);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(half_an_answer_to_a_write_is_final)
{
	static const char *const texts[] = { "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<Set" };
	static const struct world_step steps[] = { { 0 } };
	AUTO(own_freep) char *url = NULL;
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct world w;
	uint16_t port;
	int listener;
	pid_t pid;

	world_up(&w, steps, 1);
	lane_free(w.lane);
	listener = listen_on(&port);
	pid = blunt_server(listener, texts, 1);
	url = own_printf("http://127.0.0.1:%d", port);
	w.lane = lane_new(w.loop,
			  &(struct lane_options){
				  .region = "eu-west-1", .endpoint = url, .keys = &world_keys },
			  &e);
	aws_autoscaling_set_desired_ask(&c.request, "g", 3);
	world_run(&w, &c, span_s(10));
	ck_assert_int_lt(aws_autoscaling_none_read(&c.reply, &e), 0);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_int_eq(c.reply.attempts, 1);
	waitpid(pid, NULL, 0);
	close(listener);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

Suite *check_aws_lane(void)
{
	Suite *s = suite_create("aws lane");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, answered, 0, COUNT_OF(answers));
	tcase_add_test(t, our_clock_is_wrong);
	tcase_add_test(t, no_answer);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, told_to_wait_too_long);
	tcase_add_test(t, too_much);
	tcase_add_test(t, given_up_by_hand);
	tcase_add_test(t, half_an_object_is_fetched_again);
	tcase_add_test(t, half_an_answer_to_a_write_is_final);
	suite_add_tcase(s, t);
	return s;
}
