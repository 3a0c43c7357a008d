/* Files that become part of the program when it is built.
 *
 * EMBED(name, "cli/page.js") defines struct embed name; the path is searched for where the
 * compiler looks for headers. The recipe of the object names the file as what it is made of.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

struct embed {
	const char *text; /* a NUL follows */
	size_t len;
};

#define EMBED(name, path)                                                                 \
	__asm__(".pushsection .rodata\n"                                                  \
		".balign 16\n" #name "_embedded:\n"                                       \
		".incbin \"" path "\"\n" #name "_embedded_end:\n"                         \
		".byte 0\n"                                                               \
		".popsection\n");                                                         \
	extern const char name##_embedded[] __attribute__((visibility("hidden")));        \
	extern const char name##_embedded_end[] __attribute__((visibility("hidden")));    \
	static inline struct embed name(void)                                             \
	{                                                                                 \
		return (struct embed){ name##_embedded,                                   \
				       (size_t)(name##_embedded_end - name##_embedded) }; \
	}                                                                                 \
	struct embed_needs_semicolon

#endif
