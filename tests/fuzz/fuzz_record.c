/* fuzz_record.c: a spool record is decoded or refused; what is decoded is encoded the same. */
#include <stdlib.h>
#include <string.h>

#include "broker/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(const struct record *r, struct buf *out)
{
    switch (r->kind) {
    case RECORD_ADMIT:
        record_put_admit(out, &r->admit);
        break;
    case RECORD_SETTLE:
        record_put_settle(out, &r->settle);
        break;
    case RECORD_STATE:
        record_put_state(out, &r->state);
        break;
    case RECORD_REPLAY:
        record_put_replay(out, r->replay);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record *r = calloc(2, sizeof *r);
    struct err e = ERR_INIT;
    struct buf again = BUF_INIT(RECORD_MAX), third = BUF_INIT(RECORD_MAX);
    if (r == NULL ||
        record_get((struct str){(const char *)data, size}, &r[0], &e) != ERR_OK)
        goto out;
    put(&r[0], &again);
    /* Long texts were cut and padded varints made short: from now on it is stable. */
    if (record_get(buf_str(&again), &r[1], &e) != ERR_OK)
        abort();
    put(&r[1], &third);
    if (!str_eq(buf_str(&again), buf_str(&third)))
        abort();
out:
    free(r);
    buf_release(&again);
    buf_release(&third);
    return 0;
}
