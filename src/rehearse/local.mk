# src/rehearse: sources, library and unit tests.
noinst_LIBRARIES += src/rehearse/librehearse.a
src_rehearse_librehearse_a_SOURCES = src/rehearse/stream.c src/rehearse/stream.h
