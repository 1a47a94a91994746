/*
 * broker.c: struct broker owns everything; start, reload, drain, stop.
 *
 * Start: configuration, then the socket, then what takes longer, so that clients find a place
 * to wait at once; readiness is told when they can be answered. A configuration, its catalog
 * and its keys are one generation: a reload makes a new one or changes nothing, and an old one
 * lives until the last request that began under it has ended.
 *
 * Must not know what a request is; request.c only tells when one begins and ends.
 */
#include "broker/broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/num.h"
#include "core/os.h"
#include "core/zone.h"

#include "broker/conn.h"
#include "broker/habit.h"
#include "broker/listen.h"
#include "broker/request.h"
#include "broker/score.h"
#include "broker/seed.h"
#include "broker/served.h"
#include "broker/signatures.h"
#include "broker/state.h"

enum {
    /* for the writer thread to empty the spool; what is left is replayed at the next start */
    CLOSE_WAIT_US = 5 * US_PER_S,
    /* after the drain time: for cancelled requests to tell their clients */
    CANCEL_WAIT_US = 2 * US_PER_S,
    /* how often an idle broker looks whether it is idle while clients stay connected */
    IDLE_LOOK_US = 60 * US_PER_S,
    /* for the ledger to come to rest: what the last run left may take a while */
    START_WAIT_US = 2 * US_PER_S,
    RELOAD_WAIT_US = 100 * US_PER_MS,
    /* a first request comes at once or not: after this a connection is made ahead */
    WARM_AFTER_US = 500 * US_PER_MS,
    /* what providers tell of their limits may be so much older after a kill */
    KEEP_LIMITS_US = US_PER_S,
};
/* libcurl gives up connections that were idle for 118 s (CURLOPT_MAXAGE_CONN's default) */
#define WARM_IDLE_US (110 * (int64_t)US_PER_S)

/* A configuration and what was made from it. */
struct generation {
    struct list link;        /* in b->generations */
    struct catalog *catalog; /* owned, as the other two */
    struct conf *conf;
    struct secrets *secrets;
    int64_t read_wall_us; /* when its files were read, or a little before */
    size_t n_refs;        /* one is the broker's while it is in force */
};

static const char *env(const char *name)
{
    return getenv(name);
}

/* ---- generations ---- */

static void generation_free(struct generation **gp)
{
    struct generation *g = *gp;
    if (g == NULL)
        return;
    *gp = NULL;
    list_del(&g->link);
    secrets_free(&g->secrets);
    conf_free(&g->conf);
    catalog_free(&g->catalog);
    mem_free(g);
}

static void generation_unref(struct generation *g)
{
    if (--g->n_refs == 0)
        generation_free(&g);
}

static struct generation *generation_in_force(struct broker *b)
{
    return container_of(b->generations.prev, struct generation, link);
}

static enum errc load_catalog(struct generation *g, struct err *e)
{
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    const char *prices = conf_path_data(&arena, env, "prices.tsv");
    enum errc rc = catalog_load(catalog_default_path(&arena), prices, &g->catalog, e);
    arena_release(&arena);
    return rc == ERR_OK ? rc : err_ctx(e, "catalog");
}

/* The first problem is *e, which the caller tells; each other one gets a line in the log. */
static enum errc load_conf(struct broker *b, struct generation *g, struct err *e)
{
    const struct conf_source src = {
        .file = b->options.config,
        .overrides = b->options.overrides,
    };
    char at[2 * LIMIT_ERR_TEXT];
    AUTO(buf_release) struct buf problems = BUF_INIT(LIMIT_CONF_LEN);
    enum errc rc = conf_load(&src, g->catalog, &g->conf, &problems, e);
    for (size_t i = 0; g->conf != NULL && i < g->conf->n_warnings; i++)
        log_write(&b->log, LOG_WARN, "conf", "not wise", "at=%s",
                  log_quote(at, sizeof at, str_of(g->conf->warnings[i])));
    struct str rest = buf_str(&problems), line;
    (void)str_split(&rest, '\n', &line);
    while (str_split(&rest, '\n', &line))
        if (line.len > 0)
            log_write(&b->log, LOG_ERROR, "conf", "one more problem", "at=%s",
                      log_quote(at, sizeof at, line));
    return rc;
}

static enum errc apply_prices(struct generation *g, struct err *e)
{
    for (size_t i = 0; i < g->conf->n_prices; i++) {
        const struct conf_price *p = &g->conf->prices[i];
        if (catalog_override(g->catalog, str_of(p->provider), str_of(p->model),
                             str_of(p->component), p->per_unit, e) != ERR_OK)
            return err_ctx(e, "%s:%d", p->pos.file, p->pos.line);
    }
    return ERR_OK;
}

static enum errc generation_load(struct broker *b, const struct secrets *old,
                                 struct generation **ret, struct err *e)
{
    AUTO(generation_free) struct generation *g = MEM_NEW(struct generation);
    if (g == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the configuration");
    list_init(&g->link);
    g->n_refs = 1;
    g->read_wall_us = clock_wall_us(b->clock);
    if (load_catalog(g, e) != ERR_OK || load_conf(b, g, e) != ERR_OK ||
        apply_prices(g, e) != ERR_OK ||
        secrets_new(g->conf, old, &b->key_states, b->loop, &b->log, &g->secrets, e) !=
            ERR_OK)
        return e->code;
    *ret = g;
    g = NULL;
    return ERR_OK;
}

/* b's own pointers follow the generation in force. */
static void put_in_force(struct broker *b, struct generation *g)
{
    list_del(&g->link);
    list_add(&b->generations, &g->link);
    b->catalog = g->catalog;
    b->conf = g->conf;
    b->secrets = g->secrets;
    b->conf_read_wall_us = g->read_wall_us;
}

struct conf *broker_conf_ref(struct broker *b)
{
    generation_in_force(b)->n_refs++;
    return b->conf;
}

void broker_conf_unref(struct broker *b, struct conf **c)
{
    list_for_each_safe (node, &b->generations) {
        struct generation *g = container_of(node, struct generation, link);
        if (g->conf != *c)
            continue;
        *c = NULL;
        generation_unref(g);
        return;
    }
}

/* ---- reload ---- */

/* Of calendar windows. */
static void set_zone(struct broker *b)
{
    const char *tz = conf_zone(b->conf);
    struct err e = ERR_INIT;
    if (zone_use(tz, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "broker", e.text, "tz=%s", tz);
}

static void set_log_level(struct broker *b)
{
    const char *level = b->options.log_level;
    if (level == NULL)
        level = b->conf->broker.log_level;
    if (level != NULL)
        log_level_parse(str_of(level), &b->log.level);
}

/*
 * The database, to be asked what was, as soon as it knows, which may take wait_us. NULL: there is
 * none yet, or, as the log says, there is trouble.
 */
static struct db *open_past(struct broker *b, const char *path, int64_t wait_us)
{
    struct err e = ERR_INIT;
    struct db *db = NULL;
    if (!ledger_wait(b->ledger, wait_us))
        log_write(&b->log, LOG_WARN, "broker", "the spool is not in the database yet",
                  "waited_ms=%lld", (long long)(wait_us / US_PER_MS));
    enum errc rc = db_open(path, DB_READ, &db, &e);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        log_write(&b->log, LOG_WARN, "broker", e.text, "lost=%s",
                  "budgets, limits, pins, drains, breakers");
    return db;
}

/* A reload may have brought budgets and limits. */
static void seed_again(struct broker *b)
{
    struct arena arena;
    if (limiter_is_seeded(b->limiter))
        return;
    arena_init(&arena, LIMIT_HEAD_LEN);
    struct db *db = open_past(b, conf_path_db(&arena, b->conf, env), RELOAD_WAIT_US);
    seed_limits(b, db);
    db_close(&db);
    arena_release(&arena);
}

static enum errc reload(struct broker *b, struct err *e)
{
    struct generation *old = generation_in_force(b), *g = NULL;
    enum errc rc = generation_load(b, b->secrets, &g, e);
    if (rc != ERR_OK)
        return rc;
    put_in_force(b, g);
    rc = listen_reload(b->listen, e);
    if (rc == ERR_OK)
        rc = limiter_reload(b->limiter, b->conf, e);
    if (rc != ERR_OK) {
        put_in_force(b, old);
        struct err again = ERR_INIT;
        if (listen_reload(b->listen, &again) != ERR_OK)
            log_write(&b->log, LOG_ERROR, "broker", again.text, "listen=%s",
                      b->conf->broker.listen);
        generation_free(&g);
        return rc;
    }
    set_log_level(b);
    set_zone(b);
    seed_again(b);
    ledger_reload(b->ledger, b->conf);
    generation_unref(old);
    return ERR_OK;
}

enum errc broker_reload(struct broker *b, struct err *e)
{
    enum errc rc = reload(b, e);
    snprintf(b->error_text, sizeof b->error_text, "%s", rc == ERR_OK ? "" : e->text);
    if (rc == ERR_OK)
        log_write(&b->log, LOG_INFO, "broker", "new configuration in force", "routes=%zu",
                  b->conf->n_routes);
    else
        log_write(&b->log, LOG_ERROR, "broker", e->text,
                  "kept=\"the old configuration\"");
    return rc;
}

/* ---- what others know us by ---- */

struct target_state *broker_target(struct broker *b, struct str provider,
                                   struct str model)
{
    struct target_state *t = targets_get(&b->targets, provider, model), *old;
    while ((old = targets_surplus(&b->targets)) != NULL) {
        if (old->breaker.state != BREAKER_CLOSED) {
            breaker_init(&old->breaker);
            state_save_breaker(b, old);
        }
        state_forget_limits(b, old);
        state_forget_facts(b, old);
        targets_forget(&b->targets, &old);
    }
    return t;
}

static void keep_limits(void *arg)
{
    struct broker *b = arg;
    map_for_each (slot, &b->targets.by_name) {
        struct target_state *t = slot->value;
        if (t->has_new_limits)
            state_save_limits(b, t);
    }
}

void broker_limits_told(struct broker *b, struct target_state *t, bool is_spent)
{
    t->has_new_limits = true;
    if (is_spent)
        state_save_limits(b, t);
    /* every answer tells: a record for each would be too many */
    else if (!loop_timer_is_set(&b->limits_timer) &&
             loop_timer_set(b->loop, &b->limits_timer, KEEP_LIMITS_US) != ERR_OK)
        state_save_limits(b, t);
}

uint64_t broker_random(struct broker *b)
{
    return num_draw(&b->seed);
}

void broker_request_began(struct broker *b)
{
    b->n_requests++;
}

void broker_request_ended(struct broker *b)
{
    b->n_requests--;
    b->last_active_us = loop_mono_us(b->loop);
}

/* ---- warm connections: TLS set-up costs two round trips and 20 ms of CPU ---- */

/* To where the next request goes in all likelihood: the first target of the default route. */
static void warm(struct broker *b)
{
    const char *name = b->conf->core.default_route;
    const struct conf_route *r =
        conf_route(b->conf, str_of(name != NULL ? name : "default"));
    if (r == NULL || r->n_targets == 0)
        return;
    const struct conf_provider *p =
        conf_provider(b->conf, str_of(r->targets[0].provider));
    if (p != NULL && p->base_url != NULL && strncmp(p->base_url, "https:", 6) == 0)
        upstream_warm(b->upstream, p->base_url, p->proxy, p->ca_file);
}

static void on_warm(void *arg)
{
    struct broker *b = arg;
    if (upstream_n_connects(b->upstream) == 0 && upstream_n_active(b->upstream) == 0)
        warm(b);
}

void broker_client_came(struct broker *b)
{
    int64_t now_us = loop_mono_us(b->loop);
    if (b->n_requests == 0 && now_us - b->last_active_us > WARM_IDLE_US)
        warm(b);
    b->last_active_us = now_us;
}

/* ---- telling others how we are ---- */

/* Source: systemd, sd_notify(3), "Notes": one datagram; "@" stands for an abstract address. */
static void notify(struct broker *b, const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof a.sun_path)
        return;
    size_t len = strlen(path);
    memcpy(a.sun_path, path, len);
    if (path[0] == '@')
        a.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t a_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                         (const struct sockaddr *)&a, a_len) < 0)
        log_write(&b->log, LOG_WARN, "broker", "cannot tell the service manager",
                  "state=%s", state);
    if (fd >= 0)
        close(fd);
}

static void tell_ready(struct broker *b)
{
    static const char word[] = "ready\n";
    if (b->options.ready_fd >= 0) {
        if (write(b->options.ready_fd, word, sizeof word - 1) < 0)
            log_write(&b->log, LOG_WARN, "broker", "nobody waits for readiness", "fd=%d",
                      b->options.ready_fd);
        close(b->options.ready_fd);
        b->options.ready_fd = -1;
    }
    notify(b, "READY=1");
    log_write(&b->log, LOG_INFO, "broker", "ready", "version=%s pid=%ld", PACKAGE_VERSION,
              (long)getpid());
}

/* ---- draining and idleness ---- */

static void on_drain_timer(void *arg)
{
    struct broker *b = arg;
    if (b->n_requests == 0) {
        loop_quit(b->loop);
        return;
    }
    log_write(&b->log, LOG_WARN, "broker", "out of patience", "requests=%zu",
              b->n_requests);
    request_cancel_all(b, "the broker stops");
    if (loop_timer_set(b->loop, &b->drain_timer, CANCEL_WAIT_US) != ERR_OK ||
        b->is_forced)
        loop_quit(b->loop);
    b->is_forced = true;
}

void broker_drain(struct broker *b)
{
    if (b->draining)
        return;
    b->draining = true;
    log_write(&b->log, LOG_INFO, "broker", "stopping", "requests=%zu connections=%zu",
              b->n_requests, b->n_conns);
    notify(b, "STOPPING=1");
    listen_stop(b->listen);
    conn_drain_all(b);
    if (loop_timer_set(b->loop, &b->drain_timer, b->conf->broker.drain_us) != ERR_OK)
        loop_quit(b->loop);
}

static void on_before_sleep(void *arg)
{
    struct broker *b = arg;
    if (b->draining && b->n_requests == 0 && b->n_conns == 0)
        loop_quit(b->loop);
}

static void on_stop(void *arg)
{
    struct broker *b = arg;
    if (!b->draining) {
        broker_drain(b);
        return;
    }
    /* asked twice: at once */
    b->is_forced = true;
    on_drain_timer(b);
}

static void on_reload(void *arg)
{
    struct err e = ERR_INIT;
    (void)!broker_reload(arg, &e); /* it logs, and keeps the old one */
}

static void on_recreate(void *arg)
{
    struct broker *b = arg;
    struct err e = ERR_INIT;
    bool ok = listen_recreate(b->listen, &e) == ERR_OK;
    log_write(&b->log, ok ? LOG_INFO : LOG_ERROR, "broker",
              ok ? "the socket was made anew" : e.text, "signal=USR1");
}

static void on_idle(void *arg)
{
    struct broker *b = arg;
    int64_t idle_us = b->conf->broker.idle_exit_us;
    int64_t left_us = b->last_active_us + idle_us - loop_mono_us(b->loop);
    if (b->draining || idle_us == 0)
        return;
    if (b->n_conns > 0 || b->n_requests > 0)
        left_us = MIN(idle_us, IDLE_LOOK_US);
    if (left_us <= 0) {
        log_write(&b->log, LOG_INFO, "broker", "idle for long enough", "s=%lld",
                  (long long)(idle_us / US_PER_S));
        broker_drain(b);
    } else if (loop_timer_set(b->loop, &b->idle_timer, left_us) != ERR_OK) {
        log_write(&b->log, LOG_WARN, "broker", "no idle exit: out of memory", "s=%lld",
                  (long long)(idle_us / US_PER_S));
    }
}

/* ---- start and end ---- */

static enum errc set_signals(struct broker *b, struct err *e)
{
    static const struct {
        int signo;
        loop_fn *fn;
    } rows[] = {
        {SIGTERM, on_stop},
        {SIGINT, on_stop},
        {SIGHUP, on_reload},
        {SIGUSR1, on_recreate},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum errc rc = loop_signal(b->loop, rows[i].signo, rows[i].fn, b, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum errc open_socket(struct broker *b, struct err *e)
{
    const char *path;
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    enum errc rc = conf_path_socket(&arena, b->conf, b->options.socket, env, &path, e);
    if (rc == ERR_OK)
        rc = listen_open(b, path, api_handle, &b->listen, e);
    arena_release(&arena);
    return rc;
}

static void on_committed(void *arg, uint64_t seq)
{
    request_on_committed(arg, seq);
}

/* No provider is asked for something that the spool does not know. */
static void on_before_sending(void *arg)
{
    struct broker *b = arg;
    ledger_flush(b->ledger);
}

/* Is there a route that asks for them from its first request on? */
static bool wants_scores(const struct broker *b)
{
    for (size_t i = 0; i < b->n_prefers; i++)
        if (b->prefers[i].strategy == CONF_BEST)
            return true;
    for (size_t i = 0; i < b->conf->n_routes; i++)
        if (b->conf->routes[i].strategy == CONF_BEST)
            return true;
    return false;
}

static void read_scores(struct broker *b, struct db *db)
{
    struct err e = ERR_INIT;
    if (db != NULL && wants_scores(b) && scores_read(db, &b->scores, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "broker", e.text, "lost=%s", "scores");
}

static enum errc open_ledger(struct broker *b, struct err *e)
{
    struct arena arena;
    arena_init(&arena, LIMIT_HEAD_LEN);
    const char *path = conf_path_db(&arena, b->conf, env);
    enum errc rc = os_make_parents(path, 0700, e);
    if (rc == ERR_OK)
        rc = ledger_open(path, b->conf, b->loop, &b->log, on_committed, b, &b->ledger, e);
    if (rc == ERR_OK) {
        upstream_before_sending(b->upstream, on_before_sending, b);
        struct db *db = open_past(b, path, START_WAIT_US);
        seed_limits(b, db);
        state_load(b, db);
        read_scores(b, db);
        db_close(&db);
    }
    arena_release(&arena);
    return rc;
}

static void start_small_things(struct broker *b)
{
    struct err e = ERR_INIT;
    if (os_forbid_dumps(&e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "broker", e.text, "sys=%d", e.sys);
    int64_t n_fds = os_raise_fd_limit();
    if (n_fds < 2 * LIMIT_CONNS)
        log_write(&b->log, LOG_DEBUG, "broker", "few descriptors", "limit=%lld",
                  (long long)n_fds);
    if (getrandom(&b->seed, sizeof b->seed, 0) != sizeof b->seed)
        b->seed = (uint64_t)clock_mono_us(b->clock);
    clock_ulid(b->hop_id, clock_wall_us(b->clock));
    b->started_wall_us = clock_wall_us(b->clock);
    b->last_active_us = clock_mono_us(b->clock);
    b->drain_timer = (struct loop_timer){.fn = on_drain_timer, .arg = b};
    b->idle_timer = (struct loop_timer){.fn = on_idle, .arg = b};
    b->warm_timer = (struct loop_timer){.fn = on_warm, .arg = b};
    b->limits_timer = (struct loop_timer){.fn = keep_limits, .arg = b};
}

static enum errc start(struct broker *b, struct err *e)
{
    struct generation *g = NULL;
    if (loop_new(b->clock, &b->loop, e) != ERR_OK || set_signals(b, e) != ERR_OK ||
        generation_load(b, NULL, &g, e) != ERR_OK)
        return e->code;
    put_in_force(b, g);
    set_log_level(b);
    set_zone(b);
    if (open_socket(b, e) != ERR_OK)
        return e->code;
    secrets_scrub_env(b->conf);
    if (upstream_new(b->loop, &b->log, &b->upstream, e) != ERR_OK ||
        estimator_new(&b->estimator, e) != ERR_OK ||
        habits_new(&b->habits, e) != ERR_OK ||
        signatures_new(&b->signatures, e) != ERR_OK ||
        served_new(b, &b->served, e) != ERR_OK ||
        limiter_new(b->conf, &b->limiter, e) != ERR_OK || open_ledger(b, e) != ERR_OK)
        return e->code;
    loop_before_sleep(b->loop, on_before_sleep, b);
    if (b->options.is_auto || listen_is_activated(b->listen))
        on_idle(b);
    else if (loop_timer_set(b->loop, &b->warm_timer, WARM_AFTER_US) != ERR_OK)
        return err_set(e, ERR_MEMORY, "no memory for a timer");
    return ERR_OK;
}

enum errc broker_new(const struct broker_options *o, struct broker **ret, struct err *e)
{
    AUTO(broker_free) struct broker *b = MEM_NEW(struct broker);
    if (b == NULL)
        return err_set(e, ERR_MEMORY, "no memory for the broker");
    b->options = *o;
    b->clock = &clock_system;
    log_init(&b->log, o->log_fd, LOG_INFO, b->clock);
    list_init(&b->generations);
    list_init(&b->conns);
    list_init(&b->requests);
    targets_init(&b->targets);
    map_init(&b->key_states);
    start_small_things(b);
    enum errc rc = start(b, e);
    if (rc != ERR_OK)
        return rc;
    *ret = b;
    b = NULL;
    return ERR_OK;
}

enum errc broker_run(struct broker *b, struct err *e)
{
    listen_start(b->listen);
    tell_ready(b);
    enum errc rc = loop_run(b->loop, e);
    log_write(&b->log, LOG_INFO, "broker", "stopped", "requests=%zu", b->n_requests);
    return rc;
}

/* What requests and connections put off to the end of the turn is done in two more. */
static void end_requests(struct broker *b)
{
    struct err e = ERR_INIT;
    loop_quit(b->loop); /* never waits again */
    request_cancel_all(b, "the broker stops");
    if (loop_turn(b->loop, 0, &e) == ERR_OK)
        conn_close_all(b);
    if (loop_turn(b->loop, 0, &e) != ERR_OK)
        log_write(&b->log, LOG_WARN, "broker", e.text, "requests=%zu", b->n_requests);
}

static void close_all(struct broker *b)
{
    end_requests(b);
    served_free(&b->served);
    upstream_free(&b->upstream);
    if (b->ledger != NULL)
        keep_limits(b);
    if (b->ledger != NULL)
        ledger_close(&b->ledger, CLOSE_WAIT_US);
    limiter_free(&b->limiter);
    signatures_free(&b->signatures);
    estimator_free(&b->estimator);
    habits_free(&b->habits);
    scores_free(&b->scores);
    listen_free(&b->listen);
    while (!list_is_empty(&b->generations)) {
        struct generation *g = generation_in_force(b);
        generation_free(&g);
    }
    targets_release(&b->targets);
    secret_states_release(&b->key_states);
}

void broker_free(struct broker **bp)
{
    struct broker *b = *bp;
    if (b == NULL)
        return;
    *bp = NULL;
    if (b->loop != NULL) {
        close_all(b);
        loop_timer_stop(b->loop, &b->drain_timer);
        loop_timer_stop(b->loop, &b->idle_timer);
        loop_timer_stop(b->loop, &b->warm_timer);
        loop_timer_stop(b->loop, &b->limits_timer);
        loop_free(&b->loop);
    }
    mem_free(b);
}
