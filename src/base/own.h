/* Ownership: who allocates, who frees, and how a local says so.
 *
 * Allocation failure ends the process (exit status 70): the supervisor restarts
 * it and the journal survives, so no caller has a path for it that nobody tests.
 * Sizes that come from outside are bounded before they reach these functions.
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdarg.h>
#include <stddef.h>

#define MUST __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* AUTO(x_done) struct x v = { 0 };  runs x_done(&v) when v leaves its scope.
 * AUTO(x_freep) struct x *p = NULL; likewise; DEFINE_FREEP makes x_freep of x_free. */
#define AUTO(fn) __attribute__((cleanup(fn)))
#define DEFINE_FREEP(type, name)                  \
	static inline void name##_freep(type **p) \
	{                                         \
		if (*p)                           \
			name##_free(*p);          \
		*p = NULL;                        \
	}                                         \
	struct own_needs_semicolon

/* Hands the pointer over: the value of p, and p is NULL from here on. */
#define TAKE(p)                                \
	({                                     \
		__typeof__(p) *take_ = &(p);   \
		__typeof__(p) taken_ = *take_; \
		*take_ = NULL;                 \
		taken_;                        \
	})

/* All return zeroed or initialised memory that the caller frees with own_free(). Never NULL. */
void *own_alloc(size_t size);
void *own_array(size_t count,
		size_t size); /* zeroed; ends the process when count * size overflows */
void *own_grow(void *p, size_t count, size_t size); /* new tail is not zeroed */
char *own_strdup(const char *s);                    /* NULL stays NULL */
char *own_strndup(const char *s, size_t n);
char *own_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *own_vprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
void own_free(void *p);

/* Overwrites @p n bytes in a way that the compiler keeps, for secrets. NULL is fine. */
void own_wipe(void *p, size_t n);
void own_wipe_str(char *s); /* wipes and frees a string */

/* For AUTO on strings: AUTO(own_freep) char *s = NULL; */
static inline void own_freep(void *p)
{
	void **pp = p;

	own_free(*pp);
	*pp = NULL;
}

#endif
