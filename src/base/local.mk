# src/base: sources, library and unit tests.

noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES =

# The loop and what hangs in it: processes, names, HTTP.
src_base_libbase_a_SOURCES += \
	src/base/loop.c src/base/loop.h src/base/loop_own.h \
	src/base/loop_child.c src/base/loop_resolve.c
