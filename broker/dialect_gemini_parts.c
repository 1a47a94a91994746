/*
 * dialect_gemini_parts.c: the parts of a content: texts, images, files, sounds, calls and their
 * results.
 *
 * Source: as in dialect_gemini_encode.c.
 */
#include <stdio.h>

#include "broker/dialect_gemini_encode.h"

bool gemini_is_told(const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        return !is_blank(p->text);
    case MSG_THINKING:
    case MSG_REDACTED:
        return false;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break;
    }
    return true;
}

/* A text of the request as a part, with something before and after it. */
static void write_signed_text(struct gemini_writer *g, struct str before, struct str text,
                              struct str after, struct str signature)
{
    struct jw *w = &g->r.w;
    jw_object(w);
    jw_key(w, "text");
    jw_string(w);
    jw_string_add(w, before);
    jw_string_kept(w, text);
    jw_string_add(w, after);
    jw_string_end(w);
    if (signature.len > 0 && gemini_is_signed(g))
        jw_kstr(w, "thoughtSignature", signature);
    jw_object_end(w);
}

void gemini_write_text(struct gemini_writer *g, struct str before, struct str text,
                       struct str after)
{
    write_signed_text(g, before, text, after, STR_NONE);
}

void gemini_write_name_value(struct jw *w, struct str name)
{
    char marked[160];
    bool is_odd = name.len > 0 && (is_digit(name, 0) || name.ptr[0] == '-');
    if (is_odd && name.len < sizeof marked - sizeof GEMINI_NAME_PREFIX) {
        snprintf(marked, sizeof marked, "%s%.*s", GEMINI_NAME_PREFIX, STR_ARG(name));
        jw_strz(w, marked);
    } else {
        jw_str(w, name);
    }
}

void gemini_write_name(struct jw *w, struct str name)
{
    jw_key(w, "name");
    gemini_write_name_value(w, name);
}

static void write_blob(struct jw *w, struct str mime, struct str data)
{
    jw_key(w, "inlineData");
    jw_object(w);
    jw_kstr(w, "mimeType", mime);
    jw_kstr_kept(w, "data", data);
    jw_object_end(w);
}

/* Stored where the provider itself can read it. */
static bool is_own_uri(const struct gemini_writer *g, struct str url)
{
    return g->is_vertex
               ? str_starts(url, STR("gs://"))
               : str_starts(url, STR("https://generativelanguage.googleapis.com/"));
}

/* What a stored file is, if nobody says it: by the end of its name. */
static struct str mime_of_uri(struct str uri)
{
    static const char *const rows[][2] = {
        {".png", "image/png"},   {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
        {".webp", "image/webp"}, {".gif", "image/gif"},  {".heic", "image/heic"},
        {".heif", "image/heif"}, {".mp3", "audio/mp3"},  {".wav", "audio/wav"},
        {".mp4", "video/mp4"},   {".txt", "text/plain"}, {".pdf", "application/pdf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str end = str_of(rows[i][0]);
        if (uri.len > end.len &&
            str_ieqz(str_sub(uri, uri.len - end.len, end.len), rows[i][0]))
            return str_of(rows[i][1]);
    }
    return STR_NONE;
}

static void write_media(struct gemini_writer *g, const struct msg_part *p)
{
    struct jw *w = &g->r.w;
    struct msg_part there = *p;
    bool is_own = p->url.len > 0 && is_own_uri(g, p->url);
    if (!is_own && !take_media(&g->r, p, &there))
        return;
    struct str mime = p->kind == MSG_IMAGE ? image_mime(&there) : there.mime;
    if (mime.len == 0) /* heic and heif are known here, and to no magic of ours */
        mime = there.mime;
    jw_object(w);
    if (!is_own) {
        write_blob(w, mime, there.data);
    } else {
        jw_key(w, "fileData");
        jw_object(w);
        jw_kstr(w, "fileUri", p->url);
        mime = mime.len > 0 ? mime : mime_of_uri(p->url);
        if (mime.len > 0) /* Vertex wants it */
            jw_kstr(w, "mimeType", mime);
        jw_object_end(w);
    }
    jw_object_end(w);
}

void gemini_write_call(struct gemini_writer *g, const struct msg_part *p, bool is_first)
{
    struct jw *w = &g->r.w;
    drop_cache(&g->r, p->cache_ttl);
    jw_object(w);
    jw_key(w, "functionCall");
    jw_object(w);
    if (p->id.len > 0)
        jw_kstr(w, "id", p->id);
    gemini_write_name(w, p->name);
    jw_key(w, "args");
    write_args(w, p->args);
    jw_object_end(w);
    if (p->signature.len > 0)
        jw_kstr(w, "thoughtSignature", p->signature);
    else if (is_first && gemini_is_signed(g))
        jw_kstrz(w, "thoughtSignature", "skip_thought_signature_validator");
    jw_object_end(w);
}

void gemini_write_part(struct gemini_writer *g, const struct msg_part *p)
{
    struct jw *w = &g->r.w;
    /* caches here are objects of their own, or nobody's business */
    drop_cache(&g->r, p->cache_ttl);
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_signed_text(g, STR_NONE, p->text, STR_NONE, p->signature);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
        write_media(g, p);
        break;
    case MSG_AUDIO:
        jw_object(w);
        write_blob(w, p->mime, p->data);
        jw_object_end(w);
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break; /* not told, or written apart */
    }
}

void gemini_write_result(struct gemini_writer *g, const struct msg_part *p,
                         struct str name)
{
    struct jw *w = &g->r.w;
    drop_cache(&g->r, p->cache_ttl);
    jw_object(w);
    jw_key(w, "functionResponse");
    jw_object(w);
    if (p->id.len > 0)
        jw_kstr(w, "id", p->id);
    gemini_write_name(w, name);
    jw_key(w, "response");
    jw_object(w);
    jw_kstr(w, p->is_error ? "error" : "output", p->text);
    jw_object_end(w);
    if (p->n_parts > 0 && gemini_is_signed(g)) {
        jw_key(w, "parts");
        jw_array(w);
        for (size_t i = 0; i < p->n_parts; i++)
            gemini_write_part(g, &p->parts[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
    jw_object_end(w);
    for (size_t i = 0; i < p->n_parts && !gemini_is_signed(g); i++)
        gemini_write_part(g, &p->parts[i]);
}
