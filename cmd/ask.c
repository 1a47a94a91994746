/* ask.c: see ask.h. */
#include "cmd/ask.h"

#include <stdio.h>
#include <unistd.h>

bool ask_can(const struct cmd_ctx *ctx)
{
    return !ctx->global.no_input && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool ask_yes(const struct cmd_ctx *ctx, const char *fmt, ...)
{
    char answer[16];
    va_list ap;
    fprintf(stderr, "%s: %s: ", ctx->program, ctx->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs(" [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) != NULL &&
           (answer[0] == 'y' || answer[0] == 'Y');
}
