/*
 * echo.h: some servers that go on with a beginning of the answer say the beginning again first,
 * others do not, and who does changes with their versions: it is taken out where it comes.
 *
 * What comes is held back as long as it is the beginning word for word.
 */
#ifndef BROKER_ECHO_H
#define BROKER_ECHO_H

#include "core/msg.h"

struct echo {
    struct str begun;  /* the beginning; borrowed */
    size_t heard_len;  /* so much of it has been said again */
    bool is_listening; /* it may still be an echo */
};

/* The beginning that the request ends with, in its arena; not listening if there is none. */
void echo_start(struct echo *e, const struct msg_request *m, struct arena *a);
/*
 * A piece of the answer's text: *ret_held is what was held back and is none, *ret_rest what is new
 * of the piece. Both may be empty.
 */
void echo_hear(struct echo *e, struct str text, struct str *ret_held,
               struct str *ret_rest);
/* No more text will come: what was held back and is none. */
struct str echo_end(struct echo *e);

#endif
