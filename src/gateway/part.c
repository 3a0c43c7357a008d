/* The parts in the spool, and how they get into the store.
 *
 * The spool is a file without a name that holds two parts, no more: a part that the store refused
 * can be sent again, one part fills while the store still answers for the one before, and the
 * client waits while both are full. A part is sent as soon as it is whole; where the client is fast
 * and its form says that a whole part will come, sending begins with its first mebibyte and follows
 * what comes, so that client and store are at work at the same time. */
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
/* For the sake of memory, by how many parts are under way to the store: the pieces in which they
 * are read and sent, and whether an upload may have two of them. */
#define CALLS_FEW 8
#define CALLS_SOME 48
#define PIECE_FEW (256u << 10)
#define PIECE_SOME (64u << 10)
#define PIECE_MANY (16u << 10)
#define STALL_MS 5000 /* a client that sends nothing for so long holds no call to the store */

static void advance(struct upload *u);

static struct upload_slot *other(struct upload_slot *p)
{
	return p == p->u->slots ? p + 1 : p - 1;
}

static void clear(struct upload_slot *p)
{
	p->len = 0;
	p->stalled = false;
	p->since = clock_mono();
}

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
	for (int i = 0; i < UPLOAD_SLOTS; i++)
		u->slots[i] = (struct upload_slot){ .u = u, .at = i * u->part_size };
	u->filling = u->slots;
	clear(u->filling);
	return 0;
}

static int64_t there(void *arg)
{
	const struct upload_slot *p = arg;

	return p->len;
}

static void part_came(struct aws_call *c, void *arg);

static size_t piece(int calls)
{
	return calls < CALLS_FEW ? PIECE_FEW : calls < CALLS_SOME ? PIECE_SOME : PIECE_MANY;
}

static void send_part(struct upload_slot *p, int64_t size)
{
	struct upload *u = p->u;

	aws_call_done(&p->call);
	aws_s3_multi_part_ask(&p->call.request, u->job.bucket, u->job.key, u->upload_id, p->number,
			      u->spool, p->at, size);
	p->call.request.body_there = there;
	p->call.request.body_arg = p;
	p->call.request.body_piece = piece(u->g->part_calls);
	p->sending = true;
	p->size = size;
	p->told = p->len;
	u->g->part_calls++;
	lane_start(u->g->lane, &p->call, span_s(PART_S), part_came, p);
}

static void stop(struct upload_slot *p)
{
	if (!p->sending)
		return;
	lane_cancel(p->u->g->lane, &p->call); /* harmless where it has ended */
	p->sending = false;
	p->u->g->part_calls--;
}

void gateway_part_stop(struct upload *u)
{
	for (int i = 0; i < UPLOAD_SLOTS; i++) {
		if (u->slots[i].u)
			stop(&u->slots[i]);
		aws_call_done(&u->slots[i].call);
	}
}

static void part_came(struct aws_call *c, void *arg)
{
	struct upload_slot *p = arg;
	struct upload *u = p->u;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	stop(p);
	if (aws_s3_put_read(&c->reply, etag, &e) < 0) {
		gateway_upload_away(u, "the store", &e);
		return;
	}
	u->etags[p->number - 1] = own_strdup(etag);
	u->parts++;
	clear(p);
	if (u->step == UPLOAD_TAKING)
		httpd_body_more(u->x);
	advance(u);
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

/* Will this part be whole, and soon? */
static bool is_early(const struct upload *u, const struct upload_slot *p)
{
	int64_t declared = httpd_body_declared(u->x);
	int64_t to_come = declared - httpd_body_bytes(u->x);
	int64_t took_ms = tick_since(clock_mono(), p->since).ms;

	return u->step == UPLOAD_TAKING && !p->stalled && declared >= 0 && p->len >= EARLY_BYTES &&
	       to_come >= u->part_size - p->len + AFTER_BYTES &&
	       took_ms * (u->part_size / p->len) < EARLY_MOST_MS;
}

static bool is_due(const struct upload *u, const struct upload_slot *p)
{
	return p->len > 0 && (p->len == u->part_size || u->step == UPLOAD_ENDING || is_early(u, p));
}

/* What can be done now with what is in a slot. */
static void push(struct upload *u, struct upload_slot *p)
{
	bool last = u->step == UPLOAD_ENDING;

	if (p->sending && last && p->len < p->size)
		stop(p); /* the form was mostly not its file */
	if (p->sending && p->len > p->told &&
	    (p->len == p->size || p->len - p->told >= WAKE_BYTES)) {
		p->told = p->len;
		lane_body_more(&p->call);
	} else if (!p->sending && is_due(u, p) &&
		   (!other(p)->sending || u->g->part_calls < CALLS_SOME)) {
		send_part(p, last ? p->len : u->part_size);
	}
}

static void advance(struct upload *u)
{
	struct upload_slot *p = u->filling;
	bool last = u->step == UPLOAD_ENDING;

	if (u->creating)
		return;
	if (u->upload_id) {
		push(u, other(p)); /* the older one */
		push(u, p);
	}
	if (last && (!u->upload_id || (p->len == 0 && other(p)->len == 0)))
		gateway_enqueue_start(u); /* small, or all of it is in the store */
	else if (!u->upload_id && is_due(u, p))
		create(u);
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

static int spool(struct upload_slot *p, const char *data, size_t len, struct err *e)
{
	for (size_t done = 0; done < len;) {
		ssize_t wrote = pwrite(p->u->spool, data + done, len - done, p->at + p->len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return err_errno(e, errno, "writing into %s", p->u->g->o->spool);
		done += (size_t)wrote;
		p->len += wrote;
	}
	return 0;
}

/* The slot that takes what comes next; NULL: both are full. */
static struct upload_slot *slot(struct upload *u)
{
	struct upload_slot *p = u->filling;

	if (p->len == u->part_size) {
		p = other(p);
		if (p->len > 0)
			return NULL;
		clear(p);
		u->filling = p;
	}
	if (p->len == 0) {
		u->etags = own_grow(u->etags, (size_t)u->numbered + 1, sizeof(*u->etags));
		u->etags[u->numbered++] = NULL;
		p->number = u->numbered;
	}
	return p;
}

ssize_t gateway_part_add(struct upload *u, const char *data, size_t len, struct err *e)
{
	size_t taken = 0;

	while (taken < len) {
		struct upload_slot *p = slot(u);
		bool known = u->file_bytes >= GATEWAY_SNIFF_BYTES;
		size_t n = len - taken;

		if (!p)
			break;
		if ((int64_t)n > u->part_size - p->len)
			n = (size_t)(u->part_size - p->len);
		if (spool(p, data + taken, n, e) < 0)
			return -1;
		taken += n;
		u->file_bytes += (int64_t)n;
		if (!known && u->file_bytes >= GATEWAY_SNIFF_BYTES)
			sniff(u);
		if (u->type)
			advance(u);
	}
	return (ssize_t)taken;
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
	struct upload_slot *p = u->filling;

	if (u->step != UPLOAD_TAKING || !p->sending || p->len == p->size ||
	    tick_since(now, u->moved).ms < STALL_MS)
		return;
	stop(p);
	p->stalled = true;
}
