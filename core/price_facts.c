/*
 * price_facts.c: the facts of a price query that are neither model, time nor usage, as one
 * line of text, so that the ledger can have any row priced again.
 */
#include "core/buf.h"
#include "core/price.h"

static void put_word(struct buf *out, const char *key, struct str value)
{
    if (value.len > 0)
        buf_printf(out, "%s%s%.*s", out->len > 0 ? " " : "", key, STR_ARG(value));
}

void price_facts_write(const struct price_query *q, struct buf *out)
{
    for (size_t i = 0; i < q->n_services; i++)
        put_word(out, "", q->services[i]);
    put_word(out, "ttl=", q->cache_ttl);
    put_word(out, "context=", q->search_context);
    if (q->thinking)
        put_word(out, "", STR("thinking"));
    if (q->usage != NULL && q->usage->explicit_cache)
        put_word(out, "", STR("explicit-cache"));
}

/* The rest of `word` behind `key`, or nothing. */
static bool take_key(struct str word, struct str key, struct str *ret)
{
    if (!str_starts(word, key))
        return false;
    *ret = str_sub(word, key.len, word.len);
    return true;
}

void price_facts_read(struct str text, struct price_query *q, bool *ret_explicit_cache)
{
    struct str word;
    *ret_explicit_cache = false;
    while (str_split(&text, ' ', &word)) {
        if (word.len == 0 || take_key(word, STR("ttl="), &q->cache_ttl) ||
            take_key(word, STR("context="), &q->search_context))
            continue;
        if (str_eqz(word, "thinking"))
            q->thinking = true;
        else if (str_eqz(word, "explicit-cache"))
            *ret_explicit_cache = true;
        else if (q->n_services < PRICE_SERVICES)
            q->services[q->n_services++] = word;
    }
}
