/*
 * cost_waiting.c: requests that have ended and are not in the database yet: the broker died, or
 * somebody locks the database. A broker at work is a few milliseconds behind: that is not told.
 */
#include <poll.h>

#include "core/buf.h"
#include "core/report.h"
#include "core/spoolfile.h"

#include "cmd/cost.h"

enum { TRIES = 6, STEP_MS = 50 }; /* as long as a client waits for its row */

static enum errc look(struct db *db, const char *path, uint64_t *ret_applied,
                      struct spool_waiting *ret, struct err *e)
{
    uint64_t id = 0;
    enum errc rc = ERR_OK;
    *ret_applied = 0;
    if (db != NULL)
        rc = report_spool(db, &id, ret_applied, e);
    return rc == ERR_OK ? spool_waiting(path, id, *ret_applied, ret, e) : rc;
}

enum errc cost_waiting(struct cmd_ctx *ctx, struct db *db, int64_t *ret_n, struct err *e)
{
    AUTO(buf_release) struct buf path = BUF_INIT(8192);
    struct spool_waiting first, now;
    uint64_t applied;
    buf_printf(&path, "%s.spool", conf_path_db(&ctx->arena, ctx->conf, cmd_getenv));
    if (buf_err(&path) != ERR_OK)
        return err_set(e, buf_err(&path), "the ledger's path");
    enum errc rc = look(db, path.data, &applied, &first, e);
    now = first;
    for (int i = 0; rc == ERR_OK && now.n_requests > 0 && i < TRIES; i++) {
        poll(NULL, 0, STEP_MS);
        rc = look(db, path.data, &applied, &now, e);
        if (rc == ERR_OK && applied >= first.end)
            now.n_requests = 0; /* what waited then has come, and more is on its way */
    }
    if (rc == ERR_OK)
        *ret_n = now.n_requests;
    return rc;
}
