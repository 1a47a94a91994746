/*
 * fuzz_conf.c: any bytes as a configuration file: read, edited and read again, and loaded. What
 * an edit wrote must read back as the value that was set, and leave every other setting as it
 * was. What loads strictly loads leniently, with the same problems.
 */
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Settings other than fuzz.Sub.key, in order, are the same in both. */
static void check_others(const struct conf_text *before, const struct conf_text *after)
{
    size_t n, n_after, j = 0;
    const struct conf_entry *x = conf_text_entries(before, &n);
    const struct conf_entry *y = conf_text_entries(after, &n_after);
    for (size_t i = 0; i < n; i++, j++) {
        while (j < n_after && strcmp(y[j].section, "fuzz") == 0)
            j++;
        if (strcmp(x[i].section, "fuzz") == 0) {
            j--;
            continue;
        }
        check(j < n_after && strcmp(x[i].key, y[j].key) == 0 &&
              is_same(x[i].sub, y[j].sub) && is_same(x[i].value, y[j].value));
    }
}

static void edit(const struct conf_text *t, const char *value, bool add)
{
    static const char name[] = "fuzz.Sub.key";
    struct buf out = BUF_INIT(2 * LIMIT_CONF_LEN);
    struct err e = ERR_INIT;
    struct conf_text *again = NULL;
    if (conf_text_set(t, name, value, add, &out, &e) == ERR_OK) {
        check(conf_text_parse(buf_str(&out), "again", &again, &e) == ERR_OK);
        const struct conf_entry *x = conf_text_get(again, name);
        check(value == NULL ? x == NULL : x != NULL && is_same(x->value, value));
        check_others(t, again);
    }
    conf_text_free(&again);
    buf_release(&out);
}

static const char *no_environment(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

static enum errc load(struct str text, bool lenient, struct buf *problems)
{
    struct conf_source src = {.file = "fuzz",
                              .edited = "fuzz",
                              .edited_text = text,
                              .getenv = no_environment,
                              .lenient = lenient};
    struct conf *c = NULL;
    struct err e = ERR_INIT;
    enum errc rc = conf_load(&src, NULL, &c, problems, &e);
    check(rc == e.code && (rc == ERR_OK) == (c != NULL));
    for (size_t i = 0; c != NULL && i < c->n_routes; i++)
        check(c->routes[i].n_targets > 0 && c->routes[i].targets[0].provider != NULL);
    for (size_t i = 0; c != NULL && i < c->n_aliases; i++)
        check(c->aliases[i].name != NULL && c->aliases[i].target != NULL);
    conf_free(&c);
    return rc;
}

static void load_both(struct str text)
{
    struct buf strict = BUF_INIT(1 << 24), lenient = BUF_INIT(1 << 24);
    if (str_icontains(text, STR("include"))) /* no other files */
        return;
    enum errc rc = load(text, false, &strict);
    check(load(text, true, &lenient) == ERR_OK);
    check((rc == ERR_OK) == (strict.len == 0));
    check(str_eq(buf_str(&strict), buf_str(&lenient)));
    buf_release(&strict);
    buf_release(&lenient);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    if (size > 8192)
        return 0;
    load_both((struct str){(const char *)data, size});
    enum errc rc = conf_text_parse((struct str){(const char *)data, size}, "f", &t, &e);
    check((rc == ERR_OK) == (e.code == ERR_OK));
    if (rc != ERR_OK)
        return 0;
    edit(t, "plain", false);
    edit(t, " a;\"b\\ \n", true);
    edit(t, NULL, false);
    conf_text_free(&t);
    return 0;
}
