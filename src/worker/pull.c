#include "worker/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aws/s3.h"
#include "base/own.h"

#define AT_ONCE 4
#define PART_S 3600  /* the lease, which is renewed, ends it earlier */
#define TRIES_MOST 4 /* of a part, of some attempts each */
#define AGAIN_MS 500

struct line { /* one part at a time */
	struct pull *p;
	struct aws_call call;
	int fd; /* of its own: the offset is the descriptor's */
	int64_t from, size;
	int tries;
	bool busy;
	struct loop_timer *again;
};

struct pull {
	struct loop *loop;
	struct lane *lane;
	char *bucket, *key, *etag;
	int64_t size, part_bytes, begun, done;
	struct line lines[AT_ONCE];
	pull_done_fn *fn;
	void *arg;
};

void worker_pull_cancel(struct pull *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct line *l = &p->lines[i];

		lane_cancel(p->lane, &l->call);
		aws_call_done(&l->call);
		loop_timer_free(l->again);
		if (l->fd >= 0)
			close(l->fd);
	}
	own_free(p->bucket);
	own_free(p->key);
	own_free(p->etag);
	own_free(p);
}

static void ended(struct pull *p, const struct err *e)
{
	pull_done_fn *fn = p->fn;
	void *arg = p->arg;
	struct err said = *e;

	worker_pull_cancel(p);
	fn(&said, arg);
}

static void came(struct aws_call *c, void *arg);

static void ask(void *arg)
{
	struct line *l = arg;
	struct pull *p = l->p;
	struct s3_get o = { .from = l->from, .to = l->from + l->size - 1, .if_match = p->etag };

	if (l->size == p->size)
		o.to = -1;                      /* all of it */
	lseek(l->fd, (off_t)l->from, SEEK_SET); /* as far as the end was tried at the start */
	aws_call_done(&l->call);
	aws_s3_get_ask(&l->call.request, p->bucket, p->key, l->fd, l->size, &o);
	l->call.request.reply_shared = true;
	lane_start(p->lane, &l->call, span_s(PART_S), came, l);
}

/* The next part, if there is one. False: the object is there whole. */
static bool next(struct line *l)
{
	struct pull *p = l->p;

	if (p->begun < p->size) {
		l->busy = true;
		l->tries = 0;
		l->from = p->begun;
		l->size = p->size - p->begun < p->part_bytes ? p->size - p->begun : p->part_bytes;
		p->begun += l->size;
		ask(l);
		return true;
	}
	return p->done < p->size;
}

static int read_part(const struct line *l, struct err *e)
{
	struct s3_object o;

	if (aws_s3_get_read(&l->call.reply, &o, e) < 0)
		return -1;
	if (o.got != l->size || o.size != l->p->size)
		return err_set(e, ERR_UNREACHABLE,
			       "%lld bytes of the source came where %lld were asked for",
			       (long long)o.got, (long long)l->size);
	return 0;
}

static bool may_pass(const struct err *e)
{
	return e->kind == ERR_UNREACHABLE || e->kind == ERR_THROTTLED || e->kind == ERR_PROTOCOL;
}

static void came(struct aws_call *c, void *arg)
{
	struct line *l = arg;
	struct pull *p = l->p;
	struct err e = { 0 };

	(void)c;
	if (read_part(l, &e) < 0) {
		if (may_pass(&e) && ++l->tries < TRIES_MOST)
			loop_timer_start(l->again, span_ms(AGAIN_MS << l->tries));
		else
			ended(p, &e);
		return;
	}
	l->busy = false;
	p->done += l->size;
	if (!next(l))
		ended(p, &e);
}

int worker_pull_start(const struct pull_spec *s, pull_done_fn *fn, void *arg, struct pull **ret,
		      struct err *e)
{
	struct pull *p = own_alloc(sizeof(*p));
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

	*p = (struct pull){ .loop = s->loop,
			    .lane = s->lane,
			    .bucket = own_strdup(s->bucket),
			    .key = own_strdup(s->key),
			    .etag = own_strdup(s->etag),
			    .size = s->size,
			    .part_bytes = s->part_bytes,
			    .fn = fn,
			    .arg = arg };
	for (size_t i = 0; i < AT_ONCE; i++)
		p->lines[i] = (struct line){ .p = p, .fd = -1 };
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct line *l = &p->lines[i];

		l->again = loop_timer_new(p->loop, ask, l);
		l->fd = open(s->path, flags, 0600);
		flags &= ~(O_CREAT | O_EXCL);
		if (l->fd < 0 || lseek(l->fd, (off_t)s->size, SEEK_SET) < 0) {
			err_errno(e, errno, "making the source's file");
			worker_pull_cancel(p);
			return -1;
		}
	}
	*ret = p;
	for (size_t i = 0; i < AT_ONCE && p->begun < p->size; i++)
		next(&p->lines[i]);
	return 0;
}
