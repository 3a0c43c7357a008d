# src/observe: sources, library and unit tests.
noinst_LIBRARIES += src/observe/libobserve.a
src_observe_libobserve_a_SOURCES = src/observe/observe.h src/observe/count.c src/observe/observe.c
