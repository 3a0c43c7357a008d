/* SHA-256 of a file or a part of it, made off the loop. */
#ifndef WORKER_HASH_H
#define WORKER_HASH_H

#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/loop.h"

#define HASH_HEX_MAX (2 * CRYPTO_SHA256_BYTES + 1)

struct hash;
/* On the loop, unless forgotten. */
typedef void hash_fn(const char *hex, const struct err *e, void *arg);
/* @p size bytes from @p offset, fewer being an error; -1: to the end. @p fd is duplicated. */
struct hash *worker_hash_range(struct loop *l, int fd, int64_t offset, int64_t size, hash_fn *fn,
			       void *arg);
void worker_hash_forget(struct hash *h); /* NULL is fine */

#endif
