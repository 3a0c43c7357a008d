# src/programs: the mains.
bin_PROGRAMS += windlass
windlass_SOURCES = src/programs/windlass.c
windlass_LDADD = src/cli/libcli.a $(REHEARSE_LIBS)

bin_PROGRAMS += windlass-local
windlass_local_SOURCES = src/programs/windlass-local.c
windlass_local_LDADD = $(LOCAL_LIBS)
