#include "base/gunzip.h"

#include <limits.h>
#include <zlib.h>

#define PIECE_BYTES 16384
#define GZIP_ONLY (16 + MAX_WBITS) /* how zlib is told so */

static int inflate_all(z_stream *z, struct buf *out, struct err *e)
{
	unsigned char piece[PIECE_BYTES];
	int rc = Z_OK;

	while (rc == Z_OK) {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END)
			return err_set(e, ERR_PROTOCOL, "the body is not gzip, or is cut off");
		if (buf_add(out, piece, sizeof(piece) - z->avail_out) < 0)
			return err_set(e, ERR_PROTOCOL, "the body says more than %zu bytes",
				       out->cap);
	}
	return 0;
}

int gunzip(const void *data, size_t len, struct buf *out, struct err *e)
{
	z_stream z = { .next_in = (Bytef *)data, .avail_in = (uInt)len };
	int rc;

	if (len > INT_MAX || inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return err_set(e, ERR_PROTOCOL, "the body cannot be unpacked");
	rc = inflate_all(&z, out, e);
	inflateEnd(&z);
	return rc;
}
