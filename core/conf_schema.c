/*
 * conf_schema.c: one row per section and per key of the configuration.
 *
 * The rows check, place and document: conf_store.c reads types and offsets, llmgw-config(5) is
 * made from the help texts. A key that is not here is an error with the nearest name.
 */
#include "core/conf.h"

#define ARRAY(field, count)                                                              \
    .items = offsetof(struct conf, field), .n = offsetof(struct conf, count)
#define OF(type) .size = sizeof(struct type), .pos = offsetof(struct type, pos)

static const struct conf_section sections[] = {
    {.name = "core", .help = "what every program reads"},
    {.name = "chat", .help = "presets of llmgw chat"},
    {.name = "replay", .help = "presets of llmgw replay"},
    {.name = "broker", .help = "the broker, llmgwd"},
    {.name = "telemetry", .help = "how long the ledger keeps what"},
    {.name = "client",
     .sub = "NAME",
     OF(conf_client),
     ARRAY(clients, n_clients),
     .help = "who may come over TCP; llmgw client add makes one"},
    {.name = "provider",
     .sub = "NAME",
     OF(conf_provider),
     ARRAY(providers, n_providers),
     .help = "where models are served, and with which keys; a known kind with its key in "
             "the environment needs no section"},
    {.name = "model",
     .sub = "PROVIDER/ID",
     OF(conf_model),
     ARRAY(models, n_models),
     .help = "what the catalog does not know, or knows wrongly, about a model"},
    {.name = "alias",
     OF(conf_alias),
     ARRAY(aliases, n_aliases),
     .by_key = true,
     .help = "short names"},
    {.name = "route",
     .sub = "NAME",
     OF(conf_route),
     ARRAY(routes, n_routes),
     .help = "targets and the rules by which one is chosen"},
    {.name = "limit",
     .sub = "SCOPE",
     OF(conf_limit),
     ARRAY(limits, n_limits),
     .help = "rates; SCOPE is all, provider:NAME, target:PROVIDER/MODEL, client:NAME, "
             "project:NAME, route:NAME or tag:KEY=VALUE"},
    {.name = "budget",
     .sub = "NAME",
     OF(conf_budget),
     ARRAY(budgets, n_budgets),
     .help = "money per hour, day, week or month"},
    {.name = "price",
     .sub = "PROVIDER/MODEL",
     OF(conf_price),
     ARRAY(prices, n_prices),
     .by_key = true,
     .help = "prices that override the catalog's"},
    {.name = "include", .help = "other files, read where they are named"},
};

#define IN(type, field)   .offset = offsetof(struct type, field)
#define LIST(type, field) IN(type, field), LIST_END(type, field, n_##field)
#define LIST_END(type, field, count)                                                     \
    .multi = true, .n_offset = offsetof(struct type, count),                             \
    .max = ARRAY_LEN(((struct type *)0)->field),                                         \
    .size = sizeof(((struct type *)0)->field[0])

static const struct conf_key keys[] = {
    {"core", "default-route", CONF_ROUTE, IN(conf, core.default_route),
     .in_project = true, .help = "route of requests that name neither route nor model"},
    {"core", "default-model", CONF_MODEL, IN(conf, core.default_model),
     .in_project = true,
     .help = "model of requests that name none, when there is no default route"},
    {"core", "record", CONF_ENUM, IN(conf, core.record), .values = "full|meta|off",
     .first = CONF_RECORD_FULL,
     .help =
         "what the ledger keeps: everything, all but texts, or nothing; unset, full for "
         "llmgw chat and meta for other clients"},
    {"core", "path", CONF_STRING, IN(conf, core.path),
     .help = "PATH for commands that print keys"},
    {"core", "color", CONF_ENUM, IN(conf, core.color), .values = "auto|never|always",
     .first = -1, .preset = "auto", .help = "colour on terminals"},
    {"core", "autostart", CONF_BOOL, IN(conf, core.autostart), .preset = "yes",
     .help = "start a broker when none answers"},
    {"core", "offline", CONF_BOOL, IN(conf, core.offline), .preset = "no",
     .help = "use no network at all: ask only targets on this machine"},

    {"chat", "system", CONF_STRING, IN(conf, chat.system), .help = "system prompt"},
    {"chat", "model", CONF_MODEL, IN(conf, chat.model), .in_project = true,
     .help = "model, alias or route to ask"},
    {"chat", "route", CONF_ROUTE, IN(conf, chat.route), .in_project = true,
     .help = "route to ask"},
    {"chat", "stdin", CONF_CHOICE, IN(conf, chat.stdin_rule), .values = "auto|never",
     .preset = "auto", .help = "read standard input when it is a file, pipe or socket"},
    {"chat", "prompt", CONF_STRING, IN(conf, chat.prompt),
     .help = "the prompt of an interactive chat; {name}, {cost}, {turns}, {project}, "
             "{title} and {private} stand for what they say"},
    {"chat", "markdown", CONF_CHOICE, IN(conf, chat.markdown), .values = "auto|off",
     .preset = "auto", .help = "render Markdown on terminals"},
    {"chat", "max-cost", CONF_MONEY, IN(conf, chat.max_cost_pico),
     .help = "refuse a request that could cost more dollars"},
    {"chat", "project", CONF_STRING, IN(conf, chat.project), .in_project = true,
     .help = "project that requests belong to"},
    {"chat", "tag", CONF_HEADER, IN(conf, chat.tags),
     LIST_END(conf, chat.tags, chat.n_tags), .in_project = true, .values = "=",
     .help = "KEY=VALUE, a tag that requests carry"},

    {"replay", "confirm-above", CONF_MONEY, IN(conf, replay.confirm_above_pico),
     .preset = "1", .help = "ask before a replay that could cost more dollars"},
    {"replay", "jobs", CONF_INT, IN(conf, replay.jobs), .values = "1..256", .preset = "4",
     .help = "requests at a time"},

    {"broker", "socket", CONF_PATH, IN(conf, broker.socket),
     .help = "socket, when not in the runtime directory"},
    {"broker", "listen", CONF_ADDRESS, IN(conf, broker.listen),
     .help = "ADDRESS:PORT to listen on over TCP; clients need a key there"},
    {"broker", "listen-any", CONF_BOOL, IN(conf, broker.listen_any), .preset = "no",
     .help = "allow an address that is not this machine's loopback"},
    {"broker", "socket-group", CONF_STRING, IN(conf, broker.socket_group),
     .help = "group whose members may connect to the socket; they must be able to pass "
             "through its directory, so that broker.socket is needed, too"},
    {"broker", "allow-uid", CONF_INT, IN(conf, broker.allow_uid),
     LIST_END(conf, broker.allow_uid, broker.n_allow_uid), .values = "0..4294967294",
     .help = "another user who may connect to the socket"},
    {"broker", "fetch-host", CONF_STRING, IN(conf, broker.fetch_host),
     LIST_END(conf, broker.fetch_host, broker.n_fetch_host),
     .help =
         "HOST, *.DOMAIN or HOST:PORT that images and PDFs, which a request names by "
         "URL, may be fetched from for Gemini and Bedrock, which fetch none; over https, "
         "without a proxy, redirects or private addresses; none unless listed"},
    {"broker", "idle-exit", CONF_DURATION, IN(conf, broker.idle_exit_us), .preset = "30m",
     .help = "an auto-started broker ends after so long without work; 0 is never"},
    {"broker", "drain", CONF_DURATION, IN(conf, broker.drain_us), .preset = "30s",
     .help = "how long a stopping broker lets requests finish"},
    {"broker", "log-level", CONF_CHOICE, IN(conf, broker.log_level),
     .values = "error|warn|info|debug", .preset = "info", .help = "what the log holds"},
    {"broker", "db", CONF_PATH, IN(conf, broker.db), .help = "the ledger's file"},
    {"broker", "stream-memory", CONF_SIZE, IN(conf, broker.stream_memory), .preset = "4M",
     .help = "bytes one stream may hold for a slow client"},

    {"telemetry", "body-days", CONF_INT, IN(conf, telemetry.body_days),
     .values = "0..36500", .preset = "30", .help = "days that texts are kept"},
    {"telemetry", "body-size", CONF_SIZE, IN(conf, telemetry.body_bytes), .preset = "1G",
     .help = "bytes of texts that are kept; the oldest go first"},
    {"telemetry", "row-days", CONF_INT, IN(conf, telemetry.row_days),
     .values = "1..36500", .preset = "400",
     .help = "days that single requests are kept; sums stay for ever"},

    {"client", "key-hash", CONF_HASH, IN(conf_client, key_hash),
     .help = "hash of the client's key: sha256: and 64 hexadecimal digits"},
    {"client", "project", CONF_STRING, IN(conf_client, project),
     .help = "project that its requests belong to"},
    {"client", "route", CONF_ROUTE, IN(conf_client, route),
     .help = "route of its requests that name neither route nor model"},
    {"client", "record", CONF_ENUM, IN(conf_client, record), .values = "full|meta|off",
     .first = CONF_RECORD_FULL, .help = "what the ledger keeps of its requests"},

    {"provider", "kind", CONF_STRING, IN(conf_provider, kind_name),
     .help = "one of the known kinds; the section's name when that is one"},
    {"provider", "base-url", CONF_URL, IN(conf_provider, base_url),
     .help = "address of its API, when it is not the kind's own"},
    {"provider", "key-env", CONF_SECRET, LIST(conf_provider, keys), .first = CONF_KEY_ENV,
     .help = "environment variable that holds a key; several keys take turns"},
    {"provider", "key-file", CONF_SECRET, LIST(conf_provider, keys),
     .first = CONF_KEY_FILE, .help = "file whose first line is a key"},
    {"provider", "key-cmd", CONF_SECRET, LIST(conf_provider, keys), .first = CONF_KEY_CMD,
     .help = "command whose first line of output is a key, run at first use, and again "
             "when one of more than a minute is refused"},
    {"provider", "header", CONF_HEADER, LIST(conf_provider, headers), .values = ":",
     .help = "NAME: VALUE, a header that its requests carry"},
    {"provider", "proxy", CONF_STRING, IN(conf_provider, proxy),
     .help = "proxy, as curl(1) writes it; instead of the environment's"},
    {"provider", "ca-file", CONF_PATH, IN(conf_provider, ca_file),
     .help = "certificates to trust instead of the system's"},
    {"provider", "region", CONF_STRING, IN(conf_provider, region),
     .help = "Bedrock: where it is asked, and what its requests are signed for"},
    {"provider", "api-version", CONF_STRING, IN(conf_provider, api_version),
     .help =
         "Azure: date of the classic interface, which has the deployment in its address"},
    {"provider", "price-service", CONF_STRING, IN(conf_provider, price_service),
     .help =
         "service of its prices that the account is in and no answer tells, such as "
         "data_zone or regional_processing; models that have no such price keep theirs"},
    {"provider", "http2", CONF_BOOL, IN(conf_provider, http2), .preset = "no",
     .help = "allow HTTP/2; a paused stream costs much memory there"},

    {"model", "context", CONF_INT, IN(conf_model, context_tok), .values = "1..1000000000",
     .help = "tokens that input and output may have together"},
    {"model", "max-output", CONF_INT, IN(conf_model, max_output_tok),
     .values = "1..1000000000", .help = "tokens that one answer may have"},
#define CAPS                                                                             \
    "tools|vision|json-schema|reasoning|audio-in|audio-out|prefill|prompt-caching|"      \
    "pdf-in|video-in|image-out|embedding"
    {"model", "can", CONF_CAPS, IN(conf_model, caps_yes), .values = CAPS,
     .help = "what it can do, blanks between; embedding: that, and no chats"},
    {"model", "cannot", CONF_CAPS, IN(conf_model, caps_no), .values = CAPS,
     .help = "what it cannot do"},
#undef CAPS

    {"alias", NULL, CONF_ALIAS, .help = "NAME = PROVIDER/MODEL, a model's id or a route"},

    {"route", "strategy", CONF_ENUM, IN(conf_route, strategy),
     .values = "order|weighted|cheapest|fastest|least-busy|sticky|best",
     .preset = "order",
     .help = "which target that can serve is asked first; see Strategies"},
    {"route", "explore", CONF_FRACTION, IN(conf_route, explore_ppm), .values = "0..100%",
     .preset = "5%",
     .help = "fastest and best: part of the requests that go to a target whose speed or "
             "quality is not known, to learn it"},
    {"route", "min-quality", CONF_FRACTION, IN(conf_route, min_quality_ppm),
     .values = "0..100%", .preset = "80%",
     .help = "best: the mean of its scores from which a target is good enough"},
    {"route", "target", CONF_TARGET, IN(conf_route, targets), .multi = true,
     .help = "NAME [weight=N] [when CONDITION]; repeated, in order of preference"},
    {"route", "timeout", CONF_DURATION, IN(conf_route, timeout_us), .preset = "600s",
     .help = "for a whole request, all attempts"},
    {"route", "connect-timeout", CONF_DURATION, IN(conf_route, connect_us),
     .preset = "10s", .help = "to connect to a provider"},
    {"route", "ttft-timeout", CONF_DURATION, IN(conf_route, ttft_us),
     .help = "from sending to the first token, or sign of thinking; 60s, and 180s for "
             "models that reason, when it is not set"},
    {"route", "gap-timeout", CONF_DURATION, IN(conf_route, gap_us), .preset = "90s",
     .help = "between tokens"},
    {"route", "patience", CONF_DURATION, IN(conf_route, patience_us), .preset = "3s",
     .help = "how long a Retry-After is waited out on the same target"},
    {"route", "stream", CONF_ENUM, IN(conf_route, stream), .values = "live|hold|restart",
     .preset = "live",
     .help =
         "pass a stream on as it comes, hold it back until it is whole, or begin anew "
         "after a cut, for clients that can"},
    {"route", "on-cut", CONF_ENUM, LIST(conf_route, on_cut), .values = "error|restart",
     .preset = "error", .help = "what is tried, in order, when a stream is cut"},
    {"route", "record", CONF_ENUM, IN(conf_route, record), .values = "full|meta|off",
     .first = CONF_RECORD_FULL, .help = "what the ledger keeps of its requests"},
    {"route", "max-cost", CONF_MONEY, IN(conf_route, max_cost_pico),
     .help = "refuse a request that could cost more dollars"},

    {"limit", "requests", CONF_RATE, IN(conf_limit, requests),
     .help = "requests, as in 60/min; /s, /min, /h and /day"},
    {"limit", "tokens", CONF_RATE, IN(conf_limit, total_tok),
     .help = "tokens of input and output together, as in 100k/min"},
    {"limit", "input-tokens", CONF_RATE, IN(conf_limit, input_tok),
     .help = "tokens of input"},
    {"limit", "output-tokens", CONF_RATE, IN(conf_limit, output_tok),
     .help = "tokens of output"},
    {"limit", "money", CONF_SPEND, IN(conf_limit, money),
     .help = "dollars, as in 5.00/day"},
    {"limit", "concurrency", CONF_INT, IN(conf_limit, concurrency), .values = "1..100000",
     .help = "requests at a time"},

    {"budget", "limit", CONF_BUDGET, .in_project = true,
     .help = "dollars per hour, day, week or month, as in 5.00/day"},
    {"budget", "warn", CONF_FRACTION, IN(conf_budget, warn_ppm), .preset = "80%",
     .in_project = true, .help = "part of the limit from which to warn"},
    {"budget", "hard", CONF_BOOL, IN(conf_budget, hard), .preset = "no",
     .in_project = true, .help = "refuse what would go over it, before sending"},
    {"budget", "project", CONF_STRING, IN(conf_budget, project), .in_project = true,
     .help = "count this project only"},
    {"budget", "client", CONF_CLIENT, IN(conf_budget, client), .in_project = true,
     .help = "count this client only"},
    {"budget", "provider", CONF_PROVIDER, IN(conf_budget, provider), .in_project = true,
     .help = "count this provider only"},
    {"budget", "tag", CONF_STRING, IN(conf_budget, tag), .in_project = true,
     .help = "count requests with this tag only, KEY=VALUE"},
    {"budget", "tz", CONF_STRING, IN(conf_budget, tz), .in_project = true,
     .help =
         "time zone in which days begin, such as Europe/Berlin; local by default; all "
         "budgets share one, UTC aside"},

    {"price", NULL, CONF_PRICE,
     .help = "input, output, cache-read and so on: dollars per million tokens; per-page, "
             "per-search and so on: dollars for one"},

    {"include", "path", CONF_PATH, .multi = true,
     .help = "a file, relative to the one that names it"},
};

const char *conf_strategy_name(enum conf_strategy s)
{
    static const char *const names[] = {
        [CONF_ORDER] = "order",
        [CONF_WEIGHTED] = "weighted",
        [CONF_CHEAPEST] = "cheapest",
        [CONF_FASTEST] = "fastest",
        [CONF_LEAST_BUSY] = "least-busy",
        [CONF_STICKY] = "sticky",
        [CONF_BEST] = "best",
    };
    return names[s];
}

static const struct {
    const char *aim;
    enum conf_strategy strategy;
} aims[] = {{"cost", CONF_CHEAPEST}, {"latency", CONF_FASTEST}, {"quality", CONF_BEST}};

const char *conf_aim_name(enum conf_strategy s)
{
    for (size_t i = 0; i < ARRAY_LEN(aims); i++)
        if (aims[i].strategy == s)
            return aims[i].aim;
    return NULL;
}

bool conf_aim(struct str word, enum conf_strategy *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(aims); i++)
        if (str_eqz(word, aims[i].aim)) {
            *ret = aims[i].strategy;
            return true;
        }
    return false;
}

const struct conf_key *conf_schema(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(keys);
    return keys;
}

const struct conf_section *conf_sections(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(sections);
    return sections;
}

const struct conf_key *conf_key(struct str section, struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (str_ieqz(section, keys[i].section) &&
            (keys[i].key == NULL || str_ieqz(key, keys[i].key)))
            return &keys[i];
    return NULL;
}
