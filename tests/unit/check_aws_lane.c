/* Lanes against a server that answers by a script, in the same loop. */
#include "check_aws.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/autoscaling.h"
#include "aws/lane.h"
#include "aws/s3.h"
#include "aws/sqs.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/httpd.h"
#include "wire/sigv4.h"

#define DEPTH                                                     \
	"{\"Attributes\":{\"ApproximateNumberOfMessages\":\"5\"," \
	"\"ApproximateNumberOfMessagesNotVisible\":"              \
	"\"1\",\"ApproximateNumberOfMessagesDelayed\":\"0\"}}"
#define SET_DESIRED \
	"<SetDesiredCapacityResponse xmlns=\"x\"><ResponseMetadata/></SetDesiredCapacityResponse>"
#define JSON_ERROR(code) "{\"__type\":\"com.amazon.coral.service#" code "\",\"message\":\"m\"}"
#define XML_ERROR(code)                                        \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code \
	"</Code><Message>m</Message></Error>"                  \
	"</ErrorResponse>"

struct step {
	int status; /* 0: no answer ever */
	const char *body;
	struct httpd_header header;
};

struct world {
	struct loop *loop;
	struct httpd *server;
	struct lane *lane;
	const struct step *steps;
	size_t step_count, seen;
	struct instant server_time; /* what the verifier takes for now; never: ours */
	struct err refused;         /* why a signature was */
	char access_key[128];
	char sent_date[32];
	size_t ended;
	struct loop_timer *guard;
};

static struct cred fixed_keys = { .access_key = (char *)"AKID",
				  .secret_key = (char *)"secret",
				  .token = (char *)"token",
				  .expires = INSTANT_NEVER };

static bool next_header(const void *source, size_t *it, const char **name, const char **value)
{
	return httpd_next_header(source, it, name, value);
}

static bool lookup(const char *access_key, struct sigv4_keys *ret, void *arg)
{
	const struct world *w = arg;

	*ret = cred_keys(&fixed_keys);
	(void)w;
	return strncmp(access_key, "AKID", 4) == 0;
}

static void check_signature(struct world *w, struct httpd_exchange *x)
{
	size_t len;
	const char *body = httpd_body(x, &len);
	const char *authorization = httpd_header(x, "Authorization");
	uint8_t sha[CRYPTO_SHA256_BYTES];
	char hex[65];
	struct sigv4_verdict v;
	struct sigv4_seen s = { .method = httpd_method(x),
				.target = httpd_target(x),
				.next = next_header,
				.headers = x,
				.body_sha256 = hex,
				.now = instant_is_never(w->server_time) ? clock_wall()
									: w->server_time };

	s.service = authorization && strstr(authorization, "/s3/")            ? "s3"
		    : authorization && strstr(authorization, "/autoscaling/") ? "autoscaling"
									      : "sqs";
	crypto_sha256(body ? body : "", len, sha);
	crypto_hex(sha, sizeof(sha), hex);
	if (sigv4_verify(&s, lookup, w, &v, &w->refused) == 0)
		snprintf(w->access_key, sizeof(w->access_key), "%s", v.access_key);
	sigv4_stream_done(&v.stream);
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	struct world *w = arg;
	const struct step *s = &w->steps[w->seen < w->step_count ? w->seen : w->step_count - 1];

	w->seen++;
	err_clear(&w->refused);
	check_signature(w, x);
	if (s->status)
		httpd_answer(x, s->status, &s->header, s->header.name ? 1 : 0, s->body,
			     s->body ? strlen(s->body) : 0);
}

static void too_long(void *arg)
{
	(void)arg;
	ck_abort_msg("the calls did not end");
}

static void world_up(struct world *w, const struct step *steps, size_t n)
{
	const struct httpd_handler h = { .on_request = on_request, .arg = w };
	AUTO(own_freep) char *url = NULL;
	struct err e = { 0 };

	check_aws_clean();
	*w = (struct world){
		.loop = loop_new(), .steps = steps, .step_count = n, .server_time = INSTANT_NEVER
	};
	w->server = httpd_new(w->loop, "127.0.0.1", 0, NULL, &h, &e);
	ck_assert_msg(w->server != NULL, "%s", e.text);
	url = own_printf("http://127.0.0.1:%d", httpd_port(w->server));
	w->lane = lane_new(w->loop,
			   &(struct lane_options){
				   .region = "eu-west-1", .endpoint = url, .keys = &fixed_keys },
			   &e);
	ck_assert_msg(w->lane != NULL, "%s", e.text);
	w->guard = loop_timer_new(w->loop, too_long, NULL);
	loop_timer_start(w->guard, span_s(20));
}

static void world_down(struct world *w)
{
	lane_free(w->lane);
	httpd_free(w->server);
	loop_timer_free(w->guard);
	loop_free(w->loop);
}

static void ended(struct aws_call *c, void *arg)
{
	struct world *w = arg;

	(void)c;
	w->ended++;
	loop_stop(w->loop);
}

static void run(struct world *w, struct aws_call *c, struct span deadline)
{
	lane_start(w->lane, c, deadline, ended, w);
	loop_run(w->loop);
	ck_assert_uint_eq(w->ended, 1);
	w->ended = 0;
}

#define URL "http://other.example:1/000000000000/q"

enum kind_of_call { READ, WRITE };

static const struct {
	const char *name;
	enum kind_of_call what;
	struct step steps[3];
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
	run(&w, &c, span_s(10));
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
	struct step steps[] = { { 403, JSON_ERROR("SignatureDoesNotMatch"), { 0 } },
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
	run(&w, &c, span_s(10));
	ck_assert_msg(aws_sqs_depth_read(&c.reply, &d, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(w.seen, 2);
	ck_assert_msg(w.refused.kind == ERR_NONE, "%s", w.refused.text);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(no_answer)
{
	static const struct step steps[] = { { 0 } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;
	struct tick start;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	start = clock_mono();
	run(&w, &c, span_ms(400));
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
	static const struct step steps[] = { { 0 } };
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	httpd_free(TAKE(w.server));
	w.server = NULL;
	aws_autoscaling_set_desired_ask(&c.request, "g", 3);
	run(&w, &c, span_s(10));
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
	static const struct step steps[] = { { 503, "", { "Retry-After", "5" } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	run(&w, &c, span_s(3));
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
	struct step steps[] = { { 200, NULL, { 0 } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	while (big.len < 300 << 10)
		buf_adds(&big, "                                ");
	steps[0].body = buf_str(&big);
	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	run(&w, &c, span_s(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);
	ck_assert_uint_eq(w.seen, 1);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(given_up_by_hand)
{
	static const struct step steps[] = { { 0 } };
	struct aws_call c = { 0 }, other = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	aws_sqs_depth_ask(&c.request, URL);
	aws_sqs_depth_ask(&other.request, URL);
	lane_start(w.lane, &other, span_s(10), ended, &w);
	lane_start(w.lane, &c, span_ms(300), ended, &w);
	lane_cancel(w.lane, &other);
	lane_cancel(w.lane, &other);
	loop_run(w.loop);
	ck_assert_uint_eq(w.ended, 1);
	ck_assert_ptr_null(other.flight);
	/* freed with a call on its way: its function is not called */
	lane_start(w.lane, &other, span_s(10), ended, &w);
	aws_call_done(&c);
	world_down(&w);
	ck_assert_uint_eq(w.ended, 1);
	aws_call_done(&other);
}
END_TEST

/* --- keys that come from a call and end */

static size_t fetches;

static struct later {
	cred_fn *fn;
	void *arg;
	struct loop_timer *timer;
} later;

static void give(void *arg)
{
	char access[16];
	struct cred c = fixed_keys;

	(void)arg;
	snprintf(access, sizeof(access), "AKID%zu", ++fetches);
	c.access_key = access;
	c.expires = instant_add(clock_wall(), span_s(3600));
	loop_timer_free(TAKE(later.timer));
	later.fn(&c, NULL, later.arg);
}

static enum cred_answer start_later(const struct cred_where *w, struct cred *ret, void **ret_handle,
				    struct err *e)
{
	(void)ret;
	(void)e;
	later = (struct later){ .fn = w->later, .arg = w->later_arg };
	later.timer = loop_timer_new(w->loop, give, NULL);
	loop_timer_start(later.timer, span_ms(50));
	*ret_handle = &later;
	return CRED_LATER;
}

static void cancel_later(void *handle)
{
	(void)handle;
	loop_timer_free(TAKE(later.timer));
}

static const struct cred_source slow_source = { "slow", start_later, cancel_later };
static const struct cred_source *const slow_chain[] = { &slow_source, NULL };

static void world_with_fetched_keys(struct world *w)
{
	AUTO(own_freep) char *url = own_printf("http://127.0.0.1:%d", httpd_port(w->server));
	struct err e = { 0 };

	lane_free(w->lane);
	fetches = 0;
	w->lane = lane_new(w->loop,
			   &(struct lane_options){
				   .region = "eu-west-1", .endpoint = url, .chain = slow_chain },
			   &e);
	ck_assert_msg(w->lane != NULL, "%s", e.text);
}

static void ended_of_three(struct aws_call *c, void *arg)
{
	struct world *w = arg;

	ck_assert_int_eq(c->reply.status, 200);
	if (++w->ended == 3)
		loop_stop(w->loop);
}

START_TEST(calls_wait_for_keys_together)
{
	static const struct step steps[] = { { 200, DEPTH, { 0 } } };
	struct aws_call c[3] = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	ck_assert_ptr_null(lane_keys(w.lane));
	for (int i = 0; i < 3; i++) {
		aws_sqs_depth_ask(&c[i].request, URL);
		lane_start(w.lane, &c[i], span_s(10), ended_of_three, &w);
	}
	loop_run(w.loop);
	ck_assert_uint_eq(fetches, 1);
	ck_assert_str_eq(lane_keys(w.lane)->access_key, "AKID1");
	for (int i = 0; i < 3; i++)
		aws_call_done(&c[i]);
	world_down(&w);
}
END_TEST

START_TEST(expired_keys_are_fetched_anew)
{
	static const struct step steps[] = { { 403, XML_ERROR("ExpiredToken"), { 0 } },
					     { 200, SET_DESIRED, { 0 } } };
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 2);
	world_with_fetched_keys(&w);
	aws_autoscaling_set_desired_ask(&c.request, "g", 1);
	run(&w, &c, span_s(10));
	ck_assert_msg(aws_autoscaling_none_read(&c.reply, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(fetches, 2);
	ck_assert_str_eq(w.access_key, "AKID2");
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(keys_come_too_late)
{
	static const struct step steps[] = { { 200, DEPTH, { 0 } } };
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	world_with_fetched_keys(&w);
	aws_sqs_depth_ask(&c.request, URL);
	run(&w, &c, span_ms(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_str_eq(e.text, "SQS GetQueueAttributes: no credentials came in time");
	ck_assert_uint_eq(w.seen, 0);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(no_keys_at_all)
{
	static const struct step steps[] = { { 200, DEPTH, { 0 } } };
	AUTO(own_freep) char *url = NULL;
	struct aws_call c = { 0 };
	struct depth d;
	struct err e = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	lane_free(w.lane);
	url = own_printf("http://127.0.0.1:%d", httpd_port(w.server));
	w.lane = lane_new(w.loop, &(struct lane_options){ .region = "eu-west-1", .endpoint = url },
			  &e);
	aws_sqs_depth_ask(&c.request, URL);
	run(&w, &c, span_s(10));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_DENIED);
	ck_assert_ptr_nonnull(strstr(e.text, "no AWS credentials -> set AWS_ACCESS_KEY_ID"));
	aws_call_done(&c);
	world_down(&w);
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
	static const struct step steps[] = { { 0 } };
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
				  .region = "eu-west-1", .endpoint = url, .keys = &fixed_keys },
			  &e);
	ck_assert_int_eq(write(fd, "before", 6), 6); /* what stood there stays */
	aws_s3_get_ask(&c.request, "bkt", "k", fd, 1000, NULL);
	run(&w, &c, span_s(10));
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
	static const struct step steps[] = { { 0 } };
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
				  .region = "eu-west-1", .endpoint = url, .keys = &fixed_keys },
			  &e);
	aws_autoscaling_set_desired_ask(&c.request, "g", 3);
	run(&w, &c, span_s(10));
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
	tcase_add_test(t, calls_wait_for_keys_together);
	tcase_add_test(t, expired_keys_are_fetched_anew);
	tcase_add_test(t, keys_come_too_late);
	tcase_add_test(t, no_keys_at_all);
	tcase_add_test(t, half_an_object_is_fetched_again);
	tcase_add_test(t, half_an_answer_to_a_write_is_final);
	suite_add_tcase(s, t);
	return s;
}
