/*
 * jsonx.h: json-c with strictness on the way in, typed getters, and a writer that needs no tree.
 */
#ifndef CORE_JSONX_H
#define CORE_JSONX_H

#include <json-c/json.h>

#include "core/buf.h"
#include "core/money.h"

/* Parses strict JSON (jscan_check first). json_object_put() the result. */
enum errc jx_parse(struct str text, struct json_object **ret, struct err *e) MUST_USE;
/* AUTO(jx_put) struct json_object *o = NULL; */
void jx_put(struct json_object **o);

/* Members of an object; NULL, or `other`, when absent, null or of another type. */
struct json_object *jx_get(struct json_object *o, const char *key);
struct json_object *jx_obj(struct json_object *o, const char *key);
struct json_object *jx_arr(struct json_object *o, const char *key);
/* Borrowed from the tree. STR_NONE when it is no string. */
struct str jx_str(struct json_object *o, const char *key);
/* The text of a value that is a string. */
struct str jx_text(struct json_object *v);
bool jx_bool(struct json_object *o, const char *key, bool other);
/* An integer in [min, max], read from the number's own digits (json-c clamps silently). */
bool jx_i64(struct json_object *o, const char *key, int64_t min, int64_t max,
            int64_t *ret);
/* The number's own digits, for prices and sampling parameters. */
struct str jx_number(struct json_object *o, const char *key);

/*
 * A writer into a buffer. Commas and nesting are its business; mistakes of the caller
 * (a value without a key, an end too many) abort. Output is compact and ASCII-safe only
 * where JSON demands it: UTF-8 passes through.
 */
struct jw {
    struct buf *out;        /* borrowed */
    struct jw_later *later; /* borrowed; NULL: all is written at once */
    unsigned depth;
    uint64_t objects;  /* bit per level: 1 = object */
    uint64_t nonempty; /* bit per level */
    bool have_key;
};

void jw_init(struct jw *w, struct buf *out);
void jw_object(struct jw *w);
void jw_object_end(struct jw *w);
void jw_array(struct jw *w);
void jw_array_end(struct jw *w);
void jw_key(struct jw *w, const char *key);
/* A key that is user data. */
void jw_key_str(struct jw *w, struct str key);
void jw_str(struct jw *w, struct str s);   /* invalid UTF-8 becomes U+FFFD */
void jw_strz(struct jw *w, const char *s); /* NULL writes null */
void jw_i64(struct jw *w, int64_t v);
void jw_u64(struct jw *w, uint64_t v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/* Text that is JSON already. */
void jw_raw(struct jw *w, struct str json);
/* The same without the line ends that it may have between its tokens, for an event's one line. */
void jw_raw_line(struct jw *w, struct str json);
/* Exact decimal dollars, null when unknown. */
void jw_usd(struct jw *w, pico p);
/* RFC 3339 UTC with microseconds; null when wall_us is 0. */
void jw_time(struct jw *w, int64_t wall_us);
/* key and value in one. */
void jw_kstr(struct jw *w, const char *key, struct str s);
void jw_kstrz(struct jw *w, const char *key, const char *s);
void jw_ki64(struct jw *w, const char *key, int64_t v);
/* null unless is_known: v may be anything then. */
void jw_ki64_if(struct jw *w, const char *key, bool is_known, int64_t v);
void jw_kbool(struct jw *w, const char *key, bool v);

/* A string in pieces. */
void jw_string(struct jw *w);
void jw_string_add(struct jw *w, struct str s);
/* The bytes outlive the writing: many may be left for later. */
void jw_string_kept(struct jw *w, struct str s);
void jw_string_end(struct jw *w);
/* A whole string of such bytes. */
void jw_kstr_kept(struct jw *w, const char *key, struct str s);

/*
 * What a writer leaves for later: to quote the longest strings of a long text takes so long that
 * others would have to wait.
 */
struct jw_later {
    struct jw_later_item {
        size_t at;       /* where it belongs in what was written */
        struct str text; /* borrowed */
    } * items;           /* owned */
    size_t n, cap;
    size_t len;            /* of all texts */
    size_t item, from, to; /* done: items, bytes of what was written, of this item */
};
void jw_later_release(struct jw_later *l);
/*
 * Appends to `out` what comes next of `written`, with about max bytes of what was left in their
 * places. True: that was the end of it.
 */
bool jw_later_write(struct jw_later *l, struct str written, struct buf *out, size_t max);

/* Appends s as a JSON string with its quotes. */
void json_quote(struct buf *out, struct str s);

#endif
