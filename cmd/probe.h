/*
 * probe.h: a request of a few tokens to one target: does it answer, does it take our key?
 */
#ifndef CMD_PROBE_H
#define CMD_PROBE_H

#include "core/money.h"

#include "cmd/cmd.h"

struct probe {
    pico cost; /* PICO_UNKNOWN: not told */
    int64_t took_us;
};

/*
 * Asks PROVIDER/MODEL by the broker, which is started if there is none, for an answer, or for an
 * embedding if that is what it makes; no other target is asked instead. What is known to be in
 * trouble is asked all the same: that is the question. *ret is filled also on failure.
 * ERR_RATE_LIMIT of origin provider: it has taken the key, at least.
 */
enum errc probe_ask(struct cmd_ctx *ctx, const char *target, struct probe *ret,
                    struct err *e) MUST_USE;

#endif
