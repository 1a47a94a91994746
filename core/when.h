/*
 * when.h: what routing knows of a request, and the condition behind `when` in a route's target.
 *
 *     target = big when tokens > 50000 and not (tools or project = web)
 *
 * The configuration checks a condition when it is loaded; the router asks whether it holds.
 */
#ifndef CORE_WHEN_H
#define CORE_WHEN_H

#include "core/http1.h"
#include "core/money.h"
#include "core/provider.h"

struct route_facts {
    int64_t input_tok; /* estimated */
    int64_t
        longest_tok; /* of inputs that need not fit in the window together; 0: they must */
    int64_t max_output_tok; /* −1: no cap */
    int64_t n_choices;      /* answers asked for in one; 0 as 1 */
    unsigned needs;         /* enum catalog_cap */
    bool is_offline;        /* only targets on this machine */
    bool no_fallback;       /* only the first that may serve it */
    enum dialect dialect;   /* the client's */
    struct str template_name, project, client;
    const struct http1_header *tags;
    size_t n_tags;
    pico max_cost_pico; /* PICO_UNKNOWN: none */
    int64_t now_wall_us, now_mono_us;
    size_t n_own;    /* targets of the route, before those named as fallbacks; 0: all */
    uint64_t prefix; /* hash of its conversation or how its prompt begins; 0: not asked */
    bool is_conversation; /* … the former */
    uint64_t seed;        /* of whatever is drawn */
};

/* False when it does not hold, or is no condition. */
bool when_holds(const char *condition, const struct route_facts *f);
/* ERR_CONFIG says what was expected, and where. */
enum errc when_check(const char *condition, struct err *e) MUST_USE;

#endif
