/*
 * repl_turns.c: the turns that can be taken back, asked again and looked at: those of this session,
 * and those of a conversation that it goes on with.
 */
#include <string.h>

#include "core/mem.h"
#include "core/turns.h"

#include "cmd/history.h"
#include "cmd/repl_priv.h"

bool repl_keep_turn(struct repl *r, const struct repl_turn *turn, const char *text)
{
    struct repl_turn *turns = mem_resize(r->turns, r->n_turns + 1, sizeof *turns);
    if (turns == NULL)
        return false;
    r->turns = turns;
    struct repl_turn *t = &turns[r->n_turns];
    *t = *turn;
    t->text = mem_strdup(text);
    r->n_turns += t->text != NULL;
    return t->text != NULL;
}

bool repl_undo(struct repl *r)
{
    if (r->n_turns == 0)
        return false;
    struct repl_turn *t = &r->turns[--r->n_turns];
    session_forget(r->s, t->from, t->parent);
    mem_free(t->text);
    r->has_facts = false;
    return true;
}

void repl_forget_turns(struct repl *r)
{
    for (size_t i = 0; i < r->n_turns; i++)
        mem_free(r->turns[i].text);
    r->n_turns = 0;
    r->has_facts = false;
}

bool repl_last_answer(const struct repl *r, struct buf *out)
{
    AUTO(jx_put) struct json_object *message = NULL;
    struct err ignored = ERR_INIT;
    if (r->n_turns == 0)
        return false;
    struct str rest =
        str_sub(buf_str(&r->s->messages), r->turns[r->n_turns - 1].asked, SIZE_MAX);
    if (rest.len == 0 ||
        jx_parse(str_sub(rest, 0, rest.len - 1), &message, &ignored) != ERR_OK)
        return false;
    buf_adds(out, jx_str(message, "content"));
    return true;
}

/* ---- of a conversation that is gone on with ---- */

/* Messages as they stand, each with a comma behind, are the inside of an array. */
struct adopting {
    struct repl *r;
    struct str array;
    struct buf text; /* of the question at hand */
    struct repl_turn turn;
    bool has_question;
};

static void on_question(struct adopting *a, size_t at, struct jspan content)
{
    if (a->has_question)
        return; /* several messages of one turn */
    a->turn = (struct repl_turn){.from = at};
    buf_reset(&a->text);
    turns_text(a->array, content, &a->text);
    a->has_question = true;
}

static void on_answer(struct adopting *a, size_t at)
{
    if (!a->has_question)
        return;
    a->has_question = false;
    a->turn.asked = at;
    (void)repl_keep_turn(a->r, &a->turn, a->text.data != NULL ? a->text.data : "");
}

/* Each turn's request continues the one before it: from the last one back. */
static void find_parents(struct repl *r)
{
    struct err ignored = ERR_INIT;
    const char *ids[REPL_PARENTS];
    size_t n = 0;
    if (history_parents(r->s->ctx, r->s->parent, ids, REPL_PARENTS, &n, &ignored) !=
        ERR_OK)
        return;
    for (size_t i = 0; i < n && i < r->n_turns; i++)
        str_copy(r->turns[r->n_turns - 1 - i].parent, sizeof r->turns[0].parent,
                 str_of(ids[i]));
}

void repl_adopt_turns(struct repl *r)
{
    struct str messages = buf_str(&r->s->messages);
    AUTO(buf_release) struct buf array = BUF_INIT(LIMIT_BODY_LEN);
    struct adopting a = {.r = r, .text = BUF_INIT(LIMIT_BODY_LEN)};
    struct err ignored = ERR_INIT;
    struct jspan message;
    size_t it = 0;
    repl_forget_turns(r);
    if (messages.len == 0)
        return;
    buf_printf(&array, "[%.*s]", STR_ARG(str_sub(messages, 0, messages.len - 1)));
    struct str text = a.array = buf_str(&array);
    if (jscan_check(text, &ignored) != ERR_OK)
        return;
    while (jscan_next(text, jscan_root(text), &it, &message)) {
        size_t at = message.pos - 1; /* there is no bracket in the session's text */
        if (jscan_is(text, jscan_get(text, message, "role"), "user"))
            on_question(&a, at, jscan_get(text, message, "content"));
        else
            on_answer(&a, at);
    }
    buf_release(&a.text);
    find_parents(r);
}
