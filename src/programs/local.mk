# src/programs: the mains.
bin_PROGRAMS += windlass
windlass_SOURCES = src/programs/windlass.c
windlass_LDADD = src/cli/libcli.a $(REHEARSE_LIBS) $(PRODUCE_LIBS)

bin_PROGRAMS += windlass-local
windlass_local_SOURCES = src/programs/windlass-local.c
windlass_local_LDADD = $(LOCAL_LIBS)

bin_PROGRAMS += windlass-worker
windlass_worker_SOURCES = src/programs/windlass-worker.c
windlass_worker_LDADD = $(WORKER_LIBS)
