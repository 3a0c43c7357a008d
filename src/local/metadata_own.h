/* What metadata.c and metadata_tree.c share. */
#ifndef LOCAL_METADATA_OWN_H
#define LOCAL_METADATA_OWN_H

#include "local/metadata.h"

struct local_metadata_end {
	struct local *local;
	struct httpd *httpd;
	char id[LOCAL_FLEET_ID_MAX];
	char role[80];
	uint8_t secret[32];
	struct local_key keys, next; /* told now; told once the batch is committed */
	bool issued, coming;
	struct instant issued_at, coming_at;
};

/* The text of a path below /latest, into @p out: 200, 404, or 500. @p json: it is JSON. */
int local_metadata_tree(const struct local_metadata_end *m, const char *path, struct buf *out,
			bool *ret_json);

#endif
