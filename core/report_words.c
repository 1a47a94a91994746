/*
 * report_words.c: names that the ledger knows, newest first: for the completion of command lines.
 */
#include "core/report.h"

static const char *const queries[] = {
    [REPORT_CONVERSATIONS] = "SELECT ifnull(name, id), ifnull(title, '')"
                             " FROM conversation ORDER BY last_us DESC LIMIT 200",
    [REPORT_REQUESTS] = "SELECT id, ifnull(provider || '/' || model, outcome)"
                        " FROM request ORDER BY rid DESC LIMIT 50",
    [REPORT_TAGS] = "SELECT DISTINCT key || '=' || value, ''"
                    " FROM (SELECT key, value FROM tag ORDER BY rid DESC LIMIT 2000)"
                    " LIMIT 200",
    [REPORT_PROJECTS] = "SELECT DISTINCT project, '' FROM (SELECT project FROM request"
                        " WHERE project IS NOT NULL ORDER BY rid DESC LIMIT 2000)",
    [REPORT_RUNS] = "SELECT id, state FROM replay_run ORDER BY start_us DESC LIMIT 50",
};

static struct str column(sqlite3_stmt *st, int i)
{
    return str_of((const char *)sqlite3_column_text(st, i));
}

enum errc report_words(struct db *d, enum report_word what, report_word_fn *fn, void *arg,
                       struct err *e)
{
    sqlite3_stmt *st;
    bool row = true;
    enum errc rc = db_prepare(d, queries[what], &st, e);
    while (rc == ERR_OK && (rc = db_step(d, st, &row, e)) == ERR_OK && row)
        fn(arg, column(st, 0), column(st, 1));
    return rc;
}
