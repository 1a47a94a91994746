/* envkey.c: see envkey.h. */
#include "core/envkey.h"

#include <stdio.h>
#include <string.h>

bool envkey_is_clients(struct str key)
{
    const struct str prefix = STR(ENVKEY_CLIENT_PREFIX);
    if (!str_starts(key, prefix) ||
        key.len != prefix.len + 2 * (size_t)ENVKEY_CLIENT_RANDOM_LEN)
        return false;
    for (size_t i = prefix.len; i < key.len; i++)
        if (strchr("0123456789abcdef", key.ptr[i]) == NULL || key.ptr[i] == '\0')
            return false;
    return true;
}

size_t envkey_names(const char *variable, char names[ENVKEY_PARTS][ENVKEY_NAME_LEN])
{
    static const char *const words[ENVKEY_PARTS] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};
    struct str name = str_of(variable), first = str_of(words[0]);
    bool is_amazons = str_ends(name, first) && name.len < ENVKEY_NAME_LEN - 8;
    if (!is_amazons) {
        str_copy(names[0], ENVKEY_NAME_LEN, name);
        return name.len < ENVKEY_NAME_LEN ? 1 : 0;
    }
    struct str prefix = str_sub(name, 0, name.len - first.len);
    for (size_t i = 0; i < ENVKEY_PARTS; i++)
        snprintf(names[i], ENVKEY_NAME_LEN, "%.*s%s", STR_ARG(prefix), words[i]);
    return ENVKEY_PARTS;
}

bool envkey_read(const char *variable, const char *(*getenv)(const char *),
                 struct buf *out)
{
    char names[ENVKEY_PARTS][ENVKEY_NAME_LEN];
    const char *values[ENVKEY_PARTS];
    size_t n = envkey_names(variable, names);
    for (size_t i = 0; i < n; i++) {
        values[i] = getenv(names[i]);
        bool is_empty = values[i] == NULL || values[i][0] == '\0';
        if (is_empty && i < 2)
            return false;
        if (is_empty) /* there is no session */
            n = i;
    }
    for (size_t i = 0; i < n; i++) {
        buf_addz(out, i > 0 ? ":" : "");
        buf_addz(out, values[i]);
    }
    return n > 0;
}
