/* key_source.c: see key_source.h. What is read of a key is wiped. */
#include "cmd/key_source.h"

#include <string.h>

#include "core/envkey.h"
#include "core/http1.h"
#include "core/mem.h"

#include "cmd/cmd.h"

enum { KEY_FILE_LEN = 16 * 1024, TAIL = 4, LONG = 16 };

/* A name and "=" behind it, ": " and an end of line around them. */
static const char key_header[] = "x-llmgw-provider-key";
enum { KEY_HEADER_LEN = sizeof key_header + 4 };

/* The first line, as the broker takes it. */
static struct str first_line(struct str text)
{
    struct str line = STR_NONE;
    (void)str_split(&text, '\n', &line);
    return str_trim(line);
}

/* A short key would be told by its end. */
static void tell_tail(struct str key, char ret_tail[KEY_TAIL_LEN])
{
    ret_tail[0] = '\0';
    if (key.len >= LONG)
        str_copy(ret_tail, KEY_TAIL_LEN, str_sub(key, key.len - TAIL, TAIL));
}

enum key_state key_look(const struct conf_secret *s, char ret_tail[KEY_TAIL_LEN])
{
    AUTO(buf_release) struct buf text = BUF_INIT(KEY_FILE_LEN);
    struct err e = ERR_INIT;
    struct str key = STR_NONE;
    char none[KEY_TAIL_LEN];
    if (ret_tail == NULL)
        ret_tail = none;
    ret_tail[0] = '\0';
    switch (s->source) {
    case CONF_KEY_CMD:
        return KEY_BY_COMMAND;
    case CONF_KEY_ENV:
        if (envkey_read(s->value, cmd_getenv, &text))
            key = first_line(buf_str(&text));
        break;
    case CONF_KEY_FILE:
        if (conf_read_file(s->value, &text, &e) == ERR_OK)
            key = first_line(buf_str(&text));
        break;
    }
    tell_tail(key, ret_tail);
    bool is_there = key.len > 0;
    mem_wipe(text.data, text.cap);
    return is_there ? KEY_THERE : KEY_MISSING;
}

/* The first of a provider's variables that holds something, if its line has room. */
static bool add_header(const struct conf_provider *p, size_t room, struct buf *out)
{
    AUTO(buf_release) struct buf text = BUF_INIT(KEY_FILE_LEN);
    (void)buf_room(&text, KEY_FILE_LEN); /* at once: moving would leave copies behind */
    bool is_there = false;
    for (size_t i = 0; i < p->n_keys && !is_there; i++)
        is_there = p->keys[i].source == CONF_KEY_ENV &&
                   envkey_read(p->keys[i].value, cmd_getenv, &text);
    struct str key = first_line(buf_str(&text));
    is_there = key.len > 0 && key.len + strlen(p->name) + KEY_HEADER_LEN <= room;
    if (is_there)
        http1_printf_header(out, key_header, "%s=%.*s", p->name, STR_ARG(key));
    mem_wipe(text.data, text.cap);
    return is_there;
}

void key_headers(const struct conf *conf, struct buf *out)
{
    size_t end = out->len + LIMIT_CLIENT_KEYS_LEN, n = 0;
    for (size_t i = 0; i < conf->n_providers && n < LIMIT_CLIENT_KEYS; i++)
        n += add_header(&conf->providers[i], end - out->len, out);
    if (n > 0)
        http1_write_header(out, "x-llmgw-spare-keys", STR("1"));
}

const char *key_state_name(enum key_state state)
{
    static const char *const names[] = {"there", "by command", "missing"};
    return names[state];
}

bool key_can_ask(const struct conf_provider *p)
{
    if (p->kind->auth == AUTH_NONE || p->kind->is_local)
        return true;
    for (size_t i = 0; i < p->n_keys; i++)
        if (key_look(&p->keys[i], NULL) != KEY_MISSING)
            return true;
    return false;
}
