/* mkledger.c: mkledger PATH N SINCE UNTIL [SEED]: a made-up ledger for tests and benchmarks. */
#include <stdio.h>
#include <stdlib.h>

#include "core/num.h"
#include "core/zone.h"

#include "tests/tools/seed_ledger.h"

static int fail(const struct err *e)
{
    fprintf(stderr, "mkledger: %s\n", e->text);
    return 1;
}

int main(int argc, char *argv[])
{
    struct err e = ERR_INIT;
    int64_t n, since_us, until_us, seed = 1;
    if (argc < 5 || num_i64(str_of(argv[2]), 1, INT64_MAX, &n) != ERR_OK ||
        (argc > 5 && num_i64(str_of(argv[5]), 0, INT64_MAX, &seed) != ERR_OK)) {
        fputs("usage: mkledger PATH N SINCE UNTIL [SEED]\n", stderr);
        return 2;
    }
    int64_t now_us = clock_wall_us(&clock_system);
    if (zone_use(NULL, &e) != ERR_OK ||
        zone_parse(str_of(argv[3]), now_us, false, &since_us, &e) != ERR_OK ||
        zone_parse(str_of(argv[4]), now_us, true, &until_us, &e) != ERR_OK)
        return fail(&e);
    if (seed_ledger(argv[1], n, (uint64_t)seed, since_us, until_us, &e) != ERR_OK)
        return fail(&e);
    return 0;
}
