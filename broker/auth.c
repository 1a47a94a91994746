/* auth.c: see auth.h. */
#include "broker/auth.h"

#include "broker/secret.h"

/* The key that the client sent, STR_NONE if none. */
static struct str sent_key(const struct http1_head *head)
{
    struct str value = http1_header(head, "authorization");
    const struct str scheme = STR("bearer ");
    if (str_ieq(str_sub(value, 0, scheme.len), scheme))
        return str_trim(str_sub(value, scheme.len, value.len));
    return http1_header(head, "x-api-key");
}

enum errc auth_client(const struct conf *c, const struct http1_head *head,
                      const struct conf_client **ret, struct err *e)
{
    struct str key = sent_key(head);
    if (key.len == 0) {
        err_set(
            e, ERR_AUTH,
            "no client key: send \"Authorization: Bearer KEY\" or \"x-api-key: KEY\"");
        e->origin = ERR_BY_CLIENT;
        return e->code;
    }
    const struct conf_client *found = NULL;
    char hash[SECRET_HASH_LEN + 1];
    secret_hash(key, hash);
    for (size_t i = 0; i < c->n_clients; i++)
        if (secret_equal(str_of(hash), str_of(c->clients[i].key_hash)))
            found = &c->clients[i];
    if (found == NULL) {
        err_set(e, ERR_AUTH, "the client key is not known here");
        e->origin = ERR_BY_CLIENT;
        return e->code;
    }
    *ret = found;
    return ERR_OK;
}
