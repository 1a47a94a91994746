/* progress.c: see progress.h. Writes to stderr only. */
#include "cmd/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/out.h"

enum { SHOW_AFTER_US = 400 * US_PER_MS };

void progress_init(struct progress *p, const struct cmd_ctx *ctx)
{
    const char *term = cmd_getenv("TERM");
    bool can_erase = term != NULL && strcmp(term, "dumb") != 0;
    *p = (struct progress){
        .is_on = !ctx->global.quiet && can_erase && isatty(STDERR_FILENO),
        .is_utf8 = out_is_utf8(),
    };
}

void progress_start(struct progress *p)
{
    p->start_us = clock_mono_us(&clock_system);
}

void progress_label(struct progress *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->label, sizeof p->label, fmt, ap);
    va_end(ap);
}

void progress_tick(void *progress)
{
    static const char *const braille[] = {"⠋", "⠙", "⠹", "⠸", "⠼",
                                          "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const ascii[] = {"|", "/", "-", "\\"};
    struct progress *p = progress;
    int64_t took_us = clock_mono_us(&clock_system) - p->start_us;
    if (!p->is_on || p->start_us == 0 || took_us < SHOW_AFTER_US)
        return;
    const char *frame = p->is_utf8 ? braille[p->frame % ARRAY_LEN(braille)]
                                   : ascii[p->frame % ARRAY_LEN(ascii)];
    p->frame++;
    p->is_shown = true;
    fprintf(stderr, "\r%s %s %d.%ds\033[K", frame, p->label, (int)(took_us / US_PER_S),
            (int)(took_us % US_PER_S * 10 / US_PER_S));
}

void progress_hide(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}

void progress_end(struct progress *p)
{
    progress_hide(p);
    p->start_us = 0;
}
