/*
 * answer.c: see answer.h. Owns the reading of chat.completion.chunk events and of the gateway's
 * own; decides whether the answer is whole. Shows nothing itself.
 *
 * Source: OpenAI API reference, chat completion chunk object (2026-11); llmgw-protocol(7).
 */
#include "cmd/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"

#include "cmd/answer_print.h"
#include "cmd/files.h"
#include "cmd/history.h"
#include "cmd/link.h"
#include "cmd/out.h"
#include "cmd/shape.h"
#include "cmd/today.h"

/* --- opening and closing --- */

static enum errc open_output(struct answer *a, struct err *e)
{
    const char *path = a->ctx->global.output;
    if (path == NULL || strcmp(path, "-") == 0) {
        int flags = fcntl(STDOUT_FILENO, F_GETFL);
        if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY) {
            errno = EBADF;
            return err_errno(e, ERR_IO, "standard output");
        }
        return ERR_OK;
    }
    a->out_path = path;
    a->out_temp = files_beside(&a->ctx->arena, &a->out_path);
    a->out_fd = open(a->out_temp != NULL ? a->out_temp : path,
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return a->out_fd >= 0 ? ERR_OK : err_errno(e, ERR_IO, "-o %s", path);
}

bool answer_is_text(const struct answer *a)
{
    return a->opt.format == FORMAT_TEXT || a->opt.format == FORMAT_MARKDOWN;
}

/*
 * Models write Markdown; a pipe gets it as it is. A terminal gets what it means, unless the
 * configuration or -F text says otherwise.
 */
static bool renders(const struct answer *a)
{
    const struct conf *conf = a->ctx->conf;
    const char *term = cmd_getenv("TERM");
    bool is_off = (conf != NULL && conf->chat.markdown != NULL &&
                   strcmp(conf->chat.markdown, "off") == 0) ||
                  a->ctx->global.format != NULL;
    return a->is_tty && answer_is_text(a) && !a->opt.raw &&
           a->opt.extract == EXTRACT_NONE &&
           (!is_off || a->opt.format == FORMAT_MARKDOWN) && term != NULL &&
           strcmp(term, "dumb") != 0;
}

/* A descriptor that we were given: all that we open ourselves is closed on exec. */
static bool is_given(int fd)
{
    int flags = fcntl(fd, F_GETFD), mode = fcntl(fd, F_GETFL);
    return flags != -1 && (flags & FD_CLOEXEC) == 0 && (mode & O_ACCMODE) != O_RDONLY;
}

/* &FD: the number of the descriptor. */
static enum errc usage_fd(const char *name, int *ret, struct err *e)
{
    uint64_t fd;
    if (num_u64(str_of(name + 1), INT32_MAX, &fd) != ERR_OK || !is_given((int)fd))
        return err_set(e, ERR_USAGE, "--usage-file %s: no descriptor to write to", name);
    *ret = (int)fd;
    return ERR_OK;
}

/* What is written at the end can be written now, so it is worth asking. */
static enum errc check_usage_file(const char *name, struct err *e)
{
    int fd;
    if (name == NULL)
        return ERR_OK;
    if (name[0] == '&')
        return usage_fd(name, &fd, e);
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(e, ERR_IO, "--usage-file %s", name);
    close(fd);
    return ERR_OK;
}

enum errc answer_open(struct answer *a, struct cmd_ctx *ctx,
                      const struct answer_options *opt, struct err *e)
{
    *a = (struct answer){.ctx = ctx, .opt = *opt, .out_fd = STDOUT_FILENO, .tee_fd = -1};
    buf_init(&a->text, LIMIT_REPLY_LEN);
    buf_init(&a->reasoning, LIMIT_REPLY_LEN);
    code_init(&a->code);
    a->printer = answer_printer(opt->format);
    progress_init(&a->progress, ctx);
    enum errc rc = open_output(a, e);
    if (rc != ERR_OK)
        return rc;
    a->is_tty = isatty(a->out_fd);
    a->is_rendered = renders(a);
    markdown_init(&a->markdown, (size_t)out_screen_width(), out_has_color(ctx, a->out_fd),
                  out_is_utf8());
    markdown_init(&a->thought, a->markdown.width, false, a->markdown.is_utf8);
    a->thought.is_plain = true;
    if (opt->tee != NULL) {
        a->tee_fd = open(opt->tee, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (a->tee_fd < 0)
            return err_errno(e, ERR_IO, "--tee %s", opt->tee);
    }
    return check_usage_file(opt->usage_file, e);
}

static void forget(struct answer *a)
{
    jx_put(&a->end);
    jx_put(&a->usage);
    jx_put(&a->tried);
    buf_reset(&a->text);
    buf_reset(&a->reasoning);
}

/* Ready for another request's answer. */
static void begin_round(struct answer *a)
{
    forget(a);
    a->filter = (struct term_filter){0};
    code_restart(&a->code);
    a->n_newlines = 0;
    a->has_shown = a->is_reasoning = false;
    a->has_end_mark = a->has_error = a->is_refusal = a->is_misfit = false;
    a->request_id[0] = a->route[0] = a->model[0] = a->target[0] = a->finish[0] = '\0';
    a->first_us = a->cap_tok = 0;
    progress_label(&a->progress, "%s", a->asked != NULL ? a->asked : "waiting");
    progress_start(&a->progress);
}

void answer_begin(struct answer *a)
{
    begin_round(a);
    a->start_us = clock_mono_us(&clock_system);
    a->n_rounds = 1;
    a->paid = 0;
}

static void recall(struct answer *a);

void answer_again(struct answer *a)
{
    /* a request that was refused before it was sent has cost nothing */
    if (a->text.len > 0)
        recall(a);
    if (a->end != NULL || a->text.len > 0)
        a->paid = answer_cost(a);
    progress_end(&a->progress);
    if (!answer_is_text(a))
        a->printer->reset(a, STR("schema"));
    begin_round(a);
    a->n_rounds++;
}

enum errc answer_close(struct answer *a, struct err *e)
{
    enum errc rc = ERR_OK;
    forget(a);
    buf_release(&a->text);
    buf_release(&a->reasoning);
    code_release(&a->code);
    markdown_release(&a->markdown);
    markdown_release(&a->thought);
    if (a->tee_fd >= 0 && close(a->tee_fd) != 0)
        rc = err_errno(e, ERR_IO, "%s", a->opt.tee);
    if (a->out_path == NULL || a->out_fd < 0)
        return rc;
    if (close(a->out_fd) != 0 && rc == ERR_OK)
        rc = err_errno(e, ERR_IO, "%s", a->out_path);
    if (a->out_temp == NULL)
        return rc;
    if (rc == ERR_OK && rename(a->out_temp, a->out_path) != 0)
        rc = err_errno(e, ERR_IO, "%s", a->out_path);
    if (rc != ERR_OK)
        unlink(a->out_temp);
    return rc;
}

/* --- what comes --- */

/* Keeps what fits; an absent member leaves the field as it was. */
static void copy_member(char *to, size_t size, struct json_object *o, const char *key)
{
    struct str s = jx_str(o, key);
    if (s.len > 0)
        snprintf(to, size, "%.*s", STR_ARG(s));
}

static void read_names(struct answer *a, struct json_object *o)
{
    copy_member(a->request_id, sizeof a->request_id, o, "request_id");
    copy_member(a->route, sizeof a->route, o, "route");
    copy_member(a->target, sizeof a->target, o, "target");
    copy_member(a->model, sizeof a->model, o, "model");
    (void)jx_i64(o, "max_output_tokens", 1, INT64_MAX, &a->cap_tok); /* mostly absent */
}

static void on_start(struct answer *a, struct json_object *o)
{
    read_names(a, o);
    if (a->route[0] != '\0')
        progress_label(&a->progress, "%s → %s", a->route, a->target);
    else
        progress_label(&a->progress, "%s", a->target);
    a->printer->start(a);
}

static void on_fallback(struct answer *a, struct json_object *o)
{
    progress_hide(&a->progress);
    a->printer->fallback(a, jx_str(o, "from"), jx_str(o, "to"), jx_str(o, "reason"));
}

/* What was shown is void: the same question is being asked again. */
static void on_reset(struct answer *a, struct json_object *o)
{
    progress_hide(&a->progress);
    buf_reset(&a->text);
    buf_reset(&a->reasoning);
    a->filter = (struct term_filter){0};
    if (a->tee_fd >= 0 && ftruncate(a->tee_fd, 0) == 0)
        lseek(a->tee_fd, 0, SEEK_SET);
    a->printer->reset(a, jx_str(o, "reason"));
    a->n_newlines = 0;
    progress_start(&a->progress);
}

static void on_end(struct answer *a, struct json_object *o)
{
    struct str failed = jx_str(o, "error"); /* then "finish" says no more than that */
    read_names(a, o);
    if (a->finish[0] == '\0' && failed.len == 0)
        copy_member(a->finish, sizeof a->finish, o, "finish");
    if (failed.len > 0 && !a->has_error) {
        enum errc code = errc_by_name(failed.ptr);
        a->has_error = true;
        err_set(&a->error, code == ERR_N_ ? ERR_SERVER : code, "%.*s", STR_ARG(failed));
    }
    jx_put(&a->end);
    a->end = json_object_get(o);
}

static void on_gateway_event(struct answer *a, struct str data)
{
    static const struct {
        const char *type;
        void (*fn)(struct answer *a, struct json_object *o);
    } rows[] = {
        {"start", on_start},
        {"fallback", on_fallback},
        {"reset", on_reset},
        {"end", on_end},
    };
    AUTO(jx_put) struct json_object *o = NULL;
    struct err why = ERR_INIT;
    if (jx_parse(data, &o, &why) != ERR_OK)
        return; /* one event less; the stream itself tells whether it is whole */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(jx_str(o, "type"), rows[i].type))
            rows[i].fn(a, o);
}

/* ": llmgw {json}" just before the end mark is the last word to those who get no events. */
static void read_comments(struct answer *a, struct str raw)
{
    struct str line;
    while (a->end == NULL && str_split(&raw, '\n', &line)) {
        AUTO(jx_put) struct json_object *o = NULL;
        struct err why = ERR_INIT;
        if (str_starts(line, STR(": llmgw ")) &&
            jx_parse(str_sub(line, sizeof ": llmgw " - 1, line.len), &o, &why) == ERR_OK)
            on_end(a, o);
    }
}

static void show_text(struct answer *a, struct str text)
{
    a->printer->text(a, text);
    if (a->tee_fd >= 0 && a->io.code == ERR_OK &&
        files_write_fd(a->tee_fd, a->opt.tee, text, &a->io) != ERR_OK)
        a->tee_fd = -1;
}

static void on_text(struct answer *a, struct str text)
{
    if (text.len == 0)
        return;
    if (a->first_us == 0)
        a->first_us = clock_mono_us(&clock_system);
    progress_end(&a->progress);
    buf_adds(&a->text, text);
    if (a->opt.shape == NULL)
        show_text(a, text);
}

static void on_reasoning(struct answer *a, struct str text)
{
    if (text.len == 0 || a->opt.hide_reasoning)
        return;
    progress_end(&a->progress);
    buf_adds(&a->reasoning, text);
    a->printer->reasoning(a, text);
}

/* A delta of a stream, or the message of a whole answer. */
static void on_message(struct answer *a, struct json_object *message)
{
    struct str reasoning = jx_str(message, "reasoning_content");
    struct str refusal = jx_str(message, "refusal");
    on_reasoning(a, reasoning.len > 0 ? reasoning : jx_str(message, "reasoning"));
    on_text(a, jx_str(message, "content"));
    on_text(a, refusal);
    a->is_refusal = a->is_refusal || refusal.len > 0;
}

static void on_chunk(struct answer *a, struct json_object *o, const char *member)
{
    struct json_object *choice = json_object_array_get_idx(jx_arr(o, "choices"), 0);
    if (a->model[0] == '\0')
        copy_member(a->model, sizeof a->model, o, "model");
    copy_member(a->finish, sizeof a->finish, choice, "finish_reason");
    on_message(a, jx_obj(choice, member));
    if (jx_obj(o, "usage") != NULL) {
        jx_put(&a->usage);
        a->usage = json_object_get(jx_obj(o, "usage"));
    }
}

/* What the broker says of its error beside the error itself. */
static void read_error_facts(struct answer *a, struct json_object *o)
{
    struct json_object *ext = jx_obj(jx_obj(o, "error"), "llmgw");
    if (a->opt.shape != NULL && a->text.len == 0)
        buf_adds(&a->text, jx_str(ext, "answer"));
    copy_member(a->request_id, sizeof a->request_id, ext, "request_id");
    jx_put(&a->tried);
    a->tried = json_object_get(jx_arr(ext, "attempts"));
}

static void on_data(struct answer *a, struct str data)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err why = ERR_INIT;
    if (str_eqz(data, "[DONE]")) {
        a->has_end_mark = true;
        return;
    }
    if (jx_parse(data, &o, &why) != ERR_OK)
        return; /* one event less, as above */
    if (jx_get(o, "error") != NULL) {
        a->has_error = true;
        link_error_body(0, data, &a->error);
        read_error_facts(a, o);
        return;
    }
    on_chunk(a, o, "delta");
}

static enum errc check_io(struct answer *a, struct err *e)
{
    if (a->io.code != ERR_OK) {
        *e = a->io;
        return e->code;
    }
    if (buf_err(&a->text) != ERR_OK)
        return err_set(e, buf_err(&a->text), "the answer is larger than %d bytes",
                       LIMIT_REPLY_LEN);
    return ERR_OK;
}

enum errc answer_event(void *arg, const struct sse_event *ev, struct err *e)
{
    struct answer *a = arg;
    if (ev->has_data && str_eqz(ev->event, "llmgw"))
        on_gateway_event(a, ev->data);
    else if (ev->has_data)
        on_data(a, ev->data);
    read_comments(a, ev->raw);
    return check_io(a, e);
}

enum errc answer_whole(struct answer *a, struct str body, struct err *e)
{
    AUTO(jx_put) struct json_object *o = NULL;
    enum errc rc = jx_parse(body, &o, e);
    if (rc != ERR_OK)
        return err_ctx(e, "the broker's answer");
    on_chunk(a, o, "message");
    return check_io(a, e);
}

enum errc answer_refused(struct answer *a, const struct link_answer *got, struct err *e)
{
    AUTO(jx_put) struct json_object *o = NULL;
    struct err why = ERR_INIT;
    if (jx_parse(buf_str(&got->body), &o, &why) == ERR_OK)
        read_error_facts(a, o);
    return link_error(got, e);
}

/* --- how it ended --- */

/* We hung up, or got an error, so nobody tells the usage but the ledger. */
static void recall(struct answer *a)
{
    AUTO(buf_release) struct buf facts = BUF_INIT(LIMIT_REPLY_LEN);
    struct err why = ERR_INIT;
    if (a->request_id[0] != '\0' && a->end == NULL &&
        history_facts(a->ctx, a->request_id, &facts, &why) == ERR_OK &&
        jx_parse(buf_str(&facts), &a->end, &why) == ERR_OK)
        read_names(a, a->end);
}

/* For the line of JSON that tells of the failure. */
static void keep_tried(struct answer *a)
{
    if (a->tried != NULL)
        a->ctx->tried = arena_strz(
            &a->ctx->arena,
            str_of(json_object_to_json_string_ext(
                a->tried, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
}

/* What a provider says tells neither who it is, nor when to come back, nor who failed before. */
static void name_tried(const struct answer *a, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_HEAD_LEN); /* cut at the end */
    size_t n = a->tried != NULL ? json_object_array_length(a->tried) : 0;
    const char *between = "\nhint: before it, ";
    if (n == 0 || e->origin != ERR_BY_PROVIDER || !answer_is_text(a))
        return;
    struct str last = jx_str(json_object_array_get_idx(a->tried, n - 1), "target");
    struct str told = last;
    buf_printf(&text, "%.*s: %s", STR_ARG(last), e->text);
    if (e->retry_after_us > 0)
        buf_printf(&text, " (retry after %" PRId64 "s)",
                   (e->retry_after_us + US_PER_S - 1) / US_PER_S);
    for (size_t i = 0; i + 1 < n; i++) {
        struct json_object *o = json_object_array_get_idx(a->tried, i);
        struct str target = jx_str(o, "target");
        if (str_eq(target, last) || str_eq(target, told))
            continue;
        buf_printf(&text, "%s%.*s: %.*s", between, STR_ARG(target),
                   STR_ARG(jx_str(o, "class")));
        between = "; ";
        told = target;
    }
    str_copy(e->text, sizeof e->text, buf_str(&text));
}

static bool tells_usage(const struct answer *a, enum errc rc)
{
    bool is_stopped = rc == ERR_CANCELLED && answer_is_text(a);
    return (a->end != NULL || a->usage != NULL) &&
           (a->opt.usage || (is_stopped && !a->ctx->global.quiet));
}

/* A failure after text was shown is a partial answer; only a deadline keeps its own code. */
static enum errc as_partial(const struct answer *a, struct err *e)
{
    if (a->text.len > 0 && e->code != ERR_TIMEOUT && e->code != ERR_CANCELLED &&
        e->code != ERR_IO)
        e->code = ERR_INTERRUPTED;
    return e->code;
}

/* What fits takes the text's place, as it was written but for blanks. */
static enum errc judge_shape(struct answer *a, struct err *e)
{
    AUTO(buf_release) struct buf value = BUF_INIT(LIMIT_REPLY_LEN);
    enum errc rc = shape_check(a->opt.shape, buf_str(&a->text), &value, e);
    if (rc == ERR_OK) {
        buf_reset(&a->text);
        buf_adds(&a->text, buf_str(&value));
        return ERR_OK;
    }
    if (rc != ERR_UNUSABLE)
        return rc;
    if (strcmp(a->finish, "length") == 0)
        return err_set(e, ERR_UNUSABLE,
                       "the output cap cut the answer before it was whole");
    a->is_misfit = true;
    return rc;
}

enum errc answer_judge(struct answer *a, enum errc rc, struct err *e)
{
    if (rc == ERR_OK && a->has_error) {
        *e = a->error;
        rc = e->code;
    }
    if (rc == ERR_OK && a->finish[0] == '\0' && !a->has_end_mark)
        rc = err_set(e, ERR_INTERRUPTED, "the answer was cut off");
    if (rc == ERR_UNUSABLE && a->opt.shape != NULL && a->text.len > 0 && !a->is_refusal)
        return judge_shape(a,
                           e); /* the broker did not let it pass: we see for ourselves */
    if (rc != ERR_OK)
        return as_partial(a, e);
    if (a->is_refusal || strcmp(a->finish, "content_filter") == 0)
        return err_set(e, ERR_UNUSABLE, "%s refused to answer",
                       a->target[0] != '\0' ? a->target : "the model");
    if (a->opt.strict && strcmp(a->finish, "length") == 0)
        return err_set(e, ERR_UNUSABLE, "the answer reached the output cap");
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    if (a->opt.extract != EXTRACT_NONE && !answer_code(a, &code))
        return err_set(e, ERR_UNUSABLE,
                       "there is no block of code in the answer\n"
                       "hint: llmgw log show last shows it");
    return a->opt.shape != NULL ? judge_shape(a, e) : ERR_OK;
}

bool answer_code(const struct answer *a, struct buf *out)
{
    return code_find(buf_str(&a->text), a->opt.extract == EXTRACT_FIRST, out);
}

static enum errc write_usage_file(const struct answer *a, struct err *e)
{
    AUTO(buf_release) struct buf line = BUF_INIT(LIMIT_REPLY_LEN);
    const char *path = a->opt.usage_file;
    int fd;
    struct jw w;
    jw_init(&w, &line);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.usage/1");
    answer_write_facts(a, &w);
    jw_object_end(&w);
    buf_addc(&line, '\n');
    if (path[0] != '&')
        return files_write(path, buf_str(&line), e);
    enum errc rc = usage_fd(path, &fd, e);
    return rc == ERR_OK ? files_write_fd(fd, path, buf_str(&line), e) : rc;
}

/* A file of text ends with a newline. */
static void end_tee(struct answer *a)
{
    bool has_end = a->text.len == 0 || str_ends(buf_str(&a->text), STR("\n"));
    if (a->tee_fd >= 0 && !has_end && a->io.code == ERR_OK &&
        files_write_fd(a->tee_fd, a->opt.tee, STR("\n"), &a->io) != ERR_OK)
        a->tee_fd = -1;
}

enum errc answer_end(struct answer *a, enum errc rc, struct err *e)
{
    progress_end(&a->progress);
    if (rc == ERR_OK && a->opt.shape != NULL)
        show_text(a, buf_str(&a->text));
    if (rc == ERR_UNUSABLE && a->is_misfit)
        err_ctx(e, "the answer does not fit the schema");
    if (rc == ERR_CANCELLED)
        recall(a);
    keep_tried(a);
    if (rc != ERR_OK)
        name_tried(a, e);
    end_tee(a);
    a->printer->end(a, rc == ERR_OK ? NULL : e);
    if (tells_usage(a, rc)) {
        AUTO(buf_release) struct buf line = BUF_INIT(4096);
        answer_usage_line(a, &line);
        today_add(a->ctx, " · ", &line);
        cmd_tell(buf_str(&line));
    }
    struct err why = ERR_INIT;
    enum errc io = a->io.code;
    if (io != ERR_OK)
        why = a->io;
    else if (a->opt.usage_file != NULL)
        io = write_usage_file(a, &why);
    if (rc == ERR_OK && io != ERR_OK) {
        *e = why;
        rc = io;
    }
    return rc;
}
