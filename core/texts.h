/*
 * texts.h: full-text search over what was recorded: table body_text of the ledger (FTS5).
 *
 * Holds what is new in each request (turns.h) and its answer, in plain text, as long as the body
 * is kept. The index never stands in the way of a row: what cannot be indexed is not found.
 */
#ifndef CORE_TEXTS_H
#define CORE_TEXTS_H

#include "core/buf.h"
#include "core/db.h"

/* Of each text so many bytes are searched. */
enum { TEXTS_LEN = 256 * 1024 };
/*
 * U+200B, which is not seen: stands in the index between the characters of scripts that have no
 * blanks between words, as Chinese, Japanese and Thai. To be taken out of what is shown of it.
 */
#define TEXTS_GAP "\xE2\x80\x8B"

/* Within the caller's transaction. */
enum errc texts_add(struct db *d, int64_t rid, struct str request, struct str answer,
                    struct err *e) MUST_USE;
enum errc texts_drop(struct db *d, int64_t rid, struct err *e) MUST_USE;
/* Rewrites the index without the words of deleted texts, which FTS5 only marks. */
enum errc texts_clean(struct db *d, struct err *e) MUST_USE;
/* Is every body in the index as it should be, also those that an older schema recorded? */
enum errc texts_is_full(struct db *d, bool *ret, struct err *e) MUST_USE;
/* Adds at most `max` of the others, within the caller's transaction. */
enum errc texts_fill(struct db *d, size_t max, struct err *e) MUST_USE;

/*
 * What a user searches for as a MATCH expression: all words, phrases in double quotes, a star
 * behind a word for those that begin so; nothing in it is an error. Empty for no words.
 */
void texts_query(struct str words, struct buf *out);

#endif
