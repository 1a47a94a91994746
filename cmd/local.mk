# llmgw speaks HTTP over the broker's socket with core's own client: no libcurl here.
CMD_LIBS = cmd/libcmd.a $(CORE_LIBS) $(READLINE_LIBS) $(UTF8PROC_LIBS) -lm
noinst_LIBRARIES += %D%/libcmd.a
%C%_libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) $(READLINE_CFLAGS) $(UTF8PROC_CFLAGS)
%C%_libcmd_a_SOURCES =
%C%_libcmd_a_SOURCES += %D%/cmd.c %D%/cmd.h %D%/commands.def
%C%_libcmd_a_SOURCES += %D%/help.c
%C%_libcmd_a_SOURCES += %D%/version.c
%C%_libcmd_a_SOURCES += %D%/agree.c %D%/agree.h
%C%_libcmd_a_SOURCES += %D%/out.c %D%/out.h
%C%_libcmd_a_SOURCES += %D%/out_format.c %D%/out_format.h
%C%_libcmd_a_SOURCES += %D%/stat.c %D%/stat.h

bin_PROGRAMS += llmgw
llmgw_SOURCES = %D%/main.c
llmgw_LDADD = $(CMD_LIBS)
