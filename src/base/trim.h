/* Memory that a process which sleeps does not need. */
#ifndef BASE_TRIM_H
#define BASE_TRIM_H

/* Gives back free memory and the pages of programs and libraries that are as they are in their
 * files; those in use come back from the page cache, at about 2 ms of work in all. What only the
 * start or a rare failure needs (two thirds of what TLS and SQLite map) is gone then.
 *
 * For before a sleep that is long beside 2 ms. A debugger's breakpoints are lost by it. */
void trim_memory(void);
/* The free memory alone, for a program that never sleeps long: about a millisecond for each 30 MiB
 * that it has. */
void trim_heap(void);

#endif
