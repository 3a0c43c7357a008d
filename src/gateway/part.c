/* The part in the spool, and how it gets into the store.
 *
 * The spool is a file without a name that holds one part, no more: a part that the store refused
 * can be sent again, and the client waits while it is full. A part is sent as soon as it is whole;
 * where the client is fast and its form says that a whole part will come, sending begins with
 * its first mebibyte and follows what comes, so that client and store are at work at the same time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define MIB (1ll << 20)
#define AFTER_BYTES (128ll << 10) /* a piece, and what a form may have behind its file */
#define PART_S 3600
#define EARLY_BYTES MIB          /* so much tells how fast a client is */
#define EARLY_MOST_MS 8000       /* in which the whole part would come */
#define WAKE_BYTES (256ll << 10) /* a call that follows is not woken for less */
#define STALL_MS 5000 /* a client that sends nothing for so long holds no call to the store */

int gateway_part_open(struct upload *u, struct err *e)
{
	const char *folder = u->g->o->spool;
	int64_t declared = httpd_body_declared(u->x);
	int64_t most = declared >= 0 ? declared : u->g->o->max_mib * MIB;

	u->part_size = u->g->o->part_mib * MIB;
	if (most / S3_PARTS_MAX + 1 > u->part_size)
		u->part_size = most / S3_PARTS_MAX + 1;
	u->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (u->spool < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		AUTO(own_freep) char *path = own_printf("%s/windlass-part-XXXXXX", folder);

		u->spool = mkostemp(path, O_CLOEXEC);
		if (u->spool >= 0)
			unlink(path);
	}
	if (u->spool < 0)
		return err_errno(e, errno, "a file in %s", folder);
	return 0;
}

static void part_came(struct aws_call *c, void *arg);
static void advance(struct upload *u);

static int64_t there(void *arg)
{
	const struct upload *u = arg;

	return u->part_len;
}

static void send_part(struct upload *u, int64_t size)
{
	aws_call_done(&u->call);
	aws_s3_multi_part_ask(&u->call.request, u->job.bucket, u->job.key, u->upload_id,
			      u->parts + 1, u->spool, 0, size);
	u->call.request.body_there = there;
	u->call.request.body_arg = u;
	u->sending = true;
	u->sent_size = size;
	u->told = u->part_len;
	lane_start(u->g->lane, &u->call, span_s(PART_S), part_came, u);
}

static void created(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	struct err e = { 0 };

	u->creating = false;
	if (aws_s3_multi_create_read(&c->reply, &u->upload_id, &e) < 0)
		gateway_upload_away(u, "the store", &e);
	else
		advance(u);
}

static void create(struct upload *u)
{
	aws_call_done(&u->call);
	aws_s3_multi_create_ask(&u->call.request, u->job.bucket, u->job.key, u->type->content_type);
	u->creating = true;
	lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), created, u);
}

static void part_came(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	u->sending = false;
	if (aws_s3_put_read(&c->reply, etag, &e) < 0) {
		gateway_upload_away(u, "the store", &e);
		return;
	}
	u->etags = own_grow(u->etags, (size_t)u->parts + 1, sizeof(*u->etags));
	u->etags[u->parts++] = own_strdup(etag);
	u->part_len = 0;
	u->early_off = false;
	u->part_since = clock_mono();
	if (u->step == UPLOAD_TAKING)
		httpd_body_more(u->x);
	else
		advance(u);
}

/* Will this part be whole, and soon? */
static bool is_early(const struct upload *u)
{
	int64_t declared = httpd_body_declared(u->x);
	int64_t to_come = declared - httpd_body_bytes(u->x);
	int64_t took_ms = tick_since(clock_mono(), u->part_since).ms;

	return !u->early_off && declared >= 0 && u->part_len >= EARLY_BYTES &&
	       to_come >= u->part_size - u->part_len + AFTER_BYTES &&
	       took_ms * (u->part_size / u->part_len) < EARLY_MOST_MS;
}

/* What can be done now with what is in the spool. */
static void advance(struct upload *u)
{
	bool ending = u->step == UPLOAD_ENDING;
	bool full = u->part_len == u->part_size;

	if (u->creating)
		return;
	if (u->sending && ending && u->part_len < u->sent_size) {
		lane_cancel(u->g->lane, &u->call); /* the form was mostly not its file */
		u->sending = false;
	}
	if (u->sending) {
		if (full || ending || u->part_len - u->told >= WAKE_BYTES) {
			u->told = u->part_len;
			lane_body_more(&u->call);
		}
	} else if (ending && (!u->upload_id || u->part_len == 0)) {
		gateway_enqueue_start(u); /* small, or all of it is in the store */
	} else if (ending || full || (u->step == UPLOAD_TAKING && is_early(u))) {
		if (u->upload_id)
			send_part(u, ending ? u->part_len : u->part_size);
		else
			create(u);
	}
}

/* The key has the kind of the file in its name, so it is made when that is known. */
static void sniff(struct upload *u)
{
	char head[GATEWAY_SNIFF_BYTES];
	ssize_t n = pread(u->spool, head, sizeof(head), 0);

	u->type = n > 0 ? gateway_sniff(head, (size_t)n) : NULL;
	if (u->type && !gateway_sniff_listed(u->g->o->types, u->type))
		u->type = NULL;
	if (u->type)
		snprintf(u->job.key, sizeof(u->job.key), "%.512s%s/source.%s", u->g->o->uploads,
			 u->job.video_id, u->type->extension);
}

ssize_t gateway_part_add(struct upload *u, const char *data, size_t len, struct err *e)
{
	bool known = u->file_bytes >= GATEWAY_SNIFF_BYTES;
	size_t room = (size_t)(u->part_size - u->part_len);
	size_t n = len < room ? len : room;

	if (n == 0)
		return 0;
	for (size_t done = 0; done < n;) {
		ssize_t wrote =
			pwrite(u->spool, data + done, n - done, u->part_len + (int64_t)done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return err_errno(e, errno, "writing into %s", u->g->o->spool);
		done += (size_t)wrote;
	}
	u->part_len += (int64_t)n;
	u->file_bytes += (int64_t)n;
	if (!known && u->file_bytes >= GATEWAY_SNIFF_BYTES)
		sniff(u);
	if (u->type)
		advance(u);
	return (ssize_t)n;
}

void gateway_part_finish(struct upload *u)
{
	if (u->file_bytes < GATEWAY_SNIFF_BYTES)
		sniff(u);
	if (!u->type) {
		gateway_upload_fail(u, 415, "not_a_video", "this is no video of a known kind");
		return;
	}
	u->step = UPLOAD_ENDING;
	advance(u);
}

void gateway_part_tick(struct upload *u, struct tick now)
{
	if (u->step != UPLOAD_TAKING || !u->sending || u->part_len == u->sent_size ||
	    tick_since(now, u->moved).ms < STALL_MS)
		return;
	lane_cancel(u->g->lane, &u->call);
	u->sending = false;
	u->early_off = true;
}
