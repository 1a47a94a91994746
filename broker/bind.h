/*
 * bind.h: the parameters of one statement that runs again and again. What a parameter holds
 * already is not bound again: most fields of a request are those of the request before, and
 * binding them anew would be a fifth of what a row costs.
 *
 * For one statement, as long as nobody else binds or clears its parameters.
 */
#ifndef BROKER_BIND_H
#define BROKER_BIND_H

#include "core/db.h"
#include "core/usage.h"

struct bind_slot;

struct bind {
    sqlite3_stmt *st;        /* borrowed */
    struct bind_slot *slots; /* owned, one per parameter */
    int at;                  /* the parameter bound last, from 1 */
};

enum errc bind_init(struct bind *b, sqlite3_stmt *st, struct err *e) MUST_USE;
void bind_release(struct bind *b);

/* Parameters come in their order, from the first after bind_start. */
void bind_start(struct bind *b);
void bind_null(struct bind *b);
void bind_i64(struct bind *b, int64_t v);
void bind_if(struct bind *b,
             int64_t v); /* what did not happen is 0, and NULL in the row */
void bind_pico(struct bind *b, pico p);
/* Texts and blobs must live until the statement has run. A NULL ptr binds NULL. */
void bind_str(struct bind *b, struct str s);
void bind_text(struct bind *b, struct str s); /* empty and absent are one: NULL */
void bind_blob(struct bind *b, struct str s); /* likewise */
void bind_usage(struct bind *b, const struct usage *u); /* all classes; u may be NULL */

#endif
