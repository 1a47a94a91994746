/*
 * keys.h: the terminal between two lines: what is typed then is not echoed and not lost, and
 * while an answer comes, Esc and Ctrl-D stop it.
 */
#ifndef CMD_KEYS_H
#define CMD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct keys {
    struct termios before, ours;
    bool is_open;
    bool has_left;            /* Ctrl-D: the conversation ends behind the answer */
    unsigned char ahead[256]; /* typed while an answer came */
    size_t n_ahead;
};

/* Keys come one by one, as they are; Ctrl-C and Ctrl-Z keep their meaning. */
void keys_open(struct keys *k);
/* The terminal as it was. */
void keys_close(struct keys *k);
/* Likewise, for another program; and back. */
void keys_lend(const struct keys *k);
void keys_take_back(const struct keys *k);

/* An answer comes: standard input is readable. True: the answer is to stop. */
bool keys_typed(void *keys);
/* A signal came, which is taken. Ctrl-Z stops us, with the terminal as it was; true: any other. */
bool keys_signalled(void *keys);
/* It has ended: what was typed begins the next line, unless the answer was stopped. */
void keys_settle(struct keys *k, bool was_stopped);

#endif
