/*
 * complete.h: what the files of `llmgw __complete` share; nobody else includes it.
 *
 *     complete.c        where in the command line the cursor is, and what may stand there
 *     complete_words.c  the words of each kind: from the tables, the configuration, the ledger
 */
#ifndef CMD_COMPLETE_H
#define CMD_COMPLETE_H

#include "cmd/cmd.h"

struct complete {
    struct cmd_ctx *ctx;
    struct str word; /* what is typed so far */
    struct buf out; /* lines "CANDIDATE\tWHAT IT IS"; ":files" asks the shell for files */
};

/* A candidate, if it goes on from the word. what may be empty. */
void complete_offer(struct complete *c, struct str candidate, struct str what);
void complete_offerz(struct complete *c, const char *candidate, const char *what);
/* The words of a kind; for OPT_C_CHOICE `values`, apart by "|". */
void complete_words(struct complete *c, enum opt_complete kind, const char *values);
/* The kind that an operand's name stands for: "MODEL", "FILE", …; OPT_C_NONE for others. */
enum opt_complete complete_kind(struct str operand);

#endif
