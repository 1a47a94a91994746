/*
 * line.c: see line.h. readline keeps the line and its hooks in globals of its own, and so its
 * callbacks carry no context.
 */
#include "cmd/line.h"

#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>
#include <unistd.h>

#include "core/mem.h"

#include "cmd/sig.h"

/* Called when a signal interrupts the reading: the line is given up, the program is not. */
static int on_signal(void)
{
    if (sig_take() == 0)
        return 0;
    rl_crlf();
    rl_replace_line("", 1);
    rl_on_new_line();
    rl_redisplay();
    return 0;
}

bool line_read(const char *prompt, struct buf *out)
{
    rl_readline_name = "llmgw";
    rl_catch_signals = 0;
    rl_signal_event_hook = on_signal;
    rl_outstream = isatty(STDOUT_FILENO) ? stdout : stderr;
    char *line = readline(prompt);
    buf_reset(out);
    if (line == NULL)
        return false;
    buf_addz(out, line);
    if (line[0] != '\0' && line[0] != ' ')
        add_history(line);
    mem_free(line); /* readline takes it from malloc, as mem.c does */
    return true;
}
