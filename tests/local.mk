TEST_EXTENSIONS = .t
TAP = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP)
T_LOG_DRIVER = $(TAP)
T_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir;

LDADD = tests/libsim.a cmd/libcmd.a broker/libbroker.a $(CORE_LIBS) $(CURL_LIBS) $(EVENT_LIBS) \
	$(READLINE_LIBS) $(UTF8PROC_LIBS) $(CMOCKA_LIBS) -lm -lpthread
# for tests of single dialects
DIALECT_TEST = %D%/unit/dialect_test.c %D%/unit/dialect_test.h
# for programs with unit/fault.c: it catches these calls
FAULT_WRAPS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=realloc,--wrap=free \
	-Wl,--wrap=pread,--wrap=pwrite,--wrap=posix_fallocate
check_PROGRAMS += %D%/unit/test_agree
check_PROGRAMS += %D%/unit/test_answer
check_PROGRAMS += %D%/unit/test_base
check_PROGRAMS += %D%/unit/test_bind
check_PROGRAMS += %D%/unit/test_breaker
check_PROGRAMS += %D%/unit/test_catalog
check_PROGRAMS += %D%/unit/test_chat_request
check_PROGRAMS += %D%/unit/test_code
check_PROGRAMS += %D%/unit/test_command
check_PROGRAMS += %D%/unit/test_compatible
%C%_unit_test_compatible_SOURCES = %D%/unit/test_compatible.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_conf
check_PROGRAMS += %D%/unit/test_conf_file
check_PROGRAMS += %D%/unit/test_conf_memory
%C%_unit_test_conf_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=realloc
check_PROGRAMS += %D%/unit/test_conf_text
check_PROGRAMS += %D%/unit/test_conn
check_PROGRAMS += %D%/unit/test_cost
%C%_unit_test_conn_SOURCES = %D%/unit/test_conn.c
%C%_unit_test_conn_SOURCES += %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_conn_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_cross
%C%_unit_test_cross_SOURCES = %D%/unit/test_cross.c %D%/unit/gen_msg.c %D%/unit/gen_msg.h
check_PROGRAMS += %D%/unit/test_cross_fault
%C%_unit_test_cross_fault_SOURCES = %D%/unit/test_cross_fault.c $(DIALECT_TEST)
%C%_unit_test_cross_fault_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=realloc
check_PROGRAMS += %D%/unit/test_cross_request
check_PROGRAMS += %D%/unit/test_db
check_PROGRAMS += %D%/unit/test_dialect_anthropic
%C%_unit_test_dialect_anthropic_SOURCES = %D%/unit/test_dialect_anthropic.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_bedrock
%C%_unit_test_dialect_bedrock_SOURCES = %D%/unit/test_dialect_bedrock.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_cohere
%C%_unit_test_dialect_cohere_SOURCES = %D%/unit/test_dialect_cohere.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_count
check_PROGRAMS += %D%/unit/test_mapping
%C%_unit_test_mapping_SOURCES = %D%/unit/test_mapping.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_logprobs
%C%_unit_test_logprobs_SOURCES = %D%/unit/test_logprobs.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_marks
%C%_unit_test_marks_SOURCES = %D%/unit/test_marks.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_gemini
%C%_unit_test_dialect_gemini_SOURCES = %D%/unit/test_dialect_gemini.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_signatures
check_PROGRAMS += %D%/unit/test_thought
%C%_unit_test_thought_SOURCES = %D%/unit/test_thought.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_openai
%C%_unit_test_dialect_openai_SOURCES = %D%/unit/test_dialect_openai.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_dialect_responses
check_PROGRAMS += %D%/unit/test_embed
%C%_unit_test_embed_SOURCES = %D%/unit/test_embed.c $(DIALECT_TEST)
check_PROGRAMS += %D%/unit/test_echo
check_PROGRAMS += %D%/unit/test_errors
check_PROGRAMS += %D%/unit/test_estimate
check_PROGRAMS += %D%/unit/test_eventstream
check_PROGRAMS += %D%/unit/test_fit
check_PROGRAMS += %D%/unit/test_gcra
check_PROGRAMS += %D%/unit/test_cap
check_PROGRAMS += %D%/unit/test_history
check_PROGRAMS += %D%/unit/test_http1
check_PROGRAMS += %D%/unit/test_jschema
check_PROGRAMS += %D%/unit/test_jscan
check_PROGRAMS += %D%/unit/test_jsonx
check_PROGRAMS += %D%/unit/test_ledger
check_PROGRAMS += %D%/unit/test_ledger_fault
%C%_unit_test_ledger_fault_SOURCES = %D%/unit/test_ledger_fault.c
%C%_unit_test_ledger_fault_SOURCES += %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_ledger_fault_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_limiter
check_PROGRAMS += %D%/unit/test_link
check_PROGRAMS += %D%/unit/test_listen
%C%_unit_test_listen_SOURCES = %D%/unit/test_listen.c
%C%_unit_test_listen_SOURCES += %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_listen_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_loop
check_PROGRAMS += %D%/unit/test_memory
%C%_unit_test_memory_SOURCES = %D%/unit/test_memory.c
%C%_unit_test_memory_SOURCES += %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_memory_SOURCES += %D%/tools/seed_ledger.c %D%/tools/seed_ledger.h
%C%_unit_test_memory_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_opt
check_PROGRAMS += %D%/unit/test_os
check_PROGRAMS += %D%/unit/test_out
check_PROGRAMS += %D%/unit/test_pack
check_PROGRAMS += %D%/unit/test_pattern
check_PROGRAMS += %D%/unit/test_price
check_PROGRAMS += %D%/unit/test_prompt
check_PROGRAMS += %D%/unit/test_properties
%C%_unit_test_properties_SOURCES = %D%/unit/test_properties.c
%C%_unit_test_properties_SOURCES += %D%/unit/gen_msg.c %D%/unit/gen_msg.h
%C%_unit_test_properties_SOURCES += %D%/unit/wire.c %D%/unit/wire.h %D%/unit/wire_bedrock.c
%C%_unit_test_properties_SOURCES += %D%/unit/wire_cohere.c %D%/unit/wire_gemini.c
check_PROGRAMS += %D%/unit/test_provider
check_PROGRAMS += %D%/unit/test_provider_errors
check_PROGRAMS += %D%/unit/test_ratelimit
check_PROGRAMS += %D%/unit/test_record
check_PROGRAMS += %D%/unit/test_report
%C%_unit_test_report_SOURCES = %D%/unit/test_report.c
%C%_unit_test_report_SOURCES += %D%/tools/seed_ledger.c %D%/tools/seed_ledger.h
REQUEST_WORLD = %D%/unit/request_world.c %D%/unit/request_world.h \
	%D%/unit/fault.c %D%/unit/fault.h
check_PROGRAMS += %D%/unit/test_request
%C%_unit_test_request_SOURCES = %D%/unit/test_request.c $(REQUEST_WORLD)
%C%_unit_test_request_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_fetch
%C%_unit_test_fetch_SOURCES = %D%/unit/test_fetch.c $(REQUEST_WORLD)
%C%_unit_test_fetch_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_request_asked
%C%_unit_test_request_asked_SOURCES = %D%/unit/test_request_asked.c $(REQUEST_WORLD)
%C%_unit_test_request_asked_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_request_cost
%C%_unit_test_request_cost_SOURCES = %D%/unit/test_request_cost.c $(REQUEST_WORLD)
%C%_unit_test_request_cost_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_request_limits
%C%_unit_test_request_limits_SOURCES = %D%/unit/test_request_limits.c $(REQUEST_WORLD)
%C%_unit_test_request_limits_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_request_stream
%C%_unit_test_request_stream_SOURCES = %D%/unit/test_request_stream.c $(REQUEST_WORLD)
%C%_unit_test_request_stream_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_request_failure
%C%_unit_test_request_failure_SOURCES = %D%/unit/test_request_failure.c $(REQUEST_WORLD)
%C%_unit_test_request_failure_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_router
%C%_unit_test_router_SOURCES = %D%/unit/test_router.c
%C%_unit_test_router_SOURCES += %D%/unit/router_bench.c %D%/unit/router_bench.h
check_PROGRAMS += %D%/unit/test_rank
%C%_unit_test_rank_SOURCES = %D%/unit/test_rank.c
%C%_unit_test_rank_SOURCES += %D%/unit/router_bench.c %D%/unit/router_bench.h
check_PROGRAMS += %D%/unit/test_habit
check_PROGRAMS += %D%/unit/test_score
check_PROGRAMS += %D%/unit/test_retry
check_PROGRAMS += %D%/unit/test_secret
check_PROGRAMS += %D%/unit/test_served
check_PROGRAMS += %D%/unit/test_sha256
check_PROGRAMS += %D%/unit/test_shape
check_PROGRAMS += %D%/unit/test_sim_scenario
check_PROGRAMS += %D%/unit/test_spool
%C%_unit_test_spool_SOURCES = %D%/unit/test_spool.c %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_spool_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_sse
check_PROGRAMS += %D%/unit/test_target
check_PROGRAMS += %D%/unit/test_template_file
check_PROGRAMS += %D%/unit/test_term
check_PROGRAMS += %D%/unit/test_markdown
check_PROGRAMS += %D%/unit/test_upstream
%C%_unit_test_upstream_SOURCES = %D%/unit/test_upstream.c
%C%_unit_test_upstream_SOURCES += %D%/unit/fault.c %D%/unit/fault.h
%C%_unit_test_upstream_LDFLAGS = $(FAULT_WRAPS)
check_PROGRAMS += %D%/unit/test_turns
check_PROGRAMS += %D%/unit/test_usage
check_PROGRAMS += %D%/unit/test_vector
check_PROGRAMS += %D%/unit/test_wrong_types
check_PROGRAMS += %D%/unit/test_when
check_PROGRAMS += %D%/unit/test_zone
EXTRA_DIST += %D%/data/price_examples.jsonl
EXTRA_DIST += %D%/data/rollups.sql


# A fuzz target is three lines. It replays tests/fuzz/corpus/NAME in "make check"; configured
# with --enable-fuzz and clang it is a libFuzzer program instead, to be run by hand.
EXTRA_DIST += %D%/fuzz/corpus %D%/fuzz/cuts.h %D%/fuzz/json_mutate.c %D%/fuzz/conf_mutate.c
if FUZZ
FUZZ_MAIN =
FUZZ_JSON = %D%/fuzz/json_mutate.c
FUZZ_CONF = %D%/fuzz/conf_mutate.c
noinst_PROGRAMS += $(FUZZERS)
else
FUZZ_MAIN = %D%/fuzz/replay_main.c
FUZZ_JSON = $(FUZZ_MAIN)
FUZZ_CONF = $(FUZZ_MAIN)
check_PROGRAMS += $(FUZZERS)
endif
FUZZ_LIBS = $(FUZZ_ENGINE) broker/libbroker.a $(CORE_LIBS) $(CURL_LIBS) $(EVENT_LIBS) -lpthread
FUZZERS =
FUZZERS += %D%/fuzz/fuzz_http1
%C%_fuzz_fuzz_http1_SOURCES = %D%/fuzz/fuzz_http1.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_http1_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_conf
%C%_fuzz_fuzz_conf_SOURCES = %D%/fuzz/fuzz_conf.c $(FUZZ_CONF)
%C%_fuzz_fuzz_conf_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_opt
%C%_fuzz_fuzz_opt_SOURCES = %D%/fuzz/fuzz_opt.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_opt_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_jscan
%C%_fuzz_fuzz_jscan_SOURCES = %D%/fuzz/fuzz_jscan.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_jscan_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_jschema
%C%_fuzz_fuzz_jschema_SOURCES = %D%/fuzz/fuzz_jschema.c $(FUZZ_JSON)
%C%_fuzz_fuzz_jschema_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_catalog
%C%_fuzz_fuzz_catalog_SOURCES = %D%/fuzz/fuzz_catalog.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_catalog_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_price
%C%_fuzz_fuzz_price_SOURCES = %D%/fuzz/fuzz_price.c $(FUZZ_JSON)
%C%_fuzz_fuzz_price_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_usage
%C%_fuzz_fuzz_usage_SOURCES = %D%/fuzz/fuzz_usage.c $(FUZZ_JSON)
%C%_fuzz_fuzz_usage_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_texts
%C%_fuzz_fuzz_texts_SOURCES = %D%/fuzz/fuzz_texts.c $(FUZZ_JSON)
%C%_fuzz_fuzz_texts_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_when
%C%_fuzz_fuzz_when_SOURCES = %D%/fuzz/fuzz_when.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_when_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_openai
%C%_fuzz_fuzz_openai_SOURCES = %D%/fuzz/fuzz_openai.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_openai_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_anthropic
%C%_fuzz_fuzz_anthropic_SOURCES = %D%/fuzz/fuzz_anthropic.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_anthropic_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_gemini
%C%_fuzz_fuzz_gemini_SOURCES = %D%/fuzz/fuzz_gemini.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_gemini_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_markdown
%C%_fuzz_fuzz_markdown_SOURCES = %D%/fuzz/fuzz_markdown.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_markdown_LDADD = $(FUZZ_ENGINE) $(CMD_LIBS)
FUZZERS += %D%/fuzz/fuzz_template
%C%_fuzz_fuzz_template_SOURCES = %D%/fuzz/fuzz_template.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_template_LDADD = $(FUZZ_ENGINE) $(CMD_LIBS)
FUZZERS += %D%/fuzz/fuzz_bedrock
%C%_fuzz_fuzz_bedrock_SOURCES = %D%/fuzz/fuzz_bedrock.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_bedrock_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_eventstream
%C%_fuzz_fuzz_eventstream_SOURCES = %D%/fuzz/fuzz_eventstream.c %D%/fuzz/events_fuzz.c %D%/fuzz/events_fuzz.h $(FUZZ_MAIN)
%C%_fuzz_fuzz_eventstream_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_cohere
%C%_fuzz_fuzz_cohere_SOURCES = %D%/fuzz/fuzz_cohere.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_cohere_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_embed
%C%_fuzz_fuzz_embed_SOURCES = %D%/fuzz/fuzz_embed.c $(FUZZ_JSON)
%C%_fuzz_fuzz_embed_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_responses
%C%_fuzz_fuzz_responses_SOURCES = %D%/fuzz/fuzz_responses.c %D%/fuzz/dialect_fuzz.c %D%/fuzz/dialect_fuzz.h $(FUZZ_JSON)
%C%_fuzz_fuzz_responses_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_ratelimit
%C%_fuzz_fuzz_ratelimit_SOURCES = %D%/fuzz/fuzz_ratelimit.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_ratelimit_LDADD = $(FUZZ_LIBS)
FUZZERS += %D%/fuzz/fuzz_sse
%C%_fuzz_fuzz_sse_SOURCES = %D%/fuzz/fuzz_sse.c %D%/fuzz/events_fuzz.c %D%/fuzz/events_fuzz.h $(FUZZ_MAIN)
%C%_fuzz_fuzz_sse_LDADD = $(FUZZ_LIBS)

# With --enable-fuzz: a short, seeded run of every target over its corpus. Long ones by hand.
fuzz-smoke: $(FUZZERS)
	@for f in $(FUZZERS); do \
	  name=$${f##*/fuzz_}; echo "fuzz $$name"; mkdir -p fuzz-new/$$name; \
	  top_srcdir=$(abs_top_srcdir) ./$$f -seed=1 -runs=20000 -max_total_time=8 -verbosity=0 -print_final_stats=0 \
	    fuzz-new/$$name $(top_srcdir)/tests/fuzz/corpus/$$name </dev/null >fuzz-$$name.log 2>&1 || \
	    { tail -n 40 fuzz-$$name.log; exit 1; }; \
	done

# The broker beside nginx and the bare provider; tests/bench/RESULTS.md keeps the table.
noinst_PROGRAMS += %D%/bench/load
%C%_bench_load_SOURCES = %D%/bench/load.c
%C%_bench_load_LDADD = $(CORE_LIBS)
noinst_PROGRAMS += %D%/bench/timer
%C%_bench_timer_SOURCES = %D%/bench/timer.c
%C%_bench_timer_LDADD = $(CORE_LIBS)
noinst_PROGRAMS += %D%/bench/ledger
%C%_bench_ledger_SOURCES = %D%/bench/ledger.c
%C%_bench_ledger_LDADD = $(BROKER_LIBS)
EXTRA_DIST += %D%/bench/bench.sh %D%/bench/lib.sh %D%/bench/table.jq %D%/bench/RESULTS.md
EXTRA_DIST += %D%/bench/serve.sh %D%/bench/start.sh %D%/bench/ledger.sh
EXTRA_DIST += %D%/bench/reports.sh %D%/bench/streams.sh %D%/bench/count.sh
bench: all
	@$(SHELL) $(srcdir)/%D%/bench/bench.sh .
update-bench: all
	$(SHELL) $(srcdir)/%D%/bench/bench.sh . >RESULTS.new
	mv RESULTS.new $(srcdir)/%D%/bench/RESULTS.md

# The official SDKs against llmgwd and llmgw-sim; skipped where npm is missing.
EXTRA_DIST += %D%/sdk/package.json %D%/sdk/run.sh %D%/sdk/sdk.test.mjs %D%/sdk/responses.test.mjs %D%/sdk/vercel.test.mjs
check-sdk: all
	@$(SHELL) $(srcdir)/%D%/sdk/run.sh .

EXTRA_DIST += %D%/demo.sh
.PHONY: bench update-bench check-sdk fuzz-smoke

# Line coverage of unit tests, end-to-end tests and fuzz corpora, from a build of its own.
EXTRA_DIST += %D%/tools/coverage.sh
coverage:
	@$(SHELL) $(top_srcdir)/tests/tools/coverage.sh $(abs_top_srcdir) coverage
print-tests:
	@echo $(TESTS)
clean-local:
	rm -rf coverage campaign
.PHONY: coverage print-tests

EXTRA_DIST += %D%/lint/lib.sh
dist_check_SCRIPTS += %D%/lint/banned.t
dist_check_SCRIPTS += %D%/lint/floats.t
dist_check_SCRIPTS += %D%/lint/format.t
dist_check_SCRIPTS += %D%/lint/globals.t
dist_check_SCRIPTS += %D%/lint/graph.t
dist_check_SCRIPTS += %D%/lint/includes.t
dist_check_SCRIPTS += %D%/lint/man.t
dist_check_SCRIPTS += %D%/lint/tour.t

include tests/sim/local.mk
include tests/e2e/local.mk
FUZZERS += %D%/fuzz/fuzz_scenario
%C%_fuzz_fuzz_scenario_SOURCES = %D%/fuzz/fuzz_scenario.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_scenario_LDADD = $(FUZZ_ENGINE) $(SIM_LIBS)

EXTRA_DIST += %D%/data/token_counts.tsv
FUZZERS += %D%/fuzz/fuzz_record
%C%_fuzz_fuzz_record_SOURCES = %D%/fuzz/fuzz_record.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_record_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
FUZZERS += %D%/fuzz/fuzz_spool
%C%_fuzz_fuzz_spool_SOURCES = %D%/fuzz/fuzz_spool.c $(FUZZ_MAIN)
%C%_fuzz_fuzz_spool_LDADD = $(FUZZ_ENGINE) $(BROKER_LIBS)
noinst_PROGRAMS += %D%/tools/mkledger
%C%_tools_mkledger_SOURCES = %D%/tools/mkledger.c
%C%_tools_mkledger_SOURCES += %D%/tools/seed_ledger.c %D%/tools/seed_ledger.h

# The state machine of a request for dot(1); the README has a copy to read.
noinst_PROGRAMS += %D%/tools/graph
%C%_tools_graph_SOURCES = %D%/tools/graph.c
%C%_tools_graph_LDADD = $(BROKER_LIBS)
EXTRA_DIST += %D%/tools/states.awk
graph: tests/tools/graph
	@tests/tools/graph
.PHONY: graph

TESTS += $(check_PROGRAMS) $(dist_check_SCRIPTS)

# Packages. `make check-deb` needs root, debhelper and mmdebstrap; `make check-rpm` needs rpmbuild.
EXTRA_DIST += %D%/package/lib.sh %D%/package/deb.sh %D%/package/deb-test.sh
EXTRA_DIST += %D%/package/rpm.sh %D%/package/rpm-test.sh
EXTRA_DIST += %D%/package/llmgw.spec %D%/package/systemd.macros
EXTRA_DIST += %D%/package/debian/control %D%/package/debian/copyright
EXTRA_DIST += %D%/package/debian/rules %D%/package/debian/source/format
deb: dist
	@$(SHELL) $(srcdir)/tests/package/deb.sh $(distdir).tar.xz deb
check-deb: deb
	@$(SHELL) $(srcdir)/tests/package/deb-test.sh "$$(ls -t deb/llmgw_*.deb | head -n 1)"
rpm: dist
	@$(SHELL) $(srcdir)/tests/package/rpm.sh $(distdir).tar.xz rpm
check-rpm: rpm
	@$(SHELL) $(srcdir)/tests/package/rpm-test.sh "$$(ls -t rpm/llmgw-*.rpm | head -n 1)" .
CLEANFILES += deb/*.deb rpm/*.rpm
.PHONY: deb check-deb rpm check-rpm
