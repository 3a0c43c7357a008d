#include "base/trim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that are never written, so that nothing is lost; what relocation wrote to is in others.
 */
static int give_back(struct dl_phdr_info *o, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	if (strncmp(o->dlpi_name, "linux-", 6) == 0) /* the kernel's own, of no file */
		return 0;
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &o->dlpi_phdr[i];
		uintptr_t from = (o->dlpi_addr + h->p_vaddr) & -page;
		uintptr_t to = (o->dlpi_addr + h->p_vaddr + h->p_filesz) & -page;

		/* Best effort: what a kernel refuses stays where it is. */
		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W) && from < to)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void trim_heap(void)
{
	malloc_trim(0);
}

void trim_memory(void)
{
	trim_heap();
	dl_iterate_phdr(give_back, NULL);
}
