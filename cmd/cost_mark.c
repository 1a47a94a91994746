/*
 * cost_mark.c: `cost --since-last`: where the previous report of a name has ended. A small file
 * per name in the state folder, replaced by rename; a run that fails leaves it.
 */
#include <string.h>

#include "core/jsonx.h"
#include "core/num.h"

#include "cmd/cost.h"
#include "cmd/link.h"

enum { NAME_MAX_LEN = 64, MARK_LEN = 64 };

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (i == 0 || strchr("-_.", c) == NULL))
            return false;
    }
    return s.len > 0 && s.len <= NAME_MAX_LEN;
}

static enum errc mark_path(struct cmd_ctx *ctx, const char *name, const char **ret,
                           struct err *e)
{
    if (!is_name(str_of(name)))
        return err_set(e, ERR_USAGE,
                       "--mark: \"%s\" is no name of letters, digits, -, _ and .", name);
    const char *file = arena_printf(&ctx->arena, "marks/%s", name);
    *ret = conf_path_state(&ctx->arena, cmd_getenv, file);
    return ERR_OK;
}

enum errc cost_mark_load(struct cmd_ctx *ctx, const char *name, int64_t *ret_us,
                         struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(MARK_LEN);
    const char *path = NULL;
    enum errc rc = mark_path(ctx, name, &path, e);
    if (rc == ERR_OK)
        rc = conf_read_file(path, &text, e);
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        *ret_us = 0;
        return ERR_OK;
    }
    if (rc == ERR_OK && num_i64(str_trim(buf_str(&text)), 0, INT64_MAX, ret_us) != ERR_OK)
        rc = err_set(e, ERR_CONFIG, "%s holds no time\nhint: rm %s", path, path);
    return rc;
}

enum errc cost_mark_save(struct cmd_ctx *ctx, const char *name, int64_t us, struct err *e)
{
    const char *path = NULL;
    enum errc rc = mark_path(ctx, name, &path, e);
    const char *text = arena_printf(&ctx->arena, "%lld\n", (long long)us);
    return rc == ERR_OK ? conf_write_file(path, str_of(text), e) : rc;
}

int64_t cost_settled_us(struct cmd_ctx *ctx)
{
    AUTO(buf_release) struct buf json = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    struct err none = ERR_INIT;
    int64_t now_us = clock_wall_us(ctx->clock), oldest_ms = -1, age_ms;
    if (link_ask(ctx, false, "GET", "/llmgw/v1/inflight", STR_NONE, STR_NONE, &json,
                 &none) != ERR_OK ||
        jx_parse(buf_str(&json), &o, &none) != ERR_OK)
        return now_us; /* no broker, so nothing is under way */
    struct json_object *all = jx_arr(o, "requests");
    for (size_t i = 0; all != NULL && i < json_object_array_length(all); i++)
        if (jx_i64(json_object_array_get_idx(all, i), "age_ms", 0,
                   INT64_MAX / US_PER_MS - 1, &age_ms))
            oldest_ms = MAX(oldest_ms, age_ms);
    return oldest_ms < 0 ? now_us : now_us - (oldest_ms + 1) * US_PER_MS;
}
