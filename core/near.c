/* near.c: see near.h. */
#include "core/near.h"

#include <stdio.h>
#include <string.h>

void near_init(struct near *n, struct str wanted)
{
    *n = (struct near){.wanted = wanted};
}

/* Edits between the two; one, when one of them is a telling piece of the other. */
static unsigned near_distance(struct str wanted, struct str name)
{
    enum { TELLING = 3 }; /* shorter pieces are found in nearly every name */
    bool is_most = name.len >= TELLING && 2 * name.len >= wanted.len;
    if ((wanted.len >= TELLING && str_contains(name, wanted)) ||
        (is_most && str_contains(wanted, name)))
        return 1;
    return str_distance(wanted, name);
}

void near_offer(struct near *n, struct str name)
{
    unsigned d = near_distance(n->wanted, name);
    /* One slip in four letters begun is a typing error; more is another word. */
    if (d > (n->wanted.len + 3) / 4 || d >= MAX(name.len, n->wanted.len))
        return;
    size_t at = n->n;
    while (at > 0 && n->distance[at - 1] > d)
        at--;
    for (size_t i = 0; i < n->n; i++)
        if (str_eq(n->names[i], name))
            return;
    if (at == NEAR_MAX)
        return;
    size_t moved = MIN(n->n, (size_t)NEAR_MAX - 1) - at;
    memmove(&n->names[at + 1], &n->names[at], moved * sizeof n->names[0]);
    memmove(&n->distance[at + 1], &n->distance[at], moved * sizeof n->distance[0]);
    n->names[at] = name;
    n->distance[at] = d;
    n->n = MIN(n->n + 1, (size_t)NEAR_MAX);
}

void near_offerz(struct near *n, const char *name)
{
    near_offer(n, str_of(name));
}

const char *near_hint(const struct near *n, size_t max, char out[NEAR_TEXT_LEN])
{
    size_t count = MIN(n->n, max), used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? " (did you mean " : i + 1 < count ? ", " : " or ";
        int len = snprintf(out + used, NEAR_TEXT_LEN - used, "%s\"%.*s\"%s", before,
                           STR_ARG(n->names[i]), i + 1 < count ? "" : "?)");
        used = MIN(used + (size_t)MAX(len, 0), (size_t)NEAR_TEXT_LEN - 1);
    }
    return out;
}
