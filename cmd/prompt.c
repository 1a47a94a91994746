/*
 * prompt.c: see prompt.h. Owns the rule of when standard input is read: always when it can be
 * meant, never by guessing from how fast it comes.
 */
#include "cmd/prompt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"

#include "cmd/editor.h"
#include "cmd/files.h"
#include "cmd/template_file.h"

enum { NOTE_MS = 3000, SNIFF_LEN = 8192 };

struct builder {
    struct cmd_ctx *ctx;
    struct prompt *p;
    bool stdin_used;
};

/* --- standard input --- */

static bool is_listed(const struct opt_list *list, const char *item)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

/* A file, a pipe or a socket; not a terminal, another device, or nothing at all. */
static bool is_stdin_data(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 && !S_ISCHR(st.st_mode);
}

static bool is_stdin_asked(const struct prompt_source *src)
{
    bool attached = is_listed(src->attach, "-");
    for (size_t i = 0; i < src->attach->n; i++)
        attached = attached || strncmp(src->attach->items[i], "-:", 2) == 0;
    return src->want_stdin || attached || is_listed(src->files, "-");
}

bool prompt_is_interactive(const struct prompt_source *src)
{
    const struct template_file *t = src->template_file;
    bool says_something = t != NULL && t->text[0] != '\0' && !t->takes_input;
    return src->words->n == 0 && !says_something && !src->has_editor &&
           src->files->n == 0 && src->attach->n == 0 && !is_stdin_asked(src) &&
           isatty(STDIN_FILENO);
}

/* To its end. After 3 s of silence a person is told what we wait for; cron is not. */
static enum errc read_stdin(struct cmd_ctx *ctx, struct buf *out, struct err *e)
{
    struct pollfd p = {STDIN_FILENO, POLLIN, 0};
    if (isatty(STDERR_FILENO) && !isatty(STDIN_FILENO) && poll(&p, 1, NOTE_MS) == 0)
        cmd_note(ctx, "waiting for standard input (use --no-stdin or </dev/null)");
    return files_read_fd(STDIN_FILENO, "standard input", out, e);
}

/* --- the text --- */

static void note_part(struct builder *b, const char *name, size_t len)
{
    struct prompt *p = b->p;
    if (p->n_parts < ARRAY_LEN(p->parts))
        p->parts[p->n_parts++] = (struct prompt_part){
            arena_strz(&b->ctx->arena, str_of(name)),
            len,
        };
}

/* Behind a blank line, without newlines at its end. */
static void add_block(struct builder *b, const char *name, struct str text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len == 0)
        return;
    if (!str_is_utf8(text))
        cmd_warn(b->ctx, "%s is not UTF-8: bad bytes are replaced", name);
    if (b->p->text.len > 0)
        buf_addz(&b->p->text, "\n\n");
    buf_adds(&b->p->text, text);
    note_part(b, name, text.len);
}

static bool is_binary(struct str bytes)
{
    bytes = str_sub(bytes, 0, SNIFF_LEN);
    return str_find(bytes, '\0') < bytes.len;
}

static void add_file_text(struct builder *b, const char *path, struct str text)
{
    AUTO(buf_release) struct buf block = BUF_INIT(LIMIT_BODY_LEN);
    buf_addz(&block, "<file path=\"");
    for (const char *p = path; *p != '\0'; p++)
        if (*p == '"')
            buf_addz(&block, "&quot;");
        else
            buf_addc(&block, *p);
    buf_addz(&block, "\">\n");
    buf_adds(&block, text);
    buf_addz(&block, str_ends(text, STR("\n")) ? "</file>" : "\n</file>");
    if (buf_err(&block) != ERR_OK)
        b->p->text.fail = buf_err(&block);
    add_block(b, path, buf_str(&block));
}

/* A file of -f: one that was named must be text, one that was found is skipped if not. */
struct file_walk {
    struct builder *b;
    bool is_found;
};

static enum errc on_file(void *arg, const char *path, struct err *e)
{
    struct file_walk *w = arg;
    AUTO(buf_release) struct buf bytes = BUF_INIT(LIMIT_BODY_LEN);
    enum errc rc = files_read(path, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    if (!is_binary(buf_str(&bytes)))
        add_file_text(w->b, path, buf_str(&bytes));
    else if (w->is_found)
        cmd_note(w->b->ctx, "%s is binary: skipped", path);
    else
        return err_set(e, ERR_USAGE,
                       "%s is binary\nhint: -a attaches images and PDF files", path);
    return buf_err(&w->b->p->text) == ERR_OK
               ? ERR_OK
               : err_set(e, ERR_TOO_LARGE, "%s: the prompt becomes too large", path);
}

static enum errc add_stdin(struct builder *b, struct err *e)
{
    AUTO(buf_release) struct buf bytes = BUF_INIT(LIMIT_BODY_LEN);
    if (b->stdin_used)
        return ERR_OK;
    b->stdin_used = true;
    enum errc rc = read_stdin(b->ctx, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    if (is_binary(buf_str(&bytes)))
        return err_set(
            e, ERR_USAGE,
            "standard input is binary\nhint: -a - attaches images and PDF files");
    add_block(b, "standard input", buf_str(&bytes));
    return ERR_OK;
}

static enum errc add_file(struct builder *b, const char *path, struct err *e)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return add_stdin(b, e);
    struct file_walk walk = {b, stat(path, &st) == 0 && S_ISDIR(st.st_mode)};
    size_t before = b->p->text.len + b->p->attachments.len;
    enum errc rc = files_each(path, on_file, &walk, e);
    bool is_empty = b->p->text.len + b->p->attachments.len == before;
    if (rc == ERR_OK && walk.is_found && is_empty)
        return err_set(e, ERR_USAGE,
                       "%s: no file in it; hidden and ignored ones are left out", path);
    return rc;
}

void prompt_join(const struct opt_args *words, struct buf *out)
{
    for (size_t i = 0; i < words->n; i++) {
        if (i > 0)
            buf_addc(out, ' ');
        buf_addz(out, words->items[i]);
    }
}

static enum errc add_words(struct builder *b, const struct prompt_source *src,
                           struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    prompt_join(src->words, &text);
    if (src->has_editor && editor_edit(b->ctx, &text, e) != ERR_OK)
        return err_ctx(e, "-e");
    if (src->has_editor && text.len == 0)
        return err_set(e, ERR_CANCELLED, "nothing was written, so nothing is sent");
    add_block(b, "words", buf_str(&text));
    return ERR_OK;
}

/* What was gathered takes its place in the template's text. */
static enum errc use_template(struct builder *b, const struct prompt_source *src,
                              struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    const struct template_file *t = src->template_file;
    if (t == NULL)
        return ERR_OK;
    if (t->takes_input && b->p->text.len == 0 && b->p->attachments.len == 0)
        return err_set(e, ERR_USAGE,
                       "template %s asks about what you say, and nothing was said",
                       t->name);
    enum errc rc = template_expand(t, src->params, buf_str(&b->p->text), &text, e);
    if (rc != ERR_OK)
        return rc;
    const char *name = arena_printf(&b->ctx->arena, "template %s", t->name);
    note_part(b, name != NULL ? name : "template", strlen(t->text));
    buf_reset(&b->p->text);
    buf_adds(&b->p->text, buf_str(&text));
    if (buf_err(&text) != ERR_OK)
        b->p->text.fail = buf_err(&text);
    return ERR_OK;
}

/* --- attachments --- */

/* Source: PNG 1.2, JFIF 1.02, GIF89a, RIFF/WebP container, ISO 32000-1 section 7.5.2. */
static const char *mime_of(struct str bytes)
{
    static const struct {
        struct str magic;
        const char *mime;
    } rows[] = {
        {{"\x89PNG\r\n\x1a\n", 8}, "image/png"},
        {{"\xFF\xD8\xFF", 3}, "image/jpeg"},
        {{"GIF87a", 6}, "image/gif"},
        {{"GIF89a", 6}, "image/gif"},
        {{"%PDF-", 5}, "application/pdf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_starts(bytes, rows[i].magic))
            return rows[i].mime;
    if (str_starts(bytes, STR("RIFF")) && str_eqz(str_sub(bytes, 8, 4), "WEBP"))
        return "image/webp";
    return !is_binary(bytes) && str_is_utf8(bytes) ? "text/plain" : NULL;
}

bool prompt_is_media(const char *path)
{
    char bytes[16];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    const char *mime = mime_of((struct str){bytes, n});
    return mime != NULL && strcmp(mime, "text/plain") != 0;
}

/* Source: OpenAI API reference, chat completions, content parts (2026-11). */
static void add_media(struct buf *out, const char *path, const char *mime,
                      struct str bytes)
{
    bool is_image = strncmp(mime, "image/", 6) == 0;
    const char *slash = strrchr(path, '/');
    struct jw w;
    AUTO(buf_release) struct buf url = BUF_INIT(out->max);
    buf_printf(&url, "data:%s;base64,", mime);
    base64_add(&url, bytes);
    if (buf_err(&url) != ERR_OK)
        out->fail = buf_err(&url);
    jw_init(&w, out);
    jw_object(&w);
    jw_kstrz(&w, "type", is_image ? "image_url" : "file");
    jw_key(&w, is_image ? "image_url" : "file");
    jw_object(&w);
    if (!is_image)
        jw_kstrz(&w, "filename", slash == NULL ? path : slash + 1);
    jw_kstr(&w, is_image ? "url" : "file_data", buf_str(&url));
    jw_object_end(&w);
    jw_object_end(&w);
    buf_addc(out, ',');
}

/* Splits "FILE:MIME"; a colon that is part of an existing name stays there. */
static const char *split_mime(struct cmd_ctx *ctx, const char *item,
                              const char **ret_path)
{
    const char *colon = strrchr(item, ':');
    *ret_path = item;
    if (colon == NULL || strchr(colon, '/') == NULL || access(item, F_OK) == 0)
        return NULL;
    *ret_path = arena_strndup(&ctx->arena, item, (size_t)(colon - item));
    return colon + 1;
}

static enum errc add_attachment(struct builder *b, const char *item, struct err *e)
{
    AUTO(buf_release) struct buf bytes = BUF_INIT(LIMIT_BODY_LEN);
    const char *path;
    if (strstr(item, "://") != NULL && access(item, F_OK) != 0)
        return err_set(e, ERR_USAGE,
                       "-a %s: it takes files, no addresses\n"
                       "hint: curl -sL '%s' | llmgw chat -a -",
                       item, item);
    const char *mime = split_mime(b->ctx, item, &path);
    bool is_stdin = path != NULL && strcmp(path, "-") == 0;
    if (path == NULL || (is_stdin && b->stdin_used))
        return err_set(e, ERR_USAGE, "-a %s: standard input can be read only once", item);
    b->stdin_used = b->stdin_used || is_stdin;
    enum errc rc = is_stdin ? read_stdin(b->ctx, &bytes, e) : files_read(path, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    if (mime == NULL)
        mime = mime_of(buf_str(&bytes));
    if (mime == NULL)
        return err_set(e, ERR_USAGE,
                       "%s: unknown kind of file\nhint: say it, as in -a %s:image/png",
                       path, path);
    if (strncmp(mime, "text/", 5) == 0)
        add_file_text(b, path, buf_str(&bytes));
    else if (strncmp(mime, "image/", 6) == 0 || strcmp(mime, "application/pdf") == 0) {
        add_media(&b->p->attachments, path, mime, buf_str(&bytes));
        note_part(b, path, bytes.len);
    } else
        return err_set(e, ERR_USAGE, "%s: models take images, PDF and text, not %s", path,
                       mime);
    return ERR_OK;
}

/* --- all together --- */

static enum errc add_all(struct builder *b, const struct prompt_source *src,
                         struct err *e)
{
    enum errc rc = ERR_OK;
    bool reads = !src->never_stdin && (is_stdin_asked(src) || is_stdin_data());
    if (src->never_stdin)
        b->stdin_used = true;
    for (size_t i = 0; rc == ERR_OK && i < src->attach->n; i++)
        rc = add_attachment(b, src->attach->items[i], e);
    for (size_t i = 0; rc == ERR_OK && i < src->files->n; i++)
        rc = add_file(b, src->files->items[i], e);
    if (rc == ERR_OK && reads)
        rc = add_stdin(b, e);
    if (rc == ERR_OK)
        rc = add_words(b, src, e);
    if (rc == ERR_OK)
        rc = use_template(b, src, e);
    if (rc != ERR_OK)
        return rc;
    if (buf_err(&b->p->text) != ERR_OK || buf_err(&b->p->attachments) != ERR_OK)
        return err_set(e, ERR_TOO_LARGE, "the prompt is larger than %d bytes",
                       LIMIT_BODY_LEN);
    if (b->p->text.len == 0 && b->p->attachments.len == 0)
        return err_set(e, ERR_USAGE,
                       "nothing to say: no words, no files, no standard input");
    return ERR_OK;
}

enum errc prompt_build(struct cmd_ctx *ctx, const struct prompt_source *src,
                       struct prompt *ret, struct err *e)
{
    struct builder b = {.ctx = ctx, .p = ret};
    ret->n_parts = 0;
    buf_init(&ret->text, LIMIT_BODY_LEN);
    buf_init(&ret->attachments, LIMIT_BODY_LEN);
    enum errc rc = add_all(&b, src, e);
    if (rc != ERR_OK)
        prompt_release(ret);
    return rc;
}

void prompt_release(struct prompt *p)
{
    buf_release(&p->text);
    buf_release(&p->attachments);
}

void prompt_write(const struct prompt *p, struct jw *w)
{
    jw_object(w);
    jw_kstrz(w, "role", "user");
    jw_key(w, "content");
    if (p->attachments.len == 0)
        jw_str(w, buf_str(&p->text));
    else {
        jw_array(w);
        jw_raw(w, str_sub(buf_str(&p->attachments), 0, p->attachments.len - 1));
        if (p->text.len > 0) {
            jw_object(w);
            jw_kstrz(w, "type", "text");
            jw_kstr(w, "text", buf_str(&p->text));
            jw_object_end(w);
        }
        jw_array_end(w);
    }
    jw_object_end(w);
}

enum errc prompt_system(struct cmd_ctx *ctx, const char *text, const char **ret,
                        struct err *e)
{
    AUTO(buf_release) struct buf bytes = BUF_INIT(LIMIT_BODY_LEN);
    *ret = text;
    if (text == NULL || text[0] != '@')
        return ERR_OK;
    enum errc rc = files_read(text + 1, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    struct str s = buf_str(&bytes);
    while (s.len > 0 && s.ptr[s.len - 1] == '\n')
        s.len--;
    *ret = arena_strz(&ctx->arena, s);
    return ERR_OK;
}
