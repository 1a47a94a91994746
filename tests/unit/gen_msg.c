/* gen_msg.c: see gen_msg.h. */
#include "tests/unit/gen_msg.h"

#include <stdlib.h>

/* ---- chance ---- */

void dice_init(struct dice *d, uint64_t seed)
{
    *d = (struct dice){.x = seed * 0x9e3779b97f4a7c15U};
    arena_init(&d->a, 1 << 22);
    roll(d, 1);
}

void dice_release(struct dice *d)
{
    arena_release(&d->a);
}

unsigned roll(struct dice *d, unsigned n)
{
    d->x = d->x * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(d->x >> 33) % n;
}

static bool one_in(struct dice *d, unsigned n)
{
    return roll(d, n) == 0;
}

struct str pick(struct dice *d, const char *const *words, unsigned n)
{
    return str_of(words[roll(d, n)]);
}

struct str any_text(struct dice *d)
{
    static const struct str bits[] = {{"tide", 4},
                                      {" ", 1},
                                      {"\n", 1},
                                      {"\"", 1},
                                      {"\\", 1},
                                      {"\xC3\xA9", 2},
                                      {"\xF0\x9F\x98\x80", 4},
                                      {"\x01", 1},
                                      {"\0", 1},
                                      {"</s>", 4},
                                      {"{\"a\":1}", 7},
                                      {"data: x\n\n", 9},
                                      {"[DONE]", 6},
                                      {"\x7F", 1},
                                      {"\xEF\xBF\xBD", 3},
                                      {"\xE2\x80\xA8", 3}};
    struct buf b = BUF_INIT(4096);
    buf_addc(&b, (char)('a' + roll(d, 26))); /* never blank */
    for (unsigned i = 0, n = roll(d, 8); i < n; i++)
        buf_adds(&b, bits[roll(d, ARRAY_LEN(bits))]);
    struct str s = arena_str(&d->a, buf_str(&b));
    buf_release(&b);
    return s;
}

struct str any_name(struct dice *d, const char *prefix)
{
    return str_of(arena_printf(&d->a, "%s%u", prefix, roll(d, 1000000)));
}

struct str any_tool_name(struct dice *d)
{
    static const char chars[] = "az09AZ__--";
    unsigned n = 1 + (one_in(d, 8) ? 63 : roll(d, 12));
    char name[64];
    for (unsigned i = 0; i < n; i++)
        name[i] = chars[roll(d, sizeof chars - 1)];
    return arena_str(&d->a, (struct str){name, n});
}

static const char *const objects[] = {"{}", "{\"port\":\"Brest\"}",
                                      "{\"n\": 1.50, \"x\":[{\"\\u00e9\":null}]}",
                                      "{ \"big\":12345678901234567890,\"e\":1E-7 }"};
static const char *const schemas[] = {
    "{\"type\":\"object\",\"properties\":{\"port\":{\"type\":\"string\"}},\"required\":["
    "\"port\"],\"additionalProperties\":false}",
    "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"};

struct str any_args(struct dice *d)
{
    return pick(d, objects, ARRAY_LEN(objects));
}

/* One of the bits that are set. */
static unsigned any_bit(struct dice *d, unsigned bits)
{
    for (;;) {
        unsigned bit = roll(d, 16);
        if ((bits >> bit & 1) != 0)
            return bit;
    }
}

/* ---- parts ---- */

static struct msg_part *new_parts(struct dice *d, size_t n)
{
    struct msg_part *p = ARENA_ARRAY(&d->a, n, struct msg_part);
    if (p == NULL)
        abort();
    return p;
}

static struct msg_part text_part(struct dice *d)
{
    return (struct msg_part){.kind = MSG_TEXT, .text = any_text(d)};
}

static void mark_cache(struct dice *d, unsigned traits, struct str *ttl)
{
    if ((traits & CACHE_MARKS) != 0 && one_in(d, 8))
        *ttl = one_in(d, 2) ? STR("1h") : STR("5m");
}

static struct msg_part image_part(struct dice *d, unsigned traits)
{
    struct msg_part p = {.kind = MSG_IMAGE};
    if ((traits & IMAGE_URL) != 0 && one_in(d, 2)) {
        p.url = STR("https://example.org/a.png");
    } else {
        p.mime = STR("image/png");
        p.data = STR("iVBORw0KGgoAAAA=");
    }
    if ((traits & IMAGE_DETAIL) != 0 && one_in(d, 2))
        p.detail = STR("low");
    return p;
}

static struct msg_part media_part(struct dice *d, unsigned traits)
{
    if ((traits & FILES) != 0 && one_in(d, 4))
        return (struct msg_part){
            .kind = MSG_FILE,
            .mime = STR("application/pdf"),
            .data = STR("JVBERi0xLjc="),
            .filename = (traits & FILE_NAMES) != 0 ? any_name(d, "file") : STR_NONE};
    if ((traits & AUDIO) != 0 && one_in(d, 4))
        return (struct msg_part){
            .kind = MSG_AUDIO, .mime = STR("audio/wav"), .data = STR("UklGRg==")};
    return image_part(d, traits);
}

static void any_user(struct dice *d, unsigned traits, struct msg_turn *t)
{
    *t = (struct msg_turn){.role = MSG_USER, .n_parts = 1 + roll(d, 3)};
    if ((traits & PARTICIPANTS) != 0 && one_in(d, 4))
        t->name = any_name(d, "Ann");
    t->parts = new_parts(d, t->n_parts);
    for (size_t i = 0; i < t->n_parts; i++) {
        t->parts[i] = one_in(d, 3) ? media_part(d, traits) : text_part(d);
        mark_cache(d, traits, &t->parts[i].cache_ttl);
    }
}

static void any_system(struct dice *d, unsigned traits, struct msg_turn *t)
{
    *t = (struct msg_turn){.role = MSG_SYSTEM, .n_parts = 1};
    if ((traits & SYSTEM_PARTS) != 0)
        t->n_parts += roll(d, 3);
    t->parts = new_parts(d, t->n_parts);
    for (size_t i = 0; i < t->n_parts; i++) {
        t->parts[i] = text_part(d);
        mark_cache(d, traits, &t->parts[i].cache_ttl);
    }
}

/* ---- what an assistant says ---- */

static struct msg_part thought_part(struct dice *d, unsigned traits)
{
    struct msg_part p = {.kind = MSG_THINKING, .text = any_text(d)};
    if ((traits & (SIGNED | STATE)) != 0)
        p.signature = any_name(d, "sig");
    if ((traits & STATE) != 0)
        p.id = any_name(d, "rs_");
    return p;
}

/* What an assistant says. */
static struct msg_part said_part(struct dice *d, unsigned traits)
{
    struct msg_part p = text_part(d);
    if ((traits & SIGNED_CALLS) != 0 && one_in(d, 3))
        p.signature = any_name(d, "sig");
    return p;
}

static struct msg_part redacted_part(struct dice *d)
{
    return (struct msg_part){.kind = MSG_REDACTED, .data = any_name(d, "opaque")};
}

static struct msg_part call_part(struct dice *d, unsigned traits, bool is_first)
{
    static const char *const broken[] = {"{\"po", "[1]", "oops \xC3\xA9", "{\"a\":1}}"};
    struct msg_part p = {.kind = MSG_TOOL_CALL,
                         .id = any_name(d, "call_"),
                         .name = any_name(d, "fn"),
                         .args = any_args(d)};
    if ((traits & ANY_IDS) != 0 && one_in(d, 4)) /* no two are the same */
        p.id = str_of(arena_printf(&d->a, "%.*s:/+\xC3\xA9\"", STR_ARG(p.id)));
    if ((traits & ANY_NAMES) != 0 && one_in(d, 2))
        p.name = any_tool_name(d);
    if ((traits & ANY_ARGS) != 0 && one_in(d, 4))
        p.args = pick(d, broken, ARRAY_LEN(broken));
    if ((traits & SIGNED_CALLS) != 0 && is_first)
        p.signature = any_name(d, "sig");
    return p;
}

static size_t count_calls(const struct msg_turn *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_parts; i++)
        n += t->parts[i].kind == MSG_TOOL_CALL;
    return n;
}

static void add_call(struct dice *d, unsigned traits, struct msg_turn *t)
{
    t->parts[t->n_parts] = call_part(d, traits, count_calls(t) == 0);
    t->n_parts++;
}

/* Thoughts, a text, calls: one of the latter two at least. */
static void any_in_order(struct dice *d, unsigned traits, struct msg_turn *t)
{
    if ((traits & THOUGHTS) != 0 && one_in(d, 2))
        t->parts[t->n_parts++] = thought_part(d, traits);
    if ((traits & REDACTED) != 0 && one_in(d, 4))
        t->parts[t->n_parts++] = redacted_part(d);
    size_t n_calls = roll(d, 2) * roll(d, 4);
    if (n_calls == 0 || one_in(d, 2))
        t->parts[t->n_parts++] = said_part(d, traits);
    for (size_t i = 0; i < n_calls; i++)
        add_call(d, traits, t);
}

/* In any order, but texts are no neighbours: where one ends is not told. So are plain thoughts. */
static void any_mix(struct dice *d, unsigned traits, struct msg_turn *t)
{
    bool is_plain = (traits & (SIGNED | STATE)) == 0;
    for (unsigned n = 1 + roll(d, 5); t->n_parts < n;) {
        const struct msg_part *last = t->n_parts > 0 ? &t->parts[t->n_parts - 1] : NULL;
        unsigned what = roll(d, 8);
        if (what < 3 && (last == NULL || last->kind != MSG_TEXT))
            t->parts[t->n_parts++] = said_part(d, traits);
        else if (what < 5 && (traits & THOUGHTS) != 0 &&
                 (last == NULL || last->kind != MSG_THINKING || !is_plain))
            t->parts[t->n_parts++] = thought_part(d, traits);
        else if (what == 5 && (traits & REDACTED) != 0)
            t->parts[t->n_parts++] = redacted_part(d);
        else if (what > 5)
            add_call(d, traits, t);
    }
    const struct msg_part *last = &t->parts[t->n_parts - 1];
    if (last->kind != MSG_TEXT && last->kind != MSG_TOOL_CALL)
        t->parts[t->n_parts++] = said_part(d, traits);
}

static void any_assistant(struct dice *d, unsigned traits, struct msg_turn *t)
{
    *t = (struct msg_turn){.role = MSG_ASSISTANT, .parts = new_parts(d, 8)};
    if ((traits & MIXED) != 0)
        any_mix(d, traits, t);
    else
        any_in_order(d, traits, t);
}

static struct msg_part result_part(struct dice *d, unsigned traits, struct str id)
{
    struct msg_part p = {.kind = MSG_TOOL_RESULT, .id = id, .text = any_text(d)};
    if ((traits & RESULT_ERROR) != 0)
        p.is_error = one_in(d, 3);
    if ((traits & RESULT_MEDIA) != 0 && one_in(d, 2)) {
        p.parts = new_parts(d, 1);
        p.parts[0] = media_part(d, traits & ~(unsigned)AUDIO);
        p.n_parts = 1;
    }
    return p;
}

static void any_results(struct dice *d, unsigned traits, struct msg_request *m)
{
    const struct msg_turn *made = &m->turns[m->n_turns - 1];
    struct msg_turn *t = NULL;
    for (size_t i = 0; i < made->n_parts; i++) {
        if (made->parts[i].kind != MSG_TOOL_CALL)
            continue;
        if (t == NULL || (traits & ONE_RESULT_TURN) == 0) {
            t = &m->turns[m->n_turns++];
            *t = (struct msg_turn){.role = MSG_TOOL, .parts = new_parts(d, 8)};
        }
        t->parts[t->n_parts++] = result_part(d, traits, made->parts[i].id);
    }
}

/* ---- a request ---- */

static int any_of_three(struct dice *d, unsigned bits)
{
    return (int)any_bit(d, bits) - 1;
}

/* That one must be called is a choice of its own. */
static void some_tools(struct dice *d, struct msg_request *m)
{
    m->choice = m->n_tools > 1 && one_in(d, 2) ? MSG_CHOICE_ANY : MSG_CHOICE_AUTO;
    m->all_tools = m->tools;
    m->n_all_tools = m->n_tools;
    if (m->choice == MSG_CHOICE_AUTO) {
        m->tools += roll(d, (unsigned)m->n_tools);
        m->n_tools = 1;
    }
}

static void any_tools(struct dice *d, const struct asks *can, struct msg_request *m)
{
    m->n_tools = roll(d, 3);
    m->tools = ARENA_ARRAY(&d->a, 3, struct msg_tool);
    for (size_t i = 0; i < m->n_tools; i++) {
        m->tools[i] = (struct msg_tool){.name = any_name(d, "fn"),
                                        .description = any_text(d),
                                        .schema = pick(d, schemas, ARRAY_LEN(schemas)),
                                        .strict = any_of_three(d, can->strict)};
        mark_cache(d, can->traits, &m->tools[i].cache_ttl);
    }
    if (m->n_tools == 0)
        return;
    unsigned choice = any_bit(d, can->choices);
    if (choice == MSG_CHOICE_SOME)
        some_tools(d, m);
    else
        m->choice = (enum msg_choice)choice;
    if (m->choice == MSG_CHOICE_ONE)
        m->choice_name = m->tools[0].name;
    m->parallel_tools = any_of_three(d, can->parallel);
}

static void any_format(struct dice *d, unsigned traits, struct msg_request *m)
{
    if ((traits & JSON_MODE) != 0 && one_in(d, 3))
        m->format = MSG_FORMAT_JSON;
    if ((traits & SCHEMA) == 0 || !one_in(d, 3))
        return;
    m->format = MSG_FORMAT_SCHEMA;
    m->schema = pick(d, schemas, ARRAY_LEN(schemas));
    if ((traits & SCHEMA_NAME) != 0)
        m->schema_name = any_name(d, "schema");
    if ((traits & SCHEMA_STRICT) != 0)
        m->schema_strict = (int)roll(d, 2);
}

static void any_number(struct dice *d, bool is_said, struct str *ret)
{
    static const char *const numbers[] = {"", "0", "0.70", "1e-1"};
    if (is_said)
        *ret = pick(d, numbers, ARRAY_LEN(numbers));
}

static void any_sampling(struct dice *d, unsigned traits, struct msg_request *m)
{
    any_number(d, (traits & SAMPLING) != 0, &m->temperature);
    any_number(d, (traits & PENALTIES) != 0, &m->frequency_penalty);
    any_number(d, (traits & PENALTIES) != 0, &m->presence_penalty);
    if ((traits & SAMPLING) != 0 && one_in(d, 2))
        m->top_p = one_in(d, 2) ? STR("0.95") : STR("5e-1");
    if ((traits & TOP_K) != 0 && one_in(d, 2))
        m->top_k = str_of(arena_printf(&d->a, "%u", 1 + roll(d, 500)));
    if ((traits & SEED) != 0 && one_in(d, 2))
        m->seed = any_name(d, "7");
    if ((traits & USER) != 0)
        m->user = any_name(d, "user");
    if ((traits & CHOICES) != 0)
        m->n = 1 + roll(d, 3);
}

static void any_settings(struct dice *d, const struct asks *can, struct msg_request *m)
{
    any_tools(d, can, m);
    any_format(d, can->traits, m);
    any_sampling(d, can->traits, m);
    m->effort = (enum msg_effort)any_bit(d, can->efforts);
    m->max_output_tok = 2000 + roll(d, 4000);
    m->n_stops = roll(d, can->stops + 1);
    m->stops = ARENA_ARRAY(&d->a, m->n_stops + 1, struct str);
    for (size_t i = 0; i < m->n_stops; i++)
        m->stops[i] = any_text(d);
}

static void no_request(struct dice *d, struct msg_request *m)
{
    *m = (struct msg_request){
        .parallel_tools = -1, .schema_strict = -1, .budget_tok = -1, .n = 1};
    m->turns = ARENA_ARRAY(&d->a, 64, struct msg_turn);
}

void any_request(struct dice *d, const struct asks *can, struct msg_request *ret)
{
    struct msg_request *m = ret;
    no_request(d, m);
    if (one_in(d, 2))
        any_system(d, can->traits, &m->turns[m->n_turns++]);
    for (unsigned i = 0, n = roll(d, 4); i < n; i++) {
        if (i > 0 && (can->traits & LATE_SYSTEM) != 0 && one_in(d, 4))
            any_system(d, can->traits, &m->turns[m->n_turns++]);
        any_user(d, can->traits, &m->turns[m->n_turns++]);
        any_assistant(d, can->traits, &m->turns[m->n_turns++]);
        any_results(d, can->traits, m);
    }
    if (m->n_turns < 2 || m->turns[m->n_turns - 1].role == MSG_ASSISTANT || one_in(d, 2))
        any_user(d, can->traits, &m->turns[m->n_turns++]);
    any_settings(d, can, m);
}

void any_exchange(struct dice *d, const struct asks *can, struct msg_request *ret)
{
    no_request(d, ret);
    any_user(d, can->traits, &ret->turns[ret->n_turns++]);
    any_assistant(d, can->traits, &ret->turns[ret->n_turns++]);
    any_settings(d, can, ret);
}

/* ---- an answer ---- */

/* What it says is a refusal. */
static void refuse(struct msg_reply *r)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == MSG_TEXT)
            r->parts[i].kind = MSG_REFUSAL;
}

static void tell_logprobs(struct dice *d, struct msg_reply *r)
{
    static const char *const one[] = {
        "{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[]}",
        "{\"token\":\"\\u00e9\",\"logprob\":-1e-3,\"bytes\":null,\"top_logprobs\":["
        "{\"token\":\"b\",\"logprob\":-9999.0,\"bytes\":[98]},"
        "{\"token\":\"c\",\"logprob\":-2,\"bytes\":null}]}"};
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].kind == MSG_TEXT)
            r->parts[i].logprobs =
                str_of(arena_printf(&d->a, "%s,%s", one[roll(d, 2)], one[roll(d, 2)]));
}

void any_reply(struct dice *d, const struct tells *can, struct msg_reply *ret)
{
    struct msg_reply *r = ret;
    struct msg_turn t;
    *r = (struct msg_reply){0};
    if ((can->told & TOLD_ID) != 0)
        r->id = any_name(d, can->id_prefix);
    if ((can->told & TOLD_MODEL) != 0)
        r->model = any_name(d, "model");
    any_assistant(d, can->traits, &t);
    r->parts = t.parts;
    r->n_parts = t.n_parts;
    if ((can->told & TOLD_REFUSAL) != 0 && one_in(d, 4))
        refuse(r);
    if ((can->told & TOLD_LOGPROBS) != 0 && one_in(d, 2))
        tell_logprobs(d, r);
    r->finish = count_calls(&t) > 0 ? MSG_FINISH_TOOL
                                    : (enum msg_finish)any_bit(d, can->finishes);
    if (r->finish == MSG_FINISH_STOP_SEQUENCE && (can->told & TOLD_STOP) != 0)
        r->stop_sequence = any_text(d);
    usage_init(&r->usage);
    usage_set(&r->usage, USAGE_INPUT, 10 + roll(d, 100));
    usage_set(&r->usage, USAGE_OUTPUT, 10 + roll(d, 100));
    if ((can->told & TOLD_CACHED) != 0)
        usage_set(&r->usage, USAGE_CACHE_READ, roll(d, 100));
    if ((can->told & TOLD_REASONING) != 0)
        usage_set(&r->usage, USAGE_REASONING, roll(d, 10));
}

/* ---- as text ---- */

static void show_str(struct buf *out, const char *name, struct str s)
{
    if (s.len == 0)
        return;
    buf_printf(out, " %s=%zu:", name, s.len);
    for (size_t i = 0; i < s.len; i++) /* a NUL must not end the comparison */
        buf_addc(out, s.ptr[i] != '\0' ? s.ptr[i] : '@');
}

void show_parts(struct buf *out, const struct msg_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct msg_part *p = &parts[i];
        buf_printf(out, "\n  part %d", (int)p->kind);
        show_str(out, "text", p->text);
        show_str(out, "mime", p->mime);
        show_str(out, "data", p->data);
        show_str(out, "url", p->url);
        show_str(out, "detail", p->detail);
        show_str(out, "filename", p->filename);
        show_str(out, "signature", p->signature);
        show_str(out, "id", p->id);
        show_str(out, "name", p->name);
        show_str(out, "args", p->args);
        show_str(out, "cache", p->cache_ttl);
        show_str(out, "logprobs", p->logprobs);
        buf_printf(out, "%s", p->is_error ? " error" : "");
        show_parts(out, p->parts, p->n_parts);
    }
}

static void show_turns(struct buf *out, const struct msg_request *m)
{
    for (size_t i = 0; i < m->n_turns; i++) {
        buf_printf(out, "turn %d", (int)m->turns[i].role);
        show_str(out, "name", m->turns[i].name);
        show_parts(out, m->turns[i].parts, m->turns[i].n_parts);
        buf_addc(out, '\n');
    }
}

static void show_tools(struct buf *out, const struct msg_tool *tools, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "tool strict=%d", tools[i].strict);
        show_str(out, "name", tools[i].name);
        show_str(out, "description", tools[i].description);
        show_str(out, "schema", tools[i].schema);
        show_str(out, "cache", tools[i].cache_ttl);
        buf_addc(out, '\n');
    }
}

void show_request(struct buf *out, const struct msg_request *m)
{
    show_turns(out, m);
    show_tools(out, m->tools, m->n_tools);
    buf_addz(out, m->n_all_tools > 0 ? "of\n" : "");
    show_tools(out, m->all_tools, m->n_all_tools);
    buf_printf(
        out,
        "choice=%d parallel=%d format=%d strict=%d effort=%d budget=%lld cap=%lld n=%lld",
        (int)m->choice, m->parallel_tools, (int)m->format, m->schema_strict,
        (int)m->effort, (long long)m->budget_tok, (long long)m->max_output_tok,
        (long long)m->n);
    show_str(out, "choice_name", m->choice_name);
    show_str(out, "schema_name", m->schema_name);
    show_str(out, "schema", m->schema);
    show_str(out, "temperature", m->temperature);
    show_str(out, "top_p", m->top_p);
    show_str(out, "top_k", m->top_k);
    show_str(out, "frequency", m->frequency_penalty);
    show_str(out, "presence", m->presence_penalty);
    show_str(out, "seed", m->seed);
    for (size_t i = 0; i < m->n_stops; i++)
        show_str(out, "stop", m->stops[i]);
    show_str(out, "user", m->user);
}

void show_reply(struct buf *out, const struct msg_reply *r)
{
    show_str(out, "id", r->id);
    show_str(out, "model", r->model);
    show_parts(out, r->parts, r->n_parts);
    buf_printf(out, "\nfinish=%s", msg_finish_name(r->finish));
    for (enum usage_class c = 0; c < USAGE_N_; c++)
        if (r->usage.n[c] != 0)
            buf_printf(out, " %s=%lld", usage_class_name(c), (long long)r->usage.n[c]);
    show_str(out, "stop", r->stop_sequence);
}
