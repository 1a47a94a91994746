/* pieces.c: see pieces.h. */
#include "core/pieces.h"

#include <assert.h>
#include <string.h>

void pieces_add(struct pieces *p, struct str s)
{
    if (s.len == 0)
        return;
    assert(p->n < PIECES_MAX);
    p->at[p->n++] = s;
    p->len += s.len;
}

size_t pieces_read(const struct pieces *p, size_t from, char *to, size_t max)
{
    size_t len = 0;
    for (size_t i = 0; i < p->n && len < max; i++) {
        struct str part = str_sub(p->at[i], from, max - len);
        from -= MIN(from, p->at[i].len);
        if (part.len > 0)
            memcpy(to + len, part.ptr, part.len);
        len += part.len;
    }
    return len;
}

void pieces_join(const struct pieces *p, struct buf *out)
{
    char *to = buf_room(out, p->len);
    if (to != NULL)
        buf_grown(out, pieces_read(p, 0, to, p->len));
}
