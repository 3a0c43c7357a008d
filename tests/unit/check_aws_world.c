#include "check_aws_world.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "wire/sigv4.h"

struct cred world_keys = { .access_key = (char *)"AKID",
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

	*ret = cred_keys(&world_keys);
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
	const struct world_step *s =
		&w->steps[w->seen < w->step_count ? w->seen : w->step_count - 1];

	w->seen++;
	if (w->seen == w->stop_at)
		loop_stop(w->loop);
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

void world_up(struct world *w, const struct world_step *steps, size_t n)
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
				   .region = "eu-west-1", .endpoint = url, .keys = &world_keys },
			   &e);
	ck_assert_msg(w->lane != NULL, "%s", e.text);
	w->guard = loop_timer_new(w->loop, too_long, NULL);
	loop_timer_start(w->guard, span_s(20));
}

void world_down(struct world *w)
{
	lane_free(w->lane);
	httpd_free(w->server);
	loop_timer_free(w->guard);
	loop_free(w->loop);
}

void world_ended(struct aws_call *c, void *arg)
{
	struct world *w = arg;

	(void)c;
	w->ended++;
	loop_stop(w->loop);
}

void world_run(struct world *w, struct aws_call *c, struct span deadline)
{
	lane_start(w->lane, c, deadline, world_ended, w);
	loop_run(w->loop);
	ck_assert_uint_eq(w->ended, 1);
	w->ended = 0;
}
