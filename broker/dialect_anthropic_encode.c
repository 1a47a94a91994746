/*
 * dialect_anthropic_encode.c: a provider's Anthropic Messages request from msg, for crossed pairs.
 *
 * Source: Anthropic api/messages, build-with-claude/{thinking, effort, structured-outputs,
 * prompt-caching, mid-conversation-system-messages} (2026-08, release notes to 2026-11).
 */
#include "broker/dialect_anthropic_encode.h"

#include <string.h>

#include "core/catalog.h"

/* ---- model families ---- */

/* Source: build-with-claude/thinking and release notes to 2026-11-12, one row a line there. */
/* clang-format off */
static const struct family families[] = {
    {NULL, 0, 45, .none = NONE_ABSENT, .is_manual = true, .is_sampled = true},
    {NULL, 46, 46, .none = NONE_DISABLED, .is_sampled = true},
    {"opus", 47, 47, .none = NONE_DISABLED, .is_silent = true},
    {"opus", 48, 48, .none = NONE_DISABLED, .has_system = true, .is_silent = true},
    {"opus", 50, 54, .none = NONE_DISABLED, .has_system = true, .is_silent = true},
    {"opus", 55, 99, .none = NONE_LOW, .is_unforced = true, .has_system = true, .is_silent = true},
    {"sonnet", 50, 54, .none = NONE_DISABLED, .is_silent = true},
    {"sonnet", 55, 99, .none = NONE_BETWEEN, .is_unforced = true, .has_system = true, .is_silent = true},
    {"haiku", 50, 99, .none = NONE_DISABLED, .is_silent = true},
    {"fable", 50, 50, .none = NONE_LOW, .has_system = true, .is_silent = true},
    {"fable", 51, 99, .none = NONE_LOW, .is_unforced = true, .has_system = true, .is_silent = true},
    {"mythos", 50, 99, .none = NONE_LOW, .has_system = true, .is_silent = true},
};
/* clang-format on */

/* The next token of a model id, cut at "-", ".", "@" and ":". */
static bool next_token(struct str *rest, struct str *ret)
{
    size_t n = 0;
    if (rest->len == 0)
        return false;
    while (n < rest->len && strchr("-.@:", rest->ptr[n]) == NULL)
        n++;
    *ret = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n + 1, rest->len);
    return true;
}

/* "claude-opus-4-7-20260416" is opus 47, "claude-3-5-haiku-latest" haiku 35; 0: no version. */
static int model_version(struct str model, const char **ret_name)
{
    static const char *const names[] = {"opus", "sonnet", "haiku", "fable", "mythos"};
    int version = 0, n_digits = 0;
    struct str token;
    *ret_name = NULL;
    while (next_token(&model, &token)) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (str_eqz(token, names[i]))
                *ret_name = names[i];
        if (token.len == 1 && token.ptr[0] >= '0' && token.ptr[0] <= '9' &&
            n_digits < 2) {
            version = version * 10 + (token.ptr[0] - '0');
            n_digits++;
        }
    }
    return n_digits == 1 ? version * 10 : version;
}

/* An unknown model is taken for a current one. */
static const struct family *family_of(struct str model)
{
    static const struct family current = {NULL, 0, 99, NONE_LOW, .is_silent = true};
    const char *name;
    int version = model_version(model, &name);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct family *f = &families[i];
        if (version > 0 && version >= f->from && version <= f->to && name != NULL &&
            (f->name == NULL || strcmp(f->name, name) == 0))
            return f;
    }
    return &current;
}

const char *claude_none(struct str model)
{
    static const char *const types[] = {[NONE_ABSENT] = NULL,
                                        [NONE_DISABLED] = "disabled",
                                        [NONE_BETWEEN] = "between_tools",
                                        [NONE_LOW] = NULL};
    return types[family_of(model)->none];
}

bool anthropic_goes_on(const struct anthropic_writer *a)
{
    return a->family->is_manual && (a->r.t->caps_no & CAP_PREFILL) == 0;
}

/* ---- messages ---- */

static bool turn_is_told(const struct msg_turn *t)
{
    return turn_has(t, anthropic_is_told);
}

/* A participant's name stands before the first text; there is no field for it. */
static void write_named(struct anthropic_writer *a, const struct msg_turn *t,
                        const struct msg_part *p)
{
    struct buf name = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&name, t->name);
    buf_addz(&name, ": ");
    anthropic_write_wrapped(&a->r.w, buf_str(&name), p->text, STR_NONE, p->cache_ttl);
    if (buf_err(&name) != ERR_OK)
        a->r.w.out->fail = buf_err(&name);
    buf_release(&name);
}

/* The blocks of a turn that are results, or those that are not. */
static void write_blocks(struct anthropic_writer *a, const struct msg_turn *t,
                         bool results)
{
    bool is_named = t->role == MSG_USER && t->name.len > 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct msg_part *p = &t->parts[i];
        if (!anthropic_is_told(p) || (p->kind == MSG_TOOL_RESULT) != results)
            continue;
        if (t->role == MSG_SYSTEM) {
            anthropic_write_wrapped(&a->r.w, STR("<system>"), p->text, STR("</system>"),
                                    p->cache_ttl);
        } else if (is_named && p->kind == MSG_TEXT) {
            write_named(a, t, p);
            is_named = false;
        } else {
            anthropic_write_block(a, p);
        }
    }
}

enum wire_role { WIRE_NONE, WIRE_USER, WIRE_ASSISTANT, WIRE_SYSTEM };

static const struct msg_turn *next_told(const struct msg_request *m, size_t i)
{
    for (; i < m->n_turns; i++)
        if (turn_is_told(&m->turns[i]))
            return &m->turns[i];
    return NULL;
}

/* A system turn keeps its role only right after a user's and before the assistant's. */
static enum wire_role wire_role(const struct anthropic_writer *a, size_t i,
                                enum wire_role prev)
{
    const struct msg_turn *t = &a->r.m->turns[i];
    if (t->role == MSG_ASSISTANT)
        return WIRE_ASSISTANT;
    if (t->role != MSG_SYSTEM || !a->family->has_system || prev != WIRE_USER)
        return WIRE_USER;
    const struct msg_turn *next = next_told(a->r.m, i + 1);
    return next == NULL || next->role == MSG_ASSISTANT ? WIRE_SYSTEM : WIRE_USER;
}

static void begin_message(struct jw *w, const char *role)
{
    jw_object(w);
    jw_kstrz(w, "role", role);
    jw_key(w, "content");
}

static void write_said(struct jw *w, const char *text)
{
    begin_message(w, "user");
    jw_strz(w, text);
    jw_object_end(w);
}

/* The texts of a system turn, as they are. */
static void write_system_blocks(struct jw *w, const struct msg_turn *t)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (anthropic_is_told(&t->parts[i]))
            anthropic_write_text(w, t->parts[i].text, t->parts[i].cache_ttl);
}

/* Turns [from, to) of one role as one message: results come first or it is a 400. */
static void write_run(struct anthropic_writer *a, enum wire_role role, size_t from,
                      size_t to)
{
    struct jw *w = &a->r.w;
    const struct msg_turn *turns = a->r.m->turns;
    begin_message(w, role == WIRE_USER ? "user" : "assistant");
    jw_array(w);
    for (size_t i = from; i < to; i++)
        write_blocks(a, &turns[i], true);
    for (size_t i = from; i < to; i++)
        write_blocks(a, &turns[i], false);
    jw_array_end(w);
    jw_object_end(w);
}

static void write_messages(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    enum wire_role prev = WIRE_NONE;
    jw_key(w, "messages");
    jw_array(w);
    for (size_t i = a->first, end; i < m->n_turns; i = end) {
        end = i + 1;
        if (!turn_is_told(&m->turns[i]))
            continue;
        enum wire_role role = wire_role(a, i, prev);
        if (role == WIRE_SYSTEM) {
            begin_message(w, "system");
            jw_array(w);
            write_system_blocks(w, &m->turns[i]);
            jw_array_end(w);
            jw_object_end(w);
            prev = role;
            continue;
        }
        while (end < m->n_turns &&
               (!turn_is_told(&m->turns[end]) || wire_role(a, end, role) == role))
            end++;
        if (prev == WIRE_NONE && role != WIRE_USER)
            write_said(w, "."); /* the first must be the user's */
        write_run(a, role, i, end);
        prev = role;
    }
    if (prev == WIRE_NONE)
        write_said(w, ".");
    /* only older models go on where the assistant left off, the others answer 400 */
    if (prev == WIRE_ASSISTANT && !anthropic_goes_on(a))
        write_said(w, "Continue.");
    jw_array_end(w);
}

/* ---- system ---- */

static bool is_forced(const struct msg_request *m)
{
    return m->choice == MSG_CHOICE_ANY || m->choice == MSG_CHOICE_ONE;
}

/* A forced choice that the model refuses becomes a request in words. */
static bool is_unforced(const struct anthropic_writer *a)
{
    return is_forced(a->r.m) && a->r.m->n_tools > 0 &&
           (a->family->is_unforced || a->budget_tok > 0);
}

/* What the target has no field for and a model does when told. */
static void add_instructions(struct anthropic_writer *a, struct buf *out)
{
    const struct msg_request *m = a->r.m;
    if (is_unforced(a)) {
        drop(&a->r, "tool_choice");
        buf_addz(out, out->len > 0 ? "\n\n" : "");
        if (m->choice == MSG_CHOICE_ONE) {
            buf_addz(out, "Answer by calling the tool ");
            buf_adds(out, m->choice_name);
            buf_addc(out, '.');
        } else {
            buf_addz(out, "Answer by calling at least one of the tools.");
        }
    }
    if (m->format == MSG_FORMAT_TEXT ||
        (m->format == MSG_FORMAT_SCHEMA && anthropic_takes_schema(a)))
        return;
    drop(&a->r, "response_format");
    format_words(&a->r, out);
}

/* Leading system turns, joined; as blocks only where a cache mark needs its place. */
static void write_system(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    struct buf joined = BUF_INIT(LIMIT_BODY_LEN), extra = BUF_INIT(LIMIT_BODY_LEN);
    bool has_marks = false;
    add_instructions(a, &extra);
    for (size_t i = 0; i < a->first; i++)
        for (size_t k = 0; k < m->turns[i].n_parts; k++) {
            const struct msg_part *p = &m->turns[i].parts[k];
            has_marks = has_marks || p->cache_ttl.len > 0;
            buf_addz(&joined, joined.len > 0 ? "\n\n" : "");
            buf_adds(&joined, p->text);
        }
    if (has_marks) {
        jw_key(w, "system");
        jw_array(w);
        for (size_t i = 0; i < a->first; i++)
            write_system_blocks(w, &m->turns[i]);
        if (extra.len > 0)
            anthropic_write_wrapped(w, buf_str(&extra), STR_NONE, STR_NONE, STR_NONE);
        jw_array_end(w);
    } else {
        buf_addz(&joined, joined.len > 0 && extra.len > 0 ? "\n\n" : "");
        buf_adds(&joined, buf_str(&extra));
        if (!is_blank(buf_str(&joined)))
            jw_kstr(w, "system", buf_str(&joined));
    }
    if (buf_err(&joined) != ERR_OK || buf_err(&extra) != ERR_OK)
        w->out->fail = ERR_TOO_LARGE;
    buf_release(&joined);
    buf_release(&extra);
}

/* ---- tools ---- */

/* False: it is recursive, and cannot be strict. Then nothing was written. */
static bool write_strict_schema(struct anthropic_writer *a, struct str schema)
{
    struct request_writer probe = a->r;
    struct err ignored = ERR_INIT;
    struct buf out = BUF_INIT(LIMIT_BODY_LEN);
    probe.e = &ignored;
    schema_write(&probe, schema, STRICT_SCHEMA, &out);
    if (buf_err(&out) != ERR_OK)
        a->r.w.out->fail = buf_err(&out);
    if (probe.rc == ERR_OK)
        jw_raw(&a->r.w, buf_str(&out));
    buf_release(&out);
    return probe.rc == ERR_OK;
}

static void write_tool(struct anthropic_writer *a, const struct msg_tool *t)
{
    struct jw *w = &a->r.w;
    jw_object(w);
    jw_kstr(w, "name", t->name);
    if (t->description.len > 0)
        jw_kstr(w, "description", t->description);
    jw_key(w, "input_schema");
    bool is_strict = t->strict == 1;
    if (t->schema.len == 0) {
        jw_raw(w, STR("{\"type\":\"object\",\"properties\":{}}"));
    } else if (!is_strict || !write_strict_schema(a, t->schema)) {
        jw_raw(w, t->schema);
        if (is_strict)
            drop(&a->r, "tools.strict");
        is_strict = false;
    }
    if (t->strict >= 0)
        jw_kbool(w, "strict", is_strict);
    anthropic_write_cache(w, t->cache_ttl);
    jw_object_end(w);
}

static void write_tools(struct anthropic_writer *a)
{
    static const char *const words[] = {[MSG_CHOICE_UNSET] = "auto",
                                        [MSG_CHOICE_AUTO] = "auto",
                                        [MSG_CHOICE_NONE] = "none",
                                        [MSG_CHOICE_ANY] = "any",
                                        [MSG_CHOICE_ONE] = "tool"};
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    if (m->n_tools == 0)
        return;
    jw_key(w, "tools");
    jw_array(w);
    for (size_t i = 0; i < m->n_tools; i++)
        write_tool(a, &m->tools[i]);
    jw_array_end(w);
    if (m->choice == MSG_CHOICE_UNSET && m->parallel_tools < 0)
        return;
    enum msg_choice choice = is_unforced(a) ? MSG_CHOICE_AUTO : m->choice;
    jw_key(w, "tool_choice");
    jw_object(w);
    jw_kstrz(w, "type", words[choice]);
    if (choice == MSG_CHOICE_ONE)
        jw_kstr(w, "name", m->choice_name);
    if (m->parallel_tools >= 0 && choice != MSG_CHOICE_NONE)
        jw_kbool(w, "disable_parallel_tool_use", m->parallel_tools == 0);
    jw_object_end(w);
}

/* ---- the request ---- */

/* The cap is required here; without the client's it is the model's own. */
static int64_t max_tokens(const struct msg_request *m, const struct target_caps *t)
{
    /* every model with a cap of its own has at least this one (Claude 3) */
    const int64_t least = 4096;
    int64_t limit = t->max_output_tok > 0 ? t->max_output_tok : least;
    if (m->max_output_tok < 0)
        return limit;
    return t->max_output_tok > 0 ? MIN(m->max_output_tok, limit) : m->max_output_tok;
}

enum errc anthropic_request_encode(const struct msg_request *m,
                                   const struct target_caps *t, struct buf *out,
                                   struct dropped *d, struct err *e)
{
    struct anthropic_writer a = {.r = {.m = m, .t = t, .dropped = d, .e = e},
                                 .family = family_of(t->model),
                                 .max_tok = max_tokens(m, t)};
    struct jw *w = &a.r.w;
    a.first = first_turn(m);
    a.budget_tok = anthropic_budget(&a);
    refuse_unsayable(&a.r);
    refuse_choices(&a.r);
    jw_init(w, out);
    w->later = t->later;
    jw_object(w);
    jw_kstr(w, "model", t->model);
    jw_ki64(w, "max_tokens", a.max_tok);
    write_system(&a);
    write_messages(&a);
    write_tools(&a);
    const char *effort = anthropic_write_thinking(&a);
    anthropic_write_output_config(&a, effort);
    anthropic_write_sampling(&a);
    anthropic_write_stops(&a);
    anthropic_write_extras(&a);
    if (t->stream)
        jw_kbool(w, "stream", true);
    jw_object_end(w);
    drop_ignored(&a.r);
    return request_end(&a.r);
}
