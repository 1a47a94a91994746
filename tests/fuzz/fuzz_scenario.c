/* fuzz_scenario.c: any text is a scenario or an error; what is taken also decides. */
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct scenario *s = NULL;
    struct err e = ERR_INIT;
    if (scenario_parse(text, &s, &e) != ERR_OK)
        return 0;
    struct arena a;
    struct plan p;
    int line;
    struct plan_facts f = {
        .model = str_sub(text, 0, 64), .dialect = "openai", .body = text};
    arena_init(&a, 1 << 20);
    for (unsigned i = 1; i < 4; i++) {
        f.nth_on_conn = i;
        f.now_us = i * (int64_t)US_PER_S;
        if (scenario_plan(s, &f, &a, &p, &line, &e) != ERR_OK)
            break;
    }
    arena_release(&a);
    scenario_free(&s);
    return 0;
}
