/*
 * conf.h: the configuration file, in git-config syntax.
 *
 * Two layers. The text layer (conf_text) keeps every line, so that `config set` changes one
 * line and keeps every comment; `git config -f` agrees with it on every key. The typed layer
 * (struct conf) is what programs read; one table in conf_schema.c documents and checks every
 * key of every section and makes llmgw-config(5).
 *
 * Strict: an unknown section or key, a dangling name or a value out of range is ERR_CONFIG
 * with "FILE:LINE: section "NAME": what (did you mean "…"?)".
 */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include "core/arena.h"
#include "core/err.h"
#include "core/map.h"
#include "core/money.h"
#include "core/provider.h"

/* Where a setting came from. file is "" for built-in, "environment" or "command line". */
struct conf_pos {
    const char *file;
    int line;
};

enum conf_record {
    CONF_RECORD_UNSET,
    CONF_RECORD_FULL,
    CONF_RECORD_META,
    CONF_RECORD_OFF
};
enum conf_strategy {
    CONF_ORDER,
    CONF_WEIGHTED,
    CONF_CHEAPEST,
    CONF_FASTEST,
    CONF_LEAST_BUSY,
    CONF_STICKY,
    CONF_BEST
};
/* As the file has it. */
const char *conf_strategy_name(enum conf_strategy s);
/* What a strategy is preferred for: "cost" of cheapest; NULL: for nothing that has a word. */
const char *conf_aim_name(enum conf_strategy s);
/* The strategy for an aim; false: that is no aim. */
bool conf_aim(struct str word, enum conf_strategy *ret);
enum conf_stream { CONF_STREAM_LIVE, CONF_STREAM_HOLD, CONF_STREAM_RESTART };
enum conf_cut {
    CONF_CUT_ERROR,
    CONF_CUT_RESTART
}; /* more follow: reconnect, prefill, splice, … */

struct conf_header {
    const char *name, *value;
};

/* Where a key comes from; never the key itself. */
struct conf_secret {
    enum { CONF_KEY_ENV, CONF_KEY_FILE, CONF_KEY_CMD } source;
    const char *value; /* variable, path or command */
};

/* So many at a time. */
struct conf_rate {
    int64_t amount; /* requests, tokens or pico-dollars; 0: not set */
    int64_t window_us;
};
/* "100k/min", of money "5.00/day"; false, and nothing is changed, when it is none. */
bool conf_rate_parse(struct str text, bool is_money, struct conf_rate *ret);

enum { CONF_KEYS = 8 };

/* [provider "NAME"] */
struct conf_provider {
    const char *name;
    const struct provider_kind *kind;
    const char *kind_name; /* as written, NULL if not */
    const char *base_url;  /* without trailing slash */
    /* keys in rotation; each from exactly one source */
    struct conf_secret keys[CONF_KEYS];
    size_t n_keys;
    struct conf_header headers[16];
    size_t n_headers;
    const char *proxy, *ca_file; /* NULL if not set */
    const char *region;          /* Bedrock; NULL if not set */
    const char *api_version;     /* Azure's classic addresses; NULL if not set */
    const char
        *price_service; /* "data_zone": how its account is priced; NULL if not set */
    bool http2;
    bool is_implicit; /* not in any file: found by its key in the environment */
    struct conf_pos pos;
};

/* target = NAME weight=3 when tokens > 50000 */
struct conf_target {
    const char *provider; /* resolved: a provider's name … */
    const char *model;    /* … and the id sent to it */
    const char *name;     /* as written: alias, PROVIDER/MODEL or bare id */
    int weight;           /* from 1; default 1 */
    const char *when;     /* condition text, NULL if none; router.c reads it */
    struct conf_pos pos;
};

/* [route "NAME"] */
struct conf_route {
    const char *name;
    enum conf_strategy strategy;
    int64_t explore_ppm; /* of its requests, to learn what is not known; default 5 % */
    int64_t min_quality_ppm; /* of the scores of a target that is good enough; 80 % */
    struct conf_target *targets;
    size_t n_targets;
    int64_t timeout_us;      /* whole request, default 600 s */
    int64_t connect_us;      /* default 10 s */
    int64_t ttft_us;         /* to the first token; 0: by the model */
    int64_t gap_us;          /* between tokens, default 90 s */
    int64_t patience_us;     /* Retry-After waited out on the same target, default 3 s */
    enum conf_stream stream; /* default live */
    enum conf_cut on_cut[4];
    size_t n_on_cut;
    enum conf_record record;
    pico max_cost_pico; /* PICO_UNKNOWN: no cap */
    bool is_implicit;
    struct conf_pos pos;
};

/* [limit "SCOPE"]: "target:openai/gpt-5.6-luna", "provider:openai", "client:NAME", "all" */
struct conf_limit {
    const char *scope;
    struct conf_rate requests, input_tok, output_tok, total_tok, money;
    int64_t concurrency; /* 0: not set */
    struct conf_pos pos;
};

/* [budget "NAME"] */
struct conf_budget {
    const char *name;
    pico limit_pico;
    enum { CONF_PER_HOUR, CONF_PER_DAY, CONF_PER_WEEK, CONF_PER_MONTH } per;
    int64_t warn_ppm; /* 800000 = 80 % */
    bool hard;
    const char *project, *client, *provider, *tag; /* NULL: everything */
    const char *tz;                                /* NULL: conf_zone's */
    struct conf_pos pos;
};

/* [client "NAME"]: keys for TCP, stored as a hash */
struct conf_client {
    const char *name;
    const char *key_hash; /* "sha256:HEX" */
    const char *project, *route;
    enum conf_record record;
    struct conf_pos pos;
};

/* [alias] NAME = PROVIDER/MODEL */
struct conf_alias {
    const char *name, *target;
    struct conf_pos pos;
};

/* [price "PROVIDER/MODEL"] component = dollars per million tokens */
struct conf_price {
    const char *provider, *model, *component;
    pico per_unit;
    struct conf_pos pos;
};

/* [model "PROVIDER/ID"]: what the catalog does not know */
struct conf_model {
    const char *provider, *model;
    int64_t context_tok, max_output_tok; /* 0: not set */
    unsigned caps_yes, caps_no;          /* enum catalog_cap */
    struct conf_pos pos;
};

/* One setting as it was read: for `config get`, `config list`. */
struct conf_value {
    const char *section, *sub, *key, *value; /* sub, value: NULL if none */
    struct conf_pos pos;
    bool in_force; /* no later one replaces it, and it was accepted */
};

struct conf {
    struct arena arena;        /* holds every string below */
    struct conf_value *values; /* in order of precedence, weakest first */
    size_t n_values;
    const char **warnings; /* a line each: nothing is wrong, but not wise */
    size_t n_warnings;
    size_t n_unjudged; /* of these: names that a whole catalog may know */
    struct {
        const char *default_route, *default_model; /* NULL if not set */
        enum conf_record record;                   /* default CONF_RECORD_UNSET */
        const char *path;                          /* PATH for key-cmd; NULL: inherited */
        int color;                                 /* −1 auto, 0 never, 1 always */
        bool autostart, offline;
    } core;
    struct {
        const char *system, *model, *route, *stdin_rule, *prompt, *markdown, *project;
        struct conf_header tags[LIMIT_TAGS]; /* name is the tag's key */
        size_t n_tags;
        pico max_cost_pico;
    } chat;
    struct {
        pico confirm_above_pico;
        int64_t jobs;
    } replay;
    struct {
        const char *socket; /* NULL: searched for */
        const char *listen; /* "127.0.0.1:4100"; NULL: no TCP */
        bool listen_any;
        const char *socket_group;
        int64_t allow_uid[16];
        size_t n_allow_uid;
        const char *fetch_host[64]; /* "host", "*.domain", either with ":port" */
        size_t n_fetch_host;
        int64_t idle_exit_us;  /* 0: never; default 30 min for auto-started brokers */
        int64_t drain_us;      /* default 30 s */
        const char *log_level; /* "info" */
        const char *db;        /* NULL: $XDG_DATA_HOME/llmgw/llmgw.db */
        int64_t stream_memory; /* cap per stream, bytes */
    } broker;
    struct {
        int64_t body_days, body_bytes, row_days;
    } telemetry;
    /* Those in files, and those with a key in the environment. */
    struct conf_provider *providers;
    size_t n_providers;
    /* All other known kinds: usable by a request that brings its own key, or needs none. */
    struct conf_provider *others;
    size_t n_others;
    /* The first variable of a provider's key that holds one of our own clients'; or NULL. */
    const char *client_key_env;
    struct conf_route *routes;
    size_t n_routes;
    struct conf_limit *limits;
    size_t n_limits;
    struct conf_budget *budgets;
    size_t n_budgets;
    struct conf_client *clients;
    size_t n_clients;
    struct conf_alias *aliases;
    size_t n_aliases;
    struct conf_price *prices;
    size_t n_prices;
    struct conf_model *models;
    size_t n_models;
};

/* How to find files and what else counts; all borrowed. */
struct conf_source {
    const char *file;             /* --config or LLMGW_CONFIG; NULL: the usual places */
    const char *const *overrides; /* --conf KEY=VALUE, NULL-terminated; NULL if none */
    const char *(*getenv)(const char *name); /* NULL: the process's environment */
    const char *cwd;    /* for project files; NULL: no project file */
    bool lenient;       /* unknown keys are collected as warnings, not errors */
    bool is_partial;    /* the catalog lacks rows: what it does not know is only told */
    const char *edited; /* this file is taken to hold … */
    struct str edited_text; /* … this: to check a change before it is written */
};

/*
 * Loads, checks and resolves. The catalog serves names (aliases, bare ids) and implicit
 * providers: every provider_kind whose key is in the environment, and route "default" over
 * their default models when no route of that name is configured. Problems beyond the first
 * go to `problems` (may be NULL), a line each.
 */
struct catalog;
struct catalog_model;
enum errc conf_load(const struct conf_source *src, const struct catalog *cat,
                    struct conf **ret, struct buf *problems, struct err *e) MUST_USE;
void conf_free(struct conf **c);

/* In use, or one that a request may bring a key for; NULL if neither. */
const struct conf_provider *conf_provider(const struct conf *c, struct str name);
/* Configured, or with a key in the environment. */
bool conf_is_in_use(const struct conf *c, struct str name);
/* Does it stand on this machine, so that asking it needs no network? */
bool conf_provider_is_near(const struct conf_provider *p);
/*
 * The catalog's model is one of its kind's, at its kind's address or where the user says so; of a
 * local server's kind one that the user has priced for it.
 */
bool conf_serves(const struct conf_provider *p, const struct catalog_model *m);
const struct conf_route *conf_route(const struct conf *c, struct str name);
/* ERR_NOT_FOUND, with the routes whose names are near. */
enum errc conf_no_route(const struct conf *c, struct str name, struct err *e);

/*
 * In which budgets' days begin: the one that any of them names, UTC aside, which each counts by
 * itself. NULL: the machine's. Conf keeps them from naming two.
 */
const char *conf_zone(const struct conf *c);

/*
 * Under which provider the catalog prices what `provider` serves: its own name where it has
 * prices there ([price "NAME/MODEL"] may give them), otherwise its kind's.
 */
struct str conf_price_provider(const struct conf *c, const struct catalog *cat,
                               struct str provider, struct str model);

/* Did the user write a price for exactly this? */
bool conf_has_price(const struct conf *c, struct str provider, struct str model);

/*
 * What a model name means, by the documented order: alias, route, provider/model, bare id served
 * by exactly one configured provider (by several: its own maker first). Fills a route (owned
 * by the conf) or a single target. ERR_NOT_FOUND names the three nearest; ERR_UPSTREAM_AUTH when
 * nobody could be asked at all.
 */
struct conf_resolved {
    const struct conf_route *route; /* NULL: a single target */
    struct conf_target target;      /* strings live in `arena` or in conf */
    const char *how;                /* "alias", "route", "provider/model", "id" */
};
enum errc conf_resolve(const struct conf *c, const struct catalog *cat, struct str name,
                       struct arena *arena, struct conf_resolved *ret, struct err *e)
    MUST_USE;

/* Does nothing but the providers in use say what the name "default" means? */
bool conf_default_is_open(const struct conf *c);
/*
 * Then it is the default models of those that `is_used` says, in the order of the kinds, also of
 * kinds whose key is not here. Returns how many; their strings live in conf or in `arena`.
 */
typedef bool conf_used_fn(void *arg, const struct conf_provider *p);
size_t conf_default_targets(const struct conf *c, const struct catalog *cat,
                            conf_used_fn *is_used, void *arg, struct arena *arena,
                            struct conf_target ret[LIMIT_TARGETS]);

/* ---- text layer: for `llmgw config`, `client add` and for tests against git ---- */

struct conf_text;

/* One setting as it stands in a file. */
struct conf_entry {
    const char *section, *sub, *key; /* lower case but for sub; sub NULL if none */
    const char *value;               /* decoded; NULL for a bare key (git: true) */
    int line;
    size_t from, to;             /* bytes of its line(s) in the text */
    size_t value_from, value_to; /* bytes of the value as written, quotes and all */
};

/* A section's header, with how many settings are under it. */
struct conf_heading {
    const char *section, *sub; /* as above */
    int line;
    size_t n_entries;
};

enum errc conf_text_parse(struct str text, const char *file, struct conf_text **ret,
                          struct err *e) MUST_USE;
void conf_text_free(struct conf_text **t);
struct str conf_text_str(const struct conf_text *t); /* as it was parsed */
const struct conf_entry *conf_text_entries(const struct conf_text *t, size_t *ret_n);
/* By their order; NULL behind the last one. */
const struct conf_heading *conf_text_heading(const struct conf_text *t, size_t at);
/* SECTION[.NAME].KEY in its parts, NAME may hold dots; false without a dot. */
bool conf_split_key(struct str dotted, struct str *ret_section, struct str *ret_sub,
                    struct str *ret_key);
/* "section.sub.key"; the last one wins. NULL when absent. */
const struct conf_entry *conf_text_get(const struct conf_text *t, const char *dotted);
/*
 * The text with one value set (replaced in place, added behind the last key of its section, or
 * with a new section at the end), or without it when value is NULL. Comments stay.
 * `add` appends another value to a multi-valued key.
 */
enum errc conf_text_set(const struct conf_text *t, const char *dotted, const char *value,
                        bool add, struct buf *out, struct err *e) MUST_USE;

/* The text without a section and all its settings; comments between them go too. */
enum errc conf_text_drop(const struct conf_text *t, const char *section, const char *sub,
                         struct buf *out, struct err *e) MUST_USE;

/* ---- schema: one row per key ---- */

enum conf_type {
    CONF_STRING,
    CONF_CHOICE, /* a string, one of `values` */
    CONF_BOOL,
    CONF_INT,      /* `values`: "1..1000" */
    CONF_SIZE,     /* bytes */
    CONF_DURATION, /* microseconds */
    CONF_MONEY,    /* pico; PICO_UNKNOWN when not set */
    CONF_FRACTION, /* parts per million */
    CONF_ENUM,     /* one of `values`, counted from `first` */
    CONF_CAPS,     /* a bit per name in `values` */
    CONF_MODEL,    /* a string that must mean something: alias, route, model */
    CONF_ROUTE,    /* … a route */
    CONF_PROVIDER, /* … a provider */
    CONF_CLIENT,   /* … a client */
    CONF_TARGET,   /* struct conf_target */
    CONF_RATE,     /* struct conf_rate: "100k/min" */
    CONF_SPEND,    /* struct conf_rate of money: "5.00/day" */
    CONF_BUDGET,   /* limit and period of struct conf_budget */
    CONF_HEADER,   /* struct conf_heading: "name: value" */
    CONF_SECRET,   /* struct conf_secret; `first` is its source */
    CONF_URL,      /* http or https, trailing slashes dropped */
    CONF_ADDRESS,  /* HOST:PORT, numeric */
    CONF_PATH,     /* "~/" and paths relative to the file are resolved */
    CONF_HASH,     /* "sha256:HEX" */
    CONF_ALIAS,    /* any key: struct conf_alias */
    CONF_PRICE,    /* any key: struct conf_price */
};

/* One row documents, checks and places a key. */
struct conf_key {
    const char *section, *key; /* key NULL: any name ([alias], [price]) */
    enum conf_type type;
    bool multi;      /* may be repeated; offset, n_offset and max are of an array then */
    bool in_project; /* a project file nobody has trusted may set it */
    const char *values;
    int first;
    const char *preset;         /* default; NULL if none */
    const char *help;           /* one sentence, lower case, no full stop */
    size_t offset;              /* in struct conf, or in the section's struct */
    size_t n_offset, max, size; /* of an array: its count, its length, one element */
};

const struct conf_key *conf_schema(size_t *ret_n);

/* A section: a part of struct conf, or an array of structs by the name in the header. */
struct conf_section {
    const char *name;
    const char *sub; /* what the quoted name is: "NAME"; NULL: none is allowed */
    size_t size;     /* of one struct; 0: part of struct conf */
    size_t items, n; /* offsets of array and count in struct conf */
    size_t pos;      /* offset of its struct conf_pos */
    bool by_key;     /* one struct per setting */
    const char *help;
};

const struct conf_section *conf_sections(size_t *ret_n);
/* The row of a key; NULL when unknown. */
const struct conf_key *conf_key(struct str section, struct str key);

/*
 * Paths of llmgw-config(5), "FILES", made from the environment; NULL-terminated strings in
 * `arena`.
 */
const char *conf_path_user(struct arena *a, const char *(*getenv)(const char *));
/* .llmgw/config in `cwd` or above, up to the repository or below HOME; NULL if there is none. */
const char *conf_path_project(struct arena *a, const char *cwd,
                              const char *(*getenv)(const char *));
const char *conf_path_data(struct arena *a, const char *(*getenv)(const char *),
                           const char *file);
const char *conf_path_state(struct arena *a, const char *(*getenv)(const char *),
                            const char *file);
/* What may be deleted at any time. */
const char *conf_path_cache(struct arena *a, const char *(*getenv)(const char *),
                            const char *file);
/*
 * Has the user said that this project's file may set everything? What is remembered is the path
 * and the hash of the text, so that any change takes the trust away.
 */
bool conf_is_trusted(struct arena *a, const char *(*getenv)(const char *),
                     const char *path, struct str text);
enum errc conf_trust(struct arena *a, const char *(*getenv)(const char *),
                     const char *path, struct str text, struct err *e) MUST_USE;

/* The whole file, at most LIMIT_CONF_LEN bytes; ERR_IO names it, ERR_NOT_FOUND when absent. */
enum errc conf_read_file(const char *path, struct buf *ret, struct err *e) MUST_USE;
/*
 * Writes the text beside the file and renames it into place, through symbolic links; makes the
 * directory when it is missing. Keeps the file's mode; a new one is for its owner only. What is
 * no file, such as /dev/null, is not replaced: ERR_IO.
 */
enum errc conf_write_file(const char *path, struct str text, struct err *e) MUST_USE;

/* The ledger: LLMGW_DB, [broker] db, else data dir. */
const char *conf_path_db(struct arena *a, const struct conf *c,
                         const char *(*getenv)(const char *));
/* The socket: as documented in llmgw(1), "Finding the broker"; checks owner, mode and length. */
enum errc conf_path_socket(struct arena *a, const struct conf *c, const char *option,
                           const char *(*getenv)(const char *), const char **ret,
                           struct err *e) MUST_USE;

#endif
