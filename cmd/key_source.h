/*
 * key_source.h: what this process can tell of a provider's keys without running anything:
 * where each comes from, and whether there is one. The keys themselves are the broker's.
 */
#ifndef CMD_KEY_SOURCE_H
#define CMD_KEY_SOURCE_H

#include "core/buf.h"
#include "core/conf.h"

enum { KEY_TAIL_LEN = 8 };

enum key_state {
    KEY_THERE,
    KEY_BY_COMMAND, /* its command would have to be run to know */
    KEY_MISSING,    /* variable not set, file absent, unreadable or empty */
};

/* ret_tail, unless NULL: the last four characters of a long key; else "". */
enum key_state key_look(const struct conf_secret *s, char ret_tail[KEY_TAIL_LEN]);
/* "there", "by command", "missing" */
const char *key_state_name(enum key_state state);
/*
 * Appends header lines, x-llmgw-provider-key, for providers that take their key from a variable
 * which holds one here: a broker that was started before has none, and uses these, where it has
 * no other, for this request only. No more than a request may have; the buffer is the caller's to
 * wipe.
 */
void key_headers(const struct conf *conf, struct buf *out);
/* Can it be asked, as far as keys go: it needs none, or one of its keys is not missing. */
bool key_can_ask(const struct conf_provider *p);

#endif
