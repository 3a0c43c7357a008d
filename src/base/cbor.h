/* CBOR (RFC 8949; libcbor, the only file that includes it): read into the tree of json.h, and
 * written piece by piece.
 *
 * Reading is bounded in depth (JSON_DEPTH_MAX) and in items (CBOR_ITEMS_MAX), and takes what JSON
 * can say: maps with text keys, arrays, text, numbers, booleans, null. A byte string becomes base64
 * text, as AWS's JSON has it; a tagged item becomes its content, so that a time (tag 1) is the
 * number of its seconds.
 */
#ifndef BASE_CBOR_H
#define BASE_CBOR_H

#include "base/json.h"

#define CBOR_ITEMS_MAX 1000000

/* One item and nothing after it. NULL: ERR_PROTOCOL with the byte offset. */
MUST struct json *cbor_read(const void *data, size_t len, struct err *e);

/* Writers append one item, or the start of a map or list whose end cbor_write_end() writes. */
int cbor_write_text(struct buf *out, const char *s, size_t len);
int cbor_write_bytes(struct buf *out, const void *data, size_t len);
int cbor_write_int(struct buf *out, int64_t i);
int cbor_write_real(struct buf *out, double d); /* always 64 bits */
int cbor_write_bool(struct buf *out, bool b);
int cbor_write_seconds(struct buf *out, int64_t ms); /* a time, tag 1 */
int cbor_write_map(struct buf *out);
int cbor_write_list(struct buf *out);
int cbor_write_end(struct buf *out);

#endif
