# libevent is for loop.c and libcurl for upstream.c alone, but automake knows flags per library.
BROKER_LIBS = broker/libbroker.a $(CORE_LIBS) $(CURL_LIBS) $(EVENT_LIBS) -lpthread
noinst_LIBRARIES += %D%/libbroker.a
%C%_libbroker_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(EVENT_CFLAGS)
%C%_libbroker_a_SOURCES =
%C%_libbroker_a_SOURCES += %D%/loop.c %D%/loop.h
%C%_libbroker_a_SOURCES += %D%/dialect.c %D%/dialect.h %D%/dialect_priv.h
%C%_libbroker_a_SOURCES += %D%/dialect_anthropic.c %D%/dialect_anthropic.h
%C%_libbroker_a_SOURCES += %D%/dialect_anthropic_reply.c
%C%_libbroker_a_SOURCES += %D%/dialect_anthropic_decode.c
%C%_libbroker_a_SOURCES += %D%/dialect_anthropic_encode.c
%C%_libbroker_a_SOURCES += %D%/dialect_gemini.c %D%/dialect_gemini.h
%C%_libbroker_a_SOURCES += %D%/dialect_gemini_encode.c
%C%_libbroker_a_SOURCES += %D%/dialect_gemini_reply.c
%C%_libbroker_a_SOURCES += %D%/dialect_body.c
%C%_libbroker_a_SOURCES += %D%/dialect_openai.c %D%/dialect_openai.h
%C%_libbroker_a_SOURCES += %D%/dialect_openai_reply.c
%C%_libbroker_a_SOURCES += %D%/dialect_openai_decode.c
%C%_libbroker_a_SOURCES += %D%/dialect_openai_encode.c
%C%_libbroker_a_SOURCES += %D%/dialect_read.c
%C%_libbroker_a_SOURCES += %D%/dialect_reply.c
%C%_libbroker_a_SOURCES += %D%/dialect_write.c
%C%_libbroker_a_SOURCES += %D%/upstream.c %D%/upstream.h
%C%_libbroker_a_SOURCES += %D%/breaker.c %D%/breaker.h
%C%_libbroker_a_SOURCES += %D%/budget.c %D%/budget.h
%C%_libbroker_a_SOURCES += %D%/gcra.c %D%/gcra.h
%C%_libbroker_a_SOURCES += %D%/limiter.c %D%/limiter.h
%C%_libbroker_a_SOURCES += %D%/retry.c %D%/retry.h
%C%_libbroker_a_SOURCES += %D%/router.c %D%/router.h
%C%_libbroker_a_SOURCES += %D%/spool.c %D%/spool.h
%C%_libbroker_a_SOURCES += %D%/estimate.c %D%/estimate.h
%C%_libbroker_a_SOURCES += %D%/signatures.c %D%/signatures.h
%C%_libbroker_a_SOURCES += %D%/api.c %D%/api.h
%C%_libbroker_a_SOURCES += %D%/api_admin.c
%C%_libbroker_a_SOURCES += %D%/api_metrics.c
%C%_libbroker_a_SOURCES += %D%/api_models.c
%C%_libbroker_a_SOURCES += %D%/auth.c %D%/auth.h
%C%_libbroker_a_SOURCES += %D%/conn.c %D%/conn.h
%C%_libbroker_a_SOURCES += %D%/command.c %D%/command.h
%C%_libbroker_a_SOURCES += %D%/secret.c %D%/secret.h
%C%_libbroker_a_SOURCES += %D%/answer.c
%C%_libbroker_a_SOURCES += %D%/fit.c %D%/fit.h
%C%_libbroker_a_SOURCES += %D%/attempt.c
%C%_libbroker_a_SOURCES += %D%/request.c %D%/request.h %D%/request_priv.h
%C%_libbroker_a_SOURCES += %D%/request_ask.c
%C%_libbroker_a_SOURCES += %D%/request_explain.c
%C%_libbroker_a_SOURCES += %D%/request_settle.c
%C%_libbroker_a_SOURCES += %D%/broker.c %D%/broker.h
%C%_libbroker_a_SOURCES += %D%/listen.c %D%/listen.h
%C%_libbroker_a_SOURCES += %D%/seed.c %D%/seed.h
%C%_libbroker_a_SOURCES += %D%/state.c %D%/state.h
%C%_libbroker_a_SOURCES += %D%/target.c %D%/target.h
%C%_libbroker_a_SOURCES += %D%/record.c %D%/record.h
%C%_libbroker_a_SOURCES += %D%/ledger.c %D%/ledger.h
%C%_libbroker_a_SOURCES += %D%/bind.c %D%/bind.h
%C%_libbroker_a_SOURCES += %D%/rows.c %D%/rows.h
%C%_libbroker_a_SOURCES += %D%/writer.c %D%/writer.h

bin_PROGRAMS += llmgwd
llmgwd_SOURCES = %D%/main.c
llmgwd_LDADD = $(BROKER_LIBS)

# Units of systemd; $(bindir) is known to make only.
userunitdir = $(prefix)/lib/systemd/user
systemunitdir = $(prefix)/lib/systemd/system
dist_userunit_DATA = %D%/systemd/user/llmgw.socket
dist_systemunit_DATA = %D%/systemd/system/llmgw.socket
nodist_userunit_DATA = %D%/systemd/user/llmgw.service
nodist_systemunit_DATA = %D%/systemd/system/llmgw.service
EXTRA_DIST += %D%/systemd/user/llmgw.service.in %D%/systemd/system/llmgw.service.in
CLEANFILES += $(nodist_userunit_DATA) $(nodist_systemunit_DATA)

SUFFIXES = .service .service.in
.service.in.service:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's|@bindir[@]|$(bindir)|' $< >$@
