/* dialect.c: the table of dialects: which one a provider is spoken to in. */
#include "broker/dialect.h"

#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_openai.h"
#include "broker/dialect_priv.h"

const struct dialect_ops *dialect_ops(enum dialect d)
{
    switch (d) {
    case DIALECT_OPENAI:
        return &dialect_openai;
    case DIALECT_ANTHROPIC:
        return &dialect_anthropic;
    case DIALECT_GEMINI:
        return &dialect_gemini;
    case DIALECT_COHERE:
        return &dialect_cohere;
    case DIALECT_BEDROCK:
        return &dialect_bedrock;
    case DIALECT_RESPONSES:
        return &dialect_responses;
    case DIALECT_N_:
        break;
    }
    return NULL;
}

const struct dialect_ops *dialect_embed_ops(enum dialect d)
{
    switch (d) {
    case DIALECT_OPENAI:
        return &dialect_openai_embed;
    case DIALECT_GEMINI:
        return &dialect_gemini_embed;
    case DIALECT_COHERE:
        return &dialect_cohere_embed;
    case DIALECT_ANTHROPIC:
    case DIALECT_BEDROCK:
    case DIALECT_RESPONSES:
    case DIALECT_N_:
        break;
    }
    return NULL;
}

/*
 * Chat Completions of gpt-5.2 and later answer 400 to function tools with an effort, of gpt-5.6
 * and later to tools without the effort "none" (litellm#34569, LibreChat#14355, 2026-10); what
 * Responses has no place for stays with Chat.
 */
static bool needs_responses(const struct provider_kind *kind, enum dialect client,
                            const struct body_facts *f, struct str model)
{
    bool is_openais =
        strcmp(kind->catalog, "openai") == 0 || strcmp(kind->catalog, "azure") == 0;
    int version = openai_version(model);
    bool is_mute = client == DIALECT_OPENAI && !f->says_effort; /* its bytes would pass */
    bool thinks = (f->needs & CAP_REASONING) != 0 || (version >= 56 && is_mute);
    return is_openais && version >= 52 && (f->needs & CAP_TOOLS) != 0 && thinks &&
           f->n <= 1 && (f->needs & CAP_AUDIO_OUT) == 0;
}

const struct dialect_ops *dialect_for(const struct provider_kind *kind,
                                      enum dialect client, const struct body_facts *f,
                                      struct str model)
{
    if (f->counts_only)
        return dialect_count_ops(kind, model);
    if ((f->needs & CAP_EMBEDDING) != 0)
        return dialect_embed_ops(kind->dialect);
    if (kind->responses != NULL && (client == DIALECT_RESPONSES || kind->is_responses ||
                                    needs_responses(kind, client, f, model)))
        return &dialect_responses;
    return dialect_ops(kind->dialect);
}

const char *dialect_id_header(const struct dialect_ops *client)
{
    return client->id == DIALECT_ANTHROPIC ? "request-id" : "x-request-id";
}

void path_fixed(const struct provider_kind *kind, struct str model, bool stream,
                struct buf *out)
{
    (void)model;
    (void)stream;
    buf_addz(out, kind->path);
}

bool usage_stays(const struct sse_event *ev, struct buf *out)
{
    buf_adds(out, ev->raw);
    return true;
}

void path_add_piece(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                             c == '~';
        buf_printf(out, is_unreserved ? "%c" : "%%%02X", (unsigned char)c);
    }
}
