/*
 * secret.h: provider keys: load, hold, wipe. Keys never reach logs, errors, ledger or ps.
 */
#ifndef BROKER_SECRET_H
#define BROKER_SECRET_H

#include "core/conf.h"
#include "core/log.h"

#include "broker/loop.h"

struct secrets;

enum { SECRET_HASH_LEN = 71 };

struct secret_key {
    char id[32];       /* for the ledger: "openai#1", no part of the key */
    const char *value; /* owned by the store, wiped on free */
    size_t len;
    int64_t benched_until_us; /* monotonic; authentication failed or quota is used up */
    enum errc benched_for;    /* … which of the two */
    int64_t read_mono_us;     /* when its command printed it; 0: no command did */
};

/*
 * Reads env and file keys now; commands run in the background when secrets_await asks for them.
 * Missing keys are logged, no error. What an environment that was scrubbed held comes from `old`, which may
 * be NULL and stays as it is.
 */
enum errc secrets_new(const struct conf *conf, const struct secrets *old, struct loop *l,
                      struct log *log, struct secrets **ret, struct err *e) MUST_USE;
void secrets_free(struct secrets **s);
/*
 * Starts the commands that have not printed their keys yet. True: one is on its way, and there is
 * no other key to use.
 */
bool secrets_await(struct secrets *s, struct str provider, int64_t now_mono_us);
/* The next key in rotation that is not benched; NULL when the provider has none now. */
struct secret_key *secrets_pick(struct secrets *s, struct str provider,
                                int64_t now_mono_us);
bool secrets_has(const struct secrets *s, struct str provider);
/* Time until some key may be used again: 0 now, −1 has none. */
int64_t secrets_benched_us(const struct secrets *s, struct str provider,
                           int64_t now_mono_us);
/* The key that may be used first; NULL: the provider has none. */
const struct secret_key *secrets_first(const struct secrets *s, struct str provider);
/*
 * `why`: ERR_UPSTREAM_AUTH or ERR_QUOTA. A refused key that a command printed some time ago may be
 * a token that has run out: it is forgotten instead, and the command asked again.
 */
void secrets_bench(struct secrets *s, struct secret_key *k, int64_t until_mono_us,
                   enum errc why);
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
