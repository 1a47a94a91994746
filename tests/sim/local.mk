# llmgw-sim: the fake provider. A library, so that tests can link its parts.
noinst_LIBRARIES += tests/libsim.a
tests_libsim_a_SOURCES =
tests_libsim_a_SOURCES += %D%/answer.c %D%/logprobs.c
tests_libsim_a_SOURCES += %D%/exchange.c
tests_libsim_a_SOURCES += %D%/fault.c
tests_libsim_a_SOURCES += %D%/journal.c
tests_libsim_a_SOURCES += %D%/play.c
tests_libsim_a_SOURCES += %D%/scenario.c
tests_libsim_a_SOURCES += %D%/server.c
tests_libsim_a_SOURCES += %D%/sim.h
tests_libsim_a_SOURCES += %D%/sim_anthropic.c
tests_libsim_a_SOURCES += %D%/sim_bedrock.c
tests_libsim_a_SOURCES += %D%/sim_cohere.c
tests_libsim_a_SOURCES += %D%/sim_embed.c
tests_libsim_a_SOURCES += %D%/sim_gemini.c
tests_libsim_a_SOURCES += %D%/sim_openai.c
tests_libsim_a_SOURCES += %D%/sim_responses.c
tests_libsim_a_SOURCES += %D%/text.c
SIM_LIBS = tests/libsim.a $(CORE_LIBS)

bin_PROGRAMS += llmgw-sim
llmgw_sim_SOURCES = %D%/main.c
llmgw_sim_LDADD = $(SIM_LIBS)
