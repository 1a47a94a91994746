/*
 * line.h: a line from a person at a terminal, by readline, in a poll loop of our own.
 */
#ifndef CMD_LINE_H
#define CMD_LINE_H

#include "core/buf.h"
#include "core/err.h"

/* `about` is shown beside the candidate; NULL: nothing. */
typedef void line_add_fn(void *arg, const char *candidate, const char *about);

/* What a line asks of who reads it. */
struct line_user {
    void *arg;
    /*
     * Candidates for the word that begins at `from` of `line`: calls `add` for each of them.
     * False: file names are what is wanted, as they always are behind "@".
     */
    bool (*complete)(void *arg, struct str line, size_t from, line_add_fn *add,
                     void *add_arg);
    /* Gives the terminal to whoever had it before, or takes it back. */
    void (*lend)(void *arg, bool is_lent);
    /* Changes the text of the line in an editor; the terminal is as the editor wants it. */
    void (*edit)(void *arg, struct buf *text);
};

enum line_end {
    LINE_ENTERED,
    LINE_CLOSED, /* Ctrl-D on an empty line, or the terminal is gone */
    LINE_STOPPED /* Ctrl-C on an empty line */
};

/*
 * Once, before the first line: history comes from the file and goes there. Lines that begin with
 * a blank are not kept. ERR_IO when the file cannot be written: all else works.
 */
enum errc line_open(const char *history_path, const struct line_user *user, struct err *e)
    MUST_USE;
/* Keeps the newest entries of the file. */
void line_close(void);
/*
 * Reads one, which may have newlines in it: Ctrl-J or Alt-Enter inserts one. sig_fd is readable
 * when a signal came (sig.h): Ctrl-C clears the line. The prompt may hold \001 … \002 around what
 * has no width.
 */
enum line_end line_read(const char *prompt, int sig_fd, struct buf *out);
/* What the next line begins with. */
void line_preset(const char *text);
/* What was typed while an answer came, for the next line. */
void line_stuff(int byte);

#endif
