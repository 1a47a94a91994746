/*
 * models.h: the models that a name on the command line stands for.
 */
#ifndef CMD_MODELS_H
#define CMD_MODELS_H

#include "cmd/cmd.h"

enum { MODELS_NAMED_MAX = 64 };

/*
 * PROVIDER/MODEL, or an id or alias at any provider. Fills ret[]; ERR_NOT_FOUND names the
 * nearest. Needs the catalog.
 */
enum errc models_named(struct cmd_ctx *ctx, const char *name,
                       const struct catalog_model *ret[MODELS_NAMED_MAX], size_t *ret_n,
                       struct err *e) MUST_USE;
/* What an alias of the configuration stands for; any other name is itself. */
const char *models_meant(const struct cmd_ctx *ctx, const char *name);
/* Dollars for a million units, or for one, as an exact decimal; empty when there is no price. */
struct str models_price(struct cmd_ctx *ctx, const struct price_set *s,
                        enum price_component p);
/* Does any name of the model contain the text, ASCII case ignored? NULL: yes. */
bool models_match(const struct catalog_model *m, const char *text);

/* How long a target took to its first token, in the middle of its latest answers. */
struct models_speed {
    const char *provider, *model; /* as they were asked; in the command's arena */
    int64_t ttft_us;
};
struct models_speeds {
    struct models_speed *items;
    size_t n;
};
/* Of all that were asked; none where there is no ledger. */
enum errc models_speeds(struct cmd_ctx *ctx, struct models_speeds *ret, struct err *e)
    MUST_USE;
/* The model's, by any of its names; −1: it was never asked. */
int64_t models_ttft_us(const struct models_speeds *s, const char *provider,
                       const struct catalog_model *m);

/* `models refresh`: which models the providers serve, and which of them the catalog lacks. */
enum errc models_refresh(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e) MUST_USE;
/* What the last refresh has found: PROVIDER/MODEL, a line each; empty when there was none. */
void models_found(struct cmd_ctx *ctx, struct buf *out);

/* What `llmgw chat` asks when nobody says: a model, an alias or a route. */
const char *models_default_name(const struct conf *c);
/* `models alias` and `models default`. */
enum errc models_alias(struct cmd_ctx *ctx, void *opts, const char *const *args, size_t n,
                       struct err *e) MUST_USE;
enum errc models_default(struct cmd_ctx *ctx, void *opts, const char *const *args,
                         size_t n, struct err *e) MUST_USE;

#endif
