/*
 * out.c: collects rows of typed cells and prints them once, in one of six formats.
 *
 * Rows are kept until out_finish, because a table needs every width before its first line, and
 * because a report that fails half-way must print nothing. Must not know what a report is about.
 */
#include "cmd/out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "core/mem.h"
#include "core/num.h"

#include "cmd/files.h"
#include "cmd/out_format.h"
#include "cmd/shell.h"
#include "cmd/term.h"

enum {
    OUT_ARENA_LEN = 512 * 1024 * 1024,
    OUT_TEXT_LEN = 512 * 1024 * 1024,
    OUT_NO_TTY_WIDTH = 100000
};

enum errc out_new(struct cmd_ctx *ctx, enum cmd_format format, const char *schema,
                  const struct out_column *columns, size_t n, struct out **ret,
                  struct err *e)
{
    if (n > OUT_COLUMNS)
        return err_set(e, ERR_INTERNAL, "%zu columns", n);
    struct out *o = MEM_NEW(struct out);
    if (o == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    *o = (struct out){.ctx = ctx,
                      .format = format,
                      .schema = schema,
                      .columns = columns,
                      .n_columns = n};
    arena_init(&o->arena, OUT_ARENA_LEN);
    buf_init(&o->meta, OUT_TEXT_LEN);
    buf_init(&o->text, OUT_TEXT_LEN);
    enum errc rc = out_choose_columns(o, e);
    if (rc != ERR_OK) {
        out_free(&o);
        return rc;
    }
    *ret = o;
    return ERR_OK;
}

void out_free(struct out **op)
{
    struct out *o = *op;
    if (o == NULL)
        return;
    arena_release(&o->arena);
    buf_release(&o->meta);
    buf_release(&o->text);
    mem_free(o->cells);
    mem_free(o);
    *op = NULL;
}

void out_meta(struct out *o, const char *key, struct str json)
{
    buf_printf(&o->meta, ",\"%s\":%.*s", key, STR_ARG(json));
}

void out_csv_raw(struct out *o)
{
    o->csv_raw = true;
}

void out_vertical(struct out *o)
{
    o->vertical = true;
}

/* Keeps one line of text around the table. */
PRINTF(3, 0)
static void add_line(struct out *o, struct out_lines *lines, const char *fmt, va_list ap)
{
    struct buf text = BUF_INIT(4096);
    buf_vprintf(&text, fmt, ap);
    if (lines->n < OUT_LINES)
        lines->items[lines->n++] = arena_strz(&o->arena, buf_str(&text));
    buf_release(&text);
}

void out_headline(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(o, &o->headlines, fmt, ap);
    va_end(ap);
}

void out_footer(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(o, &o->footers, fmt, ap);
    va_end(ap);
}

void out_warning(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(o, &o->warnings, fmt, ap);
    va_end(ap);
}

void out_if_empty(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(o, &o->if_empty, fmt, ap);
    va_end(ap);
}

/* ---- cells ---- */

static struct out_cell *next_cell(struct out *o)
{
    if (o->n_cells == o->cap_cells) {
        size_t cap = o->cap_cells ? o->cap_cells * 2 : 256;
        struct out_cell *grown = mem_resize(o->cells, cap, sizeof *grown);
        if (grown == NULL) {
            o->broken = true;
            return NULL;
        }
        o->cells = grown;
        o->cap_cells = cap;
    }
    return &o->cells[o->n_cells++];
}

void out_text(struct out *o, struct str s)
{
    struct out_cell *c = next_cell(o);
    if (c != NULL)
        *c = (struct out_cell){.is_set = s.ptr != NULL, .text = arena_str(&o->arena, s)};
}

void out_textz(struct out *o, const char *s)
{
    out_text(o, str_of(s));
}

void out_int(struct out *o, int64_t v)
{
    struct out_cell *c = next_cell(o);
    if (c != NULL)
        *c = (struct out_cell){.is_set = true, .v = v};
}

void out_money(struct out *o, pico p)
{
    struct out_cell *c = next_cell(o);
    if (c != NULL)
        *c = (struct out_cell){.is_set = p != PICO_UNKNOWN, .v = p};
}

void out_null(struct out *o)
{
    struct out_cell *c = next_cell(o);
    if (c != NULL)
        *c = (struct out_cell){.is_set = false};
}

void out_row_end(struct out *o)
{
    while (!o->broken && o->n_cells % o->n_columns != 0)
        out_null(o);
    o->n_rows = o->n_cells / o->n_columns;
}

void out_totals(struct out *o)
{
    out_row_end(o);
    if (o->n_rows > 0 && !o->broken) {
        o->has_totals = true;
        o->n_rows--; /* the totals stand behind the rows */
    }
}

/* ---- the screen ---- */

/* Walks text by grapheme cluster: what a terminal shows as one. */
struct walk {
    struct str s;
    size_t at; /* of the next cluster */
};

/* Takes a change of style, "\033[1;31m", which no cell shows; false when there is none. */
static bool walk_style(struct walk *w)
{
    size_t at = w->at + 2;
    if (!str_starts(str_sub(w->s, w->at, w->s.len), STR("\033[")))
        return false;
    while (at < w->s.len &&
           (w->s.ptr[at] == ';' || (w->s.ptr[at] >= '0' && w->s.ptr[at] <= '9')))
        at++;
    if (at == w->s.len || w->s.ptr[at] != 'm')
        return false;
    w->at = at + 1;
    return true;
}

/* Takes the next cluster; its cells, at most 2. False at the end. */
static bool walk_next(struct walk *w, size_t *ret_cells)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)w->s.ptr;
    utf8proc_int32_t state = 0, last = -1;
    size_t cells = 0, from = w->at;
    *ret_cells = 0;
    if (walk_style(w))
        return true;
    while (w->at < w->s.len) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate(p + w->at, (utf8proc_ssize_t)(w->s.len - w->at), &c);
        if (n <= 0) {
            c = 0xFFFD;
            n = 1;
        }
        if (last != -1 && utf8proc_grapheme_break_stateful(last, c, &state))
            break;
        cells = MAX(cells, (size_t)MAX(utf8proc_charwidth(c), 0));
        last = c;
        w->at += (size_t)n;
    }
    *ret_cells = MIN(cells, (size_t)2);
    return w->at > from;
}

size_t out_width(struct str s)
{
    struct walk w = {.s = s};
    size_t total = 0, cells;
    while (walk_next(&w, &cells))
        total += cells;
    return total;
}

/* Bytes of the longest run of whole clusters that fits into `cells`. */
static size_t prefix_that_fits(struct str s, size_t cells)
{
    struct walk w = {.s = s};
    size_t fits = 0, total = 0, more;
    while (walk_next(&w, &more) && (total += more) <= cells)
        fits = w.at;
    return fits;
}

void out_fit(struct buf *b, struct str s, size_t cells)
{
    if (out_width(s) <= cells) {
        buf_adds(b, s);
        return;
    }
    if (cells == 0)
        return;
    buf_adds(b, str_sub(s, 0, prefix_that_fits(s, cells - 1)));
    buf_addz(b, out_is_utf8() ? "\xE2\x80\xA6" : "~");
}

static bool read_width(const char *name, int *ret)
{
    int64_t columns;
    if (num_i64(str_of(cmd_getenv(name)), 20, 10000, &columns) != ERR_OK)
        return false;
    *ret = (int)columns;
    return true;
}

int out_width_of(int fd)
{
    struct winsize w;
    int columns;
    if (read_width("LLMGW_COLUMNS", &columns))
        return columns;
    if (!isatty(fd))
        return OUT_NO_TTY_WIDTH;
    if (read_width("COLUMNS", &columns))
        return columns;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20 ? w.ws_col : 80;
}

int out_screen_width(void)
{
    return out_width_of(STDOUT_FILENO);
}

/* The end of the last word that lies between the byte `from` and `cells`; 0 if none does. */
static size_t whole_words(struct str s, size_t from, size_t cells)
{
    size_t fits = prefix_that_fits(s, cells);
    while (fits > from && fits < s.len && s.ptr[fits] != ' ')
        fits--;
    while (fits > from && s.ptr[fits - 1] == ' ')
        fits--;
    return fits > from ? fits : 0;
}

size_t out_words_that_fit(struct str s, size_t cells)
{
    size_t n = whole_words(s, 0, cells);
    if (n == 0)
        n = prefix_that_fits(s, cells);
    return n > 0 ? n : s.len;
}

/* The byte where a line's last column begins: behind the last gap in its left half. */
static size_t last_column(struct str line, size_t width)
{
    size_t from = 0, blanks = 0;
    while (from < line.len && line.ptr[from] == ' ')
        from++;
    for (size_t at = from, end = prefix_that_fits(line, width / 2); at < end; at++) {
        if (line.ptr[at] != ' ' && blanks > 1)
            from = at;
        blanks = line.ptr[at] == ' ' ? blanks + 1 : 0;
    }
    return from;
}

/*
 * What goes on is indented by `hang` cells, behind the byte `from`. A word that is too long, a path
 * or an address, stays in one piece, if need be further left.
 */
static void wrap_line(struct buf *b, struct str line, size_t width, size_t from,
                      size_t hang)
{
    enum { INDENT = 2 };
    size_t indent = 0;
    while (out_width(line) > width - indent) {
        size_t n = whole_words(line, from, width - indent);
        if (n == 0) {
            n = whole_words(line, 0, width - indent);
            hang = MIN(hang, (size_t)INDENT);
        }
        if (n == 0) {
            while (from < line.len && line.ptr[from] == ' ')
                from++;
            n = from + str_find(str_sub(line, from, line.len), ' ');
        }
        struct str rest = str_trim(str_sub(line, n, line.len));
        if (rest.len == 0)
            break;
        buf_printf(b, "%*s%.*s\n", (int)indent, "", (int)n, line.ptr);
        line = rest;
        indent = hang;
        from = 0;
    }
    buf_printf(b, "%*s%.*s\n", (int)indent, "", STR_ARG(line));
}

void out_wrap(struct buf *b, const struct buf *lines)
{
    enum { LEAST = 2 };
    AUTO(buf_release) struct buf own = BUF_INIT(lines->max);
    size_t width = (size_t)out_screen_width();
    out_own(&own, buf_str(lines));
    struct str rest = buf_str(&own), line;
    while (rest.len > 0 && str_split(&rest, '\n', &line)) {
        size_t from = last_column(line, width), hang = out_width(str_sub(line, 0, from));
        wrap_line(b, line, width, from, MAX(hang, (size_t)LEAST));
    }
    if (b->fail == ERR_OK)
        b->fail = buf_err(lines) != ERR_OK ? buf_err(lines) : buf_err(&own);
}

void out_wrap_prose(struct buf *b, const struct buf *text)
{
    size_t width = (size_t)out_screen_width();
    struct str rest = buf_str(text), line;
    while (rest.len > 0 && str_split(&rest, '\n', &line))
        wrap_line(b, line, width, 0, 0);
    if (b->fail == ERR_OK)
        b->fail = buf_err(text);
}

void out_without_home(struct buf *b, struct str s)
{
    struct str home = str_of(cmd_getenv("HOME"));
    while (home.len > 1 && s.len > 0) {
        size_t at = str_search(s, home), behind = at + home.len;
        bool is_whole = at < s.len && (behind == s.len || s.ptr[behind] == '/' ||
                                       s.ptr[behind] == ' ' || s.ptr[behind] == '\n');
        buf_adds(b, str_sub(s, 0, is_whole ? at : MIN(behind, s.len)));
        if (is_whole)
            buf_addc(b, '~');
        s = str_sub(s, behind, s.len);
    }
    buf_adds(b, s);
}

bool out_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void out_own(struct buf *b, struct str s)
{
    static const char *const plain[][2] = {{"·", "-"},  {"→", "->"}, {"…", "..."},
                                           {"≤", "<="}, {"–", "-"},  {"—", "-"}};
    bool is_utf8 = out_is_utf8();
    while (s.len > 0) {
        size_t len = MAX(str_utf8_len(s), (size_t)1), i = 0;
        struct str c = str_sub(s, 0, len);
        while (!is_utf8 && i < ARRAY_LEN(plain) && !str_eqz(c, plain[i][0]))
            i++;
        if (!is_utf8 && i < ARRAY_LEN(plain))
            buf_addz(b, plain[i][1]);
        else
            buf_adds(b, c);
        s = str_sub(s, len, s.len);
    }
}

/* Is it set, and to something? */
static bool env_says(const char *name)
{
    const char *v = cmd_getenv(name);
    return v != NULL && v[0] != '\0';
}

/* Source: bixense.com/clicolors, force-color.org (2026-11): "0" asks for nothing. */
static bool env_forces(const char *name)
{
    return env_says(name) && strcmp(cmd_getenv(name), "0") != 0;
}

bool out_has_color(const struct cmd_ctx *ctx, int fd)
{
    const char *option = ctx->global.color, *term = cmd_getenv("TERM");
    if (option != NULL && strcmp(option, "auto") != 0)
        return strcmp(option, "always") == 0;
    if (env_says("NO_COLOR")) /* Source: no-color.org */
        return false;
    if (ctx->conf != NULL && ctx->conf->core.color >= 0)
        return ctx->conf->core.color == 1;
    if (env_forces("CLICOLOR_FORCE") || env_forces("FORCE_COLOR"))
        return true;
    return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

/* ---- the end ---- */

static enum errc write_all(int fd, struct str s, struct err *e)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "write");
        s = str_sub(s, (size_t)n, s.len);
    }
    return ERR_OK;
}

/* Through a file beside it, so that readers see the old report or the new one. */
static enum errc write_file(struct cmd_ctx *ctx, const char *path, struct str s,
                            struct err *e)
{
    const char *real = path, *temp = files_beside(&ctx->arena, &real);
    int fd =
        open(temp != NULL ? temp : path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(e, ERR_IO, "-o %s", path);
    enum errc rc = write_all(fd, s, e);
    if (close(fd) != 0 && rc == ERR_OK)
        rc = err_errno(e, ERR_IO, "close");
    if (rc == ERR_OK && temp != NULL && rename(temp, real) != 0)
        rc = err_errno(e, ERR_IO, "rename");
    if (rc != ERR_OK && temp != NULL)
        unlink(temp);
    return rc == ERR_OK ? rc : err_ctx(e, "%s", path);
}

/* Rows of the terminal that standard output is; 0: it is none, or one that cannot scroll back. */
static size_t screen_rows(void)
{
    struct winsize size;
    const char *term = cmd_getenv("TERM");
    bool is_screen = isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    return is_screen && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

static bool is_longer(struct str text, size_t rows)
{
    size_t n = 0;
    struct str line;
    while (n <= rows && str_split(&text, '\n', &line))
        n++;
    return n > rows;
}

const char *out_pager(const struct cmd_ctx *ctx)
{
    const char *said = cmd_getenv("LLMGW_PAGER");
    if (said == NULL)
        said = cmd_getenv("PAGER");
    if (ctx->global.no_pager || (said != NULL && strcmp(said, "cat") == 0))
        return "";
    return said != NULL ? said : "LESS=\"${LESS-FRX}\" less";
}

/* True when somebody has paged through it; else it is still to be written. */
static bool page(const struct cmd_ctx *ctx, struct str text)
{
    struct err ignored = ERR_INIT;
    const char *command = out_pager(ctx);
    size_t rows = screen_rows();
    int status = 0;
    if (rows == 0 || command[0] == '\0' || !is_longer(text, rows))
        return false;
    return shell_run(command, text, NULL, &status, &ignored) == ERR_OK && status != 127;
}

/*
 * What was recorded may steer a terminal, also where it is told as JSON: nothing but styles
 * stays.
 */
static void add_safe(struct buf *b, struct str s)
{
    struct walk w = {.s = s};
    while (w.at < s.len) {
        size_t from = w.at, len = str_utf8_len(str_sub(s, from, s.len));
        bool is_style = walk_style(&w);
        if (!is_style)
            w.at += MAX(len, (size_t)1);
        struct str piece = str_sub(s, from, w.at - from);
        if (is_style || (len > 0 && term_is_printable(piece)))
            buf_adds(b, piece);
        else
            buf_addc(b, '?');
    }
}

enum errc out_write(struct cmd_ctx *ctx, struct str text, struct err *e)
{
    AUTO(buf_release) struct buf safe = BUF_INIT(text.len + 1);
    const char *path = ctx->global.output;
    if (path != NULL && strcmp(path, "-") != 0)
        return write_file(ctx, path, text, e);
    if (isatty(STDOUT_FILENO)) {
        add_safe(&safe, text);
        text = buf_str(&safe);
    }
    if (buf_err(&safe) != ERR_OK)
        return err_set(e, buf_err(&safe), "out of memory");
    enum errc rc = fflush(stdout) == 0 ? ERR_OK : err_errno(e, ERR_IO, "standard output");
    if (rc == ERR_OK && page(ctx, text))
        return ERR_OK;
    return rc == ERR_OK ? write_all(STDOUT_FILENO, text, e) : rc;
}

/* Everything into o->text. */
static enum errc render(struct out *o, struct err *e)
{
    for (size_t i = 0; i < o->warnings.n; i++)
        cmd_warn(o->ctx, "%s", o->warnings.items[i]);
    out_format(o);
    if (o->broken || arena_is_broken(&o->arena) || buf_err(&o->meta) != ERR_OK ||
        buf_err(&o->text) != ERR_OK)
        return err_set(e, ERR_MEMORY, "the report is too large for memory");
    return ERR_OK;
}

enum errc out_render(struct out *o, struct buf *ret, struct err *e)
{
    enum errc rc = render(o, e);
    if (rc == ERR_OK)
        buf_adds(ret, buf_str(&o->text));
    return rc;
}

/* A screen on which nothing appears leaves one guessing. */
static void tell_if_empty(const struct out *o)
{
    const char *path = o->ctx->global.output;
    bool is_shown = path == NULL || strcmp(path, "-") == 0;
    bool is_table = o->format == FORMAT_TABLE || o->format == FORMAT_TEXT;
    if (!is_table || o->n_rows > 0 || !is_shown || !isatty(STDOUT_FILENO))
        return;
    for (size_t i = 0; i < o->if_empty.n; i++)
        cmd_note(o->ctx, "%s", o->if_empty.items[i]);
}

enum errc out_finish(struct out *o, struct err *e)
{
    enum errc rc = render(o, e);
    if (rc == ERR_OK)
        rc = out_write(o->ctx, buf_str(&o->text), e);
    if (rc == ERR_OK)
        tell_if_empty(o);
    return rc;
}
