#include "worker/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/own.h"

#define READ_BYTES 65536

struct task_hash {
	struct task *task; /* NULL: forgotten */
	int fd;
	task_hashed_fn *fn;
	struct err e;
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
};

static void work(void *arg)
{
	struct task_hash *h = arg;
	AUTO(crypto_hash_freep) struct crypto_hash *sum = crypto_hash_new(CRYPTO_SHA256);
	uint8_t data[READ_BYTES], digest[CRYPTO_SHA256_BYTES];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(h->fd, data, sizeof(data), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_errno(&h->e, errno, "reading the output");
			return;
		}
		crypto_hash_add(sum, data, (size_t)n);
		at += n;
	}
	crypto_hash_end(sum, digest);
	crypto_hex(digest, sizeof(digest), h->hex);
}

static void after(void *arg)
{
	struct task_hash *h = arg;

	close(h->fd);
	if (h->task) {
		h->task->hash = NULL;
		memcpy(h->task->sha256, h->hex, sizeof(h->hex));
		h->fn(h->task, &h->e);
	}
	own_free(h);
}

void worker_hash_start(struct task *t, int fd, task_hashed_fn *fn)
{
	struct task_hash *h = own_alloc(sizeof(*h));

	h->task = t;
	h->fn = fn;
	h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	t->hash = h;
	loop_work(t->loop, work, after, h);
}

void worker_hash_forget(struct task_hash *h)
{
	if (h)
		h->task = NULL;
}
