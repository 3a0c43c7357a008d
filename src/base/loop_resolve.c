/* Names, looked up by threads of our own. libuv's pool would make the end of a program wait for
 * a resolver that does not answer (up to 30 s); these threads are simply left behind. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop_own.h"

#define NAME_MAX_BYTES 253
#define ADDRESSES_MAX 16
#define ADDRESS_TEXT_MAX (INET6_ADDRSTRLEN + 18) /* with a scope */
#define ENTRIES_MAX 512
#define THREADS_MAX 8
#define THREAD_STACK (512 << 10)

static const struct span fresh_for = { 60000 };
static const struct span stale_again = {
	5000
}; /* after a failure, the old answer stands so long */
static const struct span slow_after = {
	1000
}; /* a lookup that takes longer is answered from the old */

struct answer {
	char text[ADDRESSES_MAX][ADDRESS_TEXT_MAX];
	size_t n;
	int gai, errnum; /* why there is none */
};

/* What the loop and the threads share. The last one out frees it. */
struct mailbox {
	pthread_mutex_t lock;
	struct lookup *done;
	size_t refs;
	int eventfd; /* -1: the loop is gone */
};

struct lookup {
	struct lookup *next;
	struct mailbox *to;
	char *host;
	struct answer answer;
};

struct loop_resolve { /* one who waits */
	struct loop_resolve *prev, *next;
	struct loop_resolver *in;
	struct entry *entry;
	bool ready, due; /* due: ready when this turn began, so that nobody who asks again starves
			    others */
	loop_resolve_fn *fn;
	void *arg;
};

enum entry_state { ENTRY_IDLE, ENTRY_QUEUED, ENTRY_RUNNING };

struct entry {
	struct entry *next;
	char *host;
	enum entry_state state;
	unsigned pinned; /* by those who wait */
	struct tick fresh_until, used;
	struct answer answer; /* the last good one, else the last failure */
	struct loop_timer *slow;
	struct loop_resolver *in;
};

struct loop_resolver {
	struct loop_owned owned;
	struct loop *loop;
	struct mailbox *mailbox;
	struct loop_fd *mail;
	struct entry *entries;
	struct loop_resolve *waiting; /* oldest first; a ring through prev */
	size_t entry_count, running;
	bool soon;
};

static void mailbox_leave(struct mailbox *m)
{
	bool last;

	pthread_mutex_lock(&m->lock);
	last = --m->refs == 0;
	pthread_mutex_unlock(&m->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&m->lock);
	own_free(m);
}

static void lookup_free(struct lookup *k)
{
	own_free(k->host);
	own_free(k);
}

static void look_up(const char *host, int flags, struct answer *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *list = NULL, *i;

	a->n = 0;
	a->gai = getaddrinfo(host, NULL, &hints, &list);
	a->errnum = errno;
	if (a->gai)
		return;
	for (i = list; i && a->n < ADDRESSES_MAX; i = i->ai_next) {
		if (getnameinfo(i->ai_addr, i->ai_addrlen, a->text[a->n], ADDRESS_TEXT_MAX, NULL, 0,
				NI_NUMERICHOST) == 0)
			a->n++;
	}
	freeaddrinfo(list);
	if (a->n == 0)
		a->gai = EAI_NONAME;
}

static void *lookup_thread(void *arg)
{
	struct lookup *k = arg;
	struct mailbox *m = k->to;
	uint64_t one = 1;

	look_up(k->host, 0, &k->answer);
	pthread_mutex_lock(&m->lock);
	if (m->eventfd < 0) {
		lookup_free(k);
	} else {
		k->next = m->done;
		m->done = k;
		while (write(m->eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
			continue;
	}
	pthread_mutex_unlock(&m->lock);
	mailbox_leave(m);
	return NULL;
}

static int lookup_start(struct mailbox *m, const char *host)
{
	struct lookup *k = own_alloc(sizeof(*k));
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	k->to = m;
	k->host = own_strdup(host);
	pthread_mutex_lock(&m->lock);
	m->refs++;
	pthread_mutex_unlock(&m->lock);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all); /* signals belong to the loop's thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, lookup_thread, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc) {
		lookup_free(k);
		mailbox_leave(m);
	}
	return rc;
}

static void waiter_unlink(struct loop_resolve *w)
{
	struct loop_resolver *r = w->in;

	if (w->prev)
		w->prev->next = w->next;
	else
		r->waiting = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->entry->pinned--;
}

static int say_why(const struct entry *n, struct err *e)
{
	const struct answer *a = &n->answer;

	return err_set(e, ERR_UNREACHABLE, "resolving %s failed: %s", n->host,
		       a->gai == EAI_SYSTEM ? strerror(a->errnum) : gai_strerror(a->gai));
}

static void waiter_answer(struct loop_resolve *w)
{
	const char *addresses[ADDRESSES_MAX];
	struct entry *n = w->entry;
	struct err e = { 0 };

	waiter_unlink(w);
	n->pinned++;
	for (size_t i = 0; i < n->answer.n; i++)
		addresses[i] = n->answer.text[i];
	if (n->answer.n == 0)
		err_ignore(say_why(n, &e));
	w->fn(addresses, n->answer.n, n->answer.n ? NULL : &e, w->arg);
	n->pinned--;
	own_free(w);
}

static void answer_ready(void *arg)
{
	struct loop_resolver *r = arg;
	struct loop_resolve *w;

	/* From the start each time: the callback may have cancelled any of the others. */
	r->soon = false;
	for (w = r->waiting; w; w = w->next)
		w->due = w->ready;
	for (w = r->waiting; w;) {
		if (!w->due) {
			w = w->next;
			continue;
		}
		waiter_answer(w);
		w = r->waiting;
	}
}

static void ready_soon(struct loop_resolver *r)
{
	if (r->soon)
		return;
	r->soon = true;
	loop_soon(r->loop, answer_ready, r);
}

static void entry_ready(struct entry *n)
{
	for (struct loop_resolve *w = n->in->waiting; w; w = w->next) {
		if (w->entry == n)
			w->ready = true;
	}
	ready_soon(n->in);
}

static void entry_slow(void *arg)
{
	entry_ready(arg);
}

static void entry_settle(struct entry *n, const struct answer *a)
{
	struct tick now = clock_mono();

	n->state = ENTRY_IDLE;
	if (n->slow)
		loop_timer_stop(n->slow);
	if (a->n > 0) {
		n->answer = *a;
		n->fresh_until = tick_add(now, fresh_for);
	} else if (n->answer.n > 0) {
		n->fresh_until = tick_add(now, stale_again);
	} else {
		n->answer = *a;
		n->fresh_until = now; /* the next who asks looks again */
	}
	entry_ready(n);
}

static void start_queued(struct loop_resolver *r)
{
	struct answer none = { .gai = EAI_SYSTEM };

	for (struct entry *n = r->entries; n && r->running < THREADS_MAX; n = n->next) {
		if (n->state != ENTRY_QUEUED)
			continue;
		none.errnum = lookup_start(r->mailbox, n->host);
		if (none.errnum) {
			entry_settle(n, &none);
			continue;
		}
		n->state = ENTRY_RUNNING;
		r->running++;
	}
	loop_fd_watch(r->mail, r->running ? LOOP_READ : 0); /* keeps the loop alive meanwhile */
}

static struct entry *entry_find(struct loop_resolver *r, const char *host)
{
	struct entry *n = r->entries;

	while (n && strcmp(n->host, host) != 0)
		n = n->next;
	return n;
}

static void mail_came(int events, void *arg)
{
	struct loop_resolver *r = arg;
	struct mailbox *m = r->mailbox;
	struct lookup *done, *next;
	uint64_t count;

	(void)events;
	if (read(m->eventfd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&m->lock);
	done = m->done;
	m->done = NULL;
	pthread_mutex_unlock(&m->lock);
	for (; done; done = next) {
		next = done->next;
		r->running--;
		entry_settle(entry_find(r, done->host),
			     &done->answer); /* never evicted while it runs */
		lookup_free(done);
	}
	start_queued(r);
}

static void resolver_drop(struct loop_owned *o)
{
	struct loop_resolver *r = (struct loop_resolver *)o;
	struct mailbox *m = r->mailbox;
	struct loop_resolve *w;
	struct lookup *k;
	struct entry *n;

	while ((w = r->waiting)) {
		r->waiting = w->next;
		own_free(w);
	}
	while ((n = r->entries)) {
		r->entries = n->next;
		loop_timer_free(n->slow);
		own_free(n->host);
		own_free(n);
	}
	loop_fd_free(r->mail);
	pthread_mutex_lock(&m->lock);
	close(m->eventfd);
	m->eventfd = -1;
	while ((k = m->done)) {
		m->done = k->next;
		lookup_free(k);
	}
	pthread_mutex_unlock(&m->lock);
	mailbox_leave(m);
	loop_disown(o);
	*loop_resolver_of(r->loop) = NULL;
	own_free(r);
}

static struct loop_resolver *resolver_get(struct loop *l)
{
	struct loop_resolver *r = *loop_resolver_of(l);
	int fd;

	if (r)
		return r;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		loop_must(-errno, "looking up names");
	r = own_alloc(sizeof(*r));
	r->loop = l;
	r->mailbox = own_alloc(sizeof(*r->mailbox));
	pthread_mutex_init(&r->mailbox->lock, NULL);
	r->mailbox->refs = 1;
	r->mailbox->eventfd = fd;
	r->mail = loop_fd_new(l, fd, mail_came, r);
	loop_own(l, &r->owned, resolver_drop);
	*loop_resolver_of(l) = r;
	return r;
}

/* Makes room by the entry that was used longest ago and that nobody needs now. */
static void evict(struct loop_resolver *r)
{
	struct entry **at, **oldest = NULL, *n;

	for (at = &r->entries; *at; at = &(*at)->next) {
		if ((*at)->state == ENTRY_IDLE && (*at)->pinned == 0 &&
		    (!oldest || (*at)->used.ms < (*oldest)->used.ms))
			oldest = at;
	}
	if (!oldest)
		return;
	n = *oldest;
	*oldest = n->next;
	r->entry_count--;
	loop_timer_free(n->slow);
	own_free(n->host);
	own_free(n);
}

static bool is_name(const char *host)
{
	size_t len = strlen(host);

	for (const char *s = host; *s; s++) {
		if (!isgraph((unsigned char)*s))
			return false;
	}
	return len > 0 && len <= NAME_MAX_BYTES;
}

static struct entry *entry_get(struct loop_resolver *r, const char *host)
{
	struct entry *n = entry_find(r, host);
	struct in6_addr unused;

	if (n)
		return n;
	if (r->entry_count >= ENTRIES_MAX)
		evict(r);
	n = own_alloc(sizeof(*n));
	n->host = own_strdup(host);
	n->in = r;
	n->next = r->entries;
	r->entries = n;
	r->entry_count++;
	if (inet_pton(AF_INET, host, &unused) == 1 || inet_pton(AF_INET6, host, &unused) == 1) {
		look_up(host, AI_NUMERICHOST, &n->answer); /* no name server, no wait */
		n->fresh_until = TICK_NEVER;
	} else if (!is_name(host)) {
		n->answer.gai = EAI_NONAME;
		n->fresh_until = TICK_NEVER;
	}
	return n;
}

static void entry_ask(struct entry *n)
{
	struct loop_resolver *r = n->in;

	if (n->state == ENTRY_IDLE) {
		n->state = ENTRY_QUEUED;
		start_queued(r);
	}
	if (n->state == ENTRY_IDLE || n->answer.n == 0)
		return;
	if (!n->slow)
		n->slow = loop_timer_new(r->loop, entry_slow, n);
	if (!loop_timer_active(n->slow))
		loop_timer_start(n->slow, slow_after);
}

struct loop_resolve *loop_resolve(struct loop *l, const char *host, loop_resolve_fn *fn, void *arg)
{
	struct loop_resolver *r = resolver_get(l);
	struct loop_resolve *w = own_alloc(sizeof(*w)), **at;
	AUTO(own_freep) char *bare = NULL;
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']')
		host = bare = own_strndup(host + 1, len - 2);
	*w = (struct loop_resolve){ .in = r, .entry = entry_get(r, host), .fn = fn, .arg = arg };
	w->entry->pinned++;
	w->entry->used = clock_mono();
	for (at = &r->waiting; *at; at = &(*at)->next)
		w->prev = *at;
	*at = w;
	if (w->entry->used.ms < w->entry->fresh_until.ms) {
		w->ready = true;
		ready_soon(r);
	} else {
		entry_ask(w->entry);
	}
	return w;
}

void loop_resolve_cancel(struct loop_resolve *r)
{
	if (!r)
		return;
	waiter_unlink(r);
	own_free(r);
}
