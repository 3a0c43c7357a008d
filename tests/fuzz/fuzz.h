/* What a fuzz target is: one function that must survive every input. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold, in every build. */
#define FUZZ_HOLDS(x)                     \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)

#endif
