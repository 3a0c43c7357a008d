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
windlass_worker_SOURCES = src/programs/windlass-worker.c src/programs/windlass-worker.h \
	src/programs/windlass-worker-profile.c src/programs/windlass-worker-top.c
windlass_worker_LDADD = $(WORKER_LIBS)

bin_PROGRAMS += windlass-gateway
windlass_gateway_SOURCES = src/programs/windlass-gateway.c
windlass_gateway_LDADD = $(GATEWAY_LIBS)

# The manual is what windlass says of itself, so it needs a windlass that runs here.
EXTRA_DIST += src/cli/manual.sh
if RUNS_HERE
man_MANS = windlass.1 windlass-policy.5 windlass-profile.5 windlass-worker.1 windlass-gateway.1
CLEANFILES = $(man_MANS)
windlass.1: windlass$(EXEEXT) src/cli/manual.sh
	$(AM_V_GEN)$(SHELL) '$(srcdir)/src/cli/manual.sh' ./windlass$(EXEEXT) 1 >$@.new && mv $@.new $@
windlass-policy.5: windlass$(EXEEXT) src/cli/manual.sh
	$(AM_V_GEN)$(SHELL) '$(srcdir)/src/cli/manual.sh' ./windlass$(EXEEXT) 5 >$@.new && mv $@.new $@
windlass-profile.5: windlass-worker$(EXEEXT) src/cli/manual.sh
	$(AM_V_GEN)$(SHELL) '$(srcdir)/src/cli/manual.sh' ./windlass-worker$(EXEEXT) 5 >$@.new && mv $@.new $@
windlass-worker.1: windlass-worker$(EXEEXT) src/cli/manual.sh
	$(AM_V_GEN)$(SHELL) '$(srcdir)/src/cli/manual.sh' ./windlass-worker$(EXEEXT) 1 >$@.new && mv $@.new $@
windlass-gateway.1: windlass-gateway$(EXEEXT) src/cli/manual.sh
	$(AM_V_GEN)$(SHELL) '$(srcdir)/src/cli/manual.sh' ./windlass-gateway$(EXEEXT) 1 >$@.new && mv $@.new $@
endif
