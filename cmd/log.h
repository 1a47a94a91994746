/*
 * log.h: what the files of `llmgw log` share. log.c lists and follows; log_show.c prints one
 * request; log_export.c writes many of them, whole; log_rm.c deletes; log_about.c tells of the
 * ledger as such.
 */
#ifndef CMD_LOG_H
#define CMD_LOG_H

#include "core/report.h"

#include "cmd/period.h"

struct log_options {
    struct period_options period;
    int64_t n; /* 0: not given */
    const char *model, *route, *project, *template_name, *tag, *status, *kind, *cid,
        *id_gt, *grep;
    int64_t older_than_us;
    bool current, follow, is_short, request, response, headers, extract, usage, yes;
};

enum { LOG_INTERRUPTED = 1 << 2 }; /* column flags of llmgw-log(5) */

/* What the options choose; at most `max` when -n was not given. db may be NULL. */
enum errc log_filter(struct cmd_ctx *ctx, const struct log_options *o, struct db *db,
                     int64_t max, struct report_filter *ret, struct err *e) MUST_USE;
/* ERR_USAGE when requests are named, and chosen by options, too. */
enum errc log_ids_alone(const struct log_options *o, size_t n_ids, struct err *e)
    MUST_USE;
/* "PROVIDER/MODEL", "" when nobody was asked. */
const char *log_target(struct arena *a, const struct report_request *r);

/* One request as a JSON object, its texts included. */
struct log_one {
    struct report_request request;
    const struct report_attempt *attempts;
    const struct report_tag *tags;
    size_t n_attempts, n_tags;
    const struct report_bodies *bodies;
};
/* Attempts and tags of one->request; they live in the arena. */
enum errc log_load(struct db *db, struct arena *a, struct log_one *one, struct err *e)
    MUST_USE;
void log_write_json(const struct log_one *one, const char *schema, struct buf *out);
/* "fast → one/model · 12 in + 3 out · $0.0012 · 0.3s/1.2s" */
void log_usage_line(struct arena *a, const struct report_request *r, struct buf *out);

/* The words behind `log`, as cmd_sub has them. */
enum errc log_show(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                   struct err *e);
enum errc log_export(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e);
enum errc log_rm(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                 struct err *e);
enum errc log_redact(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e);
enum errc log_conversations(struct cmd_ctx *ctx, void *options, const char *const *args,
                            size_t n, struct err *e);
enum errc log_stats(struct cmd_ctx *ctx, void *options, const char *const *args, size_t n,
                    struct err *e);
enum errc log_backup(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e);

#endif
