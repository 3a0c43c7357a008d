# src/act: sources, library and unit tests.
noinst_LIBRARIES += src/act/libact.a
src_act_libact_a_SOURCES = src/act/act.h src/act/permit.h src/act/act.c src/act/permit.c
