/*
 * secret.c: provider keys: load, hold, wipe.
 *
 * A key comes from an environment variable, the first line of a file, or the first line that a
 * command prints. It is held in memory of its own, wiped before it is freed, and leaves this
 * file only as a borrowed pointer. Must not log, format or store any part of one.
 */
#include "broker/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/envkey.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/sha256.h"

#include "broker/command.h"

enum {
    /* bytes of a file; keys have up to a few hundred */
    KEY_MAX = COMMAND_OUTPUT_MAX,
    FILE_TIMEOUT_US = 10 * US_PER_S,
    /* somebody may have to type a passphrase */
    CMD_TIMEOUT_US = 60 * US_PER_S,
    /* a command that failed is not asked again for so long, nor one whose key is refused */
    CMD_RETRY_US = 60 * US_PER_S,
    /* above this number, states of keys that nobody holds are forgotten when their pause is over */
    STATES_MAX = 256,
};

/* What a scrubbed variable holds; no key has blanks. */
#define SCRUBBED "(read by llmgwd)"

static const char hash_prefix[] = "sha256:";
_Static_assert(sizeof hash_prefix - 1 + SHA256_HEX_LEN == SECRET_HASH_LEN,
               "a hash has its prefix and its digits");

/* One [provider] key line. */
struct slot {
    struct secret_key key;   /* .value NULL: not known (yet) */
    int source;              /* CONF_KEY_ENV, … */
    char *from;              /* owned: variable, path or command */
    const char *provider;    /* borrowed: of the configuration, which outlives us */
    struct command *command; /* owned; under way */
    int64_t retry_at_us;     /* monotonic; a command that failed may run again then */
    struct secrets *owner;   /* borrowed: holds us */
};

struct ring {
    struct slot slots[CONF_KEYS];
    size_t n;
    size_t next; /* rotation */
};

struct secrets {
    struct map rings;   /* by provider: struct ring, owned */
    char *path;         /* owned; PATH for commands, NULL: inherited */
    struct map *states; /* borrowed, as … */
    struct log *log;    /* … this, and … */
    struct loop *loop;  /* … this, for commands */
};

/* ---- what is known of a key ---- */

/* Keys that nobody holds, and that might be tried again anyway. */
static void make_room(struct map *states, int64_t now_mono_us)
{
    map_for_each (entry, states) {
        struct secret_state *st = entry->value;
        if (states->n >= STATES_MAX && st->n_users == 0 &&
            breaker_allows(&st->breaker, now_mono_us))
            mem_free(map_del(states, str_of(st->name)));
    }
}

struct secret_state *secret_state(struct map *states, struct str name,
                                  int64_t now_mono_us)
{
    struct secret_state *st = map_get(states, name);
    if (st != NULL)
        return st;
    make_room(states, now_mono_us);
    st = MEM_NEW(struct secret_state);
    if (st == NULL || map_set(states, name, st) != ERR_OK) {
        mem_free(st);
        return NULL;
    }
    str_copy(st->name, sizeof st->name, name);
    breaker_init(&st->breaker);
    return st;
}

void secret_states_release(struct map *states)
{
    map_for_each (entry, states) {
        mem_free(entry->value);
    }
    map_release(states);
}

/* "PROVIDER:" and the beginning of a hash: keys are long and random, nobody finds one by trying. */
static struct secret_state *state_of(struct secrets *s, const char *provider,
                                     struct str key)
{
    char hex[SHA256_HEX_LEN + 1], name[SECRET_NAME_LEN];
    sha256_hex(key, hex);
    snprintf(name, sizeof name, "%s:%.*s", provider, (int)SECRET_PRINT_LEN, hex);
    return secret_state(s->states, str_of(name), loop_mono_us(s->loop));
}

/* ---- the value ---- */

/* Takes the first line of `text`, without blanks around it. */
static enum errc slot_fill(struct slot *s, struct str text, struct err *e)
{
    struct str line;
    if (!str_split(&text, '\n', &line) || str_trim(line).len == 0)
        return err_set(e, ERR_NOT_FOUND, "the key is empty");
    line = str_trim(line);
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] <= ' ' || line.ptr[i] == 0x7f)
            return err_set(e, ERR_SYNTAX,
                           "the key has a blank or control character in it");
    struct secret_state *st = state_of(s->owner, s->provider, line);
    char *copy = st == NULL ? NULL : mem_strndup(line.ptr, line.len);
    if (copy == NULL)
        return err_set(e, ERR_MEMORY, "no memory for a key");
    /* a probe that was under way when its key went away tells nothing any more */
    if (st->n_users++ == 0)
        breaker_void(&st->breaker, loop_mono_us(s->owner->loop));
    s->key.state = st;
    s->key.value = copy;
    s->key.len = line.len;
    return ERR_OK;
}

static void slot_empty(struct slot *s)
{
    /* owned by us: const is for borrowers */
    mem_wipe_free((void *)(uintptr_t)s->key.value, s->key.len);
    s->key.value = NULL;
    s->key.len = 0;
    if (s->key.state != NULL)
        s->key.state->n_users--;
    s->key.state = NULL;
}

static void slot_wipe(struct slot *s)
{
    slot_empty(s);
    mem_free(s->from);
    command_stop(&s->command);
    *s = (struct slot){0};
}

/* Reads until EOF, an error, or the deadline. */
static enum errc read_all(int fd, char *bytes, size_t max, int64_t until_us,
                          size_t *ret_len, struct err *e)
{
    size_t len = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / US_PER_MS) + 1) == 0)
            return err_set(e, ERR_TIMEOUT, "the key does not come in time");
        ssize_t n = read(fd, bytes + len, max - len);
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, "read");
        len += n > 0 ? (size_t)n : 0;
        if (n == 0 || len == max)
            break;
    }
    *ret_len = len;
    return ERR_OK;
}

static enum errc fill_from_fd(struct slot *s, int fd, struct err *e)
{
    char bytes[KEY_MAX];
    size_t len = 0;
    int64_t until_us = clock_mono_us(&clock_system) + FILE_TIMEOUT_US;
    enum errc rc = read_all(fd, bytes, sizeof bytes, until_us, &len, e);
    if (rc == ERR_OK)
        rc = slot_fill(s, (struct str){bytes, len}, e);
    mem_wipe(bytes, sizeof bytes);
    return rc;
}

static const char *own_getenv(const char *name)
{
    return getenv(name);
}

static enum errc fill_from_file(struct slot *s, struct log *log, struct err *e)
{
    int fd = open(s->from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "open %s", s->from);
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
        log_write(log, LOG_WARN, "secret", "others may read this key file",
                  "key=%s mode=%o", s->key.id, (unsigned)st.st_mode & 0777U);
    enum errc rc = fill_from_fd(s, fd, e);
    close(fd);
    return rc;
}

/* ---- commands ---- */

static void on_key(void *arg, enum errc rc, struct str output, const struct err *why)
{
    struct slot *slot = arg;
    struct secrets *s = slot->owner;
    struct err e = *why;
    slot->command = NULL;
    if (rc == ERR_OK)
        rc = slot_fill(slot, output, &e);
    if (rc == ERR_OK) {
        slot->key.read_mono_us = loop_mono_us(s->loop);
        log_write(s->log, LOG_INFO, "secret", "key read from a command", "key=%s",
                  slot->key.id);
        return;
    }
    slot->retry_at_us = loop_mono_us(s->loop) + CMD_RETRY_US;
    log_write(s->log, LOG_WARN, "secret", e.text, "key=%s", slot->key.id);
}

static void run_command(struct secrets *s, struct slot *slot)
{
    struct err e = ERR_INIT;
    if (command_start(s->loop, slot->from, s->path, CMD_TIMEOUT_US, on_key, slot,
                      &slot->command, &e) != ERR_OK)
        on_key(slot, e.code, STR_NONE, &e);
}

/* ---- the store ---- */

/* What the variable, or all three of Amazon's, hold now. */
static enum errc fill_from_env(struct slot *s, struct err *e)
{
    AUTO(buf_release) struct buf key = BUF_SECRET(KEY_MAX);
    enum errc rc = envkey_read(s->from, own_getenv, &key)
                       ? buf_err(&key)
                       : err_set(e, ERR_NOT_FOUND, "%s is not set", s->from);
    if (rc == ERR_OK)
        rc = slot_fill(s, buf_str(&key), e);
    else if (rc != ERR_NOT_FOUND)
        err_set(e, rc, "%s is too long for a key", s->from);
    return rc;
}

/* Who holds what a scrubbed variable held, whichever provider it was read for; NULL: nobody. */
static const struct slot *find_env(const struct secrets *s, const char *variable)
{
    if (s == NULL)
        return NULL;
    map_for_each (entry, &s->rings) {
        const struct ring *r = entry->value;
        for (size_t i = 0; i < r->n; i++)
            if (r->slots[i].source == CONF_KEY_ENV && r->slots[i].key.value != NULL &&
                strcmp(r->slots[i].from, variable) == 0)
                return &r->slots[i];
    }
    return NULL;
}

static enum errc slot_load(struct slot *slot, const struct secrets *old, struct log *log,
                           struct err *e)
{
    if (slot->source == CONF_KEY_CMD)
        return ERR_OK;
    if (slot->source == CONF_KEY_FILE)
        return fill_from_file(slot, log, e);
    const char *value = getenv(slot->from);
    if (value == NULL || strcmp(value, SCRUBBED) != 0)
        return fill_from_env(slot, e);
    const struct slot *before = find_env(old, slot->from);
    if (before == NULL)
        return err_set(e, ERR_NOT_FOUND,
                       "%s was wiped when this broker started: llmgw broker restart "
                       "reads it again",
                       slot->from);
    return slot_fill(slot, str_of(before->key.value), e);
}

static enum errc ring_load(struct secrets *s, const struct conf_provider *p,
                           const struct secrets *old, struct err *e)
{
    struct ring *r = MEM_NEW(struct ring);
    if (r == NULL || map_set(&s->rings, str_of(p->name), r) != ERR_OK) {
        mem_free(r);
        return err_set(e, ERR_MEMORY, "no memory for keys");
    }
    for (size_t i = 0; i < p->n_keys; i++) {
        struct slot *slot = &r->slots[r->n++];
        slot->owner = s;
        slot->provider = p->name;
        slot->source = (int)p->keys[i].source;
        slot->from = mem_strdup(p->keys[i].value);
        if (slot->from == NULL)
            return err_set(e, ERR_MEMORY, "no memory for keys");
        snprintf(slot->key.id, sizeof slot->key.id, "%.24s#%zu", p->name, i + 1);
        struct err why = ERR_INIT;
        enum errc rc = slot_load(slot, old, s->log, &why);
        if (rc == ERR_MEMORY) {
            *e = why;
            return rc;
        }
        if (rc != ERR_OK)
            log_write(s->log, LOG_WARN, "secret", why.text, "key=%s", slot->key.id);
    }
    return ERR_OK;
}

enum errc secrets_new(const struct conf *conf, const struct secrets *old,
                      struct map *states, struct loop *l, struct log *log,
                      struct secrets **ret, struct err *e)
{
    AUTO(secrets_free) struct secrets *s = MEM_NEW(struct secrets);
    if (s == NULL)
        return err_set(e, ERR_MEMORY, "no memory for keys");
    map_init(&s->rings);
    s->states = states;
    s->log = log;
    s->loop = l;
    if (conf->core.path != NULL && (s->path = mem_strdup(conf->core.path)) == NULL)
        return err_set(e, ERR_MEMORY, "no memory for keys");
    for (size_t i = 0; i < conf->n_providers; i++) {
        enum errc rc = ring_load(s, &conf->providers[i], old, e);
        if (rc != ERR_OK)
            return rc;
    }
    *ret = s;
    s = NULL;
    return ERR_OK;
}

void secrets_free(struct secrets **sp)
{
    struct secrets *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    map_for_each (entry, &s->rings) {
        struct ring *r = entry->value;
        for (size_t i = 0; i < r->n; i++)
            slot_wipe(&r->slots[i]);
        mem_free(r);
    }
    map_release(&s->rings);
    mem_free(s->path);
    mem_free(s);
}

static bool slot_is_there(const struct slot *slot)
{
    return slot->key.value != NULL || slot->source == CONF_KEY_CMD;
}

/* Until a slot may be used, or its command run once more. */
static int64_t slot_wait_us(const struct slot *slot, int64_t now_mono_us)
{
    return slot->key.value != NULL
               ? breaker_wait_us(&slot->key.state->breaker, now_mono_us)
               : MAX(0, slot->retry_at_us - now_mono_us);
}

static bool may_run(const struct slot *slot, int64_t now_mono_us)
{
    return slot->source == CONF_KEY_CMD && slot->key.value == NULL &&
           slot_wait_us(slot, now_mono_us) == 0;
}

static bool may_use(const struct slot *slot, int64_t now_mono_us)
{
    return slot->key.value != NULL && slot_wait_us(slot, now_mono_us) == 0;
}

bool secrets_await(struct secrets *s, struct str provider, int64_t now_mono_us)
{
    struct ring *r = map_get(&s->rings, provider);
    bool is_running = false, has_key = false;
    for (size_t i = 0; r != NULL && i < r->n; i++) {
        struct slot *slot = &r->slots[i];
        if (may_run(slot, now_mono_us) && slot->command == NULL)
            run_command(s, slot);
        is_running |= slot->command != NULL;
        has_key |= may_use(slot, now_mono_us);
    }
    return is_running && !has_key;
}

struct secret_key *secrets_pick(struct secrets *s, struct str provider,
                                int64_t now_mono_us)
{
    struct ring *r = map_get(&s->rings, provider);
    for (size_t tries = 0; r != NULL && tries < r->n; tries++) {
        struct slot *slot = &r->slots[r->next];
        r->next = (r->next + 1) % r->n;
        if (may_use(slot, now_mono_us))
            return &slot->key;
    }
    return NULL;
}

bool secrets_has(const struct secrets *s, struct str provider)
{
    const struct ring *r = map_get(&s->rings, provider);
    for (size_t i = 0; r != NULL && i < r->n; i++)
        if (slot_is_there(&r->slots[i]))
            return true;
    return false;
}

const struct secret_key *secrets_first(const struct secrets *s, struct str provider,
                                       int64_t now_mono_us, int64_t *ret_wait_us)
{
    const struct ring *r = map_get(&s->rings, provider);
    const struct secret_key *first = NULL;
    for (size_t i = 0; r != NULL && i < r->n; i++) {
        const struct slot *slot = &r->slots[i];
        int64_t wait_us = slot_wait_us(slot, now_mono_us);
        if (!slot_is_there(slot) || (first != NULL && wait_us >= *ret_wait_us))
            continue;
        first = &slot->key;
        *ret_wait_us = wait_us;
    }
    return first;
}

int64_t secrets_benched_us(const struct secrets *s, struct str provider,
                           int64_t now_mono_us)
{
    int64_t wait_us;
    return secrets_first(s, provider, now_mono_us, &wait_us) != NULL ? wait_us : -1;
}

void secrets_retry(struct secrets *s, struct str provider, int64_t now_mono_us)
{
    struct ring *r = map_get(&s->rings, provider);
    for (size_t i = 0; r != NULL && i < r->n; i++) {
        struct slot *slot = &r->slots[i];
        if (slot->key.value != NULL)
            breaker_retry(&slot->key.state->breaker, now_mono_us);
        slot->retry_at_us = MIN(slot->retry_at_us, now_mono_us);
    }
}

/* ---- what attempts tell of a key ---- */

enum errc secret_class(const struct secret_key *k)
{
    return k->state != NULL && k->state->breaker.is_quota ? ERR_QUOTA : ERR_UPSTREAM_AUTH;
}

void secret_started(struct secret_key *k, int64_t now_mono_us)
{
    breaker_start(&k->state->breaker, now_mono_us);
}

const struct secret_state *secrets_heard(struct secrets *s, struct secret_key *k,
                                         const struct err *e, int64_t now_mono_us)
{
    struct secret_state *st = k->state;
    struct breaker *b = &st->breaker;
    enum breaker_state before = b->state;
    bool has_run_out = e->code == ERR_UPSTREAM_AUTH && k->read_mono_us != 0 &&
                       now_mono_us - k->read_mono_us >= CMD_RETRY_US;
    if (has_run_out) {
        log_write(s->log, LOG_INFO, "secret", "a key may have run out", "key=%s", k->id);
        slot_empty(container_of(k, struct slot, key));
        breaker_init(b);
    } else if (e->code == ERR_OK) {
        breaker_ok(b, now_mono_us);
    } else {
        breaker_key_failed(b, e, now_mono_us);
    }
    return b->state != before ? st : NULL;
}

/* ---- comparing ---- */

bool secret_equal(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    volatile unsigned char differ = 0;
    for (size_t i = 0; i < a.len; i++)
        differ |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return differ == 0;
}

void secret_hash(struct str key, char out[SECRET_HASH_LEN + 1])
{
    memcpy(out, hash_prefix, sizeof hash_prefix);
    sha256_hex(key, out + sizeof hash_prefix - 1);
}

/* ---- the environment ---- */

static void scrub(const char *name)
{
    char *value = getenv(name);
    if (value == NULL)
        return;
    mem_wipe(value, strlen(value));
    if (setenv(name, SCRUBBED, 1) != 0)
        unsetenv(name);
}

static void scrub_key(const char *variable)
{
    char names[ENVKEY_PARTS][ENVKEY_NAME_LEN];
    size_t n = envkey_names(variable, names);
    for (size_t i = 0; i < n; i++)
        scrub(names[i]);
}

void secrets_scrub_env(const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_providers; i++)
        for (size_t k = 0; k < conf->providers[i].n_keys; k++)
            if (conf->providers[i].keys[k].source == CONF_KEY_ENV)
                scrub_key(conf->providers[i].keys[k].value);
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds[i].key_env) && kinds[i].key_env[k] != NULL;
             k++)
            scrub(kinds[i].key_env[k]);
}
