/*
 * dialect_priv.h: what the dialect files share among themselves; nobody else includes it.
 */
#ifndef BROKER_DIALECT_PRIV_H
#define BROKER_DIALECT_PRIV_H

#include "broker/dialect.h"

/* ---- reading raw JSON ---- */

/* A string decoded, or a number's digits, cut between code points to `size` − 1 bytes; else "". */
void json_copy(struct str text, struct jspan s, char *out, size_t size);
/* Bytes of a string once its escapes are decoded; 0 if it is none. */
size_t json_decoded_len(struct str text, struct jspan s);
bool json_is_set(struct jspan s);                    /* neither absent nor null */
bool json_is_empty(struct str text, struct jspan s); /* [] or {} */

/* ---- a client's fields, strictly: ERR_INVALID that names the field ---- */

/* ERR_INVALID "FIELD: reason", the client's fault. */
enum errc field_error(struct err *e, const char *field, const char *fmt, ...)
    PRINTF(3, 4);
/* ERR_OK when absent or null; then *ret is untouched. */
enum errc field_bool(const struct jfield *f, bool *ret, struct err *e) MUST_USE;
enum errc field_i64(struct str text, const struct jfield *f, int64_t min, int64_t max,
                    int64_t *ret, struct err *e) MUST_USE;
/* Must be of this kind unless absent or null. */
enum errc field_kind(const struct jfield *f, enum jkind kind, struct err *e) MUST_USE;
/* The required model name. */
enum errc field_model(struct str text, const struct jfield *f, struct body_facts *ret,
                      struct err *e) MUST_USE;
/* The whole body as an object; ERR_SYNTAX becomes the client's ERR_INVALID. */
enum errc body_fields(struct str body, struct jfield *fields, size_t n, struct err *e)
    MUST_USE;
/* Hex of 64 bits over the system text, the same in all dialects; "" for none. */
void system_hash(struct str text, char out[17]);

/* ---- splicing ---- */

struct patch {
    size_t pos, old_len;  /* what goes, in the body */
    size_t from, new_len; /* what comes, in patches.text */
};

/* Replacements in a body, in order of place; they do not overlap. */
enum { PATCHES = 6 };
struct patches {
    struct patch at[PATCHES];
    size_t n;
    struct buf text; /* owned */
};
void patches_add(struct patches *p, size_t pos, size_t old_len, const char *fmt, ...)
    PRINTF(4, 5);
/* Appends the body with its replacements made, and releases p. ERR_MEMORY, ERR_TOO_LARGE. */
enum errc patches_apply(struct patches *p, struct str body, struct buf *out,
                        struct err *e);
/* The same with a JSON string of any text. */
void patches_add_quoted(struct patches *p, size_t pos, size_t old_len, struct str with);
/* The edits of the cap: renamed, replaced, or put in beside the model when there was none. */
void patches_add_cap(struct patches *p, struct str body, const struct body_facts *f,
                     const struct body_edits *edits, const char *default_key);
/* Length of the raw key, quotes included, that begins at `pos`. */
size_t json_key_len(struct str text, size_t pos);

/* ---- errors a provider sends ---- */

/* What an error body says, whatever its shape. */
struct said {
    struct buf message;                  /* owned */
    char type[64], code[64], detail[64]; /* detail: error_type, error_code and the like */
    int status;                          /* the body's own; 0 none */
};
void said_release(struct said *s);
/*
 * Finds an error in any known shape; false when there is none. Shapes that a real answer could
 * have count only without choices and content. `text` must be checked. said_release() it.
 */
bool said_read(struct str text, struct said *ret);
/* Class, origin, provider_code and text of *e; no retry-after. `status` 200 for in-band. */
void said_classify(const struct said *s, const struct provider_kind *kind, int status,
                   struct err *e);
/* All of error_parse: it is the same for every dialect. */
void error_parse_any(const struct provider_kind *kind, int status,
                     const struct http1_header *headers, size_t n_headers,
                     struct str body, int64_t wall_us, struct err *e);
/* An in-band error, if the checked text holds one: fills *e and returns true. */
bool error_in_band(const struct provider_kind *kind, struct str text, struct err *e);

/* OpenAI's finish_reason; "stop" after calls means calls. */
enum msg_finish openai_finish(struct str word, bool saw_call);
bool openai_finish_is_error(struct str word);
/* Anthropic's stop_reason. */
enum msg_finish anthropic_finish(struct str word);

/* Members of the `llmgw` object, as "llmgw": {…}. */
struct jw;
void error_write_ext(struct jw *w, const struct err *e, const struct error_ext *x);

#endif
