# llmgw speaks HTTP over the broker's socket with core's own client: no libcurl here.
CMD_LIBS = cmd/libcmd.a $(CORE_LIBS) $(READLINE_LIBS) $(UTF8PROC_LIBS)
noinst_LIBRARIES += %D%/libcmd.a
%C%_libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) $(READLINE_CFLAGS) $(UTF8PROC_CFLAGS)
%C%_libcmd_a_SOURCES =
%C%_libcmd_a_SOURCES += %D%/cmd.c %D%/cmd.h %D%/commands.def
%C%_libcmd_a_SOURCES += %D%/help.c
%C%_libcmd_a_SOURCES += %D%/version.c

bin_PROGRAMS += llmgw
llmgw_SOURCES = %D%/main.c
llmgw_LDADD = $(CMD_LIBS)
