/*
 * session.h: a conversation under way: what was said, and how the next answer is asked for.
 */
#ifndef CMD_SESSION_H
#define CMD_SESSION_H

#include "cmd/answer.h"
#include "cmd/chat_request.h"
#include "cmd/shape.h"

struct session {
    struct cmd_ctx *ctx;
    const struct chat_options *o;
    struct answer answer;
    struct buf system;   /* JSON of the system message with a comma behind, or empty */
    struct buf messages; /* JSON of all others, each with a comma behind */
    struct shape shape;  /* of --schema; turn.shape points to it, or is NULL */
    struct chat_turn turn;
    const char *about; /* name, title or id of the conversation that was resumed */
    char parent[ULID_LEN + 1];
    int sig_fd;                       /* readable: give the answer up; -1: none */
    bool (*on_cancel)(void *key_arg); /* as in struct link_waiting */
    bool (*on_key)(
        void *arg); /* standard input is readable; true: likewise. NULL: not asked */
    void *key_arg;
    /* what the next question goes into, or has gone, with these parameters; NULL: nothing */
    const struct template_file *template_file;
    const struct opt_list *params;
};

/* Goes on with the conversation that the options name, or begins one. */
enum errc session_open(struct session *s, struct cmd_ctx *ctx,
                       const struct chat_options *o, struct err *e) MUST_USE;
/* Where answers are shown; before the first turn. */
enum errc session_show(struct session *s, struct err *e) MUST_USE;
/*
 * Asks, shows the answer and appends it, also one that was cut short. An answer that does not
 * have its shape is asked for once more, and a target that takes no schema is told of it in
 * words. Returns how the turn ended, with *e filled; ERR_CANCELLED when sig_fd told so.
 */
enum errc session_turn(struct session *s, struct err *e) MUST_USE;
/* Appends why the target of the last answer was asked. ERR_NOT_FOUND when it is not recorded. */
enum errc session_explain(struct session *s, struct buf *out, struct err *e) MUST_USE;
/* Forgets what was said from `from`, an earlier length of `messages`, on. */
void session_forget(struct session *s, size_t from, const char *parent);
/* From the next turn on; NULL or "": none. */
void session_set_system(struct session *s, const char *text);
/* What answers must fit from now on; a part of it that nobody checks is told. */
enum errc session_set_shape(struct session *s, const char *given, struct err *e) MUST_USE;
/* What was said so far begins a conversation of its own; name may be NULL. */
void session_fork(struct session *s, const char *name);
/* Goes on with another one, an id or a name, instead. Nothing changes when it cannot. */
enum errc session_resume(struct session *s, const char *which, struct err *e) MUST_USE;
/* Appends all messages. */
void session_messages(const struct session *s, struct buf *out);
void session_release(struct session *s);

#endif
