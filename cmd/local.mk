# llmgw speaks HTTP over the broker's socket with core's own client: no libcurl here.
CMD_LIBS = cmd/libcmd.a $(CORE_LIBS) $(READLINE_LIBS) $(UTF8PROC_LIBS) -lm
noinst_LIBRARIES += %D%/libcmd.a
%C%_libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) $(READLINE_CFLAGS) $(UTF8PROC_CFLAGS)
%C%_libcmd_a_SOURCES =
%C%_libcmd_a_SOURCES += %D%/cmd.c %D%/cmd.h %D%/commands.def
%C%_libcmd_a_SOURCES += %D%/client.c
%C%_libcmd_a_SOURCES += %D%/config.c
%C%_libcmd_a_SOURCES += %D%/env.c
%C%_libcmd_a_SOURCES += %D%/help.c
%C%_libcmd_a_SOURCES += %D%/answer.c %D%/answer.h
%C%_libcmd_a_SOURCES += %D%/answer_print.c %D%/answer_print.h
%C%_libcmd_a_SOURCES += %D%/broker.c %D%/broker_units.c %D%/broker_units.h
%C%_libcmd_a_SOURCES += %D%/chat.c
%C%_libcmd_a_SOURCES += %D%/chat_request.c %D%/chat_request.h
%C%_libcmd_a_SOURCES += %D%/complete.c %D%/complete_words.c %D%/complete.h
%C%_libcmd_a_SOURCES += %D%/completion.c
%C%_libcmd_a_SOURCES += %D%/doctor.c
%C%_libcmd_a_SOURCES += %D%/dry.c %D%/dry.h
%C%_libcmd_a_SOURCES += %D%/code.c %D%/code.h
%C%_libcmd_a_SOURCES += %D%/editor.c %D%/editor.h
%C%_libcmd_a_SOURCES += %D%/explain.c %D%/explain.h
%C%_libcmd_a_SOURCES += %D%/files.c %D%/files.h
%C%_libcmd_a_SOURCES += %D%/history.c %D%/history.h
%C%_libcmd_a_SOURCES += %D%/line.c %D%/line.h
%C%_libcmd_a_SOURCES += %D%/link.c %D%/link.h
%C%_libcmd_a_SOURCES += %D%/link_start.c %D%/link_start.h
%C%_libcmd_a_SOURCES += %D%/locals.c %D%/locals.h
%C%_libcmd_a_SOURCES += %D%/markdown.c %D%/markdown.h %D%/markdown_inline.c
%C%_libcmd_a_SOURCES += %D%/markdown_words.c
%C%_libcmd_a_SOURCES += %D%/models.c %D%/models.h %D%/models_names.c %D%/models_speed.c %D%/models_refresh.c
%C%_libcmd_a_SOURCES += %D%/prices.c
%C%_libcmd_a_SOURCES += %D%/progress.c %D%/progress.h
%C%_libcmd_a_SOURCES += %D%/provider_keys.c %D%/probe.c %D%/probe.h %D%/secret_input.c %D%/secret_input.h
%C%_libcmd_a_SOURCES += %D%/prompt.c %D%/prompt.h
%C%_libcmd_a_SOURCES += %D%/key_source.c %D%/key_source.h
%C%_libcmd_a_SOURCES += %D%/keys.c %D%/keys.h
%C%_libcmd_a_SOURCES += %D%/repl.c %D%/repl.h %D%/repl_priv.h
%C%_libcmd_a_SOURCES += %D%/repl_answer.c %D%/repl_cmd.c %D%/repl_cmd.h
%C%_libcmd_a_SOURCES += %D%/repl_complete.c
%C%_libcmd_a_SOURCES += %D%/repl_next.c %D%/repl_turns.c
%C%_libcmd_a_SOURCES += %D%/schema.c %D%/schema_shapes.c %D%/schema_shapes.h
%C%_libcmd_a_SOURCES += %D%/session.c %D%/session.h
%C%_libcmd_a_SOURCES += %D%/shape.c %D%/shape.h
%C%_libcmd_a_SOURCES += %D%/shell.c %D%/shell.h
%C%_libcmd_a_SOURCES += %D%/sig.c %D%/sig.h
%C%_libcmd_a_SOURCES += %D%/template.c
%C%_libcmd_a_SOURCES += %D%/template_file.c %D%/template_file.h
%C%_libcmd_a_SOURCES += %D%/term.c %D%/term.h
%C%_libcmd_a_SOURCES += %D%/tokens.c
%C%_libcmd_a_SOURCES += %D%/today.c %D%/today.h
%C%_libcmd_a_SOURCES += %D%/mdoc.c
%C%_libcmd_a_SOURCES += %D%/needs.c
%C%_libcmd_a_SOURCES += %D%/sub.c
%C%_libcmd_a_SOURCES += %D%/version.c
%C%_libcmd_a_SOURCES += %D%/agree.c %D%/agree.h
%C%_libcmd_a_SOURCES += %D%/ask.c %D%/ask.h
%C%_libcmd_a_SOURCES += %D%/out.c %D%/out.h
%C%_libcmd_a_SOURCES += %D%/out_format.c %D%/out_format.h
%C%_libcmd_a_SOURCES += %D%/out_html.c
%C%_libcmd_a_SOURCES += %D%/stale.c %D%/stale.h
%C%_libcmd_a_SOURCES += %D%/stat.c %D%/stat.h
%C%_libcmd_a_SOURCES += %D%/words.c %D%/words.h
%C%_libcmd_a_SOURCES += %D%/replay.c %D%/replay.h
%C%_libcmd_a_SOURCES += %D%/replay_command.c
%C%_libcmd_a_SOURCES += %D%/replay_diff.c
%C%_libcmd_a_SOURCES += %D%/replay_file.c
%C%_libcmd_a_SOURCES += %D%/replay_gate.c
%C%_libcmd_a_SOURCES += %D%/replay_keep.c
%C%_libcmd_a_SOURCES += %D%/replay_past.c
%C%_libcmd_a_SOURCES += %D%/replay_run.c %D%/replay_run.h
%C%_libcmd_a_SOURCES += %D%/replay_select.c
%C%_libcmd_a_SOURCES += %D%/replay_show.c
%C%_libcmd_a_SOURCES += %D%/route.c %D%/route.h %D%/route_test.c
%C%_libcmd_a_SOURCES += %D%/cost.c %D%/cost.h
%C%_libcmd_a_SOURCES += %D%/cost_check.c
%C%_libcmd_a_SOURCES += %D%/cost_mark.c
%C%_libcmd_a_SOURCES += %D%/cost_show.c
%C%_libcmd_a_SOURCES += %D%/cost_waiting.c
%C%_libcmd_a_SOURCES += %D%/log.c %D%/log.h
%C%_libcmd_a_SOURCES += %D%/log_about.c
%C%_libcmd_a_SOURCES += %D%/log_export.c
%C%_libcmd_a_SOURCES += %D%/log_rm.c
%C%_libcmd_a_SOURCES += %D%/log_show.c
%C%_libcmd_a_SOURCES += %D%/period.c %D%/period.h

bin_PROGRAMS += llmgw
llmgw_SOURCES = %D%/main.c
llmgw_LDADD = $(CMD_LIBS)

# Completions, by the program they are for.
bashcompdir = $(datadir)/bash-completion/completions
zshcompdir = $(datadir)/zsh/site-functions
fishcompdir = $(datadir)/fish/vendor_completions.d
nodist_bashcomp_DATA = completions/llmgw
nodist_zshcomp_DATA = completions/_llmgw
nodist_fishcomp_DATA = completions/llmgw.fish
CLEANFILES += $(nodist_bashcomp_DATA) $(nodist_zshcomp_DATA) $(nodist_fishcomp_DATA)
MAKE_COMPLETION = $(AM_V_GEN)$(MKDIR_P) completions && ./llmgw$(EXEEXT) completion
completions/llmgw: llmgw$(EXEEXT)
	$(MAKE_COMPLETION) bash >$@.new && mv $@.new $@
completions/_llmgw: llmgw$(EXEEXT)
	$(MAKE_COMPLETION) zsh >$@.new && mv $@.new $@
completions/llmgw.fish: llmgw$(EXEEXT)
	$(MAKE_COMPLETION) fish >$@.new && mv $@.new $@
