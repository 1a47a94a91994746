/*
 * msg.c: names of the neutral message, and the collector of deltas.
 *
 * Knows no dialect and no JSON.
 */
#include "core/msg.h"

#include <string.h>

const char *msg_finish_name(enum msg_finish f)
{
    switch (f) {
    case MSG_FINISH_NONE:
        return "none";
    case MSG_FINISH_STOP:
        return "stop";
    case MSG_FINISH_STOP_SEQUENCE:
        return "stop_sequence";
    case MSG_FINISH_LENGTH:
        return "length";
    case MSG_FINISH_CONTEXT_FULL:
        return "context_full";
    case MSG_FINISH_TOOL:
        return "tool";
    case MSG_FINISH_FILTERED:
        return "filtered";
    case MSG_FINISH_PAUSED:
        return "paused";
    case MSG_FINISH_UNKNOWN:
        break;
    }
    return "unknown";
}

static const char *const effort_names[] = {
    [MSG_EFFORT_UNSET] = "",          [MSG_EFFORT_NONE] = "none",
    [MSG_EFFORT_MINIMAL] = "minimal", [MSG_EFFORT_LOW] = "low",
    [MSG_EFFORT_MEDIUM] = "medium",   [MSG_EFFORT_HIGH] = "high",
    [MSG_EFFORT_XHIGH] = "xhigh",     [MSG_EFFORT_MAX] = "max",
};

const char *msg_effort_name(enum msg_effort e)
{
    return effort_names[e];
}

bool msg_effort_by_name(struct str s, enum msg_effort *ret)
{
    for (size_t i = MSG_EFFORT_NONE; i < ARRAY_LEN(effort_names); i++)
        if (str_eqz(s, effort_names[i])) {
            *ret = (enum msg_effort)i;
            return true;
        }
    return false;
}

struct str msg_extra(const struct msg_request *m, const char *name)
{
    for (size_t i = 0; i < m->n_extras; i++)
        if (strcmp(m->extras[i].name, name) == 0)
            return m->extras[i].json;
    return STR_NONE;
}

bool msg_is_begun(const struct msg_request *m)
{
    const struct msg_turn *last = m->n_turns > 0 ? &m->turns[m->n_turns - 1] : NULL;
    bool has_text = false;
    if (last == NULL || last->role != MSG_ASSISTANT)
        return false;
    for (size_t i = 0; i < last->n_parts; i++) {
        if (last->parts[i].kind == MSG_TOOL_CALL)
            return false;
        has_text |= last->parts[i].kind == MSG_TEXT;
    }
    return has_text;
}

/* ---- the collector ---- */

void msg_collect_init(struct msg_collect *c, struct arena *a)
{
    *c = (struct msg_collect){.arena = a,
                              .text = BUF_INIT(LIMIT_REPLY_LEN),
                              .logprobs = BUF_INIT(LIMIT_REPLY_LEN)};
    usage_init(&c->reply.usage);
}

void msg_collect_release(struct msg_collect *c)
{
    for (size_t i = 0; i < c->reply.n_more; i++)
        msg_collect_release(&c->more[i]);
    buf_release(&c->text);
    buf_release(&c->logprobs);
}

/* The collector of one of the other choices; NULL: memory. */
static struct msg_collect *other_choice(struct msg_collect *c, unsigned choice)
{
    struct msg_reply *r = &c->reply;
    if (r->n_more == 0) {
        c->more = ARENA_ARRAY(c->arena, MSG_CHOICES - 1, struct msg_collect);
        r->more = ARENA_ARRAY(c->arena, MSG_CHOICES - 1, struct msg_reply);
    }
    if (c->more == NULL || r->more == NULL)
        return NULL;
    for (; r->n_more < choice; r->n_more++)
        msg_collect_init(&c->more[r->n_more], c->arena);
    return &c->more[choice - 1];
}

/* Where the growing text of a part belongs. */
static struct str *part_text(struct msg_part *p)
{
    return p->kind == MSG_TOOL_CALL ? &p->args : &p->text;
}

static void close_part(struct msg_collect *c)
{
    if (c->is_open) {
        struct msg_part *p = &c->reply.parts[c->open_part];
        *part_text(p) = arena_str(c->arena, buf_str(&c->text));
        p->logprobs = arena_str(c->arena, buf_str(&c->logprobs));
    }
    c->is_open = false;
    buf_reset(&c->text);
    buf_reset(&c->logprobs);
}

/* Opens a part again, so that its text can grow. */
static void reopen_part(struct msg_collect *c, size_t i)
{
    if (c->is_open && c->open_part == i)
        return;
    close_part(c);
    buf_adds(&c->text, *part_text(&c->reply.parts[i]));
    buf_adds(&c->logprobs, c->reply.parts[i].logprobs);
    c->is_open = true;
    c->open_part = i;
}

static struct msg_part *add_part(struct msg_collect *c, enum msg_part_kind kind)
{
    struct msg_reply *r = &c->reply;
    close_part(c);
    if (r->n_parts == c->cap_parts) {
        size_t cap = MAX(2 * c->cap_parts, (size_t)4);
        struct msg_part *parts = ARENA_ARRAY(c->arena, cap, struct msg_part);
        if (parts == NULL)
            return NULL;
        if (r->n_parts > 0)
            memcpy(parts, r->parts, r->n_parts * sizeof *parts);
        r->parts = parts;
        c->cap_parts = cap;
    }
    struct msg_part *p = &r->parts[r->n_parts++];
    p->kind = kind;
    return p;
}

static struct msg_part *last_part(struct msg_collect *c)
{
    return c->reply.n_parts > 0 ? &c->reply.parts[c->reply.n_parts - 1] : NULL;
}

/* Text goes on in the last part when that is of the same kind and not signed. */
static void collect_text(struct msg_collect *c, enum msg_part_kind kind, struct str text,
                         struct str logprobs)
{
    const struct msg_part *last = last_part(c);
    if (last == NULL || last->kind != kind || last->signature.len > 0)
        last = add_part(c, kind);
    if (last == NULL)
        return;
    reopen_part(c, c->reply.n_parts - 1);
    buf_adds(&c->text, text);
    buf_addz(&c->logprobs, c->logprobs.len > 0 && logprobs.len > 0 ? "," : "");
    buf_adds(&c->logprobs, logprobs);
}

static void collect_signature(struct msg_collect *c, struct str signature, struct str id)
{
    close_part(c);
    struct msg_part *p = last_part(c);
    if (p == NULL || p->kind != MSG_THINKING || p->signature.len > 0)
        p = add_part(c, MSG_THINKING);
    if (p == NULL)
        return;
    p->signature = arena_str(c->arena, signature);
    p->id = arena_str(c->arena, id);
}

/* What signs a text that is not there is of no use: no client gives an empty one back. */
static void collect_text_state(struct msg_collect *c, struct str signature)
{
    struct msg_part *p = last_part(c);
    if (p == NULL || p->kind != MSG_TEXT)
        return;
    close_part(c);
    p->signature = arena_str(c->arena, signature);
}

/* To the end of those of the last text; of none it says nothing. */
static void collect_citation(struct msg_collect *c, const struct msg_citation *cited)
{
    size_t i = c->reply.n_parts;
    while (i > 0 && c->reply.parts[i - 1].kind != MSG_TEXT)
        i--;
    struct msg_citation *own = ARENA_NEW(c->arena, struct msg_citation);
    if (i == 0 || own == NULL)
        return;
    *own = (struct msg_citation){.start = cited->start,
                                 .end = cited->end,
                                 .result = arena_str(c->arena, cited->result),
                                 .document = cited->document,
                                 .title = arena_str(c->arena, cited->title),
                                 .quoted = arena_str(c->arena, cited->quoted)};
    /* a provider may send any number: the list is not walked to its end for each */
    if (c->last_cited != NULL && c->cited_part == i - 1)
        c->last_cited->next = own;
    else
        c->reply.parts[i - 1].citations = own;
    c->last_cited = own;
    c->cited_part = i - 1;
}

/* The part of the index-th call; false when there is none. */
static bool find_call(const struct msg_collect *c, unsigned index, size_t *ret)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->reply.n_parts; i++)
        if (c->reply.parts[i].kind == MSG_TOOL_CALL && n++ == index) {
            *ret = i;
            return true;
        }
    return false;
}

static void collect_call(struct msg_collect *c, const struct msg_delta *d)
{
    struct msg_part *p = add_part(c, MSG_TOOL_CALL);
    if (p == NULL)
        return;
    p->id = arena_str(c->arena, d->id);
    p->name = arena_str(c->arena, d->name);
    p->signature = arena_str(c->arena, d->signature);
    reopen_part(c, c->reply.n_parts - 1);
}

static enum errc collect_delta(struct msg_collect *c, const struct msg_delta *d,
                               struct err *e)
{
    struct msg_reply *r = &c->reply;
    struct msg_part *p;
    size_t i;
    switch (d->kind) {
    case MSG_D_START:
        r->id = arena_str(c->arena, d->id);
        r->model = arena_str(c->arena, d->model);
        break;
    case MSG_D_TEXT:
        collect_text(c, MSG_TEXT, d->text, d->logprobs);
        break;
    case MSG_D_THINKING:
        collect_text(c, MSG_THINKING, d->text, d->logprobs);
        break;
    case MSG_D_REFUSAL:
        collect_text(c, MSG_REFUSAL, d->text, d->logprobs);
        break;
    case MSG_D_SIGNATURE:
    case MSG_D_STATE:
        collect_signature(c, d->text, d->id);
        break;
    case MSG_D_TEXT_STATE:
        collect_text_state(c, d->text);
        break;
    case MSG_D_CITATION:
        collect_citation(c, d->citation);
        break;
    case MSG_D_REDACTED:
        p = add_part(c, MSG_REDACTED);
        if (p != NULL)
            p->data = arena_str(c->arena, d->text);
        break;
    case MSG_D_CALL:
        collect_call(c, d);
        break;
    case MSG_D_ARGS:
        if (!find_call(c, d->index, &i))
            return err_set(e, ERR_INTERNAL, "arguments of call %u before the call",
                           d->index);
        reopen_part(c, i);
        buf_adds(&c->text, d->text);
        break;
    case MSG_D_FINISH:
        r->finish = d->finish;
        r->finish_raw = arena_str(c->arena, d->finish_raw);
        r->stop_sequence = arena_str(c->arena, d->stop_sequence);
        break;
    case MSG_D_USAGE:
        r->usage = *d->usage;
        break;
    case MSG_D_END:
        break;
    }
    enum errc rc =
        buf_err(&c->text) != ERR_OK ? buf_err(&c->text) : buf_err(&c->logprobs);
    if (rc != ERR_OK)
        return err_set(e, rc, "the answer is too large to keep");
    if (arena_is_broken(c->arena))
        return err_set(e, ERR_MEMORY, "no memory for the answer");
    return ERR_OK;
}

enum errc msg_collect_delta(struct msg_collect *c, const struct msg_delta *d,
                            struct err *e)
{
    struct msg_collect *one = d->choice == 0 ? c : other_choice(c, d->choice);
    if (one == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the answer");
    return collect_delta(one, d, e);
}

const struct msg_reply *msg_collect_reply(struct msg_collect *c)
{
    close_part(c);
    for (size_t i = 0; i < c->reply.n_more; i++)
        c->reply.more[i] = *msg_collect_reply(&c->more[i]);
    return &c->reply;
}
