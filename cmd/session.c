/* session.c: see session.h. Must not know who asks: a pipe, or a person at a terminal. */
#include "cmd/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jsonx.h"
#include "core/mem.h"

#include "cmd/explain.h"
#include "cmd/history.h"
#include "cmd/link.h"
#include "cmd/prompt.h"
#include "cmd/stale.h"

static void add_message(struct buf *messages, const char *role, struct str text)
{
    struct jw w;
    jw_init(&w, messages);
    jw_object(&w);
    jw_kstrz(&w, "role", role);
    jw_kstr(&w, "content", text);
    jw_object_end(&w);
    buf_addc(messages, ',');
}

void session_set_system(struct session *s, const char *text)
{
    buf_reset(&s->system);
    if (text != NULL && text[0] != '\0')
        add_message(&s->system, "system", str_of(text));
}

/* Said now, or the configured one. */
static enum errc begin_system(struct session *s, struct err *e)
{
    const char *text = s->o->system;
    enum errc rc = ERR_OK;
    if (text == NULL && s->ctx->conf != NULL)
        rc = prompt_system(s->ctx, s->ctx->conf->chat.system, &text, e);
    if (rc == ERR_OK)
        session_set_system(s, text);
    return rc;
}

enum errc session_resume(struct session *s, const char *which, struct err *e)
{
    struct history h;
    enum errc rc = history_load(s->ctx, which, s->o->system == NULL, &h, e);
    if (rc != ERR_OK)
        return rc;
    session_set_system(s, s->o->system);
    buf_reset(&s->messages);
    buf_adds(&s->messages, buf_str(&h.messages));
    s->turn.conversation = h.conversation;
    s->turn.model = h.model;
    s->turn.route = h.route;
    s->turn.name = h.name;
    s->about = h.name != NULL ? h.name : h.title != NULL ? h.title : h.conversation;
    snprintf(s->parent, sizeof s->parent, "%s", h.parent);
    history_release(&h);
    return ERR_OK;
}

void session_fork(struct session *s, const char *name)
{
    char id[ULID_LEN + 1];
    clock_ulid(id, clock_wall_us(s->ctx->clock));
    s->turn.conversation = arena_strz(&s->ctx->arena, str_of(id));
    s->turn.name = name;
}

static enum errc check_new_name(const struct session *s, struct err *e)
{
    const char *name = s->o->name;
    if (name != NULL && history_exists(s->ctx, name))
        return err_set(e, ERR_USAGE,
                       "there is a conversation \"%s\"\nhint: --cid %s goes on with it",
                       name, name);
    return ERR_OK;
}

/* Goes on with one, begins one on another's turns, or begins one with nothing said. */
static enum errc begin(struct session *s, struct err *e)
{
    const struct chat_options *o = s->o;
    enum errc rc = check_new_name(s, e);
    if (rc == ERR_OK && (o->cont || o->cid != NULL))
        return session_resume(s, o->cid, e);
    if (rc == ERR_OK)
        rc = o->fork != NULL ? session_resume(s, o->fork, e) : begin_system(s, e);
    if (rc == ERR_OK)
        session_fork(s, o->name);
    return rc;
}

enum errc session_set_shape(struct session *s, const char *given, struct err *e)
{
    AUTO(buf_release) struct buf unchecked = BUF_INIT(LIMIT_REPLY_LEN);
    struct shape shape;
    struct str rest, place;
    enum errc rc = shape_load(given, &shape, e);
    if (rc != ERR_OK)
        return rc;
    shape_release(&s->shape);
    s->shape = shape;
    s->turn.shape = &s->shape;
    s->turn.is_told_shape = !shape.is_native;
    rc = shape_unchecked(&shape, &unchecked, e);
    rest = buf_str(&unchecked);
    while (rc == ERR_OK && str_split(&rest, '\n', &place))
        if (place.len > 0)
            cmd_note(s->ctx, "--schema: %.*s is not checked", STR_ARG(place));
    return rc;
}

enum errc session_open(struct session *s, struct cmd_ctx *ctx,
                       const struct chat_options *o, struct err *e)
{
    *s = (struct session){.ctx = ctx,
                          .o = o,
                          .system = BUF_INIT(LIMIT_BODY_LEN),
                          .messages = BUF_INIT(LIMIT_BODY_LEN),
                          .sig_fd = -1};
    s->turn.parent = s->parent;
    enum errc rc = ERR_OK;
    if (o->schema != NULL)
        rc = session_set_shape(s, o->schema, e);
    if (rc == ERR_OK)
        rc = begin(s, e);
    if (rc != ERR_OK)
        session_release(s);
    return rc;
}

void session_release(struct session *s)
{
    buf_release(&s->system);
    buf_release(&s->messages);
    shape_release(&s->shape);
}

void session_messages(const struct session *s, struct buf *out)
{
    buf_adds(out, buf_str(&s->system));
    if (s->turn.is_told_shape) {
        AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_BODY_LEN);
        shape_ask(&s->shape, &words);
        add_message(out, "system", buf_str(&words));
    }
    buf_adds(out, buf_str(&s->messages));
}

void session_forget(struct session *s, size_t from, const char *parent)
{
    buf_truncate(&s->messages, from);
    snprintf(s->parent, sizeof s->parent, "%s", parent);
}

/* --- one turn --- */

/* Appends the answer to what was said, also one that was cut short. */
static void keep_answer(struct session *s)
{
    struct answer *a = &s->answer;
    if (a->text.len > 0)
        add_message(&s->messages, "assistant", buf_str(&a->text));
    if (a->request_id[0] != '\0')
        snprintf(s->parent, sizeof s->parent, "%.*s", ULID_LEN, a->request_id);
}

static enum errc exchange(struct session *s, struct link *l, struct str headers,
                          struct str body, struct err *e)
{
    struct link_answer got = {0};
    const struct link_waiting waiting = {.cancel_fd = s->sig_fd,
                                         .tick_us = PROGRESS_TICK_US,
                                         .on_tick = progress_tick,
                                         .arg = &s->answer.progress,
                                         .on_cancel = s->on_cancel,
                                         .key_fd = STDIN_FILENO,
                                         .on_key = s->on_key,
                                         .key_arg = s->key_arg};
    link_wait(l, &waiting);
    enum errc rc = link_stream(l, "/v1/chat/completions", headers, body, answer_event,
                               &s->answer, &got, e);
    if (rc == ERR_OK && got.status != 200)
        rc = answer_refused(&s->answer, &got, e);
    else if (rc == ERR_OK && !got.is_stream)
        rc = answer_whole(&s->answer, buf_str(&got.body), e);
    link_answer_release(&got);
    return rc;
}

/* One request, and what came of it. */
static enum errc ask_round(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(buf_release) struct buf headers = BUF_INIT(LIMIT_HEAD_LEN);
    AUTO(buf_release) struct buf messages = BUF_INIT(LIMIT_BODY_LEN);
    AUTO(link_close) struct link *l = NULL;
    session_messages(s, &messages);
    s->turn.messages = buf_str(&messages);
    s->turn.may_restart = !answer_is_text(&s->answer) || s->answer.is_tty;
    enum errc rc = chat_request(s->ctx, s->o, &s->turn, &body, &headers, e);
    if (rc == ERR_OK)
        rc = link_open(s->ctx, true, &l, e);
    if (rc == ERR_OK)
        rc = exchange(s, l, buf_str(&headers), buf_str(&body), e);
    mem_wipe(headers.data, headers.cap);
    link_close(&l); /* lets a stopped answer end, so that its cost is known */
    return answer_judge(&s->answer, rc, e);
}

static enum errc ask_again(struct session *s, struct err *e)
{
    err_clear(e);
    answer_again(&s->answer);
    s->turn.spent = s->answer.paid;
    return ask_round(s, e);
}

/* Was the request refused because of its response_format? Ours or the provider's word for it. */
static bool is_format_refused(const struct session *s, const struct err *e)
{
    static const char *const words[] = {"response_format", "json_schema",
                                        "output_config"};
    if (e->code != ERR_INVALID || s->answer.text.len > 0 || s->turn.is_told_shape)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_contains(str_of(e->param), str_of(words[i])) ||
            str_contains(str_of(e->text), str_of(words[i])))
            return true;
    return false;
}

/* What is said between is forgotten: the conversation has the question and a fitting answer. */
static enum errc mend(struct session *s, struct err *e)
{
    AUTO(buf_release) struct buf words = BUF_INIT(LIMIT_BODY_LEN);
    size_t before = s->messages.len;
    shape_ask_again(&s->shape, e->text, &words);
    if (s->answer.text.len > 0)
        add_message(&s->messages, "assistant", buf_str(&s->answer.text));
    add_message(&s->messages, "user", buf_str(&words));
    enum errc rc = ask_again(s, e);
    buf_truncate(&s->messages, before);
    return rc;
}

/* A provider says what is wrong; what to do about it is ours to say. */
static void hint_at_cure(struct err *e)
{
    size_t len = strlen(e->text);
    const char *hint = NULL;
    if (e->code == ERR_UPSTREAM_AUTH)
        hint = "llmgw doctor tells which keys are in use, llmgw keys test tries them";
    else if (e->code == ERR_CONTEXT)
        hint = "llmgw tokens --max N cuts a text, llmgw models --sort context shows who "
               "takes more";
    if (hint != NULL && !str_contains(str_of(e->text), STR("\nhint: ")))
        snprintf(e->text + len, sizeof e->text - len, "\nhint: %s", hint);
}

enum errc session_turn(struct session *s, struct err *e)
{
    const char *model, *route;
    chat_choose(s->ctx, s->o, &s->turn, &model, &route);
    s->answer.asked = route != NULL ? route : model;
    s->turn.spent = 0;
    s->answer.opt.shape = s->turn.shape;
    answer_begin(&s->answer);
    enum errc rc = ask_round(s, e);
    if (s->turn.shape != NULL && is_format_refused(s, e)) {
        s->turn.is_told_shape = true;
        rc = ask_again(s, e);
    }
    if (rc == ERR_UNUSABLE && s->answer.is_misfit)
        rc = mend(s, e);
    if (rc == ERR_NOT_FOUND)
        stale_hint(s->ctx, model, route, e);
    rc = answer_end(&s->answer, rc, e);
    hint_at_cure(e);
    keep_answer(s);
    return rc;
}

enum errc session_show(struct session *s, struct err *e)
{
    const struct cmd_ctx *ctx = s->ctx;
    const struct answer_options opt = {
        .format = cmd_format(ctx, &cmd_chat),
        .extract = s->o->extract_last ? EXTRACT_LAST
                   : s->o->extract    ? EXTRACT_FIRST
                                      : EXTRACT_NONE,
        .raw = s->o->raw,
        .hide_reasoning = s->o->hide_reasoning,
        .usage = s->o->usage,
        .strict = s->o->strict,
        .usage_file = s->o->usage_file,
        .tee = s->o->tee,
        .conversation = s->turn.conversation,
    };
    return answer_open(&s->answer, s->ctx, &opt, e);
}

enum errc session_explain(struct session *s, struct buf *out, struct err *e)
{
    AUTO(buf_release) struct buf trace = BUF_INIT(LIMIT_REPLY_LEN);
    AUTO(jx_put) struct json_object *o = NULL;
    enum errc rc = history_trace(s->ctx, s->answer.request_id, &trace, e);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&trace), &o, e);
    if (rc == ERR_OK)
        explain_candidates(o, out);
    return rc;
}
