/*
 * dialect_priv.h: what the dialect files share among themselves; nobody else includes it.
 */
#ifndef BROKER_DIALECT_PRIV_H
#define BROKER_DIALECT_PRIV_H

#include "core/jsonx.h"

#include "broker/dialect.h"

/* Is a file of that type a text, which is read without knowing its format? */
bool is_text_mime(struct str mime);

/* ---- reading raw JSON ---- */

/* s with a NUL, cut between code points to `size` − 1 bytes. */
void copy_str(char *out, size_t size, struct str s);
/* A string decoded, or a number's digits, cut between code points to `size` − 1 bytes; else "". */
void json_copy(struct str text, struct jspan s, char *out, size_t size);
/* Bytes of a string once its escapes are decoded; 0 if it is none. */
size_t json_decoded_len(struct str text, struct jspan s);
const char *json_kind_name(enum jkind k);            /* "a string" */
bool json_is_set(struct jspan s);                    /* neither absent nor null */
bool json_is_empty(struct str text, struct jspan s); /* [] or {} */

/* A provider's whole answer is strict JSON; ERR_SERVER, the provider's fault. */
enum errc reply_check(struct str body, struct err *e) MUST_USE;
/* The same, and it holds no error instead of what was asked for: else that. */
enum errc reply_open(const struct provider_kind *kind, struct str body, struct err *e)
    MUST_USE;
/* It lacks what an answer must have: ERR_SERVER, the provider's fault. */
enum errc reply_broken(struct err *e, const char *why);
/*
 * The usage that an answer reports, `v`, becomes the state's. EV_USAGE; 0 where it is none that
 * the wire knows.
 */
unsigned scan_usage(struct scan_state *s, enum usage_wire wire, struct str text,
                    struct jspan v);

/*
 * Lines that are none of an event: a failure inside a stream may come as bare JSON, with status 200
 * and the type of a stream (Gemini, and relays of other dialects). EV_ERROR, or EV_PING.
 */
unsigned scan_bare(const struct scan_state *s, struct str raw, struct err *e);

/*
 * Is the event the last one with another text? Then what brought the last one's flags was checked
 * and understood before, byte for byte: the text is counted, and the flags returned. 0: it is not,
 * and the scan begins; it sets s->text, and ends with scan_remember(), which is told what
 * scan_told_len() was before.
 */
unsigned scan_again(struct scan_state *s, struct str t);
size_t scan_told_len(const struct scan_state *s); /* of text and of reasoning */
void scan_remember(struct scan_state *s, struct str t, unsigned flags, size_t had_len);

/* One of several choices has said something; its finish has come. */
void scan_choice_goes_on(struct scan_state *s, int64_t index);
void scan_choice_ends(struct scan_state *s, int64_t index);

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
/*
 * The whole body as an object, found by `check` unless that is NULL; ERR_SYNTAX becomes the
 * client's ERR_INVALID.
 */
enum errc body_fields(struct str body, const struct jcheck *check, struct jfield *fields,
                      size_t n, struct err *e) MUST_USE;
/* A field that routing looks at. */
struct fact_field {
    const char *name;
    enum jkind kind; /* J_NONE: checked by its reader */
};
/* The same for the fields of `rows`, each of its kind. */
enum errc body_facts_fields(struct str body, const struct jcheck *check,
                            const struct fact_field *rows, struct jfield *fields,
                            size_t n, struct err *e) MUST_USE;
/* Appends the item as its target can read it; false: nothing is left of it. */
typedef bool own_item_fn(struct str body, struct jspan item, struct buf *out);
/* Appends the body with these items in its array `name`; all as it is if none were left. */
enum errc body_own(struct str body, const char *name, own_item_fn *write, struct buf *out,
                   struct err *e) MUST_USE;
/* What a file of a client needs of its model; `data` is its data URL, or J_NONE. */
void file_facts(struct str body, struct jspan data, struct body_facts *f);
/* Hex of 64 bits over the system text, the same in all dialects; "" for none. */
void system_hash(struct str text, char out[17]);

/* ---- decoding a whole body ---- */

/*
 * Reads typed members into an arena. The first failure sticks in rc and *e, with the path of
 * the field; what is read after it is empty.
 */
struct reader {
    struct str text;     /* checked */
    struct jspan root;   /* all of it */
    struct arena *arena; /* borrowed */
    struct err *e;       /* borrowed */
    enum errc rc;
    char path[160]; /* of the object being read: "messages[2].content[0]." */
    size_t path_len;
};

/* The fields of these names are found; those and all below them may be read then. */
enum errc reader_open(struct reader *r, struct str body, const struct jcheck *check,
                      const char *const *names, struct jfield *fields, size_t n,
                      struct arena *a, struct err *e) MUST_USE;
/* ERR_OK, or what stuck; a broken arena counts. */
enum errc reader_end(struct reader *r);
/* ERR_INVALID about a member of the object being read. */
void read_fail(struct reader *r, const char *name, const char *fmt, ...) PRINTF(3, 4);
/* The same for what is right, but has no meaning in another dialect: not the client's fault. */
void read_foreign(struct reader *r, const char *name, const char *why);
/* Steps into a member or an element; returns what read_leave() needs to step out again. */
size_t read_enter(struct reader *r, const char *fmt, ...) PRINTF(2, 3);
void read_leave(struct reader *r, size_t mark);

/* The members of an object; false, and an error, when `v` is none. */
bool read_fields(struct reader *r, struct jspan v, struct jfield *f, size_t n);
/* A decoded string; STR_NONE when absent or null. */
struct str read_str(struct reader *r, const struct jfield *f);
struct str read_need_str(struct reader *r, const struct jfield *f);
struct str read_string(struct reader *r, struct jspan v); /* of a J_STRING */
/* What was put together in `b`, which is released. */
struct str read_taken(struct reader *r, struct buf *b);
/* Raw JSON of this kind; STR_NONE when absent or null. */
struct str read_raw(struct reader *r, const struct jfield *f, enum jkind kind);
struct str read_number(struct reader *r, const struct jfield *f); /* its digits */
int read_bool(struct reader *r, const struct jfield *f);          /* -1 absent, 0, 1 */
int64_t read_i64(struct reader *r, const struct jfield *f, int64_t min, int64_t max,
                 int64_t other);
/* The number of elements of an array; 0 when absent or null. */
size_t read_array(struct reader *r, const struct jfield *f);
/* One of `words`; its index, or -1 when absent, null or an error. */
int read_word(struct reader *r, const struct jfield *f, const char *const *words,
              size_t n);
/* Top-level members that are not in `known` and not null: their names go to m->ignored. */
void read_ignored(struct reader *r, struct msg_request *m, const char *const *known,
                  size_t n);
void ignore_field(struct msg_request *m, const char *name);
/* Of the tools that were read only those in the list may be called; name_of() one of it. */
void read_allowed(struct reader *r, const struct jfield *list,
                  struct str (*name_of)(struct reader *r, struct jspan v),
                  struct msg_request *m);
/* "data:image/png;base64,AAAA": false when it is no such URL. */
bool read_data_url(struct str url, struct str *ret_mime, struct str *ret_data);

/* ---- custom tools: see dialect_custom.c ---- */

/* A tool's definition, of Chat or of Responses. */
void custom_tool(struct reader *r, struct jspan custom, struct msg_tool *t);
/* The input of a call as arguments. */
struct str custom_args(struct reader *r, const struct jfield *input);
/* Appends the input that arguments hold, or them as they are. */
void custom_input(struct str args, struct buf *out);
/* Appends text as it stands inside a JSON string. */
void custom_escape(struct str text, struct buf *out);
/* Did the client define it as one? */
bool is_custom_tool(const struct encode_ctx *ctx, struct str name);

/* ---- splicing ---- */

struct patch {
    size_t pos, old_len;  /* what goes, in the body */
    size_t from, new_len; /* what comes, in patches.text */
};

/* Replacements in a body, in order of place; they do not overlap. */
enum { PATCHES = 6 };
_Static_assert(2 * PATCHES + 1 <= PIECES_MAX, "what is kept and what is new, in turn");
struct patches {
    struct patch at[PATCHES];
    size_t n;
    struct buf text; /* owned */
};
void patches_add(struct patches *p, size_t pos, size_t old_len, const char *fmt, ...)
    PRINTF(4, 5);
/*
 * The body with its replacements made; what is new moves from p to *text. ERR_MEMORY,
 * ERR_TOO_LARGE.
 */
enum errc patches_apply(struct patches *p, struct str body, struct buf *text,
                        struct pieces *ret, struct err *e);
/* The same, all of it in *text: the body need not outlive it. */
enum errc patches_apply_copy(struct patches *p, struct str body, struct buf *text,
                             struct pieces *ret, struct err *e);
/* Like patches_add, with a JSON string of any text. */
void patches_add_quoted(struct patches *p, size_t pos, size_t old_len, struct str with);
/* The edits of the cap: renamed, replaced, or put in beside the model when there was none. */
void patches_add_cap(struct patches *p, struct str body, const struct body_facts *f,
                     const struct body_edits *edits, const char *default_key);
/* Length of the raw key, quotes included, that begins at `pos`. */
size_t json_key_len(struct str text, size_t pos);

/* ---- errors a provider sends ---- */

/* What an error body says, whatever its shape. */
struct said {
    struct buf message; /* owned */
    char type[64], code[64], param[64],
        detail[64];  /* detail: error_type, error_code and the like */
    int status;      /* the body's own; 0 none */
    int64_t wait_us; /* the body's own; −1 none */
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

/* ---- decoding an answer ---- */

/* Where deltas go; the first failure sticks. */
struct delta_out {
    delta_fn *fn;
    void *arg;
    struct err *e;
    enum errc rc;
};
void put_delta(struct delta_out *o, const struct msg_delta *d);
/* A delta of nothing but text, unless that is empty. */
void put_text(struct delta_out *o, enum msg_delta_kind kind, struct str text);
/* The decoded string in `scratch`, until its next use; STR_NONE if it is none, or no room. */
struct str scratch_str(struct delta_out *o, struct buf *scratch, struct str t,
                       struct jspan v);
/* What a dialect's decoder of events begins with. */
struct decoder {
    const struct provider_kind *kind; /* borrowed */
    struct buf text, name, more;      /* strings of the event being read */
    struct buf logprobs; /* of the text to be told next, as msg_delta has it */
    struct usage usage;  /* of the last report */
};
void decoder_init(struct decoder *d, const struct provider_kind *kind);
void decoder_release(struct decoder *d);
/* `size` bytes, zero but for the struct decoder at their beginning; NULL: memory. */
struct event_decoder *decoder_alloc(size_t size, const struct provider_kind *kind);
void decoder_free(struct event_decoder **d);
/* A report of usage, if it is one. */
void decode_usage(struct decoder *d, enum usage_wire wire, struct str t, struct jspan v,
                  struct delta_out *o);

/* A whole answer, decoded as the events of a stream: where their deltas go … */
struct delta_out collect_begin(struct msg_collect *c, struct arena *a, struct err *e);
/* … and what became of them; releases the collector. */
enum errc collect_end(struct msg_collect *c, struct delta_out *o, struct msg_reply *ret);

/* ---- how likely tokens were: see dialect_logprobs.c ---- */

/* Appends what an array of OpenAI's, of Chat or of Responses, says of them, as msg_delta has it. */
void logprobs_read(struct str t, struct jspan array, struct buf *out);
/*
 * The same of Gemini's logprobsResult, and of Cohere's logprobs: an array of a whole answer, or the
 * one item of an event. `said_len`: bytes of the visible text that they come with, where there are
 * thoughts before it, whose tokens may be among them; SIZE_MAX: there are none.
 */
void logprobs_read_gemini(struct str t, struct jspan result, size_t said_len,
                          struct buf *out);
void logprobs_read_cohere(struct str t, struct jspan items, size_t said_len,
                          struct buf *out);

/* ---- encoding an answer ---- */

/* "chatcmpl-…": the provider's own id when it begins so, else one made of ours. */
void answer_id(const char *prefix, struct str id, const char *request_id, char out[128]);
/* The same for a call whose provider gave it no id. */
void call_id(const char *prefix, struct str id, const char *request_id, unsigned index,
             char out[128]);

/*
 * The members of OpenAI's citation of an address. Neither a document nor a tool's result has one:
 * "document:" with its number among all, or "tool:" with the result's id, stands there.
 */
void citation_write_address(struct jw *w, const struct msg_citation *c);

/* ---- encoding a request ---- */

/* Usage is part of the dialect's streams: nobody can decline it. */
bool usage_stays(const struct sse_event *ev, struct buf *out);
/* The path of kinds whose URL says nothing of the request. */
void path_fixed(const struct provider_kind *kind, struct str model, bool stream,
                struct buf *out);

/* What all encoders carry. The first refusal sticks in rc and *e. */
struct request_writer {
    const struct msg_request *m; /* borrowed, as the rest */
    const struct target_caps *t;
    struct dropped *dropped;
    struct err *e;
    struct jw w;
    enum errc rc;
};

/*
 * ERR_INVALID: the target cannot express it and it must not be left out. Another target may: the
 * fault is laid on the gateway, so that the next one is asked.
 */
void refuse(struct request_writer *w, const char *field, const char *why);
/* Names a field that is left out; a constant, or as long-lived as the request. */
void drop(struct request_writer *w, const char *field);
/* Where a mark of what is to be cached cannot be said. */
void drop_cache(struct request_writer *w, struct str ttl);
bool target_is(const struct target_caps *t, const char *kind);
/* A member whose text was put together in `b`, which is released. */
void write_taken(struct jw *w, const char *key, struct buf *b);
/* Is there a part of which it is true? */
bool turn_has(const struct msg_turn *t, bool (*is)(const struct msg_part *p));
/* What the target does not tell, or say: how likely tokens were, spoken answers, both. */
void refuse_logprobs(struct request_writer *w);
void refuse_audio(struct request_writer *w);
void refuse_unsayable(struct request_writer *w);
/*
 * The part with its data, which was fetched if it has a URL; false, and a refusal, when that could
 * not be, or when it is neither image nor file as it is said to be.
 */
bool take_media(struct request_writer *w, const struct msg_part *p, struct msg_part *ret);
/* The target gives one answer. */
void refuse_choices(struct request_writer *w);
/* What msg has no place for is left out by name. */
void drop_ignored(struct request_writer *w);
/* The turn behind the leading ones of the system's. */
size_t first_turn(const struct msg_request *m);
/* ERR_OK, or the first refusal, or that there was no room for what was written. */
enum errc request_end(struct request_writer *w);
/* A number of the client's, cut to [min, max] in millionths; its own digits if inside. */
void write_clamped(struct jw *w, const char *key, struct str number, int64_t min_u,
                   int64_t max_u);
/* A number of sampling: written, or dropped where the target does not take it. */
struct sampling_row {
    const char *key;
    struct str number; /* empty: not said */
    int64_t max_u;     /* millionths */
    bool is_taken;
};
void write_sampling_rows(struct request_writer *w, const struct sampling_row *rows,
                         size_t n);

/*
 * Tool call ids that fit `max` characters of [A-Za-z0-9_-], or only letters and digits and
 * exactly `max` of them: the id itself, or a hash of it, so that call and result still agree.
 */
enum { TOOL_ID_LEN = 64, SHORT_ID_LEN = 9 };
void fit_tool_id(struct str id, bool alnum, size_t max, char out[TOOL_ID_LEN + 1]);
/* What the first bytes of an image say, in base64; labels lie. STR_NONE: none of the usual four. */
struct str image_mime(const struct msg_part *p);
/*
 * thinking.display of a Claude; NULL: what it does anyhow is right. Who asks for thought may want
 * to see it, and a model that is silent (those after 4.6) shows none of it unless it is asked to.
 * Source: platform.claude.com build-with-claude/thinking (2026-11).
 */
const char *claude_display(bool is_silent, enum msg_thoughts wish);
/*
 * thinking.type that tells a Claude after 4.5 not to think; NULL: it always does, and low effort
 * comes nearest. `model`: anybody's id for it.
 */
const char *claude_none(struct str model);
/*
 * Tokens that a Claude up to 4.5 thinks with: at least 1,024, and less than the cap (0: none is
 * known); 0: it does not. Source: as above.
 */
int64_t claude_budget(const struct msg_request *m, int64_t cap_tok);
bool is_blank(struct str s);
/* Arguments as a JSON object: themselves, {} for none, {"_raw": "…"} when they are no object. */
void write_args(struct jw *w, struct str args);

/* A JSON Schema for a target that is strict about it. */
enum schema_rule {
    SCHEMA_CLOSE = 1 << 0,  /* additionalProperties: false on every object */
    SCHEMA_BARE = 1 << 1,   /* without constraints on numbers, lengths and counts */
    SCHEMA_SUBSET = 1 << 2, /* Gemini's keywords only */
    /* definitions in the place of each $ref; refused if recursive */
    SCHEMA_INLINE = 1 << 3,
};
/* Appends the schema so changed; keywords taken out are dropped by name. True: some were. */
bool schema_write(struct request_writer *w, struct str schema, unsigned rules,
                  struct buf *out);
/* The same for the schema of the answer, which is checked in the end if it lost a keyword. */
void answer_schema_write(struct request_writer *w, unsigned rules, struct buf *out);
/* Appends the wish for an answer in the format, in words, behind what is there. */
void format_words(struct request_writer *w, struct buf *out);
/* Is every object closed and every property required, as OpenAI's strict mode demands? */
bool schema_is_strict(struct str schema);

/* Members of the `llmgw` object, as "llmgw": {…}. */
void error_write_ext(struct jw *w, const struct err *e, const struct error_ext *x);

#endif
