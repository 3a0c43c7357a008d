# src/wire: sources, library and unit tests.
noinst_LIBRARIES += src/wire/libwire.a
src_wire_libwire_a_SOURCES = \
	src/wire/awsxml.c src/wire/awsxml.h \
	src/wire/canon.c src/wire/canon.h \
	src/wire/chunked.c src/wire/chunked.h \
	src/wire/codes.c src/wire/codes.h \
	src/wire/form.c src/wire/form.h \
	src/wire/jsonrpc.c src/wire/jsonrpc.h \
	src/wire/md5attr.c src/wire/md5attr.h \
	src/wire/multipart.c src/wire/multipart.h \
	src/wire/service.c src/wire/service.h \
	src/wire/sigv4.c src/wire/sigv4.h src/wire/sigv4_policy.c src/wire/sigv4_verify.c \
	src/wire/uri.c src/wire/uri.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_wire
TESTS += tests/unit/check_wire
endif
tests_unit_check_wire_SOURCES = tests/unit/check_wire.c tests/unit/check_wire.h \
	tests/unit/check_wire_chunks.c tests/unit/check_wire_forms.c tests/unit/check_wire_sign.c
tests_unit_check_wire_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_wire_LDADD = $(WIRE_LIBS) $(UNIT_LIBS)

# Signs and verifies what another signer made; run by tests/e2e.
check_PROGRAMS += tests/lib/wire_sign
tests_lib_wire_sign_SOURCES = tests/lib/wire_sign.c
tests_lib_wire_sign_LDADD = $(WIRE_LIBS)

# Fuzz targets; make check replays their corpus and what a few thousand changes make of it.
check_PROGRAMS += tests/fuzz/fuzz_wire_chunked tests/fuzz/fuzz_wire_form tests/fuzz/fuzz_wire_sigv4
TESTS += tests/fuzz/fuzz_wire_chunked tests/fuzz/fuzz_wire_form tests/fuzz/fuzz_wire_sigv4
tests_fuzz_fuzz_wire_chunked_SOURCES = tests/fuzz/fuzz_wire_chunked.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_wire_chunked_LDADD = $(WIRE_LIBS)
tests_fuzz_fuzz_wire_form_SOURCES = tests/fuzz/fuzz_wire_form.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_wire_form_LDADD = $(WIRE_LIBS)
tests_fuzz_fuzz_wire_sigv4_SOURCES = tests/fuzz/fuzz_wire_sigv4.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_wire_sigv4_LDADD = $(WIRE_LIBS)
