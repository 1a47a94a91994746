/*
 * opt.h: one table of options drives parser, help, completion and the man pages' OPTIONS.
 *
 * GNU conventions: options and operands may be mixed, "--" ends options, every short option has
 * a long one, long options are never abbreviated.
 */
#ifndef CORE_OPT_H
#define CORE_OPT_H

#include "core/buf.h"
#include "core/err.h"

enum opt_type {
    OPT_FLAG,     /* bool: set to true; --no-NAME sets it to false if `negatable` */
    OPT_COUNT,    /* int: counts (-vv) */
    OPT_STRING,   /* const char * */
    OPT_STRINGS,  /* struct opt_list: repeatable */
    OPT_INT,      /* int64_t, in `values` ("1..1000"; an open end: "1..") */
    OPT_SIZE,     /* int64_t bytes */
    OPT_DURATION, /* int64_t microseconds */
    OPT_MONEY,    /* pico */
    OPT_FRACTION, /* int64_t parts per million */
    OPT_CHOICE,   /* const char *: one of `values` */
};

enum { OPT_LIST_MAX = 256 };
struct opt_list {
    const char *items[OPT_LIST_MAX]; /* borrowed from argv */
    size_t n;
};

enum opt_complete {
    OPT_C_NONE,
    OPT_C_FILE,
    OPT_C_MODEL,
    OPT_C_ROUTE,
    OPT_C_TARGET,
    OPT_C_CONVERSATION,
    OPT_C_TEMPLATE,
    OPT_C_TAG,
    OPT_C_PERIOD,
    OPT_C_RUN,
    OPT_C_KEY,
    OPT_C_CHOICE,
    OPT_C_REQUEST,
    OPT_C_PROJECT,
    OPT_C_PROVIDER,
    OPT_C_COMMAND,
    OPT_C_AIM, /* what a route may prefer */
};

struct option_row {
    char letter;      /* 0: none */
    const char *name; /* without "--" */
    enum opt_type type;
    size_t offset;      /* of the field in the command's struct */
    const char *arg;    /* "NAME", "DUR"; NULL for flags */
    const char *values; /* "text|json" for OPT_CHOICE, a range for OPT_INT */
    enum opt_complete complete;
    bool negatable;
    bool is_filled; /* an empty value is none: a variable of the shell that was not set */
    bool hidden;
    /*
     * The words behind the command that it belongs to, as in "rm redact", among them OPT_BARE;
     * NULL: whatever the command's entry says, else all of them.
     */
    const char *with;
    const char *group; /* heading in --help; NULL: the one before */
    const char *help;  /* one sentence, lower case, no full stop */
};
/* Stands in `with` for the command that has no word behind it. */
#define OPT_BARE "-"

/* The table ends with a row whose name is NULL. */
enum { OPT_TABLES = 3, OPT_GIVEN_MAX = 128 };

struct opt_args {
    const char *items[4096]; /* operands, borrowed from argv */
    size_t n;
    const struct option_row
        *given[OPT_GIVEN_MAX]; /* options that were there, each once */
    size_t n_given;
};

/*
 * Parses argv[1..] by up to three tables: the command's, those it shares with another command,
 * the global one. Any may be NULL, the first that knows an option has it.
 * into[i] is the struct of tables[i]. Operands are collected; stop_at_operand ends there (for
 * `llmgw [global] COMMAND …`) and *ret_used tells how many of argv were eaten.
 * ERR_USAGE names the option and the nearest valid one.
 */
enum errc opt_parse(int argc, char *const argv[],
                    const struct option_row *const tables[OPT_TABLES],
                    void *const into[OPT_TABLES], bool stop_at_operand,
                    struct opt_args *args, int *ret_used, struct err *e) MUST_USE;

/* Is the word among those of a `with`? */
bool opt_has_word(const char *with, struct str word);
/* "list, export and rm" of a `with`, without OPT_BARE. */
void opt_words(const char *with, struct buf *out);
/* What an option does, after the words that it belongs to: "with rm and redact: do not ask". */
void opt_about(const struct option_row *row, struct buf *out);
/* Help text, wrapped at `width` columns. */
void opt_help(const struct option_row *table, int width, struct buf *out);
/* mdoc lists for man pages, one a group. */
void opt_mdoc(const struct option_row *table, struct buf *out);

/* "1..1000", "1..", NULL: the ends, INT64_MIN and INT64_MAX where open. */
void opt_range(const char *range, int64_t *ret_min, int64_t *ret_max);
/* Words broken at `width`, further lines indented; the cursor is at column `at`. Ends the line. */
void opt_wrap(struct buf *out, struct str text, size_t indent, size_t at, size_t width);
/* Text as mdoc reads it back: backslashes, and dots that begin a line. */
void opt_mdoc_text(struct buf *out, struct str text);
/* A help text as a sentence: capital letter, full stop, newline. */
void opt_mdoc_sentence(struct buf *out, const char *help);

#endif
