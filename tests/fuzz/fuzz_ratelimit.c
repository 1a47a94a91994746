/*
 * fuzz_ratelimit.c: no header makes a record that cannot be true: figures below −1, a wait without an
 * end, a name twice. The input is lines "name: value".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#include "broker/ratelimit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_ratelimit: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const int64_t now_us = 1795575911LL * US_PER_S;
    struct http1_header headers[64];
    struct ratelimit_row rows[RATELIMIT_ROWS];
    struct str rest = {(const char *)data, len}, line;
    size_t n = 0;
    while (n < ARRAY_LEN(headers) && str_split(&rest, '\n', &line)) {
        size_t colon = str_find(line, ':');
        headers[n++] = (struct http1_header){
            str_sub(line, 0, colon), str_trim(str_sub(line, colon + 1, line.len))};
    }
    size_t n_rows = ratelimit_read(headers, n, now_us, rows);
    require(n_rows <= RATELIMIT_ROWS, "more rows than there is room for");
    for (size_t i = 0; i < n_rows; i++) {
        const struct ratelimit_row *r = &rows[i];
        require(r->limit >= -1 && r->left >= -1 && r->reset_us >= -1,
                "a figure below −1");
        require(r->reset_us <= 366 * US_PER_DAY, "a wait without an end");
        require(memchr(r->name, '\0', sizeof r->name) != NULL && r->name[0] != '\0',
                "a name without an end, or none");
        for (size_t k = 0; k < i; k++)
            require(strcmp(r->name, rows[k].name) != 0, "a name twice");
    }
    require(retry_after_us(headers, n, now_us) >= -1, "a time before now");
    require(ratelimit_wait_us(headers, n, now_us) >= -1, "a reset before now");
    return 0;
}
