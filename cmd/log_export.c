/*
 * log_export.c: requests with all that is known of them, oldest first: as JSON lines for programs
 * (llmgw replay -f reads them), as Markdown or one HTML page for people.
 */
#include <unistd.h>

#include "core/num.h"
#include "core/turns.h"

#include "cmd/log.h"
#include "cmd/out.h"

enum { EXPORT_LEN = 1024 * 1024 * 1024 };

struct export
{
    struct cmd_ctx *ctx;
    struct db *db;
    enum cmd_format format;
    struct report_bodies bodies;
    struct arena arena; /* of the request at hand */
    struct buf out;
};

/* ---- for people ---- */

/* What was said, one after the other, by whom. */
typedef void said_fn(struct buf *out, const char *who, struct str text);

struct telling {
    const struct export *x;
    said_fn *fn;
    struct buf *out;
    bool has_system;
};

static void tell_system(void *arg, struct str role, struct jspan content)
{
    struct telling *t = arg;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    if (!str_eqz(role, "system") && !str_eqz(role, "developer"))
        return;
    turns_text(buf_str(&t->x->bodies.request), content, &text);
    if (text.len > 0)
        t->fn(t->out, "system", buf_str(&text));
}

/* Earlier turns have requests of their own; the system prompt is told where one begins. */
static void tell(struct export *x, const struct report_request *r, said_fn *fn)
{
    AUTO(buf_release) struct buf asked = BUF_INIT(LIMIT_BODY_LEN);
    struct telling t = {.x = x, .fn = fn, .out = &x->out};
    if (r->parent.len == 0)
        turns_each(buf_str(&x->bodies.request), tell_system, &t);
    turns_new(buf_str(&x->bodies.request), &asked);
    if (asked.len > 0)
        fn(&x->out, "prompt", buf_str(&asked));
    if (x->bodies.answer.len > 0)
        fn(&x->out, "answer", buf_str(&x->bodies.answer));
    if (!x->bodies.has_row)
        fn(&x->out, "texts", STR("not recorded"));
}

/* "2026-11-25 03:05:11" */
static void put_start(char out[CLOCK_TEXT_LEN], const struct report_request *r)
{
    clock_rfc3339(out, r->start_us, zone_offset_s(r->start_us), false);
    out[10] = ' ';
    out[19] = '\0';
}

static void say_markdown(struct buf *out, const char *who, struct str text)
{
    buf_printf(out, "**%s**\n\n%.*s\n\n", who, STR_ARG(str_trim(text)));
}

static void write_markdown(struct export *x, const struct log_one *one)
{
    const struct report_request *r = &one->request;
    AUTO(buf_release) struct buf usage = BUF_INIT(LIMIT_HEAD_LEN);
    char at[CLOCK_TEXT_LEN];
    put_start(at, r);
    log_usage_line(&x->arena, r, &usage);
    buf_printf(&x->out, "## %s\n\n%.*s`%.*s` %.*s\n\n", at, STR_ARG(buf_str(&usage)),
               STR_ARG(r->id), STR_ARG(r->outcome));
    tell(x, r, say_markdown);
}

static void say_html(struct buf *out, const char *who, struct str text)
{
    buf_printf(out, "<h3>%s</h3>\n<pre class=\"%s\">", who, who);
    out_html_text(out, str_trim(text));
    buf_addz(out, "</pre>\n");
}

static void write_html(struct export *x, const struct log_one *one)
{
    const struct report_request *r = &one->request;
    AUTO(buf_release) struct buf usage = BUF_INIT(LIMIT_HEAD_LEN);
    char at[CLOCK_TEXT_LEN];
    put_start(at, r);
    log_usage_line(&x->arena, r, &usage);
    buf_printf(&x->out, "<section id=\"%.*s\">\n<h2>%s</h2>\n<p>", STR_ARG(r->id), at);
    out_html_text(&x->out, str_trim(buf_str(&usage)));
    buf_printf(&x->out, " · <code>%.*s</code> %.*s</p>\n", STR_ARG(r->id),
               STR_ARG(r->outcome));
    tell(x, r, say_html);
    buf_addz(&x->out, "</section>\n");
}

/* ---- all of them ---- */

static enum errc write_one(void *arg, const struct report_request *r, struct err *e)
{
    struct export *x = arg;
    struct log_one one = {.request = *r, .bodies = &x->bodies};
    arena_init(&x->arena, LIMIT_ARENA_LEN);
    enum errc rc = report_bodies(x->db, r->rid, &x->bodies, e);
    if (rc == ERR_OK)
        rc = log_load(x->db, &x->arena, &one, e);
    if (rc == ERR_OK && x->format == FORMAT_MARKDOWN)
        write_markdown(x, &one);
    else if (rc == ERR_OK && x->format == FORMAT_HTML)
        write_html(x, &one);
    else if (rc == ERR_OK)
        log_write_json(&one, "llmgw.log.export/1", &x->out);
    arena_release(&x->arena);
    if (rc == ERR_OK && buf_err(&x->out) != ERR_OK)
        rc = err_set(e, buf_err(&x->out), "too much for one export; choose by --since");
    return rc;
}

static enum errc write_all(struct export *x, const struct log_options *o,
                           const char *const *ids, size_t n, struct err *e)
{
    struct report_filter f;
    enum errc rc = log_filter(x->ctx, o, x->db, INT64_MAX, &f, e);
    f.oldest_first = true;
    if (x->format == FORMAT_HTML)
        out_html_begin(&x->out, STR("llmgw log"));
    if (rc == ERR_OK && n == 0 && x->db != NULL)
        rc = report_requests(x->db, &f, write_one, x, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        struct report_request r;
        rc = x->db == NULL ? err_set(e, ERR_NOT_FOUND, "there is no ledger yet")
                           : report_find(x->db, str_of(ids[i]), &x->ctx->arena, &r, e);
        if (rc == ERR_OK)
            rc = write_one(x, &r, e);
    }
    if (x->format == FORMAT_HTML)
        out_html_end(&x->out);
    return rc;
}

enum errc log_export(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e)
{
    AUTO(db_close) struct db *db = NULL;
    struct export x = {
        .ctx = ctx,
        .format = cmd_format(ctx, &cmd_log),
        .out = BUF_INIT(EXPORT_LEN),
    };
    enum errc rc =
        cmd_formats(ctx, "log export",
                    1 << FORMAT_JSONL | 1 << FORMAT_MARKDOWN | 1 << FORMAT_HTML, e);
    if (rc == ERR_OK)
        rc = log_ids_alone(options, n, e);
    if (rc == ERR_OK)
        rc = cmd_open_ledger(ctx, &db, e);
    if (rc != ERR_OK)
        return rc;
    x.db = db;
    report_bodies_init(&x.bodies);
    rc = write_all(&x, options, args, n, e);
    if (rc == ERR_OK)
        rc = out_write(ctx, buf_str(&x.out), e);
    if (rc == ERR_OK && x.out.len == 0 && isatty(STDOUT_FILENO))
        cmd_note(ctx, "no request is like that");
    report_bodies_release(&x.bodies);
    buf_release(&x.out);
    return rc;
}
