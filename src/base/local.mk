# src/base: sources, library and unit tests.
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/buf.c src/base/buf.h \
	src/base/cbor.c src/base/cbor.h \
	src/base/chartjs.c src/base/chartjs.h src/base/embed.h \
	src/base/clock.c src/base/clock.h src/base/instant.h \
	src/base/crypto.c src/base/crypto_public.c src/base/crypto.h \
	src/base/db.c src/base/db.h src/base/db_own.h src/base/db_sync.c \
	src/base/err.c src/base/err.h \
	src/base/gunzip.c src/base/gunzip.h \
	src/base/html.c src/base/html.h \
	src/base/json.c src/base/json.h src/base/json_write.c \
	src/base/json_check.c src/base/json_check.h \
	src/base/keys.c src/base/keys.h src/base/keys_own.h \
	src/base/keys_scalar.c src/base/keys_print.c src/base/keys_doc.c \
	src/base/log.c src/base/log.h \
	src/base/options.c src/base/options.h src/base/options_help.c src/base/options_nearest.c \
	src/base/notify.c src/base/notify.h \
	src/base/own.c src/base/own.h \
	src/base/pool.c src/base/pool.h \
	src/base/rng.c src/base/rng.h \
	src/base/table.c src/base/table.h \
	src/base/text.c src/base/text.h \
	src/base/trim.c src/base/trim.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/xml.c src/base/xml.h \
	src/base/yaml.c src/base/yaml.h

src/base/chartjs.$(OBJEXT): $(CHARTJS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_base
TESTS += tests/unit/check_base
endif
tests_unit_check_base_SOURCES = tests/unit/check_base.c tests/unit/check_base.h \
	tests/unit/check_base_clock.c tests/unit/check_base_crypto.c tests/unit/check_base_db.c \
	tests/unit/check_base_documents.c tests/unit/check_base_html.c tests/unit/check_base_json.c tests/unit/check_base_keys.c \
	tests/unit/check_base_log.c tests/unit/check_base_options.c tests/unit/check_base_text.c
tests_unit_check_base_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_base_LDADD = $(BASE_LIBS) $(UNIT_LIBS)

fuzz_base_programs = tests/fuzz/fuzz_base_cbor tests/fuzz/fuzz_base_json tests/fuzz/fuzz_base_keys tests/fuzz/fuzz_base_xml \
	tests/fuzz/fuzz_base_yaml
check_PROGRAMS += $(fuzz_base_programs)
TESTS += $(fuzz_base_programs)
fuzz_common = tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_base_cbor_SOURCES = tests/fuzz/fuzz_base_cbor.c $(fuzz_common)
tests_fuzz_fuzz_base_cbor_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_base_json_SOURCES = tests/fuzz/fuzz_base_json.c $(fuzz_common)
tests_fuzz_fuzz_base_json_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_base_keys_SOURCES = tests/fuzz/fuzz_base_keys.c $(fuzz_common)
tests_fuzz_fuzz_base_keys_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_base_xml_SOURCES = tests/fuzz/fuzz_base_xml.c $(fuzz_common)
tests_fuzz_fuzz_base_xml_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_base_yaml_SOURCES = tests/fuzz/fuzz_base_yaml.c $(fuzz_common)
tests_fuzz_fuzz_base_yaml_LDADD = $(BASE_LIBS)

# The loop and what hangs in it: processes, names, HTTP.
src_base_libbase_a_SOURCES += \
	src/base/loop.c src/base/loop.h src/base/loop_own.h \
	src/base/loop_child.c src/base/loop_resolve.c \
	src/base/http.c src/base/http.h src/base/http_own.h \
	src/base/http_request.c src/base/http_reply.c src/base/http_stream.c src/base/http_stream.h \
	src/base/httpd.c src/base/httpd.h src/base/httpd_own.h src/base/httpd_early.c \
	src/base/httpd_exchange.c src/base/httpd_send.c src/base/httpd_stream.c src/base/httpd_write.c

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_base_io
TESTS += tests/unit/check_base_io
endif
tests_unit_check_base_io_SOURCES = tests/unit/check_base_io.c tests/unit/check_base_io.h \
	tests/unit/check_base_loop.c tests/unit/check_base_http.c tests/unit/check_base_httpd.c \
	tests/unit/check_base_stream.c tests/unit/check_base_httpd_flow.c
tests_unit_check_base_io_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_base_io_LDADD = $(BASE_LIBS) $(UNIT_LIBS)
