/*
 * secret.h: provider keys: load, hold, wipe. Keys never reach logs, errors, ledger or ps.
 */
#ifndef BROKER_SECRET_H
#define BROKER_SECRET_H

#include "core/conf.h"
#include "core/log.h"
#include "core/map.h"

#include "broker/breaker.h"
#include "broker/loop.h"

struct secrets;

enum {
    SECRET_HASH_LEN = 71,
    SECRET_PRINT_LEN = 16,
    SECRET_NAME_LEN = LIMIT_NAME_LEN + 1 + SECRET_PRINT_LEN + 1,
};

/* What is known of a key, in whatever configuration it stands: it outlives a reload. */
struct secret_state {
    char name[SECRET_NAME_LEN]; /* provider and fingerprint, which gives no key away */
    struct breaker breaker;
    size_t n_users; /* slots that hold the key now */
};
/* The state of a key by its name, made when it is new; NULL only when memory is out. */
struct secret_state *secret_state(struct map *states, struct str name,
                                  int64_t now_mono_us);
void secret_states_release(struct map *states);

struct secret_key {
    char id[32];       /* for the ledger: "openai#1", no part of the key */
    const char *value; /* owned by the store, wiped on free */
    size_t len;
    struct secret_state *state; /* borrowed; NULL without a value */
    int64_t read_mono_us;       /* when its command printed it; 0: no command did */
};

/*
 * Reads env and file keys now; commands run in the background when secrets_await asks for them.
 * Missing keys are logged, no error. What a scrubbed variable held comes from `old`, whichever
 * provider it was read for there; `old` may be NULL and stays as it is. `states` (struct
 * secret_state by name) outlives all of them.
 */
enum errc secrets_new(const struct conf *conf, const struct secrets *old,
                      struct map *states, struct loop *l, struct log *log,
                      struct secrets **ret, struct err *e) MUST_USE;
void secrets_free(struct secrets **s);
/*
 * Starts the commands that have not printed their keys yet. True: one is on its way, and there is
 * no other key to use.
 */
bool secrets_await(struct secrets *s, struct str provider, int64_t now_mono_us);
/* The next key in rotation whose breaker lets it go; NULL when the provider has none now. */
struct secret_key *secrets_pick(struct secrets *s, struct str provider,
                                int64_t now_mono_us);
bool secrets_has(const struct secrets *s, struct str provider);
/* Time until some key may be used again: 0 now, −1 has none. */
int64_t secrets_benched_us(const struct secrets *s, struct str provider,
                           int64_t now_mono_us);
/* The key that may be used first, and when; NULL: the provider has none. */
const struct secret_key *secrets_first(const struct secrets *s, struct str provider,
                                       int64_t now_mono_us, int64_t *ret_wait_us);
/* Why a key must wait: ERR_QUOTA or ERR_UPSTREAM_AUTH. */
enum errc secret_class(const struct secret_key *k);
/* An attempt with it has begun: when the key was benched, it is the one probe. */
void secret_started(struct secret_key *k, int64_t now_mono_us);
/*
 * The attempt has ended so. Returns what has changed of the key's health, until the next call;
 * NULL: nothing. A refused key that a command printed some time ago may be a token that has run
 * out: it is forgotten instead, and the command asked again.
 */
const struct secret_state *secrets_heard(struct secrets *s, struct secret_key *k,
                                         const struct err *e, int64_t now_mono_us);
/* The provider's keys may be tried at once, whatever became of them before. */
void secrets_retry(struct secrets *s, struct str provider, int64_t now_mono_us);
/* Equal? Takes the same time wherever they differ. */
bool secret_equal(struct str a, struct str b);
/* "sha256:HEX", as [client] has it. */
void secret_hash(struct str key, char out[SECRET_HASH_LEN + 1]);
/*
 * Wipes the variables that hold keys, so that neither /proc/PID/environ nor a child has one. They
 * stay set, to a placeholder: a configuration that is loaded again finds the same providers.
 */
void secrets_scrub_env(const struct conf *conf);

#endif
