/*
 * dialect_count.c: how many tokens a prompt has, as providers tell it. They are asked with the
 * prompt of a request, encoded as for an answer (each dialect's own file), and say one number.
 *
 * Sources: Anthropic api/messages-count-tokens (2026-08); OpenAI guides/token-counting (2026-10);
 * ai.google.dev/api/tokens (2026-08); botocore bedrock-runtime service model 2023-09-30,
 * CountTokens (2026-08-07).
 */
#include "broker/dialect_count.h"

#include "broker/dialect_bedrock.h"
#include "broker/dialect_priv.h"

const struct dialect_ops *dialect_count_ops(const struct provider_kind *kind,
                                            struct str model)
{
    switch (kind->dialect) {
    case DIALECT_ANTHROPIC:
        return &dialect_anthropic_count;
    case DIALECT_GEMINI:
        return &dialect_gemini_count;
    case DIALECT_BEDROCK: /* it counts for no other maker's models */
        return bedrock_is_claude(model) ? &dialect_bedrock_count : NULL;
    case DIALECT_OPENAI:
        return kind->counts != NULL ? &dialect_responses_count : NULL;
    case DIALECT_COHERE:
    case DIALECT_RESPONSES:
    case DIALECT_N_:
        break;
    }
    return NULL;
}

/* The number has one of these names, whoever says it. */
static bool read_count(struct str body, int64_t *ret)
{
    static const char *const names[] = {"input_tokens", "totalTokens", "inputTokens"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (jscan_i64(body, jscan_get(body, jscan_root(body), names[i]), 0, INT64_MAX / 2,
                      ret))
            return true;
    return false;
}

enum errc count_scan_reply(struct scan_state *s, struct str body, struct err *e)
{
    int64_t n;
    if (reply_check(body, e) == ERR_OK && error_in_band(s->kind, body, e))
        return e->code;
    if (e->code == ERR_OK && !read_count(body, &n))
        err_set(e, ERR_SERVER, "the provider's answer holds no count of tokens");
    if (e->code == ERR_OK)
        usage_set(&s->usage, USAGE_INPUT, n);
    else
        e->origin = ERR_BY_PROVIDER;
    return e->code;
}

enum errc count_reply_decode(struct str body, const struct provider_kind *kind,
                             struct arena *a, struct msg_reply *ret, struct err *e)
{
    int64_t n;
    (void)kind;
    (void)a;
    *ret = (struct msg_reply){.finish = MSG_FINISH_NONE};
    usage_init(&ret->usage);
    if (!read_count(body, &n))
        return err_set(e, ERR_SERVER, "the provider's answer holds no count of tokens");
    usage_set(&ret->usage, USAGE_INPUT, n);
    return ERR_OK;
}

void count_reply_encode(const struct msg_reply *r, const struct encode_ctx *ctx,
                        struct buf *out)
{
    (void)ctx;
    buf_addz(out, "{\"input_tokens\":");
    buf_addi(out, usage_input_tok(&r->usage));
    buf_addc(out, '}');
}
