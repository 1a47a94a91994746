/* fuzz_record.c: a spool record is decoded or refused; what is decoded is encoded the same. */
#include <stdlib.h>
#include <string.h>

#include "broker/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record *r = calloc(2, sizeof *r);
    struct err e = ERR_INIT;
    struct buf again = BUF_INIT(RECORD_MAX), third = BUF_INIT(RECORD_MAX);
    if (r == NULL ||
        record_get((struct str){(const char *)data, size}, &r[0], &e) != ERR_OK)
        goto out;
    if (r[0].kind == RECORD_ADMIT)
        record_put_admit(&again, &r[0].admit);
    else
        record_put_settle(&again, &r[0].settle);
    /* Long texts were cut and padded varints made short: from now on it is stable. */
    if (record_get(buf_str(&again), &r[1], &e) != ERR_OK)
        abort();
    if (r[1].kind == RECORD_ADMIT)
        record_put_admit(&third, &r[1].admit);
    else
        record_put_settle(&third, &r[1].settle);
    if (!str_eq(buf_str(&again), buf_str(&third)))
        abort();
out:
    free(r);
    buf_release(&again);
    buf_release(&third);
    return 0;
}
