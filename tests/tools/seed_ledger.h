/* seed_ledger.h: a made-up ledger, the same for the same seed, written by the broker's own code. */
#ifndef TESTS_TOOLS_SEED_LEDGER_H
#define TESTS_TOOLS_SEED_LEDGER_H

#include "core/err.h"

/* n requests, evenly spread over [since, until), into the database at path (made if absent). */
enum errc seed_ledger(const char *path, int64_t n, uint64_t seed, int64_t since_us,
                      int64_t until_us, struct err *e) MUST_USE;

#endif
