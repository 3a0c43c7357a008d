# src/programs: the mains.
bin_PROGRAMS += windlass
windlass_SOURCES = src/programs/windlass.c
windlass_LDADD = $(CLI_LIBS)

bin_PROGRAMS += windlassd
windlassd_SOURCES = src/programs/windlassd.c
windlassd_LDADD = $(CONTROL_LIBS)

bin_PROGRAMS += windlass-local
windlass_local_SOURCES = src/programs/windlass-local.c
windlass_local_LDADD = $(LOCAL_LIBS)

bin_PROGRAMS += windlass-worker
windlass_worker_SOURCES = src/programs/windlass-worker.c
windlass_worker_LDADD = $(WORKER_LIBS)
