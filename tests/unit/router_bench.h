/* router_bench.h: a configuration and a catalog of a test's own, for the router to decide over. */
#ifndef TESTS_ROUTER_BENCH_H
#define TESTS_ROUTER_BENCH_H

#include "broker/router.h"

enum { TARGETS = 4 };

struct bench {
    struct catalog *catalog;
    struct conf *conf;
    const struct conf_route *route;
    struct route_facts facts;
    struct rank_rules rules;
    struct target_view views[TARGETS];
    struct candidate items[TARGETS];
    struct decision d;
};

/*
 * A bench over them, with a key for each target and facts of a request of 100 tokens. One at a
 * time: it is of static life, and bench_close() frees what it holds.
 */
struct bench *bench_open(const char *config, const char *catalog);
void bench_close(struct bench *b);

#endif
