#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct pool {
	pthread_mutex_t lock;
	size_t next, n;
	void (*fn)(void *arg, size_t i);
	void *arg;
	const volatile int *stop;
};

unsigned pool_cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)n;
}

static bool take(struct pool *p, size_t *ret)
{
	bool more;

	pthread_mutex_lock(&p->lock);
	more = p->next < p->n && !(p->stop && *p->stop);
	if (more)
		*ret = p->next++;
	pthread_mutex_unlock(&p->lock);
	return more;
}

static void *work(void *arg)
{
	struct pool *p = arg;
	size_t i;

	while (take(p, &i))
		p->fn(p->arg, i);
	return NULL;
}

size_t pool_run(unsigned threads, size_t n, void (*fn)(void *arg, size_t i), void *arg,
		const volatile int *stop)
{
	struct pool p = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .fn = fn, .arg = arg, .stop = stop
	};
	pthread_t thread[POOL_THREADS_MAX];
	unsigned started = 0;
	sigset_t all, before;

	/* Signals are the caller's: its threads take none. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < threads && started + 1 < n && started < POOL_THREADS_MAX &&
	       pthread_create(&thread[started], NULL, work, &p) == 0)
		started++; /* with fewer threads than asked for it only takes longer */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(&p);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	pthread_mutex_destroy(&p.lock);
	return p.next;
}
