/* YAML documents as a tree whose nodes know their place (libyaml; the only file that includes it).
 *
 * Bounded: file size, nodes, depth. No anchors' cycles, no tags but the core ones, no duplicate
 * keys, one document. Scalars keep their text and whether they were plain or quoted; their
 * meaning is the reader's (see keys.h).
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_BYTES_MAX (1u << 20)
#define YAML_NODES_MAX 20000
#define YAML_DEPTH_MAX 32

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_place {
	const char *file; /* borrowed from the document */
	int line, column; /* from 1 */
};

struct yaml_node {
	enum yaml_kind kind;
	struct yaml_place at;
	bool plain;              /* scalar without quotes */
	const char *text;        /* scalar */
	size_t count;            /* list items, or pairs of a map */
	struct yaml_node **keys; /* map: scalars */
	struct yaml_node **items;
};

struct yaml; /* a document; owns its nodes */

MUST struct yaml *yaml_parse(const char *file, const char *text, size_t len, struct err *e);
MUST struct yaml *yaml_load(const char *path, struct err *e);
/* libyaml exports a yaml_free() of its own and calls it by that name: ours has another one. */
void yaml_free(struct yaml *y) __asm__("base_yaml_free");
DEFINE_FREEP(struct yaml, yaml);
const struct yaml_node *yaml_root(const struct yaml *y); /* NULL for an empty document */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
