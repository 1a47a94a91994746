/* test_conf.c: from files to struct conf: values, layers, names, and the text of every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/envkey.h"

#include <cmocka.h>

/* ---- a catalog of a few models ---- */

static const struct catalog_model models[] = {
    {.provider = "anthropic", .model = "claude-haiku-4-5"},
    {.provider = "anthropic", .model = "claude-sonnet-5"},
    {.provider = "groq", .model = "gpt-oss"},
    {.provider = "openai", .model = "gpt-5.6-luna"},
    {.provider = "openai", .model = "gpt-oss"},
};

const struct catalog_model *catalog_models(const struct catalog *c, size_t *ret_n)
{
    (void)c;
    *ret_n = ARRAY_LEN(models);
    return models;
}

const struct catalog_model *catalog_find(const struct catalog *c, struct str provider,
                                         struct str model)
{
    (void)c;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (str_eqz(provider, models[i].provider) && str_eqz(model, models[i].model))
            return &models[i];
    return NULL;
}

size_t catalog_by_id(const struct catalog *c, struct str model,
                     const struct catalog_model **ret, size_t max)
{
    (void)c;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (str_eqz(model, models[i].model) && n < max)
            ret[n++] = &models[i];
    return n;
}

const char *catalog_default_model(const struct catalog *c, struct str provider)
{
    (void)c;
    return str_eqz(provider, "anthropic") ? "claude-haiku-4-5"
           : str_eqz(provider, "openai")  ? "gpt-5.6-luna"
                                          : NULL;
}

bool catalog_can_chat(const struct catalog_model *m)
{
    (void)m;
    return true;
}

/* ---- a home and an environment of our own ---- */

static char top[64];
static struct {
    const char *name, *value;
} environment[16];
static size_t n_environment;

static const char *test_getenv(const char *name)
{
    for (size_t i = 0; i < n_environment; i++)
        if (strcmp(environment[i].name, name) == 0)
            return environment[i].value;
    return NULL;
}

static void set(const char *name, const char *value)
{
    environment[n_environment].name = name;
    environment[n_environment++].value = value;
}

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", top, path);
    for (char *p = full + strlen(top) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int fresh(void **state)
{
    static char home[80], dirs[80];
    (void)state;
    strcpy(top, "/tmp/llmgw-test-XXXXXX");
    assert_non_null(mkdtemp(top));
    n_environment = 0;
    snprintf(home, sizeof home, "%s/home", top);
    snprintf(dirs, sizeof dirs, "%s/xdg1:%s/xdg2", top, top);
    set("HOME", home);
    set("XDG_CONFIG_DIRS", dirs);
    return 0;
}

static int cleaned(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

static const struct catalog *const catalog = (const struct catalog *)(const void *)models;

static enum errc load_with(const struct conf_source *src, struct conf **ret,
                           struct buf *problems, struct err *e)
{
    struct conf_source s = *src;
    s.getenv = test_getenv;
    *e = (struct err)ERR_INIT;
    *ret = NULL;
    return conf_load(&s, catalog, ret, problems, e);
}

static enum errc load(struct conf **ret, struct err *e)
{
    return load_with(&(struct conf_source){0}, ret, NULL, e);
}

#define CONFIG "home/.config/llmgw/config"

static struct conf *loaded(const char *text)
{
    struct conf *c;
    struct err e;
    put(CONFIG, text);
    if (load(&c, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return c;
}

/* ---- cases ---- */

static void without_any_file_the_presets_hold(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    assert_int_equal(load(&c, &e), ERR_OK);
    assert_int_equal(c->core.record, CONF_RECORD_UNSET);
    assert_int_equal(c->core.color, -1);
    assert_true(c->core.autostart);
    assert_true(c->chat.max_cost_pico == PICO_UNKNOWN);
    assert_string_equal(c->chat.stdin_rule, "auto");
    assert_int_equal(c->broker.idle_exit_us, 30 * US_PER_MIN);
    assert_int_equal(c->telemetry.body_bytes, 1 << 30);
    assert_int_equal(c->n_providers, 0);
    assert_int_equal(c->n_routes, 0);
    assert_null(c->core.default_route);
    conf_free(&c);
    assert_null(c);
}

static void a_key_in_the_environment_is_a_provider(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    set("OPENAI_API_KEY", "sk-1");
    set("ANTHROPIC_API_KEY", "sk-2");
    set("GROQ_API_KEY", "");
    assert_int_equal(load(&c, &e), ERR_OK);
    assert_int_equal(c->n_providers, 2);
    assert_string_equal(c->providers[0].name, "openai");
    assert_true(c->providers[0].is_implicit);
    assert_string_equal(c->providers[0].keys[0].value, "OPENAI_API_KEY");
    assert_non_null(conf_provider(c, STR("groq")));
    assert_int_equal(conf_provider(c, STR("groq"))->n_keys, 0);
    const struct conf_route *r = conf_route(c, STR("default"));
    assert_true(r->is_implicit);
    assert_int_equal(r->n_targets, 2);
    assert_string_equal(r->targets[0].name, "openai/gpt-5.6-luna");
    assert_string_equal(r->targets[1].provider, "anthropic");
    assert_int_equal(r->timeout_us, 600 * (int64_t)US_PER_S);
    assert_string_equal(c->core.default_route, "default");
    conf_free(&c);
}

static const struct conf_provider *bedrock(struct conf *c)
{
    return conf_provider(c, STR("bedrock"));
}

static void who_is_near_is_told_by_the_address(void **state)
{
    static const struct {
        const char *base_url;
        bool is_near;
    } rows[] = {
        {"http://127.0.0.1:11434/v1", true},  {"http://127.1.2.3", true},
        {"http://localhost:8080/v1", true},   {"http://LOCALHOST", true},
        {"http://[::1]:11434/v1", true},      {"http://127.example.com/v1", false},
        {"http://127.0.0.1.example", false},  {"http://128.0.0.1/v1", false},
        {"http://localhost.example/", false}, {"http://10.0.0.1:11434", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct conf_provider p = {.base_url = rows[i].base_url};
        if (conf_provider_is_near(&p) != rows[i].is_near)
            fail_msg("%s", rows[i].base_url);
    }
}

static void amazons_variables_are_a_key_and_a_region(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    set("AWS_ACCESS_KEY_ID", "AKID");
    set("AWS_SECRET_ACCESS_KEY", "secret");
    set("AWS_DEFAULT_REGION", "eu-west-3");
    assert_int_equal(load(&c, &e), ERR_OK); /* they may be there for anything */
    assert_int_equal(c->n_providers, 0);
    assert_int_equal(bedrock(c)->n_keys, 0);
    conf_free(&c);
    c = loaded("[provider \"bedrock\"]\n");
    assert_string_equal(bedrock(c)->keys[0].value, "AWS_ACCESS_KEY_ID");
    assert_string_equal(bedrock(c)->region, "eu-west-3");
    assert_string_equal(bedrock(c)->base_url,
                        "https://bedrock-runtime.eu-west-3.amazonaws.com");
    conf_free(&c);
    c = loaded("[provider \"bedrock\"]\n region = us-east-1\n key-file = k\n");
    assert_int_equal(bedrock(c)->keys[0].source, CONF_KEY_FILE);
    assert_string_equal(bedrock(c)->region, "us-east-1");
    conf_free(&c);
    c = loaded("[provider \"bedrock\"]\n base-url = https://bedrock-runtime.us-west-2"
               ".amazonaws.com\n");
    assert_null(bedrock(c)->region); /* the address tells it */
    conf_free(&c);
    set("AWS_BEARER_TOKEN_BEDROCK", "token");
    set("AWS_REGION", "ap-south-1");
    put(CONFIG, "");
    assert_int_equal(load(&c, &e), ERR_OK);
    assert_int_equal(c->n_providers, 1);
    assert_true(bedrock(c)->is_implicit);
    assert_string_equal(bedrock(c)->keys[0].value, "AWS_BEARER_TOKEN_BEDROCK");
    assert_string_equal(bedrock(c)->base_url,
                        "https://bedrock-runtime.ap-south-1.amazonaws.com");
    conf_free(&c);
}

static void a_key_may_be_in_several_variables(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *key; /* NULL: none */
    } rows[] = {
        {"ONE", "1"},
        {"EMPTY", NULL},
        {"NONE", NULL},
        {"AWS_ACCESS_KEY_ID", "AKID:s/+:t=="},
        {"WORK_AWS_ACCESS_KEY_ID", "ID:secret"},
        {"HALF_AWS_ACCESS_KEY_ID", NULL},
        {"AWS_SECRET_ACCESS_KEY", "s/+"},
    };
    set("ONE", "1");
    set("EMPTY", "");
    set("AWS_ACCESS_KEY_ID", "AKID");
    set("AWS_SECRET_ACCESS_KEY", "s/+");
    set("AWS_SESSION_TOKEN", "t==");
    set("WORK_AWS_ACCESS_KEY_ID", "ID");
    set("WORK_AWS_SECRET_ACCESS_KEY", "secret");
    set("WORK_AWS_SESSION_TOKEN", "");
    set("HALF_AWS_ACCESS_KEY_ID", "ID");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf b = BUF_INIT(256);
        assert_int_equal(envkey_read(rows[i].variable, test_getenv, &b),
                         rows[i].key != NULL);
        assert_true(str_eqz(buf_str(&b), rows[i].key != NULL ? rows[i].key : ""));
    }
}

static void a_key_of_our_own_clients_goes_to_no_maker(void **state)
{
    (void)state;
    static const char key[] =
        "llmgw-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_true(envkey_is_clients(STR(key)));
    assert_false(envkey_is_clients(str_sub(STR(key), 0, sizeof key - 2)));
    assert_false(
        envkey_is_clients(STR("sk-proj-0123456789abcdef0123456789abcdef0123456789ab"
                              "cdef0123456789ab")));
    set("OPENAI_API_KEY", key);
    set("ANTHROPIC_API_KEY", key);
    set("GROQ_API_KEY", "gsk");
    struct conf *c = loaded("[provider \"anthropic\"]\nhttp2 = no\n");
    assert_false(conf_is_in_use(c, STR("openai")));
    assert_int_equal(conf_provider(c, STR("anthropic"))->n_keys, 0);
    assert_true(conf_is_in_use(c, STR("groq")));
    assert_string_equal(c->client_key_env, "ANTHROPIC_API_KEY");
    conf_free(&c);
    /* another broker is asked with it, and so is who is told to read it */
    c = loaded("[provider \"openai\"]\nbase-url = http://127.0.0.1:4100/v1\n"
               "[provider \"anthropic\"]\nkey-env = ANTHROPIC_API_KEY\n");
    assert_string_equal(conf_provider(c, STR("openai"))->keys[0].value, "OPENAI_API_KEY");
    assert_int_equal(conf_provider(c, STR("anthropic"))->n_keys, 1);
    assert_null(c->client_key_env);
    conf_free(&c);
}

static const char everything[] =
    "[core]\n default-route = fast\n record = meta\n color = never\n path = /usr/bin\n"
    "[chat]\n system = be brief\n max-cost = 0.02\n tag = ticket=42\n tag = a = b\n"
    "[broker]\n listen = 127.0.0.1:4100\n allow-uid = 1000\n allow-uid = 1001\n"
    " idle-exit = 0\n log-level = debug\n stream-memory = 8M\n"
    "[telemetry]\n body-days = 7\n"
    "[client \"ci\"]\n route = fast\n key-hash = "
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
    "[provider \"anthropic\"]\n key-cmd = pass show llm ; c\n key-file = ~/k\n"
    "[provider \"local\"]\n kind = ollama\n base-url = http://127.0.0.1:11434/v1//\n"
    " header = X-A: b\n header = X-C:d: e\n key-file = keys/local\n"
    "[model \"local/qwen3\"]\n context = 32768\n can = tools  json-schema\n cannot = "
    "vision\n"
    "[alias]\n haiku = anthropic/claude-haiku-4-5\n quick = fast\n"
    "[route \"fast\"]\n strategy = weighted\n target = haiku weight=3 when tokens > "
    "50000\n"
    " target = gpt-5.6-luna\n target = local/qwen3\n ttft-timeout = 8s\n on-cut = "
    "restart\n"
    " on-cut = error\n stream = hold\n record = off\n max-cost = 1\n"
    "[limit \"provider:openai\"]\n requests = 60/min\n tokens = 1.5M/day\n"
    " money = 5.00/day\n concurrency = 4\n"
    "[budget \"daily\"]\n limit = 5.00/day\n warn = 0.5\n hard\n client = ci\n"
    "[price \"local/qwen3\"]\n input = 0\n cache-read = 0.25\n"
    "[price \"gemini/x\"]\n per-search = 0.01\n";

static void every_section_reaches_its_struct(void **state)
{
    (void)state;
    struct conf *c = loaded(everything);
    char path[128];
    assert_int_equal(c->core.record, CONF_RECORD_META);
    assert_int_equal(c->core.color, 0);
    assert_int_equal(c->chat.max_cost_pico, 20000000000);
    assert_int_equal(c->chat.n_tags, 2);
    assert_string_equal(c->chat.tags[1].value, "b");
    assert_int_equal(c->broker.n_allow_uid, 2);
    assert_int_equal(c->broker.allow_uid[1], 1001);
    assert_int_equal(c->broker.idle_exit_us, 0);
    assert_int_equal(c->broker.stream_memory, 8 << 20);
    assert_int_equal(c->telemetry.body_days, 7);
    assert_string_equal(c->clients[0].route, "fast");
    const struct conf_provider *p = conf_provider(c, STR("anthropic"));
    assert_int_equal(p->n_keys, 2);
    assert_int_equal(p->keys[0].source, CONF_KEY_CMD);
    assert_string_equal(p->keys[0].value, "pass show llm");
    snprintf(path, sizeof path, "%s/home/k", top);
    assert_string_equal(p->keys[1].value, path);
    assert_string_equal(p->base_url, p->kind->base_url);
    p = conf_provider(c, STR("local"));
    assert_string_equal(p->base_url, "http://127.0.0.1:11434/v1");
    assert_string_equal(p->headers[1].name, "X-C");
    assert_string_equal(p->headers[1].value, "d: e");
    snprintf(path, sizeof path, "%s/home/.config/llmgw/keys/local", top);
    assert_string_equal(p->keys[0].value, path);
    assert_int_equal(c->models[0].context_tok, 32768);
    assert_int_equal(c->models[0].caps_yes, CAP_TOOLS | CAP_JSON_SCHEMA);
    assert_int_equal(c->models[0].caps_no, CAP_VISION);
    conf_free(&c);
}

static void routes_limits_and_money_reach_their_structs(void **state)
{
    (void)state;
    struct conf *c = loaded(everything);
    const struct conf_route *r = conf_route(c, STR("fast"));
    assert_int_equal(r->strategy, CONF_WEIGHTED);
    assert_int_equal(r->explore_ppm, 50000);
    assert_int_equal(r->min_quality_ppm, 800000);
    assert_int_equal(r->n_targets, 3);
    assert_string_equal(r->targets[0].provider, "anthropic");
    assert_string_equal(r->targets[0].model, "claude-haiku-4-5");
    assert_string_equal(r->targets[0].name, "haiku");
    assert_int_equal(r->targets[0].weight, 3);
    assert_string_equal(r->targets[0].when, "tokens > 50000");
    assert_int_equal(r->targets[0].pos.line, 41);
    assert_string_equal(r->targets[1].provider, "openai");
    assert_int_equal(r->ttft_us, 8 * US_PER_S);
    assert_int_equal(r->gap_us, 90 * US_PER_S);
    assert_int_equal(r->n_on_cut, 2);
    assert_int_equal(r->on_cut[0], CONF_CUT_RESTART);
    assert_int_equal(r->stream, CONF_STREAM_HOLD);
    assert_int_equal(r->record, CONF_RECORD_OFF);
    assert_int_equal(r->max_cost_pico, PICO_PER_USD);
    assert_int_equal(c->limits[0].requests.amount, 60);
    assert_int_equal(c->limits[0].requests.window_us, US_PER_MIN);
    assert_int_equal(c->limits[0].total_tok.amount, 1500000);
    assert_int_equal(c->limits[0].money.amount, 5 * PICO_PER_USD);
    assert_int_equal(c->limits[0].concurrency, 4);
    assert_int_equal(c->budgets[0].limit_pico, 5 * PICO_PER_USD);
    assert_int_equal(c->budgets[0].per, CONF_PER_DAY);
    assert_int_equal(c->budgets[0].warn_ppm, 500000);
    assert_true(c->budgets[0].hard);
    assert_int_equal(c->n_prices, 3);
    assert_string_equal(c->prices[2].provider, "google");
    assert_int_equal(c->prices[2].per_unit, PICO_PER_USD / 100);
    assert_string_equal(c->prices[1].component, "cache_read");
    assert_int_equal(c->prices[1].per_unit, 250000);
    assert_string_equal(c->prices[1].model, "qwen3");
    conf_free(&c);
}

static const struct {
    const char *text, *want;
} bad[] = {
    {"[core]\nk_x = 1", ":2: setting: \"=\" is missing"},
    {"[cor]\na = 1", ":2: unknown section \"cor\" (did you mean \"core\"?)"},
    {"[zzzzzzz]\na = 1", ":2: unknown section \"zzzzzzz\""},
    {"[core]\n[cor]\n# nothing\n[core]\n",
     ":2: unknown section \"cor\" (did you mean \"core\"?)"},
    {"[route]", ":1: route: a name in quotes is missing"},
    {"[route \"x\"]", ":1: route \"x\": no target"},
    {"[budget \"x\"]", ":1: budget \"x\": no limit"},
    {"[provider \"x\"]",
     ":1: provider \"x\": a kind is missing, such as openai-compatible"},
    {"[core]\ndefault-rout = x",
     ":2: core: unknown key \"default-rout\" (did you mean \"default-route\"?)"},
    {"[core \"x\"]\ncolor = auto", ":2: core \"x\": this section has no name in quotes"},
    {"[route]\ntarget = x", ":2: route: a name in quotes is missing"},
    {"[core]\ncolor = red", ":2: core: color: \"red\" is none of auto|never|always"},
    {"[core]\ncolor", ":2: core: color: a value is missing"},
    {"[core]\nautostart = maybe", ":2: core: autostart: \"maybe\" is not yes or no"},
    {"[replay]\njobs = 0", ":2: replay: jobs: 0 is outside 1..256"},
    {"[model \"a/b\"]\nmax-output = 9223372036854775807",
     ":2: model \"a/b\": max-output: 9223372036854775807 is outside 1..1000000000"},
    {"[replay]\njobs = x", ":2: replay: jobs: \"x\" is not a whole number"},
    {"[chat]\nmax-cost = -1",
     ":2: chat: max-cost: \"-1\" is not an amount in dollars such as 0.02"},
    {"[chat]\ntag = x", ":2: chat: tag: \"x\" is not a tag, KEY=VALUE"},
    {"[core]\ndefault-route = x", ":2: core: default-route: unknown route \"x\""},
    {"[chat]\nmodel = claude-haiku-4-6",
     ":2: chat: model: no model or route \"claude-haiku-4-6\" (did you mean "
     "\"claude-haiku-4-5\"?)"},
    {"[broker]\nlisten = localhost:1",
     ":2: broker: listen: \"localhost:1\" is not an address and port such as "
     "127.0.0.1:4100 or [::1]:4100"},
    {"[broker]\nlisten = 0.0.0.0:1",
     ":2: broker: listen: 0.0.0.0:1 is not loopback; that needs listen-any = yes"},
    {"[broker]\n fetch-host = https://a.test/\n",
     ":2: broker: fetch-host: https://a.test/ is no host, *.domain or host:port"},
    {"[broker]\n fetch-host = a.*.test\n",
     ":2: broker: fetch-host: a.*.test is no host, *.domain or host:port"},
    {"[broker]\n fetch-host = a.test:0\n",
     ":2: broker: fetch-host: a.test:0 is no host, *.domain or host:port"},
    {"[broker]\ndrain = 5",
     ":2: broker: drain: \"5\" is not a duration such as 8s, 1.5s or 10m"},
    {"[broker]\nstream-memory = 1q",
     ":2: broker: stream-memory: \"1q\" is not a size such as 64k or 10M"},
    {"[provider \"local\"]\nbase-url = http://x",
     ":2: provider \"local\": a kind is missing, such as openai-compatible"},
    {"[provider \"x\"]\nkind = openia",
     ":2: provider \"x\": unknown kind \"openia\" (did you mean \"openai\"?)"},
    {"[provider \"openai\"]\nprice-service = data_zome",
     ":2: provider \"openai\": price-service: no price knows \"data_zome\""},
    {"[provider \"x\"]\nkind = openai-compatible",
     ":2: provider \"x\": base-url is missing; kind openai-compatible has none"},
    {"[provider \"openai\"]\nbase-url = ftp://x",
     ":2: provider \"openai\": base-url: \"ftp://x\" is not an address such as "
     "https://api.example.com/v1, without name, password or query"},
    {"[provider \"openai\"]\nbase-url = https://u@x",
     ":2: provider \"openai\": base-url: \"https://u@x\" is not an address such as "
     "https://api.example.com/v1, without name, password or query"},
    {"[provider \"openai\"]\nheader = x",
     ":2: provider \"openai\": header: \"x\" is not a header, NAME: VALUE"},
    {"[provider \"a/b\"]\nkind = openai",
     ":2: provider \"a/b\": a provider's name has no \"/\""},
    {"[model \"x\"]\ncontext = 1", ":2: model \"x\": the name is not PROVIDER/MODEL"},
    {"[model \"a/b\"]\ncan = fly",
     ":2: model \"a/b\": can: \"fly\" is none of tools|vision|json-schema|reasoning|"
     "audio-in|audio-out|prefill|prompt-caching|pdf-in|video-in|image-out|embedding"},
    {"[alias]\nhaiku = claude-haiku-4-6",
     ":2: alias: haiku: unknown model or route \"claude-haiku-4-6\" (did you mean "
     "\"claude-haiku-4-5\"?)"},
    {"[alias]\nr = openai/x\n[route \"r\"]\ntarget = openai/x",
     ":2: alias: r: a route has this name"},
    {"[alias]\nhaiku = anthropic/x\n[route \"fast\"]\ntarget = openai/x\ntarget = haiku3",
     ":5: route \"fast\": unknown target \"haiku3\" (did you mean \"haiku\"?)"},
    {"[route \"a\"]\ntarget = openai/x\n[route \"b\"]\ntarget = a",
     ":4: route \"b\": target \"a\" is a route; name its targets"},
    {"[route \"a\"]\npatience = 1s", ":2: route \"a\": no target"},
    {"[route \"a\"]\ntarget = openai/x wieght=2",
     ":2: route \"a\": target: \"wieght=2\"; only weight=N and when CONDITION may follow "
     "the name"},
    {"[route \"a\"]\ntarget = openai/x weight=0",
     ":2: route \"a\": target: \"weight=0\" is not from 1 to 1000000"},
    {"[route \"a\"]\ntarget = openai/x when",
     ":2: route \"a\": target: \"when\"; only weight=N and when CONDITION may follow the "
     "name"},
    {"[route \"a\"]\ntarget = openai/x when tokns > 1",
     ":2: route \"a\": target: condition \"tokns > 1\": expected tokens, tools, vision, "
     "json, "
     "reasoning, audio, template, project, client or tag at \"tokns\""},
    {"[limit \"all\"]\nrequests = 60",
     ":2: limit \"all\": requests: \"60\" is not a rate such as 100k/min"},
    {"[limit \"all\"]\nmoney = 1k/day",
     ":2: limit \"all\": money: \"1k/day\" is not a rate such as 5.00/day"},
    {"[limit \"openai\"]\nrequests = 60/min",
     ":2: limit \"openai\": no scope; all, provider:NAME, target:PROVIDER/MODEL, "
     "client:NAME, "
     "project:NAME, route:NAME and tag:KEY=VALUE are"},
    {"[budget \"d\"]\nwarn = 80%", ":2: budget \"d\": no limit"},
    {"[budget \"a\"]\nlimit = 1/day\ntz = Asia/Tokyo\n[budget \"b\"]\nlimit = 1/day\n"
     "tz = Europe/Berlin",
     ":5: budget \"b\": tz: Europe/Berlin, but another budget has Asia/Tokyo; they share "
     "one, UTC aside"},
    {"[budget \"d\"]\nlimit = 5", ":2: budget \"d\": limit: \"5\" is not a budget such "
                                  "as 5.00/day; hour, day, week and "
                                  "month are known"},
    {"[budget \"d\"]\nlimit = 5/day\nprovider = opnai",
     ":3: budget \"d\": provider: unknown provider \"opnai\""},
    {"[budget \"d\"]\nlimit = 5/day\nclient = x",
     ":3: budget \"d\": client: unknown client \"x\""},
    {"[client \"x\"]\nproject = p",
     ":2: client \"x\": no key-hash; llmgw client add makes one"},
    {"[client \"x\"]\nkey-hash = secret",
     ":2: client \"x\": key-hash: \"secret\" is not sha256: and 64 hexadecimal digits"},
    {"[price \"a/b\"]\nrequests = 1",
     ":2: price \"a/b\": unknown price component \"requests\""},
    {"[price \"a/b\"]\ninput = $1",
     ":2: price \"a/b\": input: \"$1\" is not dollars such as 0.25"},
    {"[include]\npath = nothing.conf",
     ":2: include: ~/.config/llmgw/nothing.conf: No such file or directory"},
    {"[include]\npath = config",
     ":2: include: files include each other more than 10 deep"},
};

static void an_error_tells_file_line_section_and_cure(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct conf *c;
        struct err e;
        char want[512];
        put(CONFIG, bad[i].text);
        snprintf(want, sizeof want, "~/.config/llmgw/config%s", bad[i].want);
        assert_int_equal(load(&c, &e), ERR_CONFIG);
        assert_string_equal(e.text, want);
        assert_null(c);
    }
}

static void budgets_have_one_zone_beside_utc(void **state)
{
    (void)state;
    struct conf *c = loaded("[budget \"a\"]\nlimit = 1/day\ntz = UTC\n"
                            "[budget \"b\"]\nlimit = 1/day\n"
                            "[budget \"c\"]\nlimit = 1/day\ntz = Asia/Tokyo\n"
                            "[budget \"d\"]\nlimit = 1/day\ntz = Asia/Tokyo\n");
    assert_string_equal(conf_zone(c), "Asia/Tokyo");
    conf_free(&c);
    c = loaded("[budget \"a\"]\nlimit = 1/day\ntz = UTC\n");
    assert_null(conf_zone(c));
    conf_free(&c);
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    struct buf problems = BUF_INIT(65536);
    put(CONFIG, "[core]\ncolr = red\n[route \"r\"]\ntarget = x\ntarget = openai/y\n");
    assert_int_equal(load_with(&(struct conf_source){0}, &c, &problems, &e), ERR_CONFIG);
    const char want[] =
        "~/.config/llmgw/config:2: core: unknown key \"colr\" (did you mean "
        "\"color\"?)\n~/.config/llmgw/config:4: route \"r\": unknown target "
        "\"x\"\n";
    assert_string_equal(problems.data, want);
    /* A report goes on with what is good. */
    buf_reset(&problems);
    assert_int_equal(load_with(&(struct conf_source){.lenient = true}, &c, &problems, &e),
                     ERR_OK);
    assert_string_equal(problems.data, want);
    assert_int_equal(conf_route(c, STR("r"))->n_targets, 1);
    conf_free(&c);
    buf_release(&problems);
}

static void broken_parts_are_left_out_when_lenient(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    put(CONFIG,
        "[core]\ndefault-route = gone\n[alias]\na\nb = openai/x\nc = nowhere\n"
        "[price \"a/b\"]\ninput = x\noutput = 1\n[route \"r\"]\ntarget = nowhere\n");
    assert_int_equal(load_with(&(struct conf_source){.lenient = true}, &c, NULL, &e),
                     ERR_OK);
    assert_int_equal(c->n_aliases, 1);
    assert_int_equal(c->n_prices, 1);
    assert_string_equal(c->prices[0].component, "output");
    assert_int_equal(c->n_routes, 0);
    assert_null(c->core.default_route);
    conf_free(&c);
    put(CONFIG, "[core\n");
    assert_int_equal(load_with(&(struct conf_source){.lenient = true}, &c, NULL, &e),
                     ERR_OK);
    conf_free(&c);
}

static void later_layers_win(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    static const char *const overrides[] = {"Core.COLOR=never", "core.autostart",
                                            "route.r.target=openai/line", NULL};
    put("xdg2/llmgw/config", "[chat]\nsystem = xdg2\nprompt = xdg2\nmarkdown = off\n");
    put("xdg1/llmgw/config", "[chat]\nsystem = xdg1\nprompt = xdg1\n"
                             "[route \"r\"]\ntarget = openai/system\n");
    put(CONFIG,
        "[chat]\nsystem = user\n[include]\npath = more.inc\n[core]\nrecord = full\n");
    put("home/.config/llmgw/more.inc", "[core]\nrecord = off\ncolor = always\n"
                                       "[route \"r\"]\ntarget = openai/a\n");
    put("home/.config/llmgw/conf.d/2.conf", "[route \"r\"]\ntarget = openai/c\n");
    put("home/.config/llmgw/conf.d/1.conf", "[route \"r\"]\ntarget = openai/b\n");
    put("home/.config/llmgw/conf.d/3.txt", "nothing of ours");
    assert_int_equal(load(&c, &e), ERR_OK);
    assert_string_equal(c->chat.system, "user");
    assert_string_equal(c->chat.prompt, "xdg1");
    assert_string_equal(c->chat.markdown, "off");
    assert_int_equal(c->core.record, CONF_RECORD_FULL);
    assert_int_equal(c->core.color, 1);
    const struct conf_route *r = conf_route(c, STR("r"));
    assert_int_equal(r->n_targets, 3);
    assert_string_equal(r->targets[0].model, "a");
    assert_string_equal(r->targets[2].model, "c");
    assert_int_equal(r->targets[2].pos.line, 2);
    conf_free(&c);
    set("LLMGW_LOG", "meta");
    set("LLMGW_TAGS", "a=1,b=2");
    set("LLMGW_MODEL", "not-known-here");
    assert_int_equal(
        load_with(&(struct conf_source){.overrides = overrides}, &c, NULL, &e), ERR_OK);
    assert_int_equal(c->core.record, CONF_RECORD_META);
    assert_int_equal(c->core.color, 0);
    assert_int_equal(c->chat.n_tags, 2);
    assert_string_equal(c->chat.model, "not-known-here");
    r = conf_route(c, STR("r"));
    assert_int_equal(r->n_targets, 1);
    assert_string_equal(r->targets[0].model, "line");
    size_t in_force = 0;
    for (size_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        in_force += v->in_force;
        if (v->in_force && strcmp(v->key, "record") == 0)
            assert_string_equal(v->pos.file, "LLMGW_LOG");
        if (v->in_force && strcmp(v->key, "target") == 0)
            assert_string_equal(v->value, "openai/line");
    }
    /* system, prompt, markdown; record, color, autostart; target, two tags, model */
    assert_int_equal(in_force, 10);
    conf_free(&c);
}

static void one_file_can_replace_the_usual_ones(void **state)
{
    (void)state;
    struct conf *c;
    struct err e;
    char path[128];
    put(CONFIG, "[cor]\n x = 1\n");
    put("other", "[chat]\nsystem = other\n");
    snprintf(path, sizeof path, "%s/other", top);
    assert_int_equal(load_with(&(struct conf_source){.file = path}, &c, NULL, &e),
                     ERR_OK);
    assert_string_equal(c->chat.system, "other");
    conf_free(&c);
    set("LLMGW_CONFIG", path);
    assert_int_equal(load(&c, &e), ERR_OK);
    conf_free(&c);
    assert_int_equal(
        load_with(&(struct conf_source){.file = "/nowhere/config"}, &c, NULL, &e),
        ERR_CONFIG);
    assert_string_equal(e.text, "/nowhere/config: No such file or directory");
}

static void overrides_and_variables_are_checked(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"color=never", "--conf: \"color=never\" is no SECTION.KEY=VALUE"},
        {"core.color=red", "--conf: core: color: \"red\" is none of auto|never|always"},
        {"core.x.color=never", "--conf: core \"x\": this section has no name in quotes"},
    };
    struct conf *c;
    struct err e;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        const char *const overrides[] = {rows[i / 2][0], NULL};
        /* what was typed just now is never overlooked */
        struct conf_source src = {.overrides = overrides, .lenient = i % 2};
        assert_int_equal(load_with(&src, &c, NULL, &e), ERR_CONFIG);
        assert_string_equal(e.text, rows[i / 2][1]);
    }
    set("LLMGW_STDIN", "sometimes");
    assert_int_equal(load(&c, &e), ERR_CONFIG);
    assert_string_equal(e.text,
                        "LLMGW_STDIN: chat: stdin: \"sometimes\" is none of auto|never");
}

static void a_project_file_cannot_take_over(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"[provider \"openai\"]\nbase-url = http://evil", "base-url"},
        {"[provider \"openai\"]\nkey-cmd = evil", "key-cmd"},
        {"[provider \"openai\"]\nproxy = evil", "proxy"},
        {"[core]\npath = .", "path"},
        {"[route \"r\"]\ntarget = openai/x", "target"},
        {"[alias]\nhaiku = openai/x", "haiku"},
        {"[include]\npath = /etc/passwd", "path"},
        {"[broker]\nsocket = /tmp/evil", "socket"},
    };
    struct conf *c;
    struct err e;
    char cwd[128], want[256];
    snprintf(cwd, sizeof cwd, "%s/home/src/repo/deep/er", top);
    put("home/src/repo/deep/er/x", "");
    struct conf_source src = {.cwd = cwd};
    put(CONFIG, "[budget \"b\"]\nlimit = 5/day\n");
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        put("home/src/repo/.llmgw/config", refused[i][0]);
        assert_int_equal(load_with(&src, &c, NULL, &e), ERR_CONFIG);
        snprintf(want, sizeof want, "%s: not allowed in a project's file", refused[i][1]);
        if (strstr(e.text, want) == NULL)
            fail_msg("%s", e.text);
    }
    put("home/src/repo/.llmgw/config", "[budget \"b\"]\nlimit = 500/day\n");
    assert_int_equal(load_with(&src, &c, NULL, &e), ERR_CONFIG);
    assert_string_equal(e.text,
                        "~/src/repo/.llmgw/config:2: budget \"b\": limit: a project's "
                        "file cannot change this budget");
    put("home/src/repo/.llmgw/config",
        "[chat]\nmodel = openai/x\nproject = repo\n"
        "[budget \"mine\"]\nlimit = 1/day\nproject = repo\n");
    assert_int_equal(load_with(&src, &c, NULL, &e), ERR_OK);
    assert_string_equal(c->chat.project, "repo");
    assert_int_equal(c->n_budgets, 2);
    conf_free(&c);
    /* Trust is for the text that was seen, not for the file. */
    static const char evil[] = "[provider \"openai\"]\nbase-url = http://127.0.0.1:1\n";
    struct arena a;
    char path[192];
    arena_init(&a, 65536);
    snprintf(path, sizeof path, "%s/home/src/repo/.llmgw/config", top);
    put("home/src/repo/.llmgw/config", evil);
    for (int i = 0; i < 2; i++)
        assert_int_equal(conf_trust(&a, test_getenv, path, str_of(evil), &e), ERR_OK);
    assert_int_equal(load_with(&src, &c, NULL, &e), ERR_OK);
    assert_string_equal(conf_provider(c, STR("openai"))->base_url, "http://127.0.0.1:1");
    conf_free(&c);
    put("home/src/repo/.llmgw/config",
        "[provider \"openai\"]\nbase-url = http://127.0.0.1:2\n");
    assert_int_equal(load_with(&src, &c, NULL, &e), ERR_CONFIG);
    arena_release(&a);
    /* The search ends at the repository's root, and at HOME. */
    put("home/src/repo/.llmgw/config", "[chat]\nproject = repo\n");
    put("home/src/repo/deep/.git/HEAD", "");
    assert_int_equal(load_with(&src, &c, NULL, &e), ERR_OK);
    assert_null(c->chat.project);
    conf_free(&c);
}

static void names_resolve_in_the_documented_order(void **state)
{
    (void)state;
    set("OPENAI_API_KEY", "k");
    set("GROQ_API_KEY", "k");
    struct conf *c = loaded("[alias]\nquick = r\nhaiku = anthropic/claude-haiku-4-5\n"
                            "gpt-oss = groq/gpt-oss\n[route \"r\"]\ntarget = openai/x\n"
                            "[provider \"or\"]\nkind = openrouter\n");
    static const struct {
        const char *name, *how, *provider, *model;
    } rows[] = {
        {"haiku", "alias", "anthropic", "claude-haiku-4-5"},
        {"HAIKU", "alias", "anthropic", "claude-haiku-4-5"},
        {"quick", "alias", NULL, "r"},
        {"r", "route", NULL, "r"},
        {"gpt-oss", "alias", "groq", "gpt-oss"},
        {"or/meta/llama", "provider/model", "or", "meta/llama"},
        {"openai/anything", "provider/model", "openai", "anything"},
        {"ollama/qwen3", "provider/model", "ollama", "qwen3"},
        {"gpt-5.6-luna", "id", "openai", "gpt-5.6-luna"},
        /* in the catalog, but nobody has a key: the client may bring one */
        {"claude-sonnet-5", "id", "anthropic", "claude-sonnet-5"},
    };
    struct arena a;
    struct err e = ERR_INIT;
    arena_init(&a, 65536);
    struct conf_resolved r;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(conf_resolve(c, catalog, str_of(rows[i].name), &a, &r, &e),
                         ERR_OK);
        assert_string_equal(r.how, rows[i].how);
        if (rows[i].provider == NULL) {
            assert_string_equal(r.route->name, rows[i].model);
            continue;
        }
        assert_null(r.route);
        assert_string_equal(r.target.provider, rows[i].provider);
        assert_string_equal(r.target.model, rows[i].model);
        assert_string_equal(r.target.name, rows[i].name);
        assert_int_equal(r.target.weight, 1);
    }
    assert_int_equal(conf_resolve(c, catalog, STR("hiaku"), &a, &r, &e), ERR_NOT_FOUND);
    assert_string_equal(e.text, "no model or route \"hiaku\" (did you mean \"haiku\"?)");
    static const struct {
        const char *name, *text;
    } near[] = {
        {"Gpt-Luna", "\"gpt-5.6-luna\""},
        /* nobody has a key, as above */
        {"sonnet", "\"claude-sonnet-5\""},
        {"claude-sonnet.5", "\"claude-sonnet-5\""},
        {"anthropc/claude-sonnet-5", "\"anthropic/claude-sonnet-5\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(near); i++) {
        assert_int_equal(conf_resolve(c, catalog, str_of(near[i].name), &a, &r, &e),
                         ERR_NOT_FOUND);
        assert_non_null(strstr(e.text, "(did you mean"));
        assert_non_null(strstr(e.text, near[i].text));
    }
    arena_release(&a);
    conf_free(&c);
}

static void prices_are_of_the_name_first_and_then_of_the_kind(void **state)
{
    (void)state;
    struct conf *c = loaded("[provider \"mine\"]\nkind = anthropic\nkey-env = K\n"
                            "[provider \"groq\"]\nkind = openai\nkey-env = K\n"
                            "[provider \"own\"]\nkind = openai-compatible\n"
                            "base-url = http://127.0.0.1:1/v1\nkey-env = K\n");
    static const struct {
        const char *provider, *model, *want;
    } rows[] = {
        {"mine", "claude-haiku-4-5", "anthropic"},
        {"groq", "gpt-oss", "groq"}, /* the catalog has this name itself */
        {"groq", "gpt-5.6-luna", "openai"},
        {"own", "gpt-oss", ""}, /* a kind that no catalog knows */
        {"nobody", "gpt-oss", "nobody"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = conf_price_provider(c, catalog, str_of(rows[i].provider),
                                             str_of(rows[i].model));
        assert_true(str_eqz(got, rows[i].want));
    }
    conf_free(&c);
}

static void prices_of_local_servers_are_their_own(void **state)
{
    (void)state;
    struct conf *c = loaded("[provider \"ollama\"]\n[provider \"vllm\"]\n"
                            "[provider \"gemini\"]\nkey-env = K\n"
                            "[price \"ollama/q\"]\ninput = 1\n"
                            "[price \"gemini/g\"]\ninput = 1\n");
    assert_int_equal(c->n_prices, 2);
    assert_string_equal(c->prices[0].provider, "ollama");
    assert_string_equal(c->prices[1].provider, "google");
    const struct catalog_model theirs = {.provider = "ollama", .model = "q"};
    const struct catalog_model family = {.provider = "local", .model = "ollama/*"};
    assert_true(conf_serves(conf_provider(c, STR("ollama")), &theirs));
    assert_false(conf_serves(conf_provider(c, STR("vllm")), &theirs));
    assert_false(conf_serves(conf_provider(c, STR("ollama")), &family));
    conf_free(&c);
}

static const char *provider_of(const struct conf *c, const char *name, struct arena *a)
{
    struct conf_resolved r;
    struct err e;
    return conf_resolve(c, catalog, str_of(name), a, &r, &e) == ERR_OK ? r.target.provider
                                                                       : "none";
}

static void a_bare_id_is_found_at_an_address_of_the_users(void **state)
{
    (void)state;
    static const char work[] = "[provider \"work\"]\nkind = anthropic\n"
                               "base-url = http://127.0.0.1:1/v1\nkey-env = K\n";
    struct arena a;
    struct conf_resolved r;
    struct err e;
    arena_init(&a, 65536);
    struct conf *c = loaded(work);
    assert_string_equal(provider_of(c, "claude-sonnet-5", &a), "work");
    /* and what is hinted at are models that can be asked, or could be with a key */
    assert_int_equal(conf_resolve(c, catalog, STR("gpt-5.6-luni"), &a, &r, &e),
                     ERR_NOT_FOUND);
    assert_string_equal(e.text, "no model or route \"gpt-5.6-luni\" (did you mean "
                                "\"gpt-5.6-luna\"?)");
    assert_string_equal(provider_of(c, "gpt-5.6-luna", &a), "openai");
    assert_int_equal(conf_resolve(c, catalog, STR("qwertyuiop"), &a, &r, &e),
                     ERR_NOT_FOUND);
    assert_string_equal(
        e.text, "no model or route \"qwertyuiop\"\nhint: llmgw models; llmgw route list");
    assert_int_equal(conf_resolve(c, catalog, STR("claude-sonnet-6"), &a, &r, &e),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "\"claude-sonnet-5\""));
    conf_free(&c);
    /* its default model is nobody's default, but that of a provider named as its kind is */
    c = loaded(work);
    assert_null(conf_route(c, STR("default")));
    conf_free(&c);
    c = loaded(
        "[provider \"anthropic\"]\nbase-url = http://127.0.0.1:1/v1\nkey-env = K\n");
    assert_string_equal(conf_route(c, STR("default"))->targets[0].provider, "anthropic");
    conf_free(&c);
    set("ANTHROPIC_API_KEY", "k");
    c = loaded(work);
    assert_string_equal(provider_of(c, "claude-sonnet-5", &a), "anthropic");
    conf_free(&c);
    arena_release(&a);
}

static void a_bare_id_goes_to_its_maker_first(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *provider;
    } rows[] = {{"GROQ_API_KEY", "groq"}, {"OPENAI_API_KEY", "openai"}};
    struct arena a;
    struct err e;
    arena_init(&a, 65536);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf *c;
        struct conf_resolved r;
        set(rows[i].variable, "k"); /* the second time both are set */
        assert_int_equal(load(&c, &e), ERR_OK);
        assert_int_equal(conf_resolve(c, catalog, STR("gpt-oss"), &a, &r, &e), ERR_OK);
        assert_string_equal(r.target.provider, rows[i].provider);
        conf_free(&c);
    }
    arena_release(&a);
}

static void a_default_model_is_the_default_route(void **state)
{
    (void)state;
    set("OPENAI_API_KEY", "k");
    struct conf *c = loaded("[core]\ndefault-model = claude-sonnet-5\n");
    assert_int_equal(conf_route(c, STR("default"))->n_targets, 1);
    assert_string_equal(conf_route(c, STR("default"))->targets[0].name,
                        "anthropic/claude-sonnet-5");
    conf_free(&c);
    c = loaded("[core]\ndefault-model = r\n[route \"r\"]\ntarget = openai/x\n");
    assert_string_equal(c->core.default_route, "r");
    conf_free(&c);
}

static void every_key_is_documented_and_placed_in_its_section(void **state)
{
    (void)state;
    size_t n, n_sections;
    const struct conf_key *keys = conf_schema(&n);
    const struct conf_section *sections = conf_sections(&n_sections);
    for (size_t i = 0; i < n; i++) {
        size_t hits = 0;
        for (size_t s = 0; s < n_sections; s++)
            if (strcmp(sections[s].name, keys[i].section) == 0) {
                hits++;
                if (sections[s].size > 0)
                    assert_true(keys[i].offset < sections[s].size);
            }
        assert_int_equal(hits, 1);
        assert_true(keys[i].help != NULL && keys[i].help[0] != '\0');
        if (keys[i].key != NULL)
            assert_ptr_equal(conf_key(str_of(keys[i].section), str_of(keys[i].key)),
                             &keys[i]);
        /* What a project could use to take over is never open to it. */
        if (keys[i].in_project)
            assert_true(keys[i].type != CONF_SECRET && keys[i].type != CONF_URL &&
                        keys[i].type != CONF_PATH && keys[i].type != CONF_TARGET);
    }
}

static void paths_follow_the_environment(void **state)
{
    (void)state;
    struct arena a;
    char want[160];
    arena_init(&a, 65536);
    snprintf(want, sizeof want, "%s/home/.config/llmgw/config", top);
    assert_string_equal(conf_path_user(&a, test_getenv), want);
    snprintf(want, sizeof want, "%s/home/.local/state/llmgw/history", top);
    assert_string_equal(conf_path_state(&a, test_getenv, "history"), want);
    set("XDG_DATA_HOME", "relative");
    snprintf(want, sizeof want, "%s/home/.local/share/llmgw/llmgw.db", top);
    assert_string_equal(conf_path_db(&a, NULL, test_getenv), want);
    set("XDG_CONFIG_HOME", "/c");
    assert_string_equal(conf_path_user(&a, test_getenv), "/c/llmgw/config");
    set("LLMGW_DB", "/x.db");
    assert_string_equal(conf_path_db(&a, NULL, test_getenv), "/x.db");
    arena_release(&a);
}

static void the_socket_is_looked_for_where_only_we_can_put_it(void **state)
{
    (void)state;
    struct arena a;
    struct err e = ERR_INIT;
    const char *path = NULL;
    char runtime[128], want[160], longest[160];
    arena_init(&a, 65536);
    put("run/x", "");
    snprintf(runtime, sizeof runtime, "%s/run", top);
    snprintf(want, sizeof want, "%s/llmgw/broker.sock", runtime);
    set("XDG_RUNTIME_DIR", runtime);
    assert_int_equal(conf_path_socket(&a, NULL, NULL, test_getenv, &path, &e), ERR_OK);
    assert_string_equal(path, want);
    /* Others could write to the directory: not used. */
    assert_int_equal(chmod(runtime, 0777), 0);
    assert_int_equal(conf_path_socket(&a, NULL, NULL, test_getenv, &path, &e), ERR_OK);
    assert_string_not_equal(path, want);
    assert_int_equal(chmod(runtime, 0700), 0);
    put("run/llmgw/broker.sock", "");
    assert_int_equal(conf_path_socket(&a, NULL, NULL, test_getenv, &path, &e),
                     ERR_BROKER);
    assert_non_null(strstr(e.text, "is no socket"));
    snprintf(want, sizeof want, "%s/run/llmgw", top);
    assert_int_equal(chmod(want, 0770), 0);
    assert_int_equal(conf_path_socket(&a, NULL, NULL, test_getenv, &path, &e),
                     ERR_BROKER);
    assert_non_null(strstr(e.text, "hint: chmod 700"));
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[107] = '\0';
    assert_int_equal(conf_path_socket(&a, NULL, longest, test_getenv, &path, &e), ERR_OK);
    longest[107] = 'x';
    longest[108] = '\0';
    assert_int_equal(conf_path_socket(&a, NULL, longest, test_getenv, &path, &e),
                     ERR_BROKER);
    assert_non_null(strstr(e.text, "108 bytes, and a socket may have from 1 to 107"));
    set("LLMGW_SOCKET", "/s");
    assert_int_equal(conf_path_socket(&a, NULL, NULL, test_getenv, &path, &e), ERR_OK);
    assert_string_equal(path, "/s");
    assert_int_equal(conf_path_socket(&a, NULL, "/o", test_getenv, &path, &e), ERR_OK);
    assert_string_equal(path, "/o");
    arena_release(&a);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh, cleaned)

static void a_strategy_is_called_as_the_file_has_it(void **state)
{
    (void)state;
    struct str rest = str_of(conf_key(STR("route"), STR("strategy"))->values), name;
    for (int i = 0; str_split(&rest, '|', &name); i++)
        assert_true(str_eqz(name, conf_strategy_name((enum conf_strategy)i)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_any_file_the_presets_hold),
        CASE(a_key_in_the_environment_is_a_provider),
        CASE(who_is_near_is_told_by_the_address),
        CASE(amazons_variables_are_a_key_and_a_region),
        CASE(a_key_may_be_in_several_variables),
        CASE(a_key_of_our_own_clients_goes_to_no_maker),
        CASE(every_section_reaches_its_struct),
        CASE(routes_limits_and_money_reach_their_structs),
        CASE(an_error_tells_file_line_section_and_cure),
        CASE(budgets_have_one_zone_beside_utc),
        CASE(all_problems_are_told_at_once),
        CASE(broken_parts_are_left_out_when_lenient),
        CASE(later_layers_win),
        CASE(one_file_can_replace_the_usual_ones),
        CASE(overrides_and_variables_are_checked),
        CASE(a_project_file_cannot_take_over),
        CASE(names_resolve_in_the_documented_order),
        CASE(prices_are_of_the_name_first_and_then_of_the_kind),
        CASE(prices_of_local_servers_are_their_own),
        CASE(a_bare_id_is_found_at_an_address_of_the_users),
        CASE(a_bare_id_goes_to_its_maker_first),
        CASE(a_default_model_is_the_default_route),
        CASE(a_strategy_is_called_as_the_file_has_it),
        CASE(every_key_is_documented_and_placed_in_its_section),
        CASE(paths_follow_the_environment),
        CASE(the_socket_is_looked_for_where_only_we_can_put_it),
    };
    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
