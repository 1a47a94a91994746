# End-to-end tests: shell over lib.sh; tool asks, looks into JSON and waits.
EXTRA_DIST += %D%/lib.sh %D%/crossed.sh
noinst_PROGRAMS += tests/e2e/tool
tests_e2e_tool_SOURCES = %D%/main.c
tests_e2e_tool_SOURCES += %D%/asks.c %D%/asks.h
tests_e2e_tool_SOURCES += %D%/client.c %D%/client.h
tests_e2e_tool_SOURCES += %D%/seen.c
tests_e2e_tool_SOURCES += %D%/raw.c %D%/raw.h
tests_e2e_tool_SOURCES += %D%/pty.c %D%/pty.h
tests_e2e_tool_SOURCES += %D%/cut_server.c %D%/cut_client.c %D%/cuts.h
tests_e2e_tool_SOURCES += %D%/swarm.c %D%/swarm.h
tests_e2e_tool_LDADD = $(CORE_LIBS)
# llmgw and llmgwd whose allocations fail, and that die in a write, on order
FAULTY_WRAPS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=realloc,--wrap=pwrite
noinst_PROGRAMS += tests/e2e/faulty-llmgw tests/e2e/faulty-llmgwd
tests_e2e_faulty_llmgw_SOURCES = cmd/main.c %D%/faulty.c
tests_e2e_faulty_llmgw_LDADD = $(CMD_LIBS)
tests_e2e_faulty_llmgw_LDFLAGS = $(FAULTY_WRAPS)
tests_e2e_faulty_llmgwd_SOURCES = broker/main.c %D%/faulty.c
tests_e2e_faulty_llmgwd_LDADD = $(BROKER_LIBS)
tests_e2e_faulty_llmgwd_LDFLAGS = $(FAULTY_WRAPS)
dist_check_SCRIPTS += %D%/10-sim.t
dist_check_SCRIPTS += %D%/20-config.t
dist_check_SCRIPTS += %D%/35-cross.t
dist_check_SCRIPTS += %D%/37-responses.t
dist_check_SCRIPTS += %D%/37-pass.t
dist_check_SCRIPTS += %D%/40-broker.t
dist_check_SCRIPTS += %D%/45-latency.t
dist_check_SCRIPTS += %D%/46-tls.t
dist_check_SCRIPTS += %D%/47-restart.t
dist_check_SCRIPTS += %D%/40-chat.t
dist_check_SCRIPTS += %D%/40-chat-options.t
dist_check_SCRIPTS += %D%/40-chat-schema.t
dist_check_SCRIPTS += %D%/42-repl.t
dist_check_SCRIPTS += %D%/42-repl-keys.t
dist_check_SCRIPTS += %D%/42-repl-words.t
dist_check_SCRIPTS += %D%/42-repl-odds.t
dist_check_SCRIPTS += %D%/25-prices.t
dist_check_SCRIPTS += %D%/50-cost.t
dist_check_SCRIPTS += %D%/51-log.t
dist_check_SCRIPTS += %D%/52-spool.t
dist_check_SCRIPTS += %D%/53-log-search.t
dist_check_SCRIPTS += %D%/54-log-rm.t
dist_check_SCRIPTS += %D%/54-screen.t
dist_check_SCRIPTS += %D%/55-empty.t
dist_check_SCRIPTS += %D%/56-config-keys.t
dist_check_SCRIPTS += %D%/57-completion.t
dist_check_SCRIPTS += %D%/58-keys.t
dist_check_SCRIPTS += %D%/58-own-keys.t
dist_check_SCRIPTS += %D%/59-schema.t
dist_check_SCRIPTS += %D%/81-mistakes.t
dist_check_SCRIPTS += %D%/90-demo.t
dist_check_SCRIPTS += %D%/60-replay.t
dist_check_SCRIPTS += %D%/61-doctor.t
dist_check_SCRIPTS += %D%/61-no-catalog.t
dist_check_SCRIPTS += %D%/62-tokens.t
dist_check_SCRIPTS += %D%/61-replay-runs.t
dist_check_SCRIPTS += %D%/62-replay-judge.t
dist_check_SCRIPTS += %D%/30-matrix.t
dist_check_SCRIPTS += %D%/31-connections.t
EXTRA_DIST += %D%/matrix.tsv %D%/matrix-plan.awk %D%/matrix-judge.awk
dist_check_SCRIPTS += %D%/41-models.t
dist_check_SCRIPTS += %D%/41-template.t
dist_check_SCRIPTS += %D%/43-admin.t
dist_check_SCRIPTS += %D%/44-route.t
dist_check_SCRIPTS += %D%/45-strategy.t
dist_check_SCRIPTS += %D%/46-prefer.t

# Every client's dialect by every provider's; tests/e2e/MATRIX.md keeps the table.
dist_check_SCRIPTS += %D%/39-dialects.t %D%/39-turns.t
dist_check_SCRIPTS += %D%/37-after-200.t
dist_check_SCRIPTS += %D%/39-locals.t
EXTRA_DIST += %D%/MATRIX.md %D%/dialects.txt %D%/dialects-lib.awk %D%/dialects-plan.awk \
	%D%/dialects-judge.awk
RUN_MATRIX = TABLE=matrix.new $(SHELL) $(top_srcdir)/tests/e2e/39-dialects.t
matrix: all tests/e2e/tool
	@rm -f matrix.new
	@$(AM_TESTS_ENVIRONMENT) $(RUN_MATRIX) >matrix.tap; rc=$$?; cat matrix.new; \
	sed -n '/^not ok/,/^ok/{/^ok/!p;}' matrix.tap >&2; rm -f matrix.new matrix.tap; exit $$rc
update-matrix: all tests/e2e/tool
	@rm -f matrix.new
	-@$(AM_TESTS_ENVIRONMENT) $(RUN_MATRIX) >/dev/null 2>&1
	sed '/^## /,$$d' $(top_srcdir)/tests/e2e/MATRIX.md | cat - matrix.new >MATRIX.new
	rm matrix.new
	mv MATRIX.new $(top_srcdir)/tests/e2e/MATRIX.md
.PHONY: matrix update-matrix

# Every fault at full length, and a scorecard; tests/e2e/CAMPAIGN.md keeps the table.
EXTRA_DIST += %D%/campaign.sh %D%/CAMPAIGN.md
CAMPAIGN_UNITS = tests/unit/test_ledger_fault tests/unit/test_request \
	tests/unit/test_request_asked tests/unit/test_request_failure tests/unit/test_conn \
	tests/unit/test_listen tests/unit/test_upstream tests/unit/test_cross_fault \
	tests/unit/test_memory tests/unit/test_conf_memory
campaign: all $(CAMPAIGN_UNITS)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/e2e/campaign.sh
update-campaign: all $(CAMPAIGN_UNITS)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/e2e/campaign.sh >CAMPAIGN.new
	mv CAMPAIGN.new $(top_srcdir)/tests/e2e/CAMPAIGN.md
.PHONY: campaign update-campaign
dist_check_SCRIPTS += %D%/80-examples.t
dist_check_SCRIPTS += %D%/82-one-liners.t
dist_check_SCRIPTS += %D%/83-cron.t
dist_check_SCRIPTS += %D%/32-cuts.t
EXTRA_DIST += tests/data/cut-openai.sse tests/data/cut-openai.json
EXTRA_DIST += tests/data/cut-responses.sse tests/data/cut-responses.json
EXTRA_DIST += tests/data/cut-anthropic.sse tests/data/cut-anthropic.json
EXTRA_DIST += tests/data/cut-gemini.sse tests/data/cut-gemini.json
EXTRA_DIST += tests/data/cut-cohere.sse tests/data/cut-cohere.json
EXTRA_DIST += tests/data/cut-bedrock.sse tests/data/cut-bedrock.json
dist_check_SCRIPTS += %D%/33-smuggling.t
EXTRA_DIST += %D%/vectors.tsv
dist_check_SCRIPTS += %D%/34-vanish.t
dist_check_SCRIPTS += %D%/36-json.t
dist_check_SCRIPTS += %D%/37-fetch.t
dist_check_SCRIPTS += %D%/37-gemini.t
dist_check_SCRIPTS += %D%/37-bedrock.t
dist_check_SCRIPTS += %D%/37-cohere.t
dist_check_SCRIPTS += %D%/37-compatible.t
dist_check_SCRIPTS += %D%/37-contract.t
dist_check_SCRIPTS += %D%/37-count.t
dist_check_SCRIPTS += %D%/37-usage.t
dist_check_SCRIPTS += %D%/37-embeddings.t
dist_check_SCRIPTS += %D%/70-secrets.t
dist_check_SCRIPTS += %D%/48-kill.t
dist_check_SCRIPTS += %D%/48-load.t
dist_check_SCRIPTS += %D%/49-disk.t
dist_check_SCRIPTS += %D%/37-network.t
dist_check_SCRIPTS += %D%/38-slow.t
dist_check_SCRIPTS += %D%/49-memory.t
dist_check_SCRIPTS += %D%/49-no-memory.t
dist_check_SCRIPTS += %D%/70-valgrind.t
dist_check_SCRIPTS += %D%/85-install.t
dist_check_SCRIPTS += %D%/86-streams.t
