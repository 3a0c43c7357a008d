/* An upload from its head to its last byte. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "gateway/inside.h"

#define MIB (1ll << 20)
#define SLACK_BYTES (64ll << 10) /* of the form around the file */
#define OTHER_MAX (64u << 10)    /* of all fields that nobody asked for */

void gateway_upload_free(struct upload *u)
{
	struct gateway *g = u->g;

	*u->at = u->next;
	if (u->next)
		u->next->at = u->at;
	lane_cancel(g->lane, &u->call);
	aws_call_done(&u->call);
	gateway_part_stop(u);
	broker_record_cancel(u->write);
	gateway_send_cancel(u->send);
	loop_timer_free(u->again);
	multipart_done(&u->form);
	record_done(&u->record);
	buf_done(&u->title);
	if (u->spool >= 0)
		close(u->spool);
	for (int i = 0; i < u->numbered; i++)
		own_free(u->etags[i]);
	own_free(u->etags);
	own_free(u->upload_id);
	own_free(u->key);
	own_free(u);
	gateway_idle(g);
}

void gateway_upload_end(struct upload *u, enum gateway_result r)
{
	struct gateway *g = u->g;
	struct gateway_ask *a = u->x ? httpd_user(u->x) : NULL;

	g->results[r]++;
	if (a)
		a->upload = NULL;
	lane_cancel(g->lane, &u->call);
	gateway_part_stop(u); /* a part on its way would hold up the abort */
	if (u->upload_id && u->step != UPLOAD_STORING)
		gateway_errand_abort(g, u->job.key, u->upload_id);
	gateway_upload_free(u);
}

void gateway_upload_fail(struct upload *u, int status, const char *code, const char *why)
{
	struct httpd_exchange *x = u->x;

	gateway_upload_end(u, status >= 500 ? GATEWAY_FAILED : GATEWAY_REFUSED);
	if (x)
		gateway_route_fail(x, status, code, "%s", why);
}

void gateway_upload_away(struct upload *u, const char *what, const struct err *e)
{
	struct httpd_exchange *x = u->x;

	gateway_upload_end(u, GATEWAY_FAILED);
	if (x)
		gateway_route_away(x, what, e);
}

void gateway_upload_left(struct upload *u)
{
	u->x = NULL;
	if (u->step == UPLOAD_ENDING || u->step == UPLOAD_STORING)
		return; /* all of it is here: it is seen to its end */
	LOG_INFO("a client left in the middle of its upload", LOG_S("video", u->job.video_id),
		 LOG_I("bytes", u->file_bytes));
	gateway_upload_end(u, GATEWAY_LEFT);
}

/* --- the form */

static int begin(const struct multipart_part *p, void *arg, struct err *e)
{
	struct upload *u = arg;

	if (strcmp(p->name, "title") == 0 && !p->is_file) {
		if (u->has_title)
			return err_set(e, ERR_POLICY, "there are two fields called title");
		u->has_title = true;
		u->field = UPLOAD_TITLE;
	} else if (strcmp(p->name, "video_file") == 0) {
		if (u->has_file)
			return err_set(e, ERR_POLICY, "there are two fields called video_file");
		if (!p->is_file)
			return err_set(e, ERR_POLICY, "video_file has no file name: send a file");
		u->has_file = true;
		u->field = UPLOAD_FILE;
	} else {
		u->field = UPLOAD_OTHER;
	}
	return 0;
}

/* Set while feeding, since a taker has no error to give. */
static bool too_much(struct upload *u)
{
	return u->title.full || u->other_bytes > OTHER_MAX ||
	       u->file_bytes > u->g->o->max_mib * MIB;
}

static size_t data(const char *bytes, size_t len, void *arg)
{
	struct upload *u = arg;
	struct err e = { 0 };
	ssize_t n = (ssize_t)len;

	if (u->step == UPLOAD_OVER || too_much(u))
		return 0;
	if (u->field == UPLOAD_FILE)
		n = gateway_part_add(u, bytes, len, &e);
	else if (u->field == UPLOAD_TITLE)
		buf_add(&u->title, bytes, len);
	else
		u->other_bytes += len;
	if (n < 0) { /* told after the feeding: the upload must outlive it */
		LOG_ERROR("the spool does not take an upload", LOG_E(&e));
		u->step = UPLOAD_OVER;
		return 0;
	}
	return (size_t)n;
}

static int part_end(void *arg, struct err *e)
{
	struct upload *u = arg;

	(void)e;
	if (u->field == UPLOAD_FILE)
		u->file_ended = true;
	u->field = UPLOAD_NONE;
	return 0;
}

/* Why the title will not do; NULL: it does. */
static const char *title_fault(const struct upload *u)
{
	const char *s = buf_str(&u->title);

	if (!u->has_title || u->title.len == 0)
		return "the title is missing: send a field called title";
	if (!utf8_valid(s, u->title.len))
		return "the title is not UTF-8";
	for (size_t i = 0; i < u->title.len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return "the title holds control characters";
	return NULL;
}

/* True: it was refused, and is gone. */
static bool refused(struct upload *u)
{
	int64_t most = u->g->o->max_mib;
	AUTO(own_freep) char *text = NULL;

	if (u->title.full) {
		text = own_printf("the title is longer than %d bytes", RECORD_TITLE_MAX);
		gateway_upload_fail(u, 413, "title_too_long", text);
	} else if (u->file_bytes > most * MIB) {
		text = own_printf("the file is larger than %lld MiB", (long long)most);
		gateway_upload_fail(u, 413, "file_too_large", text);
	} else if (u->other_bytes > OTHER_MAX) {
		gateway_upload_fail(u, 413, "form_too_large",
				    "the form holds more than title and video_file");
	} else if (u->step == UPLOAD_OVER) {
		gateway_upload_fail(u, 503, "unavailable", "no room for the upload: try again");
	} else if (u->has_file && (u->file_bytes >= GATEWAY_SNIFF_BYTES || u->file_ended) &&
		   u->file_bytes > 0 && !u->type) {
		text = own_printf("this is no video of a known kind (%s)", u->g->o->types);
		gateway_upload_fail(u, 415, "not_a_video", text);
	} else {
		return false;
	}
	return true;
}

static size_t take(struct httpd_exchange *x, const char *bytes, size_t len, void *arg)
{
	struct gateway_ask *a = httpd_user(x);
	struct upload *u = a ? a->upload : NULL;
	struct err e = { 0 };
	ssize_t n;

	(void)arg;
	if (!u)
		return len;
	if (u->step != UPLOAD_TAKING)
		return 0;
	u->moved = clock_mono();
	n = multipart_feed(&u->form, bytes, len, &e);
	if (n < 0) {
		gateway_upload_fail(u, 400, "bad_form", e.text);
		return len;
	}
	return refused(u) ? len : (size_t)n;
}

/* --- its ends */

void gateway_upload_new(struct gateway *g, struct httpd_exchange *x)
{
	const struct multipart_events events = { begin, data, part_end, NULL };
	struct gateway_ask *a = httpd_user(x);
	const char *key = httpd_header(x, "Idempotency-Key");
	struct upload *u;
	struct err e = { 0 };

	if (httpd_body_declared(x) > g->o->max_mib * MIB + SLACK_BYTES) {
		gateway_route_fail(x, 413, "file_too_large", "the file is larger than %lld MiB",
				   (long long)g->o->max_mib);
		return;
	}
	if (g->draining) {
		gateway_route_fail(x, 503, "unavailable", "this gateway is ending: try again");
		return;
	}
	if (key && (!*key || strlen(key) > GATEWAY_KEY_MAX)) {
		gateway_route_fail(x, 400, "bad_key", "an Idempotency-Key has 1 to %d bytes",
				   GATEWAY_KEY_MAX);
		return;
	}
	u = own_alloc(sizeof(*u));
	u->g = g;
	u->x = x;
	u->spool = -1;
	u->title = BUF(RECORD_TITLE_MAX);
	u->record.began_at = INSTANT_NEVER;
	u->since = u->moved = clock_mono();
	u->next = g->uploads;
	u->at = &g->uploads;
	if (u->next)
		u->next->at = &u->next;
	g->uploads = u;
	memcpy(u->who, a->who, sizeof(u->who));
	u->key = own_strdup(key);
	a->upload = u;
	u->step = key ? UPLOAD_KEY : UPLOAD_TAKING;
	if (multipart_init(&u->form, httpd_header(x, "Content-Type"), &events, &e) < 0) {
		gateway_upload_fail(u, 415, "bad_form", e.text);
		return;
	}
	u->form.events.arg = u;
	if (produce_job(g->o->bucket, "decided-later", &u->job, &e) < 0 ||
	    gateway_part_open(u, &e) < 0) {
		gateway_upload_away(u, "the spool", &e);
		return;
	}
	memcpy(a->video_id, u->job.video_id, sizeof(a->video_id));
	httpd_body_to_fn(x, take, NULL, INT64_MAX); /* the file is counted, not the form */
	if (key)
		gateway_again_start(u);
}

void gateway_upload_ready(struct upload *u)
{
	u->step = UPLOAD_TAKING;
	u->moved = clock_mono();
	if (u->x)
		httpd_body_more(u->x);
}

void gateway_upload_whole(struct upload *u)
{
	const char *fault = title_fault(u);

	if (refused(u))
		return;
	if (!multipart_whole(&u->form))
		gateway_upload_fail(u, 400, "bad_form", "the form has no end");
	else if (!u->has_file || u->file_bytes == 0)
		gateway_upload_fail(u, 400, "no_file",
				    u->has_file
					    ? "the file is empty"
					    : "there is no file: send a field called video_file");
	else if (fault)
		gateway_upload_fail(u, 400, "bad_title", fault);
	else
		gateway_part_finish(u);
}

void gateway_upload_tick(struct gateway *g, struct tick now)
{
	for (struct upload *u = g->uploads, *next; u; u = next) {
		next = u->next;
		if (u->step == UPLOAD_TAKING && tick_since(now, u->since).ms > g->o->upload_most.ms)
			gateway_upload_fail(u, 408, "too_slow", "the upload took too long");
		else
			gateway_part_tick(u, now);
	}
}
