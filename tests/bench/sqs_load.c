/* Load on a queue: many connections in one thread, calls of the JSON protocol, signed.
 *
 * sqs_load PORT QUEUE-URL cycle CONNECTIONS SECONDS   send, receive and delete, over and over
 * sqs_load PORT QUEUE-URL fill CONNECTIONS MESSAGES   ten in a call
 * sqs_load PORT QUEUE-URL drain CONNECTIONS MESSAGES  receive and delete
 * sqs_load PORT QUEUE-URL tens CONNECTIONS MESSAGES   receive and delete, ten in a call
 *
 * Keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, bodies have BODY_BYTES of the
 * environment (1024). Prints "name value" lines. A call that is not answered by 200 ends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/own.h"
#include "wire/sigv4.h"

#define CONNECTIONS_MAX 256
#define REPLY_MAX (256u << 10)
#define SAMPLES_MAX (4u << 20)
#define TEN 10

enum call { SEND, BATCH, RECEIVE, DELETE, DELETES, CALLS };
static const char *const names[CALLS] = { "SendMessage", "SendMessageBatch", "ReceiveMessage",
					  "DeleteMessage", "DeleteMessageBatch" };

struct connection {
	int fd;
	enum call call;
	struct buf out;
	char in[REPLY_MAX + 1], handles[TEN][2048];
	int held;
	size_t sent, got;
	int64_t began_ns;
};

static struct {
	const char *url, *host, *body;
	struct sigv4_keys keys;
	char mode;
	int64_t end_ns, most, started, finished, empty, calls;
	int64_t took_ns[CALLS], count[CALLS];
	uint32_t *samples; /* microseconds of each send */
	size_t sampled;
	int busy, port, epoll;
} load;

static void fail(const char *what, const char *more)
{
	fprintf(stderr, "sqs_load: %s: %s\n", what, more);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- a call ---- */

static void put_body(struct buf *b, const struct connection *c)
{
	buf_addf(b, "{\"QueueUrl\":\"%s\"", load.url);
	if (c->call == SEND)
		buf_addf(b, ",\"MessageBody\":\"%s\"", load.body);
	else if (c->call == RECEIVE)
		buf_addf(b,
			 ",\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":0,"
			 "\"VisibilityTimeout\":600",
			 load.mode == 't' ? TEN : 1);
	else if (c->call == DELETE)
		buf_addf(b, ",\"ReceiptHandle\":\"%s\"", c->handles[0]);
	if (c->call == DELETES) {
		buf_adds(b, ",\"Entries\":[");
		for (int i = 0; i < c->held; i++)
			buf_addf(b, "%s{\"Id\":\"%d\",\"ReceiptHandle\":\"%s\"}", i ? "," : "", i,
				 c->handles[i]);
		buf_addc(b, ']');
	}
	if (c->call == BATCH) {
		buf_adds(b, ",\"Entries\":[");
		for (int i = 0; i < TEN; i++)
			buf_addf(b, "%s{\"Id\":\"%d\",\"MessageBody\":\"%s\"}", i ? "," : "", i,
				 load.body);
		buf_addc(b, ']');
	}
	buf_addc(b, '}');
}

static void call_write(struct connection *c)
{
	static struct buf body;
	struct sigv4_signed s;
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[65];
	struct sigv4_request r = { .method = "POST",
				   .host = load.host,
				   .path = "/",
				   .payload = hex,
				   .region = "us-east-1",
				   .service = "sqs",
				   .at = clock_wall() };
	struct err e;

	buf_done(&body);
	body = BUF(1 << 20);
	put_body(&body, c);
	crypto_sha256(body.data, body.len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	if (sigv4_sign(&r, &load.keys, &s, &e) < 0)
		fail("signing", e.text);
	buf_done(&c->out);
	c->out = BUF(2 << 20);
	buf_addf(&c->out,
		 "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"
		 "X-Amz-Target: AmazonSQS.%s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 load.host, names[c->call], s.date, s.authorization, body.len);
	buf_add(&c->out, body.data, body.len);
	c->sent = c->got = 0;
	c->began_ns = now_ns();
}

static void call_send(struct connection *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			fail("sending", strerror(errno));
		c->sent += (size_t)n;
	}
}

/* ---- what comes next ---- */

static bool more(void)
{
	if (load.mode == 'c')
		return now_ns() < load.end_ns;
	return load.started < load.most;
}

static void begin(struct connection *c)
{
	if (!more()) {
		load.busy--;
		c->out.len = 0;
		return;
	}
	c->call = load.mode == 'c' ? SEND : load.mode == 'f' ? BATCH : RECEIVE;
	load.started += strchr("ft", load.mode) ? TEN : 1;
	call_write(c);
	call_send(c);
}

static void measure(const struct connection *c)
{
	const int64_t took = now_ns() - c->began_ns;

	load.calls++;
	load.took_ns[c->call] += took;
	load.count[c->call]++;
	if (c->call == SEND && load.sampled < SAMPLES_MAX)
		load.samples[load.sampled++] = (uint32_t)(took / 1000);
}

/* How many there are. */
static int handles_read(struct connection *c, const char *body)
{
	static const char name[] = "\"ReceiptHandle\"";

	for (c->held = 0; c->held < TEN; c->held++) {
		const char *at = strstr(body, name), *end;

		at = at ? strchr(at + sizeof(name) - 1, '"') : NULL;
		end = at ? strchr(at + 1, '"') : NULL;
		if (!end || (size_t)(end - at) > sizeof(c->handles[0]))
			break;
		memcpy(c->handles[c->held], at + 1, (size_t)(end - at - 1));
		c->handles[c->held][end - at - 1] = '\0';
		body = end;
	}
	return c->held;
}

static void answered(struct connection *c, const char *body)
{
	measure(c);
	if (c->call == RECEIVE && handles_read(c, body) == 0) {
		load.empty++;
		begin(c);
		return;
	}
	if (c->call == DELETE || c->call == DELETES || c->call == BATCH) {
		load.finished += c->call == BATCH ? TEN : c->call == DELETES ? c->held : 1;
		begin(c);
		return;
	}
	c->call = c->call == SEND ? RECEIVE : load.mode == 't' ? DELETES : DELETE;
	call_write(c);
	call_send(c);
}

/* ---- replies ---- */

static void connect_to(struct connection *c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)load.port) };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("connecting", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	one = fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (one < 0 || epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		fail("watching a connection", strerror(errno));
}

/* moto's server keeps no connection. */
static bool reply_is_last(const struct connection *c)
{
	const char *close = strcasestr(c->in, "\r\nconnection: close");

	return !strncmp(c->in, "HTTP/1.0", 8) || (close && close < strstr(c->in, "\r\n\r\n"));
}

/* Where the body begins once the whole reply is there, or NULL. */
static const char *reply_whole(const struct connection *c)
{
	const char *end = strstr(c->in, "\r\n\r\n"), *length;

	if (!end)
		return NULL;
	length = strcasestr(c->in, "\r\ncontent-length:");
	if (!length || length > end)
		fail("a reply without its length", c->in);
	return c->in + c->got >= end + 4 + strtoull(length + 17, NULL, 10) ? end + 4 : NULL;
}

static void reply_read(struct connection *c)
{
	const char *body;
	ssize_t n = recv(c->fd, c->in + c->got, REPLY_MAX - c->got, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		fail("receiving", n ? strerror(errno) : "the connection was closed");
	c->got += (size_t)n;
	c->in[c->got] = '\0';
	body = reply_whole(c);
	if (!body)
		return;
	if (strncmp(c->in + 8, " 200", 4))
		fail(names[c->call], c->in);
	if (reply_is_last(c)) {
		close(c->fd);
		connect_to(c);
	}
	answered(c, body);
}

static void run(void)
{
	struct epoll_event events[CONNECTIONS_MAX];

	while (load.busy > 0) {
		int n = epoll_wait(load.epoll, events, CONNECTIONS_MAX, 60000);

		if (n == 0)
			fail("waiting", "no answer in a minute");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->out.len && c->sent < c->out.len)
				call_send(c);
			if (events[i].events & EPOLLIN)
				reply_read(c);
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(double seconds)
{
	printf("messages %" PRId64 "\nseconds %.3f\nrate %.1f\nempty %" PRId64 "\n", load.finished,
	       seconds, (double)load.finished / seconds, load.empty);
	for (int i = 0; i < CALLS; i++)
		if (load.count[i])
			printf("%s_us %.1f\n", names[i],
			       (double)load.took_ns[i] / 1000 / (double)load.count[i]);
	if (!load.sampled)
		return;
	qsort(load.samples, load.sampled, sizeof(*load.samples), compare);
	printf("send_p50_us %u\nsend_p99_us %u\nsend_max_us %u\n", load.samples[load.sampled / 2],
	       load.samples[load.sampled * 99 / 100], load.samples[load.sampled - 1]);
}

int main(int argc, char **argv)
{
	const char *size = getenv("BODY_BYTES");
	size_t bytes = size ? strtoul(size, NULL, 10) : 1024;
	char *body = own_alloc(bytes + 1), host[32];
	int n = argc == 6 ? atoi(argv[4]) : 0;
	struct connection *all;
	int64_t began;

	if (n < 1 || n > CONNECTIONS_MAX || !strchr("cfdt", argv[3][0]))
		fail("usage",
		     "PORT QUEUE-URL cycle|fill|drain|tens CONNECTIONS SECONDS-OR-MESSAGES");
	memset(body, 'x', bytes);
	snprintf(host, sizeof(host), "127.0.0.1:%s", argv[1]);
	load.port = atoi(argv[1]);
	load.epoll = epoll_create1(0);
	load.url = argv[2];
	load.host = host;
	load.body = body;
	load.keys = (struct sigv4_keys){ getenv("AWS_ACCESS_KEY_ID"),
					 getenv("AWS_SECRET_ACCESS_KEY"), NULL };
	load.mode = argv[3][0];
	load.most = atoll(argv[5]);
	load.samples = own_array(SAMPLES_MAX, sizeof(*load.samples));
	all = own_array((size_t)n, sizeof(*all));
	for (int i = 0; i < n; i++)
		connect_to(&all[i]);
	began = now_ns();
	load.end_ns = began + load.most * INT64_C(1000000000);
	load.busy = n;
	for (int i = 0; i < n; i++)
		begin(&all[i]);
	run();
	tell((double)(now_ns() - began) / 1e9);
	return 0;
}
