# src/programs: the mains.
bin_PROGRAMS += windlass
windlass_SOURCES = src/programs/windlass.c
windlass_LDADD = src/cli/libcli.a $(REHEARSE_LIBS)
