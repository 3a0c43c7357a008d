# src/gateway: the upload API.
noinst_LIBRARIES += src/gateway/libgateway.a
src_gateway_libgateway_a_SOURCES = \
	src/gateway/again.c src/gateway/enqueue.c src/gateway/errand.c \
	src/gateway/gateway.c src/gateway/gateway.h \
	src/gateway/health.c src/gateway/inside.h src/gateway/look.c \
	src/gateway/page.c \
	src/gateway/part.c src/gateway/route.c src/gateway/send.c \
	src/gateway/sniff.c src/gateway/sniff.h src/gateway/sweep.c \
	src/gateway/token.c src/gateway/token.h \
	src/gateway/upload.c src/gateway/watch.c
EXTRA_DIST += src/gateway/page.css src/gateway/page.html src/gateway/page.js
src/gateway/page.$(OBJEXT): $(top_srcdir)/src/gateway/page.css $(top_srcdir)/src/gateway/page.html \
	$(top_srcdir)/src/gateway/page.js

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_gateway
TESTS += tests/unit/check_gateway
endif
tests_unit_check_gateway_SOURCES = tests/unit/check_gateway.c
tests_unit_check_gateway_LDADD = $(GATEWAY_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_gateway
TESTS += tests/fuzz/fuzz_gateway
tests_fuzz_fuzz_gateway_SOURCES = tests/fuzz/fuzz_gateway.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_gateway_LDADD = $(GATEWAY_LIBS)
