/*
 * fuzz_usage.c: any JSON text as any provider's usage; the classes stay disjoint, sums of usage
 * are sums of its classes, and what is written for a client says the same totals when it is read.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/jscan.h"
#include "core/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(ok) check_at((ok), __LINE__)
static void check_at(bool ok, int line)
{
    if (!ok) {
        fprintf(stderr, "fuzz_usage.c:%d does not hold\n", line);
        abort();
    }
}

/*
 * Written as another wire and read again: the same input, cached and output tokens. Which of the
 * cached ones were audio cannot be told there: that is a mismatch.
 */
static void check_written(const struct usage *u, enum usage_wire wire,
                          void (*write)(const struct usage *, struct buf *))
{
    struct usage again;
    bool mismatch;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT(4096);
    write(u, &b);
    check(buf_err(&b) == ERR_OK && jscan_check(buf_str(&b), &e) == ERR_OK);
    if (usage_parse(wire, STR("openai"), buf_str(&b), &again, &mismatch, &e) == ERR_OK &&
        !mismatch)
        check(usage_input_tok(&again) == usage_input_tok(u) &&
              usage_cached_tok(&again) == usage_cached_tok(u) &&
              usage_output_tok(&again) == usage_output_tok(u));
    buf_release(&b);
}

static void check_sums(const struct usage *u)
{
    struct usage sum = *u, newest = *u, none;
    usage_init(&none);
    usage_add(&sum, u);
    usage_update(&newest, u);
    usage_update(&newest, &none);
    for (unsigned c = 0; c < USAGE_N_; c++) {
        int64_t twice;
        if (__builtin_add_overflow(u->n[c], u->n[c], &twice))
            twice = INT64_MAX;
        check(sum.n[c] == twice && newest.n[c] == u->n[c]);
    }
    check(sum.known == u->known && newest.known == u->known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const providers[] = {"openai", "google", "alibaba", "xai"};
    struct str json = {(const char *)data, size};
    struct err e = ERR_INIT;
    if (jscan_check(json, &e) != ERR_OK)
        return 0;
    for (unsigned w = 0; w < USAGE_WIRE_N_; w++) {
        struct usage u;
        bool mismatch;
        struct buf b = BUF_INIT(4096);
        if (usage_parse((enum usage_wire)w, str_of(providers[size % 4]), json, &u,
                        &mismatch, &e) != ERR_OK)
            continue;
        check(u.known != 0 && usage_input_tok(&u) >= usage_cached_tok(&u));
        for (unsigned c = 0; c < USAGE_N_; c++)
            check(u.n[c] >= 0 && (u.n[c] == 0 || usage_has(&u, (enum usage_class)c)));
        usage_write_classes(&u, &b);
        check(buf_err(&b) == ERR_OK && jscan_check(buf_str(&b), &e) == ERR_OK);
        buf_release(&b);
        check_sums(&u);
        check_written(&u, USAGE_WIRE_OPENAI_CHAT, usage_write_openai);
        check_written(&u, USAGE_WIRE_ANTHROPIC, usage_write_anthropic);
        struct str services[2] = {STR_NONE, STR_NONE};
        for (size_t n = usage_services((enum usage_wire)w, json, services, 2); n > 0; n--)
            check(services[n - 1].len > 0);
    }
    return 0;
}
