/*
 * repl_priv.h: what the files of the interactive chat share.
 *
 *     repl.c           the loop: prompt, line, answer
 *     repl_cmd.c       the commands
 *     repl_answer.c    those about answers
 *     repl_complete.c  what Tab offers
 *     repl_turns.c     what was asked and answered, to be taken back or looked at
 *     repl_next.c      what goes with the next question, and what it costs
 */
#ifndef CMD_REPL_PRIV_H
#define CMD_REPL_PRIV_H

#include "cmd/answer_print.h"
#include "cmd/keys.h"
#include "cmd/line.h"
#include "cmd/repl.h"
#include "cmd/template_file.h"

enum { REPL_LISTED = 20, REPL_PARENTS = 100 };

/* A question that was answered, for /undo, /retry and /edit. */
struct repl_turn {
    size_t from, asked; /* length of the messages before it, and before its answer */
    char parent[ULID_LEN + 1];
    char *text; /* owned: what was typed */
};

struct repl {
    struct session *s;
    struct chat_options opt; /* the session's, changed by commands */
    struct keys keys;
    struct repl_turn *turns; /* owned */
    size_t n_turns;
    struct opt_list files, attach; /* for the next question; texts in the arena */
    /* the last one of /template, and what it was given */
    struct template_file template_file;
    struct opt_list params;
    struct answer_facts facts; /* of the last answer … */
    bool has_facts;            /* … when this session has asked for it */
    pico spent;                /* of this session; PICO_UNKNOWN: not all is known */
    char owed[ULID_LEN + 1];   /* a request whose cost is not in it yet; "": none */
    struct buf extra;          /* text for the next question: what commands printed */
    const char *listed[REPL_LISTED]; /* ids of /list, for /resume */
    size_t n_listed;
    bool is_over, was_stopped; /* the session; the last answer */
    bool is_editing;           /* the line at hand takes the last question's place */
    struct buf models;         /* names for completion, a line each */
    bool has_models;           /* … asked for once */
};

/* Asks what was typed; the turn is kept when an answer came. */
void repl_ask(struct repl *r, const char *text);
/* The last question once more, instead of its answer, to `model` when it is not NULL. */
void repl_ask_again(struct repl *r, const char *model);
/* Appends the text of the last answer; false: there is none. */
bool repl_last_answer(const struct repl *r, struct buf *out);
/* "$0.0031", or "$0.0031+" while it is not known what an answer has cost that was cut off. */
void repl_write_spent(struct repl *r, struct buf *out);
/* A path as a shell would take it: "~/" is the home folder. In the arena. */
const char *repl_path(struct repl *r, struct str path);
/* "route fast → anthropic/claude-haiku-4-5": what is asked, and what stands for it. */
void repl_write_target(const struct repl *r, struct buf *out);
/* A turn with its question, which is copied; false: no memory. */
bool repl_keep_turn(struct repl *r, const struct repl_turn *turn, const char *text);
/* The turns of what has been said so far, by whatever session, instead of those before. */
void repl_adopt_turns(struct repl *r);
/* Takes the last turn back; false: there is none. */
bool repl_undo(struct repl *r);
/* Which conversation is gone on with, and how much was said in it. */
void repl_say_resumed(const struct repl *r);
/* Turns are no more to be taken back: another conversation. */
void repl_forget_turns(struct repl *r);
/* Puts what a command of the shell printed before the next question. */
void repl_add_text(struct repl *r, const char *command, struct str output);
/* A line that begins with "/" or "!". */
void repl_command(struct repl *r, struct str line);
/* What goes with the next question, with tokens and cost; the budgets that count it. */
enum errc repl_show_context(struct repl *r, struct err *e) MUST_USE;
enum errc repl_show_budgets(struct repl *r, struct err *e) MUST_USE;
/* A conversation that has become dear is told so. */
void repl_warn_of_history(struct repl *r);
/*
 * Does the model, or the route, of that name exist; the other is NULL. By our configuration or,
 * when that is older, by the broker's. ERR_NOT_FOUND with the nearest.
 */
enum errc repl_check_name(struct repl *r, const char *model, const char *route,
                          struct err *e) MUST_USE;
/* Would the broker take a request as it is set up now? Only what is wrong with it is an error. */
enum errc repl_check_request(struct repl *r, struct err *e) MUST_USE;
bool repl_complete(void *repl, struct str line, size_t from, line_add_fn *add,
                   void *add_arg);
/* Calls fn for each command's name, "/exit". */
void repl_each_command(line_add_fn *fn, void *arg);
/* Is it a command whose arguments are models? Files? `word` is the command. */
bool repl_takes_models(struct str word);
bool repl_takes_files(struct str word);
/* How /help writes the arguments of a command; "" for what is none. */
const char *repl_arguments(struct str word);

#endif
