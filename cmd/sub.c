/* sub.c: the words behind a command: `llmgw config set`. */
#include <string.h>

#include "core/near.h"

#include "cmd/cmd.h"

enum errc cmd_run_sub(struct cmd_ctx *ctx, const struct cmd_sub *subs, void *options,
                      const struct opt_args *args, struct err *e)
{
    struct near near;
    char hint[NEAR_TEXT_LEN];
    if (args->n == 0)
        return subs[0].run(ctx, options, NULL, 0, e);
    near_init(&near, str_of(args->items[0]));
    for (const struct cmd_sub *s = subs; s->name != NULL; s++) {
        size_t n = args->n - 1;
        near_offerz(&near, s->name);
        if (strcmp(s->name, args->items[0]) != 0)
            continue;
        if (n < s->min || n > s->max)
            return err_set(e, ERR_USAGE, "usage: llmgw %s %s%s%s", ctx->command, s->name,
                           s->args[0] ? " " : "", s->args);
        return s->run(ctx, options, args->items + 1, n, e);
    }
    return err_set(e, ERR_USAGE, "unknown subcommand \"%s\"%s\nhint: llmgw help %s",
                   args->items[0], near_hint(&near, 1, hint), ctx->command);
}
