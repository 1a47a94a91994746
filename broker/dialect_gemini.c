/*
 * dialect_gemini.c: Gemini generateContent as a provider speaks it: where it is asked, and its
 * answers, watched.
 *
 * No client speaks it to us, so there are no facts, no splice and no encoder: every pair is
 * crossed. Requests are in …_encode.c, answers in …_reply.c.
 *
 * A stream has no end mark: it is over when the provider closes it after a finishReason.
 *
 * Source: googleapis generativelanguage/v1beta (content.proto, generative_service.proto) of
 * 2026-08-21, ai.google.dev/api/generate-content (2026-08, release notes to 2026-11-19).
 */
#include "broker/dialect_gemini.h"

#include <stdio.h>
#include <string.h>

#include "broker/dialect_count.h"
#include "broker/dialect_priv.h"

/* ---- where ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.' || c == '@';
}

/* …/models/MODEL:METHOD, on the Gemini API as at Vertex, whose base names project and place. */
void gemini_path_write(const struct provider_kind *kind, struct str model,
                       const char *method, struct buf *out)
{
    if (str_starts(model, STR("models/"))) /* as the list of models names them */
        model = str_sub(model, 7, model.len);
    buf_addz(out, kind->path);
    for (size_t i = 0; i < model.len; i++) {
        if (is_plain(model.ptr[i]))
            buf_addc(out, model.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)model.ptr[i]);
    }
    buf_addz(out, method);
}

static void gemini_path(const struct provider_kind *kind, struct str model, bool stream,
                        struct buf *out)
{
    gemini_path_write(
        kind, model, stream ? ":streamGenerateContent?alt=sse" : ":generateContent", out);
}

static void count_path(const struct provider_kind *kind, struct str model, bool stream,
                       struct buf *out)
{
    (void)stream;
    gemini_path_write(kind, model, ":countTokens", out);
}

void gemini_request_headers(const struct http1_head *client, bool same_dialect,
                            struct buf *out)
{
    (void)client;
    (void)same_dialect;
    (void)out; /* the key says all */
}

/* ---- reading an answer ---- */

bool gemini_chunk_read(struct str t, struct jspan root, struct gemini_chunk *ret)
{
    enum { CANDIDATES, FEEDBACK, USAGE, MODEL, ID, ERROR, N };
    struct jfield f[N] = {
        [CANDIDATES] = {.name = "candidates"}, [FEEDBACK] = {.name = "promptFeedback"},
        [USAGE] = {.name = "usageMetadata"},   [MODEL] = {.name = "modelVersion"},
        [ID] = {.name = "responseId"},         [ERROR] = {.name = "error"}};
    struct gemini_candidate first;
    size_t it = 0;
    *ret = (struct gemini_chunk){0};
    if (!jscan_fields(t, root, f, N))
        return false;
    ret->candidates = f[CANDIDATES].value;
    ret->has_candidate = gemini_candidate_next(t, ret, &it, &first);
    ret->blocked = jscan_get(t, f[FEEDBACK].value, "blockReason");
    ret->block_text = jscan_get(t, f[FEEDBACK].value, "blockReasonMessage");
    ret->usage = f[USAGE].value;
    ret->model = f[MODEL].value;
    ret->id = f[ID].value;
    ret->error = f[ERROR].value;
    return true;
}

bool gemini_candidate_next(struct str t, const struct gemini_chunk *c, size_t *it,
                           struct gemini_candidate *ret)
{
    enum { INDEX, CONTENT, FINISH, REASON, TOKEN, LOGPROBS, N };
    struct jfield f[N] = {[INDEX] = {.name = "index"},
                          [CONTENT] = {.name = "content"},
                          [FINISH] = {.name = "finishReason"},
                          [REASON] = {.name = "finishMessage"},
                          [TOKEN] = {.name = "continuationToken"},
                          [LOGPROBS] = {.name = "logprobsResult"}};
    struct jspan v;
    int64_t index = 0; /* what is 0 may be left out: proto3's JSON */
    if (c->candidates.kind != J_ARRAY || !jscan_next(t, c->candidates, it, &v) ||
        !jscan_fields(t, v, f, N))
        return false;
    jscan_i64(t, f[INDEX].value, 0, MSG_CHOICES - 1, &index);
    *ret = (struct gemini_candidate){.index = (unsigned)index,
                                     .parts = jscan_get(t, f[CONTENT].value, "parts"),
                                     .finish = f[FINISH].value,
                                     .reason = f[REASON].value,
                                     .token = f[TOKEN].value,
                                     .logprobs = f[LOGPROBS].value};
    return true;
}

void gemini_part_read(struct str t, struct jspan v, struct gemini_part *ret)
{
    enum { TEXT, THOUGHT, SIGNATURE, CALL, N };
    struct jfield f[N] = {[TEXT] = {.name = "text"},
                          [THOUGHT] = {.name = "thought"},
                          [SIGNATURE] = {.name = "thoughtSignature"},
                          [CALL] = {.name = "functionCall"}};
    enum { ID, NAME, ARGS, C_N };
    struct jfield c[C_N] = {
        [ID] = {.name = "id"}, [NAME] = {.name = "name"}, [ARGS] = {.name = "args"}};
    jscan_fields(t, v, f, N);
    jscan_fields(t, f[CALL].value, c, C_N);
    *ret = (struct gemini_part){.text = f[TEXT].value,
                                .signature = f[SIGNATURE].value,
                                .call = f[CALL].value,
                                .call_id = c[ID].value,
                                .call_name = c[NAME].value,
                                .call_args = c[ARGS].value,
                                .is_thought = f[THOUGHT].value.kind == J_TRUE};
}

static const struct finish_row {
    const char *word;
    enum msg_finish finish; /* MSG_FINISH_NONE: the call is broken, which is a failure */
} finish_rows[] = {
    {"STOP", MSG_FINISH_STOP},
    {"MAX_TOKENS", MSG_FINISH_LENGTH},
    /* Gemini 4: without a token there is no way to the rest: cut short, not at its end */
    {"CONTINUATION", MSG_FINISH_LENGTH},
    {"SAFETY", MSG_FINISH_FILTERED},
    {"RECITATION", MSG_FINISH_FILTERED},
    {"BLOCKLIST", MSG_FINISH_FILTERED},
    {"PROHIBITED_CONTENT", MSG_FINISH_FILTERED},
    {"SPII", MSG_FINISH_FILTERED},
    {"LANGUAGE", MSG_FINISH_FILTERED},
    {"IMAGE_SAFETY", MSG_FINISH_FILTERED},
    {"IMAGE_PROHIBITED_CONTENT", MSG_FINISH_FILTERED},
    {"IMAGE_RECITATION", MSG_FINISH_FILTERED},
    {"MODEL_ARMOR", MSG_FINISH_FILTERED}, /* Vertex */
    {"MALFORMED_FUNCTION_CALL", MSG_FINISH_NONE},
    {"UNEXPECTED_TOOL_CALL", MSG_FINISH_NONE},
    {"TOO_MANY_TOOL_CALLS", MSG_FINISH_NONE},
};

/* Calls have no reason of their own. */
enum msg_finish gemini_finish(struct str word, bool saw_call)
{
    enum msg_finish finish = MSG_FINISH_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(finish_rows); i++)
        if (str_eqz(word, finish_rows[i].word))
            finish = finish_rows[i].finish;
    bool is_plain_end = finish == MSG_FINISH_STOP || finish == MSG_FINISH_UNKNOWN;
    return saw_call && is_plain_end ? MSG_FINISH_TOOL : finish;
}

bool gemini_goes_on(struct str t, const struct gemini_candidate *c)
{
    return jscan_is(t, c->finish, "CONTINUATION") && json_decoded_len(t, c->token) > 0;
}

static void gemini_hop_token(const struct sse_event *ev, struct buf *out)
{
    struct gemini_chunk c;
    struct gemini_candidate one;
    size_t it = 0;
    if (gemini_chunk_read(ev->data, jscan_root(ev->data), &c) &&
        gemini_candidate_next(ev->data, &c, &it, &one) &&
        jscan_string(ev->data, one.token, out) != ERR_OK)
        buf_reset(out);
}

/* One broken call breaks the answer, also where it is one of several. */
static bool candidate_failed(struct str t, const struct gemini_chunk *c, struct err *e)
{
    char word[64], why[LIMIT_ERR_TEXT / 2];
    struct gemini_candidate one;
    size_t it = 0;
    while (gemini_candidate_next(t, c, &it, &one)) {
        if (one.finish.kind != J_STRING)
            continue;
        json_copy(t, one.finish, word, sizeof word);
        if (gemini_finish(str_of(word), false) != MSG_FINISH_NONE)
            continue;
        json_copy(t, one.reason, why, sizeof why);
        err_set(e, ERR_SERVER, "the model's function call is broken: %s %s", word, why);
        e->origin = ERR_BY_PROVIDER;
        snprintf(e->provider_code, sizeof e->provider_code, "%s", word);
        return true;
    }
    return false;
}

bool gemini_chunk_failed(struct str t, const struct gemini_chunk *c, struct err *e)
{
    char word[64], why[LIMIT_ERR_TEXT / 2];
    if (c->has_candidate || c->blocked.kind != J_STRING)
        return candidate_failed(t, c, e);
    json_copy(t, c->blocked, word, sizeof word);
    json_copy(t, c->block_text, why, sizeof why); /* Vertex */
    err_set(e, ERR_FILTER, "the provider blocked the prompt: %s%s%s", word,
            why[0] != '\0' ? ": " : "", why);
    e->origin = ERR_BY_CLIENT;
    snprintf(e->provider_code, sizeof e->provider_code, "%s", word);
    return true;
}

/* ---- a provider's answer, watched ---- */

void gemini_scan_init(struct scan_state *s, const struct provider_kind *kind)
{
    *s = (struct scan_state){.kind = kind};
    usage_init(&s->usage);
}

static unsigned scan_part(struct scan_state *s, unsigned choice, struct str t,
                          struct jspan v)
{
    struct gemini_part p;
    gemini_part_read(t, v, &p);
    if (p.call.kind == J_OBJECT) {
        s->saw_call |= 1U << choice;
        s->output_len += json_decoded_len(t, p.call_name);
        if (!json_is_empty(t, p.call_args))
            s->output_len += p.call_args.len;
        return EV_CONTENT | EV_TOOL;
    }
    if (p.text.kind != J_STRING) /* images, server tools and what is yet to be invented */
        return p.signature.kind == J_NONE ? EV_CONTENT : 0;
    size_t len = json_decoded_len(t, p.text);
    if (p.is_thought) {
        s->reasoning_len += len;
        return len > 0 ? EV_CONTENT | EV_REASONING : EV_REASONING;
    }
    s->output_len += len;
    return len > 0 ? EV_CONTENT : 0;
}

/* Each report is of the whole so far: the last one counts, and no two are added. */
static unsigned scan_report(struct scan_state *s, struct str t, struct jspan v)
{
    unsigned flags = scan_usage(s, s->kind->usage, t, v);
    if (flags == 0)
        return 0;
    s->has_usage = s->finish != MSG_FINISH_NONE;
    s->n_services = usage_services(s->kind->usage, jscan_text(t, v), s->services,
                                   ARRAY_LEN(s->services));
    return flags;
}

static unsigned scan_candidate(struct scan_state *s, struct str t,
                               const struct gemini_candidate *c, bool is_stream)
{
    struct jspan part;
    unsigned flags = 0;
    size_t it = 0;
    while (c->parts.kind == J_ARRAY && jscan_next(t, c->parts, &it, &part))
        flags |= scan_part(s, c->index, t, part);
    if (flags != 0)
        scan_choice_goes_on(s, c->index);
    if (is_stream && gemini_goes_on(t, c)) {
        flags |= EV_HOP;
    } else if (c->finish.kind == J_STRING) {
        json_copy(t, c->finish, s->finish_raw, sizeof s->finish_raw);
        bool saw_call = (s->saw_call >> c->index & 1) != 0;
        s->finish = gemini_finish(str_of(s->finish_raw), saw_call);
        scan_choice_ends(s, c->index);
        flags |= EV_FINISH;
    }
    return flags;
}

static unsigned scan_chunk(struct scan_state *s, struct str t,
                           const struct gemini_chunk *c, bool is_stream)
{
    struct gemini_candidate one;
    unsigned flags = 0;
    size_t it = 0;
    json_copy(t, c->id, s->id, sizeof s->id);
    json_copy(t, c->model, s->model, sizeof s->model);
    while (gemini_candidate_next(t, c, &it, &one))
        flags |= scan_candidate(s, t, &one, is_stream);
    return flags | scan_report(s, t, c->usage);
}

static unsigned gemini_scan_event(struct scan_state *s, const struct sse_event *ev,
                                  struct err *e)
{
    struct gemini_chunk c;
    struct err why = ERR_INIT;
    if (!ev->has_data)
        return scan_bare(s, ev->raw, e);
    if (jscan_check(ev->data, &why) != ERR_OK ||
        !gemini_chunk_read(ev->data, jscan_root(ev->data), &c)) {
        s->n_malformed++;
        return EV_MALFORMED;
    }
    if (json_is_set(c.error) && error_in_band(s->kind, ev->data, e))
        return EV_ERROR;
    if (gemini_chunk_failed(ev->data, &c, e))
        return EV_ERROR;
    return scan_chunk(s, ev->data, &c, true);
}

static enum errc gemini_scan_reply(struct scan_state *s, struct str body, struct err *e)
{
    struct gemini_chunk c;
    if (reply_open(s->kind, body, e) != ERR_OK)
        return e->code;
    if (!gemini_chunk_read(body, jscan_root(body), &c))
        return reply_broken(e, "the provider's answer is no object");
    if (gemini_chunk_failed(body, &c, e))
        return e->code;
    if (!c.has_candidate)
        return reply_broken(e, "the provider's answer holds no candidate");
    scan_chunk(s, body, &c, false);
    return ERR_OK;
}

const struct dialect_ops dialect_gemini = {
    .id = DIALECT_GEMINI,
    .takes_no_urls = true,
    .name = "gemini",
    .path = gemini_path,
    .request_encode = gemini_request_encode,
    .request_headers = gemini_request_headers,
    .scan_init = gemini_scan_init,
    .scan_event = gemini_scan_event,
    .hop_token = gemini_hop_token,
    .scan_reply = gemini_scan_reply,
    .error_parse = error_parse_any,
    .reply_decode = gemini_reply_decode,
    .decoder_new = gemini_decoder_new,
    .decode_event = gemini_decode_event,
    .decoder_free = decoder_free,
};

const struct dialect_ops dialect_gemini_count = {
    .id = DIALECT_GEMINI,
    .name = "gemini",
    .path = count_path,
    .request_encode = gemini_count_encode,
    .request_headers = gemini_request_headers,
    .scan_init = gemini_scan_init,
    .scan_reply = count_scan_reply,
    .error_parse = error_parse_any,
    .reply_decode = count_reply_decode,
};
