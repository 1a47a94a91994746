/*
 * prompt.h: what the user wants to say, put together from files, standard input and words.
 *
 * Order: files, standard input, words, with a blank line between; what changes least comes
 * first, so that a provider's prompt cache stays warm.
 */
#ifndef CMD_PROMPT_H
#define CMD_PROMPT_H

#include "core/jsonx.h"

#include "cmd/cmd.h"

struct template_file;

struct prompt_source {
    const struct opt_list *files;  /* -f: FILE, DIR or "-" */
    const struct opt_list *attach; /* -a: FILE or "-", with ":MIME" if wanted */
    const struct opt_args *words;
    bool want_stdin, never_stdin; /* --stdin; --no-stdin or chat.stdin = never */
    bool has_editor;              /* the words are a draft, for the editor */
    const struct template_file *template_file; /* what they go into; NULL: nothing */
    const struct opt_list *params;             /* of the template */
};

/* Where the text came from, for --dry-run. */
struct prompt_part {
    const char *name; /* "src/main.c", "standard input", "words" */
    size_t len;       /* bytes */
};

struct prompt {
    struct buf text; /* of the user's message */
    /* parts of an OpenAI message as JSON, each with a comma behind */
    struct buf attachments;
    struct prompt_part parts[OPT_LIST_MAX]; /* the first of them */
    size_t n_parts;
};

/* Is it a person at a keyboard who has said nothing yet? */
bool prompt_is_interactive(const struct prompt_source *src);
/*
 * Reads all that is to be read. ERR_USAGE when there is nothing to say, ERR_CANCELLED when
 * nothing was left in the editor.
 */
enum errc prompt_build(struct cmd_ctx *ctx, const struct prompt_source *src,
                       struct prompt *ret, struct err *e) MUST_USE;
void prompt_release(struct prompt *p);
/* The message of role user. */
void prompt_write(const struct prompt *p, struct jw *w);

/* Is it an image or a PDF file, by its first bytes? */
bool prompt_is_media(const char *path);
/* Appends the words, joined by blanks. */
void prompt_join(const struct opt_args *words, struct buf *out);
/* TEXT, or the content of the file after "@". */
enum errc prompt_system(struct cmd_ctx *ctx, const char *text, const char **ret,
                        struct err *e) MUST_USE;

#endif
