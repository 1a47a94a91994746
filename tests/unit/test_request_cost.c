/*
 * test_request_cost.c: what each worked example of a chat costs when a provider answers with its
 * usage: through dialects, scan and settlement to what the ledger is told, streamed and whole.
 *
 * tests/data/price_examples.jsonl has the totals; embeddings have tests/e2e/37-embeddings.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/jscan.h"
#include "core/num.h"

#include "tests/unit/request_world.h"

#include <cmocka.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

static void read_file(const char *name, struct buf *out)
{
    char path[4096];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/%s", top != NULL ? top : "..", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *at = buf_room(out, TEXT_MAX);
    assert_non_null(at);
    buf_grown(out, fread(at, 1, TEXT_MAX, f));
    fclose(f);
}

/* Of a buffer that holds no zero byte. */
static const char *text_of(struct buf *b)
{
    buf_addc(b, '\0');
    assert_int_equal(buf_err(b), ERR_OK);
    return b->data;
}

/* ---- the world, with all providers at today's prices ---- */

/* Where they reckon is a fact of the account, which no answer tells. */
static const struct {
    const char *service, *provider, *kind;
} accounts[] = {
    {"regional_processing", "openai-eu", "openai"},
    {"data_zone", "azure-zone", "azure"},
};

/* Whose names are others here than in the examples; what has no address of its own. */
static const struct {
    const char *example, *provider, *more;
} providers[] = {
    {"openai", "openai", ""},
    {"anthropic", "anthropic", ""},
    {"google", "gemini", ""},
    {"deepseek", "deepseek", ""},
    {"xai", "xai", ""},
    {"alibaba", "alibaba", ""},
    {"mistral", "mistral", ""},
    {"groq", "groq", ""},
    {"cohere", "cohere", ""},
    {"minimax", "minimax", ""},
    {"amazon-bedrock", "bedrock", " region = us-east-1\n"},
    {"azure", "azure", ""},
    {"openrouter", "openrouter", ""},
    {"cerebras", "cerebras", ""},
    {"local", "ollama", ""},
};

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

/* When the examples happened, nothing had been retired. */
static void bring_back(struct buf *tsv)
{
    static const char retired[] = "\tretired\t";
    text_of(tsv);
    for (char *at; (at = strstr(tsv->data, retired)) != NULL;)
        buf_splice(tsv, (size_t)(at - tsv->data), sizeof retired - 1, STR("\tactive\t"));
    buf_truncate(tsv, tsv->len - 1);
}

static int set_up_priced(void **state)
{
    set_up(state);
    freed_watch(NULL); /* the examples of DeepSeek look like keys */
    struct world *w = *state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf tsv = BUF_INIT(TEXT_MAX + 1);
    AUTO(buf_release) struct buf config = BUF_INIT(TEXT_MAX);
    read_file("core/catalog.tsv", &tsv);
    bring_back(&tsv);
    for (size_t i = 0; i < ARRAY_LEN(providers); i++)
        buf_printf(&config, "[provider \"%s\"]\n base-url = http://p\n key-env = K\n%s",
                   providers[i].provider, providers[i].more);
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        buf_printf(&config,
                   "[provider \"%s\"]\n kind = %s\n base-url = http://p\n key-env = K\n"
                   " price-service = %s\n",
                   accounts[i].provider, accounts[i].kind, accounts[i].service);
    buf_addz(&config,
             "[provider \"openai-responses\"]\n base-url = http://p\n key-env = K\n");
    limiter_free(&w->b.limiter);
    conf_free(&w->b.conf);
    catalog_free(&w->b.catalog);
    if (catalog_parse(buf_str(&tsv), "catalog.tsv", &w->b.catalog, &e) != ERR_OK)
        fail_msg("%s", e.text);
    struct conf_source src = {.file = "test.conf",
                              .edited = "test.conf",
                              .edited_text = buf_str(&config),
                              .getenv = no_env};
    if (conf_load(&src, w->b.catalog, &w->b.conf, NULL, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_int_equal(limiter_new(w->b.conf, &w->b.limiter, &e), ERR_OK);
    return 0;
}

/* ---- the answers: @U is the usage, @M the model, @S the service ---- */

struct wire {
    const char *name, *whole, *stream; /* stream NULL: it has no text */
    const char *provider;              /* NULL: by the table above */
    const struct dialect_ops *client;
};

#define OC_WHOLE                                                                         \
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"@M\",\"service_tier\":@"  \
    "S,"                                                                                 \
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"}," \
    "\"finish_reason\":\"stop\"}],\"usage\":@U}"
#define OC_CHUNK(rest)                                                                   \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"@M\","        \
    "\"service_tier\":@S," rest "}\n\n"
#define OC_STREAM                                                                        \
    OC_CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},"                 \
             "\"finish_reason\":null}]")                                                 \
    OC_CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]")      \
    OC_CHUNK("\"choices\":[],\"usage\":@U")                                              \
    DONE
#define RS(status, rest)                                                                 \
    "{\"id\":\"r1\",\"object\":\"response\",\"created_at\":1,\"status\":\"" status       \
    "\",\"error\":null,\"incomplete_details\":null,\"model\":\"@M\"," rest "}"
#define RS_ITEM                                                                          \
    "{\"id\":\"m1\",\"type\":\"message\",\"status\":\"completed\",\"role\":"             \
    "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi\","              \
    "\"annotations\":[]}]}"
#define RS_WHOLE RS("completed", "\"output\":[" RS_ITEM "],\"usage\":@U")
#define RS_STREAM                                                                        \
    AN("response.created", ",\"sequence_number\":0,\"response\":" RS(                    \
                               "in_progress", "\"output\":[],\"usage\":null"))           \
    AN("response.output_item.added",                                                     \
       ",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"m1\",\"type\":"     \
       "\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}")  \
    AN("response.content_part.added",                                                    \
       ",\"sequence_number\":2,\"item_id\":\"m1\",\"output_index\":0,\"content_index\":" \
       "0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}")         \
    AN("response.output_text.delta",                                                     \
       ",\"sequence_number\":3,\"item_id\":\"m1\",\"output_index\":0,\"content_index\":" \
       "0,\"delta\":\"Hi\"")                                                             \
    AN("response.output_item.done",                                                      \
       ",\"sequence_number\":4,\"output_index\":0,\"item\":" RS_ITEM)                    \
    AN("response.completed", ",\"sequence_number\":5,\"response\":" RS_WHOLE)
#define GE_WHOLE                                                                         \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hi\"}]},"  \
    "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":@U,\"modelVersion\":"     \
    "\"@M\"}"
#define AN_TEXT "{\"type\":\"text\",\"text\":\"Hi\"}"
#define AN_WHOLE                                                                         \
    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"@M\","       \
    "\"content\":[" AN_TEXT "],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"     \
    "\"usage\":@U}"
#define AN_STREAM                                                                        \
    AN("message_start",                                                                  \
       ",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\","        \
       "\"model\":\"@M\",\"content\":[],\"stop_reason\":null,\"usage\":@U}")             \
    AN_HELLO AN("content_block_stop", ",\"index\":0") AN(                                \
        "message_delta",                                                                 \
        ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":@U") \
        AN("message_stop", "")
#define CO_WHOLE                                                                         \
    "{\"id\":\"c1\",\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\"," \
    "\"content\":[" AN_TEXT "]},\"usage\":@U}"
#define CO_STREAM                                                                        \
    AN("message-start",                                                                  \
       ",\"id\":\"c1\",\"delta\":{\"message\":{\"role\":\"assistant\"}}")                \
    AN("content-start", ",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":"    \
                        "\"text\",\"text\":\"\"}}}")                                     \
    AN("content-delta",                                                                  \
       ",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}}")           \
    AN("content-end", ",\"index\":0")                                                    \
    AN("message-end", ",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":@U}")
#define BR_WHOLE                                                                         \
    "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"Hi\"}]}}" \
    ","                                                                                  \
    "\"stopReason\":\"end_turn\",\"usage\":@U,\"metrics\":{\"latencyMs\":6}}"

static const struct wire wires[] = {
    {"openai_chat", OC_WHOLE, OC_STREAM, NULL, &dialect_openai},
    {"deepseek_chat", OC_WHOLE, OC_STREAM, NULL, &dialect_openai},
    {"qwen_chat", OC_WHOLE, OC_STREAM, NULL, &dialect_openai},
    {"xai_chat", OC_WHOLE, OC_STREAM, NULL, &dialect_openai},
    {"openai_responses", RS_WHOLE, RS_STREAM, "openai-responses", &dialect_responses},
    {"anthropic", AN_WHOLE, AN_STREAM, NULL, &dialect_anthropic},
    {"anthropic", AN_WHOLE, AN_STREAM, NULL, &dialect_openai},
    {"gemini", GE_WHOLE, "data: " GE_WHOLE "\n\n", NULL, &dialect_openai},
    {"cohere", CO_WHOLE, CO_STREAM, NULL, &dialect_openai},
    /* its frames, and the usage in them: tests/unit/test_dialect_bedrock.c */
    {"bedrock_converse", BR_WHOLE, NULL, NULL, &dialect_openai},
};

/* ---- one example ---- */

struct example {
    struct str json;
    struct jspan root;
};

static struct str field(const struct example *x, const char *name)
{
    struct jspan v = jscan_get(x->json, x->root, name);
    return v.kind == J_STRING ? jscan_inside(x->json, v) : jscan_text(x->json, v);
}

static struct str inside(const struct example *x, const char *object, const char *name)
{
    struct jspan v = jscan_get(x->json, jscan_get(x->json, x->root, object), name);
    return v.kind == J_STRING ? jscan_inside(x->json, v) : jscan_text(x->json, v);
}

static struct str first_service(const struct example *x)
{
    struct jspan list = jscan_get(x->json, x->root, "service"), one;
    size_t it = 0;
    if (list.kind == J_ARRAY && jscan_next(x->json, list, &it, &one))
        return jscan_inside(x->json, one);
    return STR_NONE;
}

/* The provider whose account it is that has the service; NULL: an answer tells it. */
static const char *account_of(const struct example *x)
{
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        if (str_eqz(first_service(x), accounts[i].service))
            return accounts[i].provider;
    return NULL;
}

/* The first of its services that an answer of this wire can tell; "": none. */
static struct str service(const struct example *x)
{
    return account_of(x) != NULL ? STR_NONE : first_service(x);
}

/*
 * What no client can ask for: searches of Google's; Perplexity's older API, which is not asked any
 * more; and ranks, which are no chat.
 */
static bool is_out_of_reach(const struct example *x)
{
    static const char *const ids[] = {"gem-09", "ppl-01", "coh-03"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (str_eqz(field(x, "id"), ids[i]))
            return true;
    return false;
}

static void write_usage(const struct example *x, struct buf *out)
{
    struct str usage = field(x, "usage"), tier = service(x);
    bool is_inside = str_eqz(field(x, "wire"), "gemini") && tier.len > 0;
    if (is_inside)
        buf_printf(out, "%.*s,\"serviceTier\":\"%.*s\"}",
                   STR_ARG(str_sub(usage, 0, usage.len - 1)), STR_ARG(tier));
    else
        buf_adds(out, usage);
}

static void fill(const struct example *x, const char *template, struct buf *out)
{
    struct str served = field(x, "model_served"), tier = service(x);
    for (const char *p = template; *p != '\0'; p++) {
        if (p[0] != '@') {
            buf_addc(out, *p);
            continue;
        }
        switch (*++p) {
        case 'U':
            write_usage(x, out);
            break;
        case 'M':
            buf_adds(out, served.len > 0 ? served : field(x, "model_requested"));
            break;
        case 'S':
            buf_printf(out, "\"%.*s\"", STR_ARG(tier.len > 0 ? tier : STR("default")));
            break;
        }
    }
}

static const char *provider_of(const struct example *x, const struct wire *wire)
{
    if (account_of(x) != NULL)
        return account_of(x);
    for (size_t i = 0; i < ARRAY_LEN(providers); i++)
        if (str_eqz(field(x, "provider"), providers[i].example))
            return wire->provider != NULL ? wire->provider : providers[i].provider;
    fail_msg("no provider %.*s", STR_ARG(field(x, "provider")));
    return NULL;
}

static void write_question(const struct example *x, const struct wire *wire,
                           bool is_streamed, struct buf *out)
{
    struct str ttl = inside(x, "context", "cache_ttl");
    buf_printf(out, "{\"model\":\"%s/%.*s\",\"stream\":%s", provider_of(x, wire),
               STR_ARG(field(x, "model_requested")), is_streamed ? "true" : "false");
    if (ttl.len > 0)
        buf_printf(out, ",\"prompt_cache_options\":{\"ttl\":\"%.*s\"}", STR_ARG(ttl));
    if (wire->client == &dialect_anthropic)
        buf_addz(out, ",\"max_tokens\":9");
    buf_addz(out, wire->client == &dialect_responses
                      ? ",\"input\":\"hi\"}"
                      : ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

static void check_cost(struct world *w, const struct example *x, const struct wire *wire,
                       bool is_streamed)
{
    AUTO(buf_release) struct buf question = BUF_INIT(4096), said = BUF_INIT(16384);
    struct err e = ERR_INIT;
    int64_t want = PICO_UNKNOWN;
    write_question(x, wire, is_streamed, &question);
    assert_int_equal(clock_parse_rfc3339(field(x, "at"), &w->wall_us, &e), ERR_OK);
    turn(w); /* the loop looks at its clock */
    w->told = (struct told){0};
    ask_in(w, wire->client, "", text_of(&question));
    if (w->n_calls != 1)
        fail_msg("%.*s: not asked: %s", STR_ARG(field(x, "id")), text_of(&w->got));
    struct upstream_xfer *c = call(w, 0);
    bool is_stream = has(&c->body, "\"stream\":true") || strstr(c->url, "tream") != NULL;
    fill(x, is_stream ? wire->stream : wire->whole, &said);
    send_head(c, 200, is_stream ? "text/event-stream" : "application/json", NULL, 0);
    say(c, text_of(&said));
    if (!c->is_detached) /* its end mark was the end */
        end(c);
    turn(w);
    assert_int_equal(w->n_ends, 1);
    struct jspan total = jscan_get(x->json, x->root, "total_pusd");
    if (total.kind != J_NULL)
        assert_true(jscan_i64(x->json, total, 0, INT64_MAX, &want));
    if (w->told.outcome != ERR_OK || w->told.cost_pico != want)
        fail_msg("%.*s, %s, %s client: cost %lld, not %lld; %s", STR_ARG(field(x, "id")),
                 is_stream ? "streamed" : "whole", wire->client->name,
                 (long long)w->told.cost_pico, (long long)want, text_of(&w->got));
    assert_int_equal(w->told.cost_source,
                     want != PICO_UNKNOWN ? COST_COMPUTED : COST_UNKNOWN);
    forget_calls(w);
}

static void every_chat_costs_what_its_example_says(void **state)
{
    struct world *w = *state;
    AUTO(buf_release) struct buf examples = BUF_INIT(TEXT_MAX + 1);
    read_file("tests/data/price_examples.jsonl", &examples);
    struct str rest = buf_str(&examples), line;
    size_t n = 0;
    while (str_split(&rest, '\n', &line) && line.len > 0) {
        struct example x = {line, jscan_root(line)};
        bool is_chat = false;
        for (size_t i = 0; i < ARRAY_LEN(wires) && !is_out_of_reach(&x); i++) {
            if (!str_eqz(field(&x, "wire"), wires[i].name))
                continue;
            is_chat = true;
            check_cost(w, &x, &wires[i], false);
            if (wires[i].stream != NULL)
                check_cost(w, &x, &wires[i], true);
        }
        n += is_chat;
    }
    assert_int_equal(n, 69);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_chat_costs_what_its_example_says,
                                        set_up_priced, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
