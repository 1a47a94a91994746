/*
 * answer.c: what is answered, in no dialect: parts (reasoning, text, tool calls), the finish,
 * the usage; and the cursor that reads them piece by piece in the order of a stream.
 */
#include <string.h>

#include "core/jsonx.h"

#include "tests/sim/sim.h"

/* above what a gateway should take */
enum { ANSWER_MAX = 2 * LIMIT_REPLY_LEN };

/* The bytes in the ask's arena. */
static struct str keep(const struct ask *ask, struct buf *b, bool *ok)
{
    struct str s = arena_str(ask->arena, buf_str(b));
    if (buf_err(b) != ERR_OK || arena_is_broken(ask->arena))
        *ok = false;
    buf_release(b);
    return s;
}

static void add_part(struct answer *a, enum part_kind kind, struct str text,
                     struct str name, size_t index)
{
    uint64_t id = text_mix(a->id + a->n_parts);
    if (text.len > 0)
        a->parts[a->n_parts++] = (struct part){
            .kind = kind, .text = text, .name = name, .id = id, .index = index};
}

/* A prefilled beginning is not said again when the text starts with it. */
static struct str after_prefill(const struct ask *ask, struct str text)
{
    return ask->prefill.len > 0 && str_starts(text, ask->prefill)
               ? str_sub(text, ask->prefill.len, text.len)
               : text;
}

static struct str make_text(const struct ask *ask, const struct plan *p, uint64_t seed,
                            bool *ok)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    if (p->oversize > 0) {
        char *at = buf_room(&b, (size_t)p->oversize);
        if (at != NULL) {
            memset(at, 'x', (size_t)p->oversize);
            buf_grown(&b, (size_t)p->oversize);
        }
        return keep(ask, &b, ok);
    }
    if (p->text != NULL && strcmp(p->text, "echo") == 0)
        return ask->prompt;
    if (p->text != NULL && strcmp(p->text, "lorem") != 0)
        return str_of(p->text);
    if (ask->schema != NULL)
        text_fill_schema(&b, ask->schema, seed, 0);
    else if (ask->json)
        buf_addz(&b, "{\"ok\": true}");
    else
        text_lorem(&b, seed, p->tokens);
    return after_prefill(ask, keep(ask, &b, ok));
}

static void add_tools(struct answer *a, uint64_t seed, bool *ok)
{
    const struct ask *ask = a->ask;
    int64_t n = MAX(a->plan->tools, ask->tool_forced ? 1 : 0);
    n = ask->n_tools == 0 || ask->tool_none ? 0 : MIN(n, ask->one_tool ? 1 : SIM_TOOLS);
    for (size_t i = 0; i < (size_t)n; i++) {
        const struct sim_tool *t = &ask->tools[i % ask->n_tools];
        bool is_custom = ask->takes_text[i % ask->n_tools];
        struct buf b = BUF_INIT(ANSWER_MAX);
        if (is_custom)
            text_lorem(&b, text_mix(seed + i), 6);
        else if (t->schema != NULL)
            text_fill_schema(&b, t->schema, text_mix(seed + i), 0);
        else
            buf_addz(&b, "{}");
        add_part(a, PART_TOOL, keep(ask, &b, ok), t->name, i);
        a->parts[a->n_parts - 1].is_custom = is_custom;
        a->finish = "tools";
    }
}

/* Keeps the first max tokens, whatever part they are in; half a call is none. */
static void truncate(struct answer *a, int64_t max)
{
    for (size_t i = 0; i < a->n_parts; i++) {
        int64_t n = text_count(a->parts[i].text);
        if (n > max) {
            bool keeps_some = max > 0 && a->parts[i].kind != PART_TOOL;
            a->parts[i].text = text_first(a->parts[i].text, max);
            a->n_parts = keeps_some ? i + 1 : i;
            a->finish = "length";
            return;
        }
        max -= n;
    }
}

/* Of a text that is given in several answers the piece that is asked for. */
static void take_piece(struct answer *a)
{
    struct part *part = &a->parts[a->n_parts - 1];
    int64_t hops = a->plan->hops, hop = a->ask->hop, n = text_count(part->text);
    size_t from = text_first(part->text, n * hop / hops).len;
    size_t to = text_first(part->text, n * (hop + 1) / hops).len;
    part->text = str_sub(part->text, from, to - from);
    if (hop + 1 < hops)
        a->finish = "pause";
}

static void count(struct answer *a)
{
    const struct plan *p = a->plan;
    struct sim_usage *u = &a->usage;
    u->cached = p->cached;
    u->written_5m = p->written;
    u->written_1h = p->written_1h;
    int64_t classes = p->cached + p->written + p->written_1h;
    u->prompt = p->prompt >= 0 ? p->prompt : MAX(a->ask->prompt_tok, 1) + classes;
    for (size_t i = 0; i < a->n_parts; i++) {
        int64_t n = text_count(a->parts[i].text) * MAX(a->ask->n_choices, 1);
        u->output += n;
        u->reasoning += a->parts[i].kind == PART_REASONING ? n : 0;
    }
}

bool answer_init(struct answer *a, const struct ask *ask, const struct plan *plan,
                 uint64_t id, uint64_t seed, int64_t wall_us)
{
    static const uint64_t fixed[2] = {0x6c6c6d6777, 0x73696d};
    bool ok = true;
    *a = (struct answer){.ask = ask, .plan = plan, .id = id, .finish = "stop"};
    a->created_s = wall_us / US_PER_S;
    a->model = plan->as ? plan->as : arena_strz(ask->arena, ask->model);
    /* the same prompt gets the same text, whatever model and attempt, unless it shall vary */
    seed = text_mix(seed ^ map_hash(fixed, ask->prompt) ^ (plan->vary ? id : 0));
    if (plan->reasoning > 0 && ask->want_reasoning) {
        struct buf b = BUF_INIT(ANSWER_MAX);
        text_lorem(&b, ~seed, plan->reasoning);
        add_part(a, PART_REASONING, keep(ask, &b, &ok), STR_NONE, 0);
    }
    if (ask->hop > 0)
        a->n_parts = 0; /* it has thought already */
    size_t before = a->n_parts;
    add_tools(a, seed, &ok);
    if (a->n_parts == before)
        add_part(a, PART_TEXT, make_text(ask, plan, seed, &ok), STR_NONE, 0);
    if (plan->hops > 1)
        take_piece(a);
    else if (ask->max_tok >= 0)
        truncate(a, ask->max_tok);
    if (plan->finish != NULL)
        a->finish = plan->finish;
    count(a);
    a->rest = a->n_parts > 0 ? a->parts[0].text : STR_NONE;
    return ok && !arena_is_broken(ask->arena);
}

static void next_piece(struct answer *a, struct event *ev)
{
    const struct part *part = &a->parts[a->part];
    ev->part = part;
    ev->block = a->part;
    ev->first = a->rest.len == part->text.len;
    ev->text = text_token(a->rest);
    a->rest = str_sub(a->rest, ev->text.len, a->rest.len);
    ev->last = a->rest.len == 0;
    if (ev->last && ++a->part < a->n_parts)
        a->rest = a->parts[a->part].text;
}

int64_t answer_odd(const struct answer *a)
{
    enum { ODD_TOK = 7 };
    return a->plan->usage == USAGE_ODD ? ODD_TOK : 0;
}

const char *answer_finish_word(const struct answer *a, const char *const rows[][2],
                               size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++)
        if (strcmp(a->finish, rows[i][0]) == 0)
            return rows[i][1];
    return a->finish;
}

void answer_quote(struct buf *out, struct str text, bool is_last, int64_t choice)
{
    json_quote(out, text);
    if (is_last && choice > 0) {
        buf_truncate(out, out->len - 1);
        buf_printf(out, " (%" PRId64 ")\"", choice);
    }
}

bool answer_next(struct answer *a, struct event *ret)
{
    const struct plan *p = a->plan;
    *ret = (struct event){.kind = a->next};
    switch (a->next) {
    case EV_START:
        a->next = p->comments > 0 ? EV_COMMENT : EV_PIECE;
        return true;
    case EV_COMMENT:
        if (++a->n_comments >= p->comments)
            a->next = EV_PIECE;
        return true;
    case EV_PIECE:
        if (a->part < a->n_parts) {
            next_piece(a, ret);
            return true;
        }
        a->next = p->no_finish ? EV_USAGE : EV_FINISH;
        return answer_next(a, ret);
    case EV_FINISH:
        a->next = EV_USAGE;
        return true;
    case EV_USAGE:
        a->next = EV_END;
        return true;
    case EV_END:
        break;
    }
    bool more = a->next == EV_END && !p->no_end && !a->ended;
    a->ended = true;
    return more;
}
