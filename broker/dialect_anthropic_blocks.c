/*
 * dialect_anthropic_blocks.c: the blocks of an Anthropic message: texts, images, files, thoughts,
 * calls and their results.
 *
 * Source: as in dialect_anthropic_encode.c.
 */
#include "core/base64.h"

#include "broker/dialect_anthropic_encode.h"

bool anthropic_is_told(const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        return !is_blank(p->text);
    case MSG_THINKING: /* what has an id of its own is another provider's */
        return p->signature.len > 0 && p->id.len == 0;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break;
    }
    return true;
}

void anthropic_write_cache(struct jw *w, struct str ttl)
{
    if (ttl.len == 0)
        return;
    jw_key(w, "cache_control");
    jw_object(w);
    jw_kstrz(w, "type", "ephemeral");
    if (str_eqz(ttl, "1h"))
        jw_kstrz(w, "ttl", "1h");
    jw_object_end(w);
}

void anthropic_write_wrapped(struct jw *w, struct str before, struct str text,
                             struct str after, struct str ttl)
{
    jw_object(w);
    jw_kstrz(w, "type", "text");
    jw_key(w, "text");
    jw_string(w);
    jw_string_add(w, before);
    jw_string_kept(w, text);
    jw_string_add(w, after);
    jw_string_end(w);
    anthropic_write_cache(w, ttl);
    jw_object_end(w);
}

void anthropic_write_text(struct jw *w, struct str text, struct str ttl)
{
    anthropic_write_wrapped(w, STR_NONE, text, STR_NONE, ttl);
}

/* A text is a document as it stands, whatever format it is in. */
static void write_text_source(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (!base64_read(p->data, &text) || !str_is_utf8(buf_str(&text)))
        refuse(&a->r, "file", "is no text, though its type says so");
    jw_key(w, "source");
    jw_object(w);
    jw_kstrz(w, "type", "text");
    jw_kstrz(w, "media_type", "text/plain");
    write_taken(w, "data", &text);
    jw_object_end(w);
}

static void write_source(struct jw *w, const struct msg_part *p, struct str mime)
{
    jw_key(w, "source");
    jw_object(w);
    if (p->url.len > 0) {
        jw_kstrz(w, "type", "url");
        jw_kstr(w, "url", p->url);
    } else {
        jw_kstrz(w, "type", "base64");
        jw_kstr(w, "media_type", mime);
        jw_kstr_kept(w, "data", p->data);
    }
    jw_object_end(w);
}

static void write_media(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    bool is_image = p->kind == MSG_IMAGE;
    struct str mime = is_image ? image_mime(p) : p->mime;
    if (is_image && p->url.len == 0 && mime.len == 0)
        refuse(&a->r, "image_url", "must be jpeg, png, gif or webp for this target");
    bool is_text = !is_image && p->url.len == 0 && is_text_mime(mime);
    if (!is_image && !is_text && p->url.len == 0 && !str_eqz(mime, "application/pdf"))
        refuse(&a->r, "file", "must be a PDF or a text for this target");
    jw_object(w);
    if (p->detail.len > 0 && !str_eqz(p->detail, "auto")) /* which is what it does */
        drop(&a->r, "image_url.detail");
    jw_kstrz(w, "type", is_image ? "image" : "document");
    if (is_text)
        write_text_source(a, p);
    else
        write_source(w, p, mime);
    if (!is_image && p->filename.len > 0)
        jw_kstr(w, "title", p->filename);
    anthropic_write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    bool is_redacted = p->kind == MSG_REDACTED;
    jw_object(w);
    jw_kstrz(w, "type", is_redacted ? "redacted_thinking" : "thinking");
    if (is_redacted) {
        jw_kstr(w, "data", p->data);
    } else {
        jw_kstr(w, "thinking", p->text);
        jw_kstr(w, "signature", p->signature);
    }
    jw_object_end(w);
}

static void write_call(struct jw *w, const struct msg_part *p)
{
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_use");
    jw_kstrz(w, "id", id);
    jw_kstr(w, "name", p->name);
    jw_key(w, "input");
    write_args(w, p->args);
    anthropic_write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_result(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_result");
    jw_kstrz(w, "tool_use_id", id);
    if (p->n_parts > 0) {
        jw_key(w, "content");
        jw_array(w);
        if (!is_blank(p->text))
            anthropic_write_text(w, p->text, STR_NONE);
        for (size_t i = 0; i < p->n_parts; i++)
            anthropic_write_block(a, &p->parts[i]);
        jw_array_end(w);
    } else if (p->text.len > 0) {
        jw_kstr_kept(w, "content", p->text);
    }
    if (p->is_error)
        jw_kbool(w, "is_error", true);
    anthropic_write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

/* A text that the answer is to go on from must not end in blanks. */
static struct str prefill_text(const struct anthropic_writer *a, const struct msg_part *p)
{
    const struct msg_turn *last = &a->r.m->turns[a->r.m->n_turns - 1];
    if (!anthropic_goes_on(a) || last->role != MSG_ASSISTANT || last->n_parts == 0 ||
        p != &last->parts[last->n_parts - 1])
        return p->text;
    struct str trimmed = str_trim(p->text);
    return str_sub(p->text, 0, (size_t)(trimmed.ptr - p->text.ptr) + trimmed.len);
}

void anthropic_write_block(struct anthropic_writer *a, const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        anthropic_write_text(&a->r.w, prefill_text(a, p), p->cache_ttl);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
        write_media(a, p);
        break;
    case MSG_AUDIO:
        refuse(&a->r, "input_audio", "the target cannot hear");
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
        write_thought(&a->r.w, p);
        break;
    case MSG_TOOL_CALL:
        write_call(&a->r.w, p);
        break;
    case MSG_TOOL_RESULT:
        write_result(a, p);
        break;
    }
}
