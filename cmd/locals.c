/*
 * locals.c: see locals.h. Must not ask anything that does not stand on this machine.
 *
 * Source: GET /v1/models of docs.ollama.com/openai, llama.cpp tools/server/README.md,
 * docs.vllm.ai (max_model_len) and lmstudio.ai/docs (2026-11).
 */
#include "cmd/locals.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/jsonx.h"

#include "cmd/link.h"

/*
 * Who is there answers at once. One that listens and says nothing, or says it slowly, is not
 * waited for longer than that, nor all of them together: somebody wants to chat.
 */
enum { EACH_US = 2 * US_PER_S, ALL_US = 4 * US_PER_S };

/* "http://localhost:11434/v1" in its parts. */
struct place {
    const char *host, *port, *path;
    const char *name; /* with the port, as a Host header has it */
};

/* False: it is asked by TLS, or is none. */
static bool read_place(struct cmd_ctx *ctx, const char *url, struct place *ret)
{
    struct str rest = str_of(url), scheme = STR("http://");
    if (!str_starts(rest, scheme))
        return false;
    rest = str_sub(rest, scheme.len, rest.len);
    struct str name = str_sub(rest, 0, str_find(rest, '/'));
    struct str path = str_sub(rest, name.len, rest.len), host = name, port = STR("80");
    size_t from = str_starts(name, STR("[")) ? str_find(name, ']') : 0;
    size_t colon = from + str_find(str_sub(name, from, name.len), ':');
    if (colon < name.len) {
        host = str_sub(name, 0, colon);
        port = str_sub(name, colon + 1, name.len);
    }
    if (str_starts(host, STR("[")))
        host = str_sub(host, 1, host.len - 2);
    *ret = (struct place){
        .host = arena_strz(&ctx->arena, host),
        .port = arena_strz(&ctx->arena, port),
        .path = arena_printf(&ctx->arena, "%.*s/models", STR_ARG(path)),
        .name = arena_strz(&ctx->arena, name),
    };
    return !arena_is_broken(&ctx->arena);
}

/* A refusal comes at once; a port that swallows is not waited for long. −1: nobody is there. */
static int connect_to(const struct addrinfo *a, int64_t until_us)
{
    int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int why = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int64_t left_us = MAX(until_us - clock_mono_us(&clock_system), 0);
    if (why == EINPROGRESS && poll(&p, 1, (int)(left_us / US_PER_MS)) == 1) {
        socklen_t len = sizeof why;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
            why = errno;
    }
    if (why == 0)
        return fd;
    close(fd);
    return -1;
}

static int reach(const struct place *p, int64_t until_us)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    if (getaddrinfo(p->host, p->port, &want, &found) != 0)
        return -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a, until_us);
    freeaddrinfo(found);
    return fd;
}

/* False when it is no list of models: any program may listen on such a port. */
static bool read_models(struct cmd_ctx *ctx, struct str body, struct local_server *ret)
{
    AUTO(jx_put) struct json_object *root = NULL;
    struct err ignored = ERR_INIT;
    if (jx_parse(body, &root, &ignored) != ERR_OK)
        return false;
    struct json_object *data = jx_arr(root, "data");
    /* Ollama without a model says null */
    bool is_list = data != NULL || str_eqz(jx_str(root, "object"), "list");
    size_t n = data != NULL ? json_object_array_length(data) : 0;
    n = MIN(n, (size_t)LOCALS_MODELS_MAX);
    ret->models = ARENA_ARRAY(&ctx->arena, n + 1, struct catalog_model);
    for (size_t i = 0; ret->models != NULL && i < n; i++) {
        struct json_object *m = json_object_array_get_idx(data, i);
        struct str id = jx_str(m, "id");
        if (id.len == 0 || id.len > LIMIT_NAME_LEN || str_has_control(id))
            continue;
        struct catalog_model *to = &ret->models[ret->n_models++];
        *to = (struct catalog_model){.provider = ret->provider->name,
                                     .model = arena_strz(&ctx->arena, id),
                                     .mode = str_contains(id, STR("embed")) ? "embedding"
                                                                            : "chat",
                                     .status = "active",
                                     .price_status = "zero_by_definition"};
        (void)jx_i64(m, "max_model_len", 1, INT64_MAX, &to->context_tok);
    }
    return is_list && !arena_is_broken(&ctx->arena);
}

static bool ask(struct cmd_ctx *ctx, int64_t until_us, struct local_server *s)
{
    AUTO(link_close) struct link *l = NULL;
    struct link_answer answer;
    struct err ignored = ERR_INIT;
    struct place place;
    if (!read_place(ctx, s->provider->base_url, &place))
        return false;
    int fd = reach(&place, until_us);
    if (fd < 0 || link_adopt(fd, &l, &ignored) != ERR_OK)
        return false;
    link_wait(l, &(struct link_waiting){.cancel_fd = -1, .until_us = until_us});
    link_call_as(l, place.name);
    bool is_there = link_call(l, "GET", place.path, STR_NONE, STR_NONE, &answer,
                              &ignored) == ERR_OK &&
                    answer.status == 200 && read_models(ctx, buf_str(&answer.body), s);
    link_answer_release(&answer);
    return is_there;
}

static size_t ask_all(struct cmd_ctx *ctx, const struct conf_provider *providers,
                      size_t n_providers, int64_t until_us, struct local_server *ret,
                      size_t n)
{
    for (size_t i = 0; i < n_providers && n < LOCALS_MAX; i++) {
        const struct conf_provider *p = &providers[i];
        int64_t each_us = clock_mono_us(&clock_system) + EACH_US;
        ret[n] = (struct local_server){.provider = p};
        if (p->kind->is_local && conf_provider_is_near(p) &&
            ask(ctx, MIN(each_us, until_us), &ret[n]))
            n++;
    }
    return n;
}

size_t locals_find(struct cmd_ctx *ctx, struct local_server ret[LOCALS_MAX])
{
    const struct conf *c = ctx->conf;
    int64_t until_us = clock_mono_us(&clock_system) + ALL_US;
    size_t n = ask_all(ctx, c->providers, c->n_providers, until_us, ret, 0);
    return ask_all(ctx, c->others, c->n_others, until_us, ret, n);
}

const char *locals_first(struct cmd_ctx *ctx, const struct local_server *servers,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < servers[i].n_models; k++)
            if (catalog_can_chat(&servers[i].models[k]))
                return arena_printf(&ctx->arena, "%s/%s", servers[i].provider->name,
                                    servers[i].models[k].model);
    return NULL;
}
