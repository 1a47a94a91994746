/*
 * replay_file.c: the requests of a file of JSON lines. A line is a request of Chat Completions or
 * Messages as it stands; or an object that holds one as `body` (as OpenAI's batches have it) or
 * `request` (as `llmgw log export` has it); or one that only has the `id` of a recorded one.
 */
#include <unistd.h>

#include "core/jscan.h"
#include "core/report.h"

#include "cmd/files.h"
#include "cmd/replay.h"

enum field {
    ID,
    CUSTOM_ID,
    BODY,
    REQUEST,
    MESSAGES,
    URL,
    DIALECT,
    ANSWER,
    RESPONSE,
    N_FIELDS
};

enum { FILE_LEN = 1024 * 1024 * 1024 };

struct line {
    struct str text;
    struct jfield f[N_FIELDS];
};

static enum jkind kind_of(const struct line *l, enum field f)
{
    return l->f[f].value.kind;
}

/* A string's text, or the JSON of an object; empty when it is neither. */
static struct str value_of(struct arena *a, const struct line *l, enum field f)
{
    struct jspan at = l->f[f].value;
    if (at.kind == J_OBJECT)
        return arena_str(a, jscan_text(l->text, at));
    char *text = at.kind == J_STRING ? arena_alloc(a, at.len, 1) : NULL;
    if (text == NULL)
        return STR_NONE;
    return (struct str){text, jscan_decode(l->text, at, text)};
}

static enum errc scan(struct line *l, struct err *e)
{
    static const char *const names[N_FIELDS] = {
        [ID] = "id",           [CUSTOM_ID] = "custom_id", [BODY] = "body",
        [REQUEST] = "request", [MESSAGES] = "messages",   [URL] = "url",
        [DIALECT] = "dialect", [ANSWER] = "answer",       [RESPONSE] = "response"};
    for (size_t i = 0; i < N_FIELDS; i++)
        l->f[i] = (struct jfield){.name = names[i]};
    return jscan_object(l->text, l->f, N_FIELDS, e);
}

/* Which dialect a request is of that does not say so: only Messages has a system prompt apart. */
static const char *dialect_of(struct arena *a, const struct line *l, struct str body)
{
    struct str url = value_of(a, l, URL), named = value_of(a, l, DIALECT);
    struct jfield system = {.name = "system"};
    struct err ignored = ERR_INIT;
    if (named.len > 0)
        return arena_strz(a, named);
    if (url.len > 0)
        return str_ends(url, STR("/messages")) ? "anthropic" : "openai";
    bool has_system =
        jscan_object(body, &system, 1, &ignored) == ERR_OK && system.value.kind != J_NONE;
    return has_system ? "anthropic" : "openai";
}

static enum errc read_answer(struct arena *a, const struct line *l,
                             struct replay_item *item, struct err *e)
{
    AUTO(buf_release) struct buf answer = BUF_INIT(LIMIT_REPLY_LEN);
    struct str response = value_of(a, l, RESPONSE);
    if (response.len > 0) {
        struct jfield body = {.name = "body"};
        enum errc rc = jscan_object(response, &body, 1, e);
        if (rc == ERR_OK && body.value.kind == J_OBJECT)
            response = jscan_text(response, body.value);
        if (rc == ERR_OK)
            rc = agree_answer(response, &answer, e);
        if (rc != ERR_OK)
            return err_ctx(e, "response");
        item->answer = answer.len > 0 ? arena_str(a, buf_str(&answer)) : STR("");
    } else if (kind_of(l, ANSWER) == J_STRING) {
        item->answer = value_of(a, l, ANSWER);
    }
    return ERR_OK;
}

static enum errc read_request(struct arena *a, const struct line *l, const char *name,
                              struct replay_item *item, struct err *e)
{
    AUTO(buf_release) struct buf probe = BUF_INIT(LIMIT_BODY_LEN);
    struct str id = value_of(a, l, CUSTOM_ID);
    if (id.len == 0 && kind_of(l, MESSAGES) == J_NONE)
        id = value_of(a, l, ID);
    item->id = id.len > 0
                   ? arena_strz(a, str_sub(id, 0, str_utf8_prefix(id, LIMIT_NAME_LEN)))
                   : name;
    if (kind_of(l, MESSAGES) != J_NONE)
        item->body = arena_str(a, l->text);
    else
        item->body = value_of(a, l, kind_of(l, BODY) != J_NONE ? BODY : REQUEST);
    item->dialect = dialect_of(a, l, item->body);
    if (!replay_knows_dialect(item->dialect))
        return err_set(e, ERR_SYNTAX, "requests of dialect \"%s\" cannot be replayed",
                       item->dialect);
    enum errc rc = replay_body(item->body, "any", &probe, e);
    return rc == ERR_OK ? read_answer(a, l, item, e) : rc;
}

static enum errc read_recorded(struct arena *a, struct db *db, const struct line *l,
                               struct replay_item *item, struct err *e)
{
    struct report_request found;
    struct str id = value_of(a, l, ID);
    if (db == NULL)
        return err_set(e, ERR_NOT_FOUND, "there is no ledger yet: nothing is recorded");
    enum errc rc = report_find(db, id, a, &found, e);
    if (rc == ERR_OK)
        rc = replay_read_item(a, db, found.rid, item, e);
    return rc;
}

static enum errc read_line(struct replay_selection *s, struct db *db, struct line *l,
                           const char *name, struct err *e)
{
    enum errc rc = scan(l, e);
    if (rc != ERR_OK)
        return rc;
    bool has_body = kind_of(l, MESSAGES) == J_ARRAY || kind_of(l, BODY) > J_NULL ||
                    kind_of(l, REQUEST) > J_NULL;
    if (!has_body && kind_of(l, ID) != J_STRING)
        return err_set(e, ERR_SYNTAX,
                       "neither a request nor the id of one: messages, body, request or "
                       "id is needed");
    struct replay_item *item = replay_selection_add(s);
    if (item == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (has_body)
        return read_request(&s->arena, l, name, item, e);
    rc = read_recorded(&s->arena, db, l, item, e);
    if (rc == ERR_OK && item->body.ptr == NULL) {
        s->n--;
        s->n_bodiless++;
    }
    return rc;
}

enum errc replay_read_file(struct db *db, const char *path, struct replay_selection *s,
                           struct err *e)
{
    AUTO(buf_release) struct buf input = BUF_INIT(FILE_LEN);
    bool from_stdin = strcmp(path, "-") == 0;
    const char *name = from_stdin ? "stdin" : path;
    struct line l;
    enum errc rc = from_stdin ? files_read_fd(STDIN_FILENO, name, &input, e)
                              : files_read(path, &input, e);
    struct str rest = buf_str(&input), text;
    for (size_t n = 1; rc == ERR_OK && str_split(&rest, '\n', &text); n++) {
        l.text = str_trim(text);
        if (l.text.len == 0)
            continue;
        rc = read_line(s, db, &l, arena_printf(&s->arena, "%zu", n), e);
        if (rc == ERR_OK)
            rc = replay_selection_err(s, e);
        if (rc != ERR_OK)
            err_ctx(e, "%s:%zu", name, n);
    }
    return rc;
}
