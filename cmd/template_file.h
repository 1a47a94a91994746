/*
 * template_file.h: a prompt that is kept in a file: settings, and a text with places in it.
 *
 *     ---
 *     model = fast
 *     system = You write commit messages.
 *     param = lang = English
 *     ---
 *     Write a commit message in $lang for this diff:
 *
 *     $input
 *
 * The settings between the two lines are optional. In text and system prompt $NAME and ${NAME}
 * stand for a parameter, $$ for a dollar sign; $input in the text stands for what is said with
 * it, which else comes behind it. llmgw-template(1) documents the keys.
 */
#ifndef CMD_TEMPLATE_FILE_H
#define CMD_TEMPLATE_FILE_H

#include "cmd/chat_request.h"

enum { TEMPLATE_PARAMS = 32, TEMPLATE_VERSION_LEN = 12 };

struct template_param {
    const char *name, *value; /* NULL: must be given */
};

/* All text lives in the command's arena. */
struct template_file {
    const char *name;                       /* "commit" */
    const char *path;                       /* where it was read */
    char version[TEMPLATE_VERSION_LEN + 1]; /* of its text: hexadecimal digits */
    const char *model, *route, *system, *temperature, *seed, *effort, *project, *schema;
    int64_t max_tok; /* -1: not said */
    pico max_cost;   /* PICO_UNKNOWN: not said */
    bool extract, extract_last;
    struct opt_list options, tags;
    struct template_param params[TEMPLATE_PARAMS];
    size_t n_params;
    const char *text; /* "" when there is none */
    bool takes_input; /* $input stands in the text */
};

/* The folder of templates, and the file of one. ERR_USAGE when that is no name for a template. */
const char *template_folder(struct cmd_ctx *ctx);
enum errc template_path(struct cmd_ctx *ctx, const char *name, const char **ret,
                        struct err *e) MUST_USE;
/* The names of all there are, in their order; in the arena. */
enum errc template_names(struct cmd_ctx *ctx, const char ***ret, size_t *ret_n,
                         struct err *e) MUST_USE;
/* Reads what -t says: a name, or a file when there is a "/" in it. ERR_NOT_FOUND, ERR_CONFIG. */
enum errc template_load(struct cmd_ctx *ctx, const char *name, struct template_file *ret,
                        struct err *e) MUST_USE;
/* The same of a text; `path` is for messages, and "@FILE" is relative to its folder. */
enum errc template_parse(struct cmd_ctx *ctx, const char *path, struct str text,
                         struct template_file *ret, struct err *e) MUST_USE;
/*
 * Fills in what the options leave out, and puts the parameters, K=V each, into the system prompt.
 * ERR_USAGE names a parameter that is missing, or one that the template has not.
 */
enum errc template_apply(struct cmd_ctx *ctx, const struct template_file *t,
                         const struct opt_list *params, struct chat_options *o,
                         struct err *e) MUST_USE;
/*
 * Appends the text with parameters and input in their places, the input behind it if it has
 * none. ERR_USAGE as above.
 */
enum errc template_expand(const struct template_file *t, const struct opt_list *params,
                          struct str input, struct buf *out, struct err *e) MUST_USE;
/* Forgets of the options what the template sets: it counts more. */
void template_overrule(const struct template_file *t, struct chat_options *o);
/* The options as a template: --save. `text` is what stands behind the settings. */
void template_write(const struct chat_options *o, struct str text, struct buf *out);

#endif
