/*
 * locals.h: model servers on this machine, found without a key: Ollama, llama.cpp, vLLM, LM Studio.
 *
 * Each is asked for its models where it usually listens, or where the configuration says. Only
 * commands ask, never the broker on a request's way.
 */
#ifndef CMD_LOCALS_H
#define CMD_LOCALS_H

#include "core/catalog.h"

#include "cmd/cmd.h"

enum { LOCALS_MAX = 16, LOCALS_MODELS_MAX = 256 };

struct local_server {
    const struct conf_provider *provider;
    struct catalog_model
        *models; /* arena of ctx: what it says of them; priced at nothing */
    size_t n_models;
};

/* Those that answer, in the order of the configuration; how many. 2 s at most each, 4 s all. */
size_t locals_find(struct cmd_ctx *ctx, struct local_server ret[LOCALS_MAX]);
/* "ollama/qwen3:8b", the first that can chat of those found; NULL: none (arena of ctx). */
const char *locals_first(struct cmd_ctx *ctx, const struct local_server *servers,
                         size_t n);

#endif
