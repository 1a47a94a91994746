/*
 * answer_print.c: see answer_print.h: text for people and pipes, JSON lines as they come, one
 * JSON object at the end. Standard output never gets another byte than the format's own.
 */
#include "cmd/answer_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"

#include "cmd/files.h"
#include "cmd/out.h"

/* To standard output or its file; failures stay in a->io. */
static void put(struct answer *a, struct str bytes)
{
    if (a->io.code == ERR_OK && bytes.len > 0 &&
        files_write_fd(a->out_fd, "standard output", bytes, &a->io) == ERR_OK)
        a->has_shown = true;
}

/* --- facts --- */

static struct json_object *fact(const struct answer *a, const char *key)
{
    return jx_get(a->end, key);
}

static struct json_object *usage_of(const struct answer *a)
{
    struct json_object *usage = jx_obj(a->end, "usage");
    return usage != NULL ? usage : a->usage;
}

pico answer_cost(const struct answer *a)
{
    pico cost;
    struct str digits = jx_number(a->end, "cost_usd");
    if (digits.len == 0 || money_parse(digits, &cost) != ERR_OK ||
        a->paid == PICO_UNKNOWN || money_add(cost, a->paid, &cost) != ERR_OK)
        return PICO_UNKNOWN;
    return cost;
}

/* The broker's figure, else our own measure; -1: it never came to that. */
static int64_t ms_of(const struct answer *a, const char *key, int64_t until_us)
{
    int64_t ms;
    if (jx_i64(a->end, key, 0, INT64_MAX, &ms))
        return ms;
    return until_us == 0 ? -1 : (until_us - a->start_us) / US_PER_MS;
}

static void write_ms(struct jw *w, const char *key, int64_t ms)
{
    jw_key(w, key);
    if (ms < 0)
        jw_null(w);
    else
        jw_i64(w, ms);
}

static void write_name(struct jw *w, const char *key, const char *name)
{
    jw_kstrz(w, key, name == NULL || name[0] == '\0' ? NULL : name);
}

/* The broker's own output cap, where the money allowed asked for one. */
static void write_cap(const struct answer *a, struct jw *w)
{
    if (a->cap_tok > 0)
        jw_ki64(w, "max_output_tokens", a->cap_tok);
}

static void write_member(struct jw *w, const char *key, struct json_object *v)
{
    jw_key(w, key);
    jw_raw(w, str_of(json_object_to_json_string_ext(
                  v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
}

void answer_write_facts(const struct answer *a, struct jw *w)
{
    pico cost = answer_cost(a);
    write_name(w, "id", a->request_id);
    write_name(w, "conversation", a->opt.conversation);
    write_name(w, "route", a->route);
    write_name(w, "target", a->target);
    write_name(w, "model", a->model);
    write_name(w, "finish", a->finish);
    write_member(w, "usage", usage_of(a));
    jw_key(w, "cost_usd");
    jw_usd(w, cost);
    jw_key(w, "cost_pusd");
    if (cost == PICO_UNKNOWN)
        jw_null(w);
    else
        jw_i64(w, cost);
    write_member(w, "cost_source", fact(a, "cost_source"));
    write_ms(w, "ttft_ms", ms_of(a, "ttft_ms", a->first_us));
    write_ms(w, "total_ms", ms_of(a, "total_ms", clock_mono_us(&clock_system)));
    if (fact(a, "attempts") == NULL && a->tried != NULL)
        jw_ki64(w, "attempts", (int64_t)json_object_array_length(a->tried));
    else
        write_member(w, "attempts", fact(a, "attempts"));
    write_member(w, "legs", fact(a, "legs"));
    if (a->n_rounds > 1)
        jw_ki64(w, "rounds", a->n_rounds);
    write_member(w, "recorded", fact(a, "recorded"));
    write_cap(a, w);
}

static void write_error(struct jw *w, const struct err *error)
{
    jw_kstrz(w, "class", errc_name(error->code));
    jw_kstrz(w, "message", error->text);
    jw_kbool(w, "retryable", errc_is_retryable(error->code));
    write_ms(w, "retry_after_ms",
             error->retry_after_us < 0 ? -1 : error->retry_after_us / US_PER_MS);
}

static void usage_tokens(const struct answer *a, struct buf *out)
{
    int64_t in, cached, n_out;
    char text[NUM_TEXT_LEN];
    struct json_object *usage = usage_of(a);
    if (!jx_i64(usage, "prompt_tokens", 0, INT64_MAX, &in) ||
        !jx_i64(usage, "completion_tokens", 0, INT64_MAX, &n_out))
        return;
    num_group(text, in);
    buf_printf(out, " · %s in", text);
    if (jx_i64(jx_obj(usage, "prompt_tokens_details"), "cached_tokens", 1, INT64_MAX,
               &cached)) {
        num_group(text, cached);
        buf_printf(out, " (%s cached)", text);
    }
    num_group(text, n_out);
    buf_printf(out, " + %s out", text);
}

void answer_facts(const struct answer *a, struct answer_facts *ret)
{
    struct json_object *usage = usage_of(a);
    int64_t first_ms = ms_of(a, "ttft_ms", a->first_us);
    *ret = (struct answer_facts){
        .input_tok = -1,
        .output_tok = -1,
        .first_us = first_ms < 0 ? -1 : first_ms * US_PER_MS,
        .total_us = ms_of(a, "total_ms", clock_mono_us(&clock_system)) * US_PER_MS,
        .cost = answer_cost(a),
    };
    str_copy(ret->target, sizeof ret->target,
             str_of(a->target[0] != '\0' ? a->target : a->model));
    (void)jx_i64(usage, "prompt_tokens", 0, INT64_MAX, &ret->input_tok);
    (void)jx_i64(usage, "completion_tokens", 0, INT64_MAX, &ret->output_tok);
}

void answer_usage_line(const struct answer *a, struct buf *out)
{
    char text[MONEY_TEXT_LEN];
    int64_t first = ms_of(a, "ttft_ms", a->first_us);
    int64_t total = ms_of(a, "total_ms", clock_mono_us(&clock_system));
    if (a->route[0] != '\0')
        buf_printf(out, "%s → ", a->route);
    buf_addz(out, a->target[0] != '\0' ? a->target : a->model);
    usage_tokens(a, out);
    money_people(text, answer_cost(a));
    buf_printf(out, " · %s", text);
    if (first >= 0)
        buf_printf(out, " · %d.%ds", (int)(first / 1000), (int)(first % 1000 / 100));
    buf_printf(out, "%s%d.%ds", first >= 0 ? "/" : " · ", (int)(total / 1000),
               (int)(total % 1000 / 100));
}

/* --- text --- */

static void text_start(struct answer *a)
{
    if (a->cap_tok > 0 && a->ctx->global.verbose > 0)
        cmd_note(a->ctx, "at most %" PRId64 " tokens of output, for the money allowed",
                 a->cap_tok);
}

static bool tells_detours(const struct answer *a)
{
    return isatty(STDERR_FILENO) || a->ctx->global.verbose > 0;
}

static void text_fallback(struct answer *a, struct str from, struct str to,
                          struct str reason)
{
    if (tells_detours(a))
        cmd_note(a->ctx, "%.*s: %.*s; asking %.*s", STR_ARG(from), STR_ARG(reason),
                 STR_ARG(to));
}

/* What ends the answer is one newline, so newlines wait until something follows them. */
static void put_text(struct answer *a, struct str text)
{
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] == '\n')
        end--;
    if (end > 0) {
        for (; a->n_newlines > 0; a->n_newlines--)
            put(a, STR("\n"));
        put(a, str_sub(text, 0, end));
    }
    a->n_newlines += text.len - end;
}

/* As it came into a pipe; onto a terminal only what cannot do it harm. */
static void put_safely(struct answer *a, struct str text)
{
    AUTO(buf_release) struct buf safe = BUF_INIT(LIMIT_EVENT_LEN);
    AUTO(buf_release) struct buf shown = BUF_INIT(LIMIT_EVENT_LEN);
    if (a->is_tty && !a->opt.raw) {
        term_filter(&a->filter, text, &safe);
        text = buf_str(&safe);
    }
    if (a->is_rendered && (a->is_reasoning || a->opt.shape == NULL)) {
        struct markdown *m = a->is_reasoning ? &a->thought : &a->markdown;
        m->width = (size_t)out_screen_width(); /* the window may have changed */
        markdown_feed(m, text, &shown);
        text = buf_str(&shown);
    }
    put_text(a, text);
}

/* What the renderer still holds. */
static void put_rest(struct answer *a)
{
    AUTO(buf_release) struct buf rest = BUF_INIT(LIMIT_EVENT_LEN);
    if (a->is_rendered)
        markdown_end(a->is_reasoning ? &a->thought : &a->markdown, &rest);
    put_text(a, buf_str(&rest));
}

void answer_row_anew(struct answer *a)
{
    AUTO(buf_release) struct buf begin = BUF_INIT(LIMIT_EVENT_LEN);
    if (!a->is_rendered || !a->has_shown)
        return;
    if (a->n_newlines > 0) /* the row has ended already */
        a->n_newlines--;
    else
        markdown_row_anew(a->is_reasoning ? &a->thought : &a->markdown, &begin);
    put(a, buf_str(&begin));
}

/* From the answer to what the model thinks or back: the rest, an empty line, the other's look. */
static void turn(struct answer *a, bool to_reasoning)
{
    if (a->is_reasoning == to_reasoning)
        return;
    put_rest(a);
    if (a->has_shown)
        a->n_newlines = 2;
    if (out_has_color(a->ctx, a->out_fd))
        put(a, to_reasoning ? STR("\033[2m") : STR("\033[0m"));
    a->filter = (struct term_filter){0};
    a->is_reasoning = to_reasoning;
}

/* Of the text that comes, what is code of the first block. */
static void put_code(struct answer *a, struct str text, bool is_end)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    code_feed(&a->code, text, 1, &code);
    if (is_end)
        code_end(&a->code, 1, &code);
    put_safely(a, buf_str(&code));
}

static void text_text(struct answer *a, struct str text)
{
    if (a->opt.extract == EXTRACT_FIRST)
        put_code(a, text, false);
    if (a->opt.extract != EXTRACT_NONE)
        return; /* which block is the last is known at the end */
    turn(a, false);
    put_safely(a, text);
}

/* People may watch a model think; a pipe gets the answer only. */
static void text_reasoning(struct answer *a, struct str text)
{
    if (!a->is_tty || a->opt.extract != EXTRACT_NONE)
        return;
    turn(a, true);
    put_safely(a, text);
}

static void text_reset(struct answer *a, struct str reason)
{
    turn(a, false);
    put_rest(a);
    if (a->has_shown)
        put(a, STR("\n"));
    a->has_shown = false;
    code_restart(&a->code);
    cmd_note(a->ctx, "%.*s: the answer starts over", STR_ARG(reason));
}

static void put_last_code(struct answer *a)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    if (answer_code(a, &code))
        put_safely(a, buf_str(&code));
}

static void text_end(struct answer *a, const struct err *error)
{
    (void)error; /* main tells it */
    turn(a, false);
    if (a->opt.extract == EXTRACT_FIRST)
        put_code(a, STR_NONE, true);
    else if (a->opt.extract == EXTRACT_LAST)
        put_last_code(a);
    put_rest(a);
    if (a->has_shown)
        put(a, STR("\n"));
    if (a->cap_tok > 0 && strcmp(a->finish, "length") == 0)
        cmd_note(a->ctx, "cut at %" PRId64 " tokens of output, for the money allowed",
                 a->cap_tok);
}

/* --- JSON lines --- */

static void put_line(struct answer *a, struct buf *line)
{
    buf_addc(line, '\n');
    put(a, buf_str(line));
    buf_release(line);
}

static struct jw begin_line(struct buf *line, const char *type)
{
    struct jw w;
    buf_init(line, LIMIT_REPLY_LEN);
    jw_init(&w, line);
    jw_object(&w);
    jw_kstrz(&w, "type", type);
    return w;
}

static void write_code(const struct answer *a, struct jw *w)
{
    AUTO(buf_release) struct buf code = BUF_INIT(LIMIT_REPLY_LEN);
    if (a->opt.extract == EXTRACT_NONE)
        return;
    jw_key(w, "extracted");
    if (answer_code(a, &code))
        jw_str(w, buf_str(&code));
    else
        jw_null(w);
}

static void jsonl_start(struct answer *a)
{
    struct buf line;
    struct jw w = begin_line(&line, "start");
    write_name(&w, "id", a->request_id);
    write_name(&w, "conversation", a->opt.conversation);
    write_name(&w, "route", a->route);
    write_name(&w, "target", a->target);
    write_name(&w, "model", a->model);
    write_cap(a, &w);
    jw_object_end(&w);
    put_line(a, &line);
}

static void jsonl_fallback(struct answer *a, struct str from, struct str to,
                           struct str reason)
{
    struct buf line;
    struct jw w = begin_line(&line, "fallback");
    jw_kstr(&w, "from", from);
    jw_kstr(&w, "to", to);
    jw_kstr(&w, "reason", reason);
    jw_object_end(&w);
    put_line(a, &line);
}

static void put_piece(struct answer *a, const char *type, const char *key,
                      struct str text)
{
    struct buf line;
    struct jw w = begin_line(&line, type);
    jw_kstr(&w, key, text);
    jw_object_end(&w);
    put_line(a, &line);
}

static void jsonl_text(struct answer *a, struct str text)
{
    put_piece(a, "text", "text", text);
}

static void jsonl_reasoning(struct answer *a, struct str text)
{
    put_piece(a, "reasoning", "text", text);
}

static void jsonl_reset(struct answer *a, struct str reason)
{
    put_piece(a, "reset", "reason", reason);
}

static void jsonl_end(struct answer *a, const struct err *error)
{
    struct buf line;
    struct jw w = begin_line(&line, error == NULL ? "end" : "error");
    if (error != NULL)
        write_error(&w, error);
    write_code(a, &w);
    answer_write_facts(a, &w);
    jw_object_end(&w);
    put_line(a, &line);
}

/* --- one JSON object --- */

static void json_nothing(struct answer *a)
{
    (void)a;
}

static void json_fallback(struct answer *a, struct str from, struct str to,
                          struct str reason)
{
    text_fallback(a, from, to, reason);
}

static void json_ignore(struct answer *a, struct str text)
{
    (void)a;
    (void)text;
}

/* With a shape the answer is the object that was asked for, or there is none. */
static void json_end_of_shape(struct answer *a, const struct err *error)
{
    struct buf line = BUF_INIT(LIMIT_REPLY_LEN + 1);
    if (error != NULL)
        return;
    buf_adds(&line, buf_str(&a->text));
    put_line(a, &line);
}

static void json_end(struct answer *a, const struct err *error)
{
    struct buf line = BUF_INIT(2 * LIMIT_REPLY_LEN);
    struct jw w;
    if (a->opt.shape != NULL) {
        json_end_of_shape(a, error);
        return;
    }
    jw_init(&w, &line);
    jw_object(&w);
    jw_kstrz(&w, "schema", "llmgw.chat/1");
    jw_kstr(&w, "text", buf_str(&a->text));
    if (a->reasoning.len > 0)
        jw_kstr(&w, "reasoning", buf_str(&a->reasoning));
    write_code(a, &w);
    answer_write_facts(a, &w);
    jw_key(&w, "error");
    if (error == NULL)
        jw_null(&w);
    else {
        jw_object(&w);
        write_error(&w, error);
        if (a->tried != NULL)
            write_member(&w, "attempts", a->tried);
        jw_object_end(&w);
    }
    jw_object_end(&w);
    put_line(a, &line);
}

const struct answer_printer *answer_printer(enum cmd_format format)
{
    static const struct answer_printer text = {text_start,     text_fallback, text_text,
                                               text_reasoning, text_reset,    text_end};
    static const struct answer_printer jsonl = {
        jsonl_start, jsonl_fallback, jsonl_text, jsonl_reasoning, jsonl_reset, jsonl_end};
    static const struct answer_printer json = {json_nothing, json_fallback, json_ignore,
                                               json_ignore,  json_ignore,   json_end};
    return format == FORMAT_JSON ? &json : format == FORMAT_JSONL ? &jsonl : &text;
}
