/*
 * cmd.h: what every command of llmgw is: one const row, one file.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/opt.h"

enum cmd_format {
    FORMAT_UNSET,
    FORMAT_TEXT,
    FORMAT_TABLE,
    FORMAT_JSON,
    FORMAT_JSONL,
    FORMAT_CSV,
    FORMAT_TSV,
    FORMAT_MARKDOWN,
    FORMAT_HTML,
};

/* Global options, valid before and after COMMAND. */
struct cmd_global {
    bool help_short, help_full, version;
    int verbose;
    bool quiet, json, no_pager, no_autostart, no_input, offline;
    const char *format, *output, *fields, *color, *config, *socket, *tz;
    struct opt_list conf;
};
extern const struct option_row cmd_global_options[];

struct db;

/* The root of llmgw: passed down to everything. */
struct cmd_ctx {
    const char *program; /* "llmgw" */
    const char *command; /* "cost" */
    struct cmd_global global;
    const struct clock *clock;
    struct conf *conf; /* loaded when the command needs it; owned by main */
    /* likewise; when it cannot be read, what there is of it, and why: ERR_OK is in catalog_err */
    struct catalog *catalog;
    struct err catalog_err;
    bool has_conf_lock; /* on the folder of the file that is changed, until we exit */
    const char *tried;  /* JSON array: attempts behind a failure; in the arena, or NULL */
    struct arena arena; /* lives as long as the command */
};

enum cmd_need {
    CMD_CONF = 1 << 0,    /* configuration, lenient: problems are warnings on stderr */
    CMD_NAMES = 1 << 1,   /* the catalog, if it can be read; CMD_CONF has that with it */
    CMD_CATALOG = 1 << 2, /* nothing goes without it */
    CMD_BROKER = 1 << 3,  /* talks to the broker */
    CMD_LEDGER = 1 << 4,  /* reads the database */
};

struct cmd_example {
    const char *line, *what; /* shown in --help and the man page, and run by the tests */
};

struct cmd_sub;

struct cmd_entry {
    const char *name, *alias;
    const char *args;    /* "[options] [PROMPT...]" */
    const char *summary; /* one line; NULL: not listed */
    const struct option_row *options;
    const char *options_with;    /* the `with` of rows that have none */
    size_t options_size;         /* sizeof the struct the table fills */
    void (*init)(void *options); /* defaults; NULL: zeroes */
    /* This command's options are taken, too; our struct begins with its struct. Or NULL. */
    const struct cmd_entry *like;
    const char *like_with;      /* the `with` of all of those */
    const struct cmd_sub *subs; /* the words behind it, of which `run` is none; or NULL */
    unsigned needs;
    unsigned formats; /* bit per enum cmd_format the command knows */
    enum cmd_format preset;
    const struct cmd_example *examples; /* ends with a NULL line */
    /*
     * What it does without one of its words. The result becomes the exit status by errc_exit;
     * e->text is printed by main. NULL: the first of its words, and no operand but words.
     */
    enum errc (*run)(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e);
};

/* One line a command in commands.def; its file exports `const struct cmd_entry cmd_NAME`. */
#define COMMAND(name) extern const struct cmd_entry cmd_##name;
#include "cmd/commands.def"
#undef COMMAND
extern const struct cmd_entry *const cmd_table[]; /* ends with NULL */
/* By name or alias; NULL if there is none. */
const struct cmd_entry *cmd_find(struct str name);
/* ERR_USAGE with the nearest command names. */
enum errc cmd_unknown(struct str name, struct err *e);

/* "text", "json", …; NULL for FORMAT_UNSET. */
const char *cmd_format_name(enum cmd_format format);

/* The format in force: -j, -F, else the command's preset. */
enum cmd_format cmd_format(const struct cmd_ctx *ctx, const struct cmd_entry *entry);
/* ERR_USAGE when another format was asked for than those (a bit each) that `what` has. */
enum errc cmd_formats(const struct cmd_ctx *ctx, const char *what, unsigned formats,
                      struct err *e) MUST_USE;
/* Lines on standard error, in one write; a terminal gets them broken between words. */
void cmd_tell(struct str lines);
/* "llmgw: chat: text" on stderr; not with -q for notes. */
void cmd_note(const struct cmd_ctx *ctx, const char *fmt, ...) PRINTF(2, 3);
void cmd_warn(const struct cmd_ctx *ctx, const char *fmt, ...) PRINTF(2, 3);
/*
 * Tells of a failure on stderr: "llmgw: chat: text", or one line of JSON when a JSON format was
 * asked for. A text may end with "\nhint: what to do".
 */
void cmd_fail(const struct cmd_ctx *ctx, const struct err *e);
/* What exit statuses mean, as in llmgw-exit-codes(7); the array ends with a NULL name. */
struct cmd_exit {
    int status;
    const char *name; /* "upstream" for 7: the name in JSON errors */
    const char *when;
};
extern const struct cmd_exit cmd_exits[];

/* Help: of one command (options, and with `full` examples and global options), of all. */
void cmd_help_entry(const struct cmd_entry *entry, bool full, struct buf *out);
void cmd_help_all(bool full, struct buf *out);
/* "llmgw 0.1.0", and with `verbose` the build, libraries and paths. */
void cmd_version_text(struct cmd_ctx *ctx, bool verbose, struct buf *out);
/* Loads what is not there yet: CMD_CONF, CMD_CATALOG, CMD_NAMES. */
enum errc cmd_load(struct cmd_ctx *ctx, unsigned needs, struct err *e) MUST_USE;
/* For what goes no further without the catalog: why it could not be read, if it could not. */
enum errc cmd_need_catalog(const struct cmd_ctx *ctx, struct err *e) MUST_USE;
/* Where configuration comes from, by the global options; strings live in ctx. */
enum errc cmd_conf_source(struct cmd_ctx *ctx, struct conf_source *ret, struct err *e)
    MUST_USE;

/* The ledger, to read; *ret, which the caller closes, is NULL when there is none yet. */
enum errc cmd_open_ledger(struct cmd_ctx *ctx, struct db **ret, struct err *e) MUST_USE;

/* The file that commands change: --config, LLMGW_CONFIG, or the user's. */
const char *cmd_conf_path(struct cmd_ctx *ctx);
/*
 * The file that `config set`, `client add` and others change, and its text (empty when there is
 * no file); cmd_conf_save checks the new text as a whole and refuses it when it brings problems
 * that were not there before. From the first to the end of the command no other one does so.
 */
enum errc cmd_conf_open(struct cmd_ctx *ctx, const char **ret_path,
                        struct conf_text **ret_text, struct err *e) MUST_USE;
/* The text with that value set, or added; without it for NULL. *text is replaced. */
enum errc cmd_conf_put(struct buf *text, const char *dotted, const char *value, bool add,
                       struct err *e) MUST_USE;
enum errc cmd_conf_save(struct cmd_ctx *ctx, const char *path, struct str text,
                        struct err *e) MUST_USE;

/* A word behind the command: `llmgw config set KEY VALUE`. The table ends with a NULL name. */
struct cmd_sub {
    const char *name;
    const char *args; /* "KEY VALUE", for messages */
    size_t min, max;  /* operands behind the word */
    enum errc (*run)(struct cmd_ctx *ctx, void *options, const char *const *args,
                     size_t n, struct err *e);
};
/* Runs what the first operand names; without one, or when it is no word, what else there is. */
enum errc cmd_run(struct cmd_ctx *ctx, const struct cmd_entry *entry, void *options,
                  const struct opt_args *args, struct err *e) MUST_USE;
/* The words that a row of the entry's tables belongs to; NULL: it goes with all. */
const char *cmd_option_with(const struct cmd_entry *entry, const struct option_row *row);
/* ERR_USAGE when an option was given that means nothing to the word that was given. */
enum errc cmd_check_options(const struct cmd_entry *entry, const struct opt_args *args,
                            struct err *e) MUST_USE;

/* --tag KEY=VALUE in its two parts; NULL leaves both as they are. ERR_USAGE without a "=". */
enum errc cmd_tag(const char *tag, struct str *ret_key, struct str *ret_value,
                  struct err *e) MUST_USE;

/* The process's environment, for conf_source and the path functions. */
const char *cmd_getenv(const char *name);

#endif
