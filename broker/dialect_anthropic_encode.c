/*
 * dialect_anthropic_encode.c: a provider's Anthropic Messages request from msg, for crossed pairs.
 *
 * Source: Anthropic api/messages, build-with-claude/{thinking, effort, structured-outputs,
 * prompt-caching, mid-conversation-system-messages} (2026-08, release notes to 2026-11).
 */
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"

#include "broker/dialect_anthropic.h"
#include "broker/dialect_priv.h"

/* ---- model families ---- */

enum none_style {
    NONE_ABSENT,   /* thinking is off unless a budget is given */
    NONE_DISABLED, /* thinking: disabled */
    NONE_BETWEEN,  /* thinking: between_tools, as near as it gets */
    NONE_LOW,      /* always on: low effort */
};

struct family {
    const char *name; /* NULL: any */
    int from, to;     /* versions, 45 is 4.5 */
    enum none_style none;
    bool is_manual;   /* thinking by budget, prefill allowed */
    bool is_sampled;  /* takes temperature, top_p and top_k */
    bool is_unforced; /* a forced choice of tools is a 400 */
    bool has_system;  /* takes role "system" inside messages */
    bool is_silent;   /* does not tell what it thinks unless it is asked to */
};

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

/* ---- blocks ---- */

struct anthropic_writer {
    struct request_writer r;
    const struct family *family;
    int64_t max_tok;
    int64_t budget_tok; /* of manual thinking; 0: none */
    size_t first;       /* turn after the leading system turns */
};

/* With a last turn of the assistant's. */
static bool goes_on(const struct anthropic_writer *a)
{
    return a->family->is_manual && (a->r.t->caps_no & CAP_PREFILL) == 0;
}

/* Whether a part becomes a block: empty texts are a 400, foreign thoughts mean nothing. */
static bool is_told(const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        return !is_blank(p->text);
    case MSG_THINKING: /* what has an id of its own is another provider's */
        return p->signature.len > 0 && p->id.len == 0;
    case MSG_IMAGE:
    case MSG_FILE:
    case MSG_AUDIO:
    case MSG_REDACTED:
    case MSG_TOOL_CALL:
    case MSG_TOOL_RESULT:
        break;
    }
    return true;
}

static bool turn_is_told(const struct msg_turn *t)
{
    return turn_has(t, is_told);
}

static void write_cache(struct jw *w, struct str ttl)
{
    if (ttl.len == 0)
        return;
    jw_key(w, "cache_control");
    jw_object(w);
    jw_kstrz(w, "type", "ephemeral");
    if (str_eqz(ttl, "1h"))
        jw_kstrz(w, "ttl", "1h");
    jw_object_end(w);
}

/* A text of the request with something before and after it. */
static void write_wrapped(struct jw *w, struct str before, struct str text,
                          struct str after, struct str ttl)
{
    jw_object(w);
    jw_kstrz(w, "type", "text");
    jw_key(w, "text");
    jw_string(w);
    jw_string_add(w, before);
    jw_string_kept(w, text);
    jw_string_add(w, after);
    jw_string_end(w);
    write_cache(w, ttl);
    jw_object_end(w);
}

static void write_text_block(struct jw *w, struct str text, struct str ttl)
{
    write_wrapped(w, STR_NONE, text, STR_NONE, ttl);
}

static void write_source(struct jw *w, const struct msg_part *p, struct str mime)
{
    jw_key(w, "source");
    jw_object(w);
    if (p->url.len > 0) {
        jw_kstrz(w, "type", "url");
        jw_kstr(w, "url", p->url);
    } else {
        jw_kstrz(w, "type", "base64");
        jw_kstr(w, "media_type", mime);
        jw_kstr_kept(w, "data", p->data);
    }
    jw_object_end(w);
}

static void write_media(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    bool is_image = p->kind == MSG_IMAGE;
    struct str mime = is_image ? image_mime(p) : p->mime;
    if (is_image && p->url.len == 0 && mime.len == 0)
        refuse(&a->r, "image_url", "must be jpeg, png, gif or webp for this target");
    if (!is_image && p->url.len == 0 && !str_eqz(mime, "application/pdf"))
        refuse(&a->r, "file", "must be a PDF for this target");
    jw_object(w);
    if (p->detail.len > 0 && !str_eqz(p->detail, "auto")) /* which is what it does */
        drop(&a->r, "image_url.detail");
    jw_kstrz(w, "type", is_image ? "image" : "document");
    write_source(w, p, mime);
    if (!is_image && p->filename.len > 0)
        jw_kstr(w, "title", p->filename);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_thought(struct jw *w, const struct msg_part *p)
{
    bool is_redacted = p->kind == MSG_REDACTED;
    jw_object(w);
    jw_kstrz(w, "type", is_redacted ? "redacted_thinking" : "thinking");
    if (is_redacted) {
        jw_kstr(w, "data", p->data);
    } else {
        jw_kstr(w, "thinking", p->text);
        jw_kstr(w, "signature", p->signature);
    }
    jw_object_end(w);
}

static void write_call(struct jw *w, const struct msg_part *p)
{
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_use");
    jw_kstrz(w, "id", id);
    jw_kstr(w, "name", p->name);
    jw_key(w, "input");
    write_args(w, p->args);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

static void write_block(struct anthropic_writer *a, const struct msg_part *p);

static void write_result(struct anthropic_writer *a, const struct msg_part *p)
{
    struct jw *w = &a->r.w;
    char id[TOOL_ID_LEN + 1];
    fit_tool_id(p->id, false, TOOL_ID_LEN, id);
    jw_object(w);
    jw_kstrz(w, "type", "tool_result");
    jw_kstrz(w, "tool_use_id", id);
    if (p->n_parts > 0) {
        jw_key(w, "content");
        jw_array(w);
        if (!is_blank(p->text))
            write_text_block(w, p->text, STR_NONE);
        for (size_t i = 0; i < p->n_parts; i++)
            write_block(a, &p->parts[i]);
        jw_array_end(w);
    } else if (p->text.len > 0) {
        jw_kstr_kept(w, "content", p->text);
    }
    if (p->is_error)
        jw_kbool(w, "is_error", true);
    write_cache(w, p->cache_ttl);
    jw_object_end(w);
}

/* A text that the answer is to go on from must not end in blanks. */
static struct str prefill_text(const struct anthropic_writer *a, const struct msg_part *p)
{
    const struct msg_turn *last = &a->r.m->turns[a->r.m->n_turns - 1];
    if (!goes_on(a) || last->role != MSG_ASSISTANT || last->n_parts == 0 ||
        p != &last->parts[last->n_parts - 1])
        return p->text;
    struct str trimmed = str_trim(p->text);
    return str_sub(p->text, 0, (size_t)(trimmed.ptr - p->text.ptr) + trimmed.len);
}

static void write_block(struct anthropic_writer *a, const struct msg_part *p)
{
    switch (p->kind) {
    case MSG_TEXT:
    case MSG_REFUSAL:
        write_text_block(&a->r.w, prefill_text(a, p), p->cache_ttl);
        break;
    case MSG_IMAGE:
    case MSG_FILE:
        write_media(a, p);
        break;
    case MSG_AUDIO:
        refuse(&a->r, "input_audio", "the target cannot hear");
        break;
    case MSG_THINKING:
    case MSG_REDACTED:
        write_thought(&a->r.w, p);
        break;
    case MSG_TOOL_CALL:
        write_call(&a->r.w, p);
        break;
    case MSG_TOOL_RESULT:
        write_result(a, p);
        break;
    }
}

/* ---- messages ---- */

/* A participant's name stands before the first text; there is no field for it. */
static void write_named(struct anthropic_writer *a, const struct msg_turn *t,
                        const struct msg_part *p)
{
    struct buf name = BUF_INIT(LIMIT_BODY_LEN);
    buf_adds(&name, t->name);
    buf_addz(&name, ": ");
    write_wrapped(&a->r.w, buf_str(&name), p->text, STR_NONE, p->cache_ttl);
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
        if (!is_told(p) || (p->kind == MSG_TOOL_RESULT) != results)
            continue;
        if (t->role == MSG_SYSTEM) {
            write_wrapped(&a->r.w, STR("<system>"), p->text, STR("</system>"),
                          p->cache_ttl);
        } else if (is_named && p->kind == MSG_TEXT) {
            write_named(a, t, p);
            is_named = false;
        } else {
            write_block(a, p);
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
        if (is_told(&t->parts[i]))
            write_text_block(w, t->parts[i].text, t->parts[i].cache_ttl);
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
    if (prev == WIRE_ASSISTANT && !goes_on(a))
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

static bool takes_schema(const struct anthropic_writer *a)
{
    return (a->r.t->caps_no & CAP_JSON_SCHEMA) == 0;
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
        (m->format == MSG_FORMAT_SCHEMA && takes_schema(a)))
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
            write_wrapped(w, buf_str(&extra), STR_NONE, STR_NONE, STR_NONE);
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

/* ---- tools, thinking, sampling ---- */

/*
 * Objects closed, no bounds, and no recursion: definitions stand where they are referred to, which
 * finds the recursive ones out. Source: build-with-claude/structured-outputs (2026-08).
 */
enum { STRICT_SCHEMA = SCHEMA_CLOSE | SCHEMA_BARE | SCHEMA_INLINE };

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
    write_cache(w, t->cache_ttl);
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

static bool begins_with_thought(const struct msg_turn *t)
{
    return t->n_parts > 0 && is_told(&t->parts[0]) &&
           (t->parts[0].kind == MSG_THINKING || t->parts[0].kind == MSG_REDACTED);
}

/*
 * May it think by a budget? In a tool loop the turn with the calls must begin with the thought
 * that led to them, signed: kept by the broker, unless it has been forgotten.
 */
static bool may_think(const struct msg_request *m)
{
    for (size_t i = m->n_turns; i-- > 0;) {
        if (m->turns[i].role != MSG_ASSISTANT && m->turns[i].role != MSG_TOOL)
            continue;
        if (m->turns[i].role == MSG_ASSISTANT)
            return i + 1 < m->n_turns;
        while (i > 0 && m->turns[i].role == MSG_TOOL)
            i--;
        return begins_with_thought(&m->turns[i]);
    }
    return true;
}

/* Tokens to think with, for models that count them: 0 where it cannot be. */
static int64_t manual_budget(const struct anthropic_writer *a)
{
    enum { LEAST = 1024 };
    static const int64_t budgets[] = {
        [MSG_EFFORT_UNSET] = 0,       [MSG_EFFORT_NONE] = 0,
        [MSG_EFFORT_MINIMAL] = LEAST, [MSG_EFFORT_LOW] = 2048,
        [MSG_EFFORT_MEDIUM] = 8192,   [MSG_EFFORT_HIGH] = 16384,
        [MSG_EFFORT_XHIGH] = 32768,   [MSG_EFFORT_MAX] = INT32_MAX,
    };
    const struct msg_request *m = a->r.m;
    int64_t budget = budgets[m->effort];
    if (m->effort > MSG_EFFORT_NONE && m->budget_tok > 0)
        budget = m->budget_tok;
    budget = MIN(budget, a->max_tok - 1);
    return budget >= LEAST && may_think(m) ? budget : 0;
}

static void write_thinking_type(struct anthropic_writer *a, const char *type,
                                int64_t budget_tok)
{
    struct jw *w = &a->r.w;
    jw_key(w, "thinking");
    jw_object(w);
    jw_kstrz(w, "type", type);
    if (budget_tok > 0)
        jw_ki64(w, "budget_tokens", budget_tok);
    bool is_on = budget_tok > 0 || strcmp(type, "adaptive") == 0;
    const char *display = claude_display(a->family->is_silent, a->r.m->thoughts);
    if (is_on && display != NULL)
        jw_kstrz(w, "display", display);
    jw_object_end(w);
}

/* The word for output_config.effort; NULL: none. */
static const char *write_thinking(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    bool on = m->effort > MSG_EFFORT_NONE;
    if (m->effort == MSG_EFFORT_UNSET)
        return NULL;
    if ((a->r.t->caps_no & CAP_REASONING) != 0 || (a->family->is_manual && on)) {
        if (a->budget_tok > 0)
            write_thinking_type(a, "enabled", a->budget_tok);
        else if (on)
            drop(&a->r, "reasoning_effort");
        return NULL;
    }
    if (on) {
        write_thinking_type(a, "adaptive", 0);
        return m->effort == MSG_EFFORT_MINIMAL ? "low" : msg_effort_name(m->effort);
    }
    switch (a->family->none) {
    case NONE_ABSENT:
        return NULL;
    case NONE_DISABLED:
        write_thinking_type(a, "disabled", 0);
        return NULL;
    case NONE_BETWEEN:
        write_thinking_type(a, "between_tools", 0);
        return NULL;
    case NONE_LOW:
        break;
    }
    return "low";
}

static void write_output_config(struct anthropic_writer *a, const char *effort)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    bool has_schema =
        m->format == MSG_FORMAT_SCHEMA && m->schema.len > 0 && takes_schema(a);
    if (effort == NULL && !has_schema)
        return;
    jw_key(w, "output_config");
    jw_object(w);
    if (effort != NULL)
        jw_kstrz(w, "effort", effort);
    if (has_schema) {
        jw_key(w, "format");
        jw_object(w);
        jw_kstrz(w, "type", "json_schema");
        jw_key(w, "schema");
        jw_raw(w, STR_NONE);
        answer_schema_write(&a->r, STRICT_SCHEMA, w->out);
        jw_object_end(w);
    }
    jw_object_end(w);
}

/* Newer models fix sampling, and so does manual thinking. */
static void write_sampling(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    bool is_open = a->family->is_sampled && a->budget_tok == 0;
    const struct {
        const char *key;
        struct str number;
        int64_t max_u;
        bool is_taken;
    } rows[] = {
        {"temperature", m->temperature, 1000000, is_open},
        /* from 4.1 on not both. Source: release notes of Claude Opus 4.1 (2025-08) */
        {"top_p", m->top_p, 1000000, is_open && m->temperature.len == 0},
        {"top_k", m->top_k, INT64_MAX, is_open},
        {"frequency_penalty", m->frequency_penalty, 0, false},
        {"presence_penalty", m->presence_penalty, 0, false},
        {"seed", m->seed, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].is_taken)
            write_clamped(&a->r.w, rows[i].key, rows[i].number, 0, rows[i].max_u);
        else if (rows[i].number.len > 0)
            drop(&a->r, rows[i].key);
    }
}

static void write_stops(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    size_t n = 0;
    for (size_t i = 0; i < m->n_stops; i++) {
        if (is_blank(m->stops[i])) { /* a 400 here */
            drop(&a->r, "stop");
            continue;
        }
        if (n++ == 0) {
            jw_key(w, "stop_sequences");
            jw_array(w);
        }
        jw_str(w, m->stops[i]);
    }
    if (n > 0)
        jw_array_end(w);
}

static void write_extras(struct anthropic_writer *a)
{
    const struct msg_request *m = a->r.m;
    struct jw *w = &a->r.w;
    if (m->user.len > 0) {
        jw_key(w, "metadata");
        jw_object(w);
        jw_kstr(w, "user_id", m->user);
        jw_object_end(w);
    }
    if (str_eqz(m->service_tier, "auto") || str_eqz(m->service_tier, "standard_only"))
        jw_kstr(w, "service_tier", m->service_tier);
    else if (str_eqz(m->service_tier, "default"))
        jw_kstrz(w, "service_tier", "standard_only");
    else if (m->service_tier.len > 0)
        drop(&a->r, "service_tier");
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
    if (a.family->is_manual && (t->caps_no & CAP_REASONING) == 0)
        a.budget_tok = manual_budget(&a);
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
    const char *effort = write_thinking(&a);
    write_output_config(&a, effort);
    write_sampling(&a);
    write_stops(&a);
    write_extras(&a);
    if (t->stream)
        jw_kbool(w, "stream", true);
    jw_object_end(w);
    drop_ignored(&a.r);
    return request_end(&a.r);
}
