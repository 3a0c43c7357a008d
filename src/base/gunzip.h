/* What came compressed by gzip (zlib, the only file that includes it). */
#ifndef BASE_GUNZIP_H
#define BASE_GUNZIP_H

#include "base/buf.h"

/* Appends what @p data says to @p out, whose cap bounds it: a small body can say a lot. -1 in
 * @p e: not gzip, cut off, or past the cap. */
MUST int gunzip(const void *data, size_t len, struct buf *out, struct err *e);

#endif
