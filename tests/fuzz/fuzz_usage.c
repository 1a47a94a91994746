/* fuzz_usage.c: any JSON text as any provider's usage; the classes stay disjoint. */
#include <stdlib.h>

#include "core/jscan.h"
#include "core/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        if (u.known == 0 || usage_input_tok(&u) < usage_cached_tok(&u))
            abort();
        for (unsigned c = 0; c < USAGE_N_; c++)
            if (u.n[c] < 0 || (u.n[c] > 0 && !usage_has(&u, (enum usage_class)c)))
                abort();
        usage_write_classes(&u, &b);
        if (buf_err(&b) != ERR_OK || jscan_check(buf_str(&b), &e) != ERR_OK)
            abort();
        buf_release(&b);
    }
    return 0;
}
