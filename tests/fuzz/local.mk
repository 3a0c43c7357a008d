# make fuzz: every target of tests/fuzz under libFuzzer, which needs clang and its runtime. In
# `make check` the same targets replay their corpus. What was found gathers in the build tree as
# fuzzing/NAME/; what breaks a promise as fuzzing/NAME-crash-*. A finding worth keeping is copied
# by hand to tests/fuzz/corpus/NAME, under a name that says why.
FUZZ_SECONDS = 60
FUZZ_SANITIZE = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz_sources = $(src_base_libbase_a_SOURCES) $(src_wire_libwire_a_SOURCES) $(src_aws_libaws_a_SOURCES) \
	$(src_model_libmodel_a_SOURCES) $(src_policy_libpolicy_a_SOURCES) \
	$(src_decide_libdecide_a_SOURCES) $(src_rehearse_librehearse_a_SOURCES) \
	$(src_simulate_libsimulate_a_SOURCES) \
	$(src_broker_libbroker_a_SOURCES) $(src_produce_libproduce_a_SOURCES) $(src_gateway_libgateway_a_SOURCES) $(src_worker_libworker_a_SOURCES) \
	$(src_local_liblocal_a_SOURCES)
fuzz_libs = $(UV_LIBS) $(CURL_LIBS) $(MHD_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) $(CBOR_LIBS) $(ZLIB_LIBS) $(YAML_LIBS) \
	$(EXPAT_LIBS) $(SQLITE_LIBS) $(SECCOMP_LIBS) $(HIREDIS_LIBS) -lm -lpthread
fuzz_compile = clang -O1 -g -std=gnu17 $(DEFS) -I. $(AM_CPPFLAGS)

.PHONY: fuzz
fuzz:
	@command -v clang >/dev/null || { \
		echo "make fuzz: clang is missing: apt-get install clang libclang-rt-14-dev" >&2; exit 1; }
	@mkdir -p fuzzing/objects && rm -f fuzzing/objects/*.o && for f in $(fuzz_sources); do \
		case $$f in *.c) $(fuzz_compile) $(FUZZ_SANITIZE) -c "$(srcdir)/$$f" \
			-o "fuzzing/objects/$$(echo "$$f" | tr / _).o" || exit 1;; esac; done
	@for f in "$(srcdir)"/tests/fuzz/fuzz_*.c; do \
		t=$$(basename "$$f" .c) && t=$${t#fuzz_} && mkdir -p "fuzzing/$$t" && \
		$(fuzz_compile) $(FUZZ_SANITIZE) -fsanitize=fuzzer "$$f" fuzzing/objects/*.o $(fuzz_libs) \
			-o "fuzzing/fuzz_$$t" && \
		echo "fuzzing $$t for $(FUZZ_SECONDS) s" && \
		"fuzzing/fuzz_$$t" -max_total_time=$(FUZZ_SECONDS) -artifact_prefix="fuzzing/$$t-" \
			-print_final_stats=1 "fuzzing/$$t" "$(srcdir)/tests/fuzz/corpus/$$t" || exit 1; \
	done
