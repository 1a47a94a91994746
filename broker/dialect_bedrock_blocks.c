/*
 * dialect_bedrock_blocks.c: the blocks of a Converse message: texts, images, files, thoughts, calls
 * and their results.
 */
#include <stdio.h>

#include "broker/dialect_bedrock_encode.h"

bool bedrock_is_thought(const struct msg_part *p)
{
    return p->kind == MSG_THINKING || p->kind == MSG_REDACTED;
}

bool bedrock_is_told(const struct bedrock_writer *b, const struct msg_part *p)
{
    if (p->kind == MSG_TEXT || p->kind == MSG_REFUSAL)
        return !is_blank(p->text);
    if (p->kind == MSG_THINKING) /* what has an id of its own is another provider's */
        return b->is_claude && p->signature.len > 0 && p->id.len == 0;
    return p->kind != MSG_REDACTED || b->is_claude;
}

void bedrock_write_text(struct bedrock_writer *b, struct str before, struct str text,
                        struct str after)
{
    struct jw *w = &b->r.w;
    struct buf whole = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&whole, before);
    buf_adds(&whole, text);
    buf_adds(&whole, after);
    jw_object(w);
    write_taken(w, "text", &whole);
    jw_object_end(w);
}

void bedrock_write_cache_mark(struct bedrock_writer *b, struct str ttl)
{
    struct jw *w = &b->r.w;
    if (ttl.len == 0)
        return;
    if ((b->r.t->caps_no & CAP_PROMPT_CACHING) != 0) {
        drop(&b->r, "cache_control");
        return;
    }
    jw_object(w);
    jw_key(w, "cachePoint");
    jw_object(w);
    jw_kstrz(w, "type", "default");
    if (str_eqz(ttl, "1h"))
        jw_kstr(w, "ttl", ttl);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_source(struct jw *w, struct str data)
{
    jw_key(w, "source");
    jw_object(w);
    jw_kstr(w, "bytes", data);
    jw_object_end(w);
}

/* In one request. Source: Converse API reference, Message (2026). */
enum { MOST_IMAGES = 20, MOST_FILES = 5 };

static void write_image(struct bedrock_writer *b, const struct msg_part *part)
{
    struct jw *w = &b->r.w;
    struct msg_part there;
    const struct msg_part *p = &there;
    if (++b->n_images > MOST_IMAGES)
        refuse(&b->r, "image_url", "the target takes 20 images in a request");
    if (!take_media(&b->r, part, &there))
        return;
    struct str mime = image_mime(p);
    if (mime.len == 0)
        refuse(&b->r, "image_url", "the target reads png, jpeg, gif and webp only");
    jw_object(w);
    jw_key(w, "image");
    jw_object(w);
    jw_kstr(w, "format", str_sub(mime, sizeof "image/" - 1, mime.len));
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

static const char *file_format(struct str mime)
{
    static const char *const rows[][2] = {
        {"application/pdf", "pdf"},
        {"text/csv", "csv"},
        {"text/html", "html"},
        {"text/plain", "txt"},
        {"text/markdown", "md"},
        {"application/msword", "doc"},
        {"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         "docx"},
        {"application/vnd.ms-excel", "xls"},
        {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(mime, rows[i][0]))
            return rows[i][1];
    return is_text_mime(mime) ? "txt"
                              : NULL; /* JSON and the like are read as they stand */
}

/* Letters, digits, blanks, hyphens and brackets are allowed, and no name may come twice. */
static void write_file_name(struct bedrock_writer *b, struct str name)
{
    char out[96];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < 64; i++) {
        char c = name.ptr[i];
        bool is_alnum =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[n++] = is_alnum || strchr("()[]", c) != NULL ? c : '-';
    }
    snprintf(out + n, sizeof out - n, "%s(%zu)", n > 0 ? "" : "document", ++b->n_files);
    jw_kstrz(&b->r.w, "name", out);
}

static void write_file(struct bedrock_writer *b, const struct msg_part *part)
{
    struct jw *w = &b->r.w;
    struct msg_part there;
    const struct msg_part *p = &there;
    if (!take_media(&b->r, part, &there))
        return;
    const char *format = file_format(p->mime);
    if (p->data.len == 0 || format == NULL)
        refuse(&b->r, "file", "the target takes documents of known kinds, as data only");
    jw_object(w);
    jw_key(w, "document");
    jw_object(w);
    jw_kstrz(w, "format", format);
    write_file_name(b, p->filename);
    if (b->n_files > MOST_FILES)
        refuse(&b->r, "file", "the target takes 5 documents in a request");
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

/* A few models hear. "audio/mpeg" and the like are known by their other names here. */
static void write_audio(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    struct str format = str_sub(p->mime, sizeof "audio/" - 1, p->mime.len);
    if ((b->r.t->caps_yes & CAP_AUDIO_IN) == 0)
        refuse(&b->r, "input_audio", "the target cannot hear");
    jw_object(w);
    jw_key(w, "audio");
    jw_object(w);
    jw_kstr(w, "format", str_eqz(format, "mpeg") ? STR("mp3") : format);
    write_source(w, p->data);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    jw_object(w);
    jw_key(w, "reasoningContent");
    jw_object(w);
    if (p->kind == MSG_REDACTED) {
        jw_kstr(w, "redactedContent", p->data);
    } else {
        jw_key(w, "reasoningText");
        jw_object(w);
        jw_kstr(w, "text", p->text);
        jw_kstr(w, "signature", p->signature);
        jw_object_end(w);
    }
    jw_object_end(w);
    jw_object_end(w);
}

static void write_tool_id(struct bedrock_writer *b, struct str id)
{
    char fitted[TOOL_ID_LEN + 1];
    fit_tool_id(id, b->is_mistral, b->is_mistral ? 9 : TOOL_ID_LEN, fitted);
    jw_kstrz(&b->r.w, "toolUseId", fitted);
}

static void write_call(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    jw_object(w);
    jw_key(w, "toolUse");
    jw_object(w);
    write_tool_id(b, p->id);
    jw_kstr(w, "name", p->name);
    jw_key(w, "input");
    write_args(w, p->args);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_result(struct bedrock_writer *b, const struct msg_part *p)
{
    struct jw *w = &b->r.w;
    jw_object(w);
    jw_key(w, "toolResult");
    jw_object(w);
    write_tool_id(b, p->id);
    jw_key(w, "content");
    jw_array(w);
    if (!is_blank(p->text) || p->n_parts == 0)
        bedrock_write_text(b, STR_NONE, is_blank(p->text) ? STR("(nothing)") : p->text,
                           STR_NONE);
    for (size_t i = 0; i < p->n_parts; i++)
        bedrock_write_part(b, &p->parts[i]);
    jw_array_end(w);
    if (p->is_error)
        jw_kstrz(w, "status", "error");
    jw_object_end(w);
    jw_object_end(w);
}

void bedrock_write_part(struct bedrock_writer *b, const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        bedrock_write_text(b, STR_NONE, p->text, STR_NONE);
        break;
    case MSG_IMAGE:
        write_image(b, p);
        break;
    case MSG_FILE:
        write_file(b, p);
        break;
    case MSG_AUDIO:
        write_audio(b, p);
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
        write_thought(&b->r.w, p);
        break;
    case MSG_TOOL_CALL:
        write_call(b, p);
        break;
    case MSG_TOOL_RESULT:
        write_result(b, p);
        break;
    }
    bedrock_write_cache_mark(b, p->cache_ttl);
}
