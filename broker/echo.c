/* echo.c: see echo.h. Must not know dialects, or which server is asked. */
#include "broker/echo.h"

void echo_start(struct echo *e, const struct msg_request *m, struct arena *a)
{
    *e = (struct echo){.is_listening = false};
    if (!msg_is_begun(m))
        return;
    const struct msg_turn *last = &m->turns[m->n_turns - 1];
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < last->n_parts; i++)
        if (last->parts[i].kind == MSG_TEXT)
            buf_adds(&text, last->parts[i].text);
    if (buf_err(&text) == ERR_OK)
        e->begun = arena_str(a, buf_str(&text));
    e->is_listening = e->begun.len > 0;
}

void echo_hear(struct echo *e, struct str text, struct str *ret_held,
               struct str *ret_rest)
{
    *ret_held = STR_NONE;
    *ret_rest = text;
    if (!e->is_listening)
        return;
    struct str due = str_sub(e->begun, e->heard_len, e->begun.len);
    size_t n = MIN(due.len, text.len);
    if (!str_eq(str_sub(due, 0, n), str_sub(text, 0, n))) {
        *ret_held = echo_end(e);
        return;
    }
    e->heard_len += n;
    e->is_listening = e->heard_len < e->begun.len;
    *ret_rest = str_sub(text, n, text.len);
}

struct str echo_end(struct echo *e)
{
    bool was_listening = e->is_listening;
    e->is_listening = false;
    return was_listening ? str_sub(e->begun, 0, e->heard_len) : STR_NONE;
}
