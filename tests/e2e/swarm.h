/* swarm.h: many clients at once, each of which writes down what it got. */
#ifndef E2E_SWARM_H
#define E2E_SWARM_H

#include "core/err.h"

struct swarm_options {
    const char *socket, *model, *report;
    int64_t clients, requests, seed, cap_tok;
    int64_t leave; /* so many of a thousand leave in the middle */
    bool until_refused;
    bool invent; /* a model of its own for each, MODELn */
};

/*
 * Asks until `requests` are answered or, with until_refused, nobody listens any more. A line in
 * the report for each: verdict ("cut": the connection ended before the answer did), id ("-" if no
 * head came), cost in USD ("-" if not told), status.
 */
enum errc swarm_run(const struct swarm_options *o, struct err *e);

#endif
