#include "worker/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"

#define READ_BYTES 65536

struct hash {
	int fd;
	int64_t offset, size;
	hash_fn *fn; /* NULL: forgotten */
	void *arg;
	struct err e;
	char hex[HASH_HEX_MAX];
};

static void work(void *arg)
{
	struct hash *h = arg;
	AUTO(crypto_hash_freep) struct crypto_hash *sum = crypto_hash_new(CRYPTO_SHA256);
	uint8_t data[READ_BYTES], digest[CRYPTO_SHA256_BYTES];
	int64_t left = h->size;
	off_t at = (off_t)h->offset;

	while (left != 0) {
		size_t want = left > 0 && left < READ_BYTES ? (size_t)left : READ_BYTES;
		ssize_t n = pread(h->fd, data, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n == 0 && left > 0)) {
			err_errno(&h->e, n < 0 ? errno : EIO, "reading the output");
			return;
		}
		if (n == 0)
			break;
		crypto_hash_add(sum, data, (size_t)n);
		at += n;
		left -= left > 0 ? n : 0;
	}
	crypto_hash_end(sum, digest);
	crypto_hex(digest, sizeof(digest), h->hex);
}

static void after(void *arg)
{
	struct hash *h = arg;

	close(h->fd);
	if (h->fn)
		h->fn(h->hex, &h->e, h->arg);
	own_free(h);
}

struct hash *worker_hash_range(struct loop *l, int fd, int64_t offset, int64_t size, hash_fn *fn,
			       void *arg)
{
	struct hash *h = own_alloc(sizeof(*h));

	h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	h->offset = offset;
	h->size = size;
	h->fn = fn;
	h->arg = arg;
	loop_work(l, work, after, h);
	return h;
}

void worker_hash_forget(struct hash *h)
{
	if (h)
		h->fn = NULL;
}
