/*
 * test_served.c: providers are asked for their models, some at a time; lists are read some of it a
 * turn. The upstream and the keys are played, as is time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/catalog.h"
#include "core/mem.h"

#include "broker/broker.h"
#include "broker/secret.h"
#include "broker/served.h"
#include "broker/upstream.h"

#include <cmocka.h>

enum { CALLS = 200, AT_ONCE = 16, TURN_LEN = 64 * 1024 };

struct upstream_xfer {
    const struct upstream_fns *fns;
    void *arg;
    char url[128], key[64];
    bool is_over;
};

static struct world {
    struct clock clock; /* first: found by its address */
    int64_t now_us;
    struct broker b;
    struct upstream_xfer calls[CALLS];
    size_t n_calls;
    struct secret_key key;
    int64_t key_comes_us;
} * world;

static int64_t now(const struct clock *c)
{
    return ((const struct world *)(const void *)c)->now_us;
}

/* ---- played ---- */

enum errc upstream_start(struct upstream *u, const struct upstream_request *req,
                         const struct upstream_fns *fns, void *arg,
                         struct upstream_xfer **ret, struct err *e)
{
    (void)u, (void)e;
    assert_in_range(world->n_calls, 0, CALLS - 1);
    struct upstream_xfer *x = &world->calls[world->n_calls++];
    *x = (struct upstream_xfer){.fns = fns, .arg = arg};
    snprintf(x->url, sizeof x->url, "%s", req->url);
    for (size_t i = 0; i < req->n_headers; i++)
        if (str_eqz(req->headers[i].name, "authorization"))
            str_copy(x->key, sizeof x->key, req->headers[i].value);
    *ret = x;
    return ERR_OK;
}

void upstream_cancel(struct upstream_xfer **x)
{
    if (*x != NULL)
        (*x)->is_over = true;
    *x = NULL;
}

struct secret_key *secrets_pick(struct secrets *s, struct str provider, int64_t now_us)
{
    (void)s;
    bool is_here = str_eqz(provider, "own") ||
                   (str_eqz(provider, "cmd") && now_us >= world->key_comes_us);
    return is_here ? &world->key : NULL;
}

bool secrets_has(const struct secrets *s, struct str provider)
{
    (void)s;
    return str_eqz(provider, "own") || str_eqz(provider, "cmd") ||
           str_eqz(provider, "rests"); /* put aside: it is there, and not picked */
}

bool secrets_await(struct secrets *s, struct str provider, int64_t now_us)
{
    (void)s;
    return str_eqz(provider, "cmd") && now_us < world->key_comes_us;
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

/* ---- the world ---- */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = ERR_INIT;
    *state = world = w;
    w->clock = (struct clock){now, now};
    w->now_us = 1000 * (int64_t)US_PER_S;
    w->b.clock = &w->clock;
    w->key = (struct secret_key){.value = "sk-ours", .len = 7};
    assert_int_equal(loop_new(&w->clock, &w->b.loop, &e), ERR_OK);
    assert_int_equal(served_new(&w->b, &w->b.served, &e), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    served_free(&w->b.served);
    loop_free(&w->b.loop);
    conf_free(&w->b.conf);
    free(w);
    return 0;
}

static void configure(struct world *w, const char *text)
{
    struct err e = ERR_INIT;
    struct conf_source src = {.file = "test.conf",
                              .edited = "test.conf",
                              .edited_text = str_of(text),
                              .getenv = no_env};
    if (conf_load(&src, NULL, &w->b.conf, NULL, &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static void turn(struct world *w)
{
    struct err e = ERR_INIT;
    assert_int_equal(loop_turn(w->b.loop, 0, &e), ERR_OK);
}

static void refresh(struct world *w, const char *keys)
{
    struct http1_head head = {.n_headers = 0};
    struct str rest = str_of(keys), key;
    while (str_split(&rest, ' ', &key))
        head.headers[head.n_headers++] =
            (struct http1_header){STR("x-llmgw-provider-key"), key};
    served_refresh(w->b.served, &head);
}

static void answer(struct upstream_xfer *x, struct str body)
{
    const struct err none = ERR_INIT;
    x->is_over = true;
    x->fns->on_head(x->arg, &(struct upstream_head){.status = 200});
    for (size_t at = 0; at < body.len; at += 16384)
        x->fns->on_body(x->arg, str_sub(body, at, 16384));
    x->fns->on_done(x->arg, ERR_OK, &none);
}

/* What has come of it, as JSON. */
static void told(struct world *w, struct buf *out)
{
    struct jw jw;
    jw_init(&jw, out);
    served_write(w->b.served, &jw);
}

static void expect_told(struct world *w, const char *want)
{
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    told(w, &got);
    assert_string_equal(buf_str(&got).ptr, want);
}

#define LOCAL(name)                                                                      \
    "[provider \"" name "\"]\n kind = ollama\n base-url = http://" name "/v1\n"

/* ---- tests ---- */

static void all_are_asked_some_at_a_time(void **state)
{
    enum { ALL = 100 };
    struct world *w = *state;
    AUTO(buf_release) struct buf text = BUF_INIT(100000);
    for (int i = 0; i < ALL; i++)
        buf_printf(&text,
                   "[provider \"p%d\"]\n kind = ollama\n base-url = http://p%d/v1\n", i,
                   i);
    configure(w, buf_str(&text).ptr);
    refresh(w, NULL);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(w->n_calls, MIN(i + AT_ONCE, (size_t)ALL));
        answer(&w->calls[i], STR("{\"data\":[{\"id\":\"m\"}]}"));
        turn(w);
        turn(w);
    }
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    told(w, &got);
    assert_false(str_contains(buf_str(&got), STR("asking")));
    assert_true(str_contains(buf_str(&got), STR("{\"provider\":\"p99\",\"state\":\"ok\","
                                                "\"error\":null,\"models\":[\"m\"]}")));
}

static void a_long_list_takes_many_turns(void **state)
{
    enum { MODELS = 50000 };
    struct world *w = *state;
    AUTO(buf_release) struct buf body = BUF_INIT(LIMIT_REPLY_LEN);
    buf_addz(&body, "{\"object\":\"list\",\"data\":[");
    for (int i = 0; i < MODELS; i++)
        buf_printf(&body, "%s{\"id\":\"model-%d\",\"about\":\"%064d\"}", i ? "," : "", i,
                   i);
    buf_addz(&body, "]}");
    configure(w, LOCAL("one"));
    refresh(w, NULL);
    answer(&w->calls[0], buf_str(&body));
    AUTO(buf_release) struct buf got = BUF_INIT(LIMIT_REPLY_LEN);
    size_t n_turns = 0;
    for (; n_turns < 1000; n_turns++) {
        buf_reset(&got);
        told(w, &got);
        if (!str_contains(buf_str(&got), STR("asking")))
            break;
        turn(w);
    }
    assert_in_range(n_turns, body.len / TURN_LEN, body.len / TURN_LEN + 2);
    assert_true(str_contains(buf_str(&got), STR("\"model-0\",")));
    assert_true(str_ends(buf_str(&got), STR(",\"model-49999\"]}]")));
}

static void what_is_no_list_is_told(void **state)
{
    static const char *const bodies[] = {"", "[]", "{\"data\":{}}", "{\"data\":[}", "{}"};
    struct world *w = *state;
    configure(w, LOCAL("one"));
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        refresh(w, NULL);
        answer(&w->calls[i], str_of(bodies[i]));
        turn(w);
        expect_told(w,
                    "[{\"provider\":\"one\",\"state\":\"failed\",\"error\":\"its answer "
                    "is no list of models\",\"models\":[]}]");
    }
    refresh(w, NULL);
    answer(
        &w->calls[ARRAY_LEN(bodies)],
        STR("{\"models\":[{\"name\":\"models/g\"},{\"name\":\"c\\u006f\"},{\"name\":1},2,"
            "{\"name\":\"a\\nb\"},{}]}"));
    turn(w);
    expect_told(
        w, "[{\"provider\":\"one\",\"state\":\"ok\",\"error\":null,\"models\":[\"g\","
           "\"co\"]}]");
}

static void each_dialect_has_its_list(void **state)
{
    struct world *w = *state;
    configure(w,
              "[provider \"own\"]\n kind = cohere\n"
              "[provider \"aws\"]\n kind = bedrock\n region = eu-west-1\n key-env = K\n");
    refresh(w, NULL);
    assert_int_equal(w->n_calls, 1);
    assert_string_equal(w->calls[0].url,
                        "https://api.cohere.com/v1/models?page_size=1000");
    assert_string_equal(w->calls[0].key, "Bearer sk-ours");
    answer(&w->calls[0], STR("{\"models\":[{\"name\":\"command-a\"}]}"));
    turn(w);
    expect_told(
        w, "[{\"provider\":\"own\",\"state\":\"ok\",\"error\":null,\"models\":[\"command-"
           "a\"]},"
           "{\"provider\":\"aws\",\"state\":\"skipped\",\"error\":\"its models cannot be "
           "listed: Bedrock tells them at another address\",\"models\":[]}]");
}

static void a_command_has_time_to_print_its_key(void **state)
{
    struct world *w = *state;
    configure(w, "[provider \"cmd\"]\n kind = openai\n key-cmd = pass\n");
    w->key_comes_us = w->now_us + 2 * (int64_t)US_PER_S;
    refresh(w, NULL);
    while (w->now_us < w->key_comes_us) {
        assert_int_equal(w->n_calls, 0);
        w->now_us += 10 * US_PER_MS;
        turn(w);
    }
    w->now_us += 20 * US_PER_MS;
    turn(w);
    assert_int_equal(w->n_calls, 1);
    assert_string_equal(w->calls[0].key, "Bearer sk-ours");
    w->now_us += 14 * (int64_t)US_PER_S; /* its time counts, too */
    turn(w);
    expect_told(
        w, "[{\"provider\":\"cmd\",\"state\":\"failed\",\"error\":\"it did not answer "
           "in time\",\"models\":[]}]");
    assert_true(w->calls[0].is_over);
    w->key_comes_us = INT64_MAX;
    refresh(w, NULL);
    for (int i = 0; i < 2000; i++) {
        w->now_us += 10 * US_PER_MS;
        turn(w);
    }
    expect_told(w,
                "[{\"provider\":\"cmd\",\"state\":\"failed\",\"error\":\"its key did not "
                "come in time\",\"models\":[]}]");
}

/* What ours is put aside for is no reason to spend the client's. */
static void a_key_of_ours_that_rests_is_not_replaced(void **state)
{
    struct world *w = *state;
    configure(w, "[provider \"rests\"]\n kind = openai\n key-env = K\n");
    refresh(w, "rests=sk-theirs");
    assert_int_equal(w->n_calls, 0);
    expect_told(w,
                "[{\"provider\":\"rests\",\"state\":\"skipped\",\"error\":\"the broker "
                "has no key for it now\",\"models\":[]}]");
}

static void a_client_may_bring_a_key(void **state)
{
    struct world *w = *state;
    configure(w, "[provider \"own\"]\n kind = openai\n"
                 "[provider \"poor\"]\n kind = openai\n key-env = K\n");
    refresh(w, "own=sk-theirs poor=sk-theirs mistral=sk-m nobody=x");
    assert_int_equal(w->n_calls, 3);
    assert_string_equal(w->calls[0].key, "Bearer sk-ours");
    assert_string_equal(w->calls[1].key, "Bearer sk-theirs");
    assert_string_equal(w->calls[2].key, "Bearer sk-m");
    assert_string_equal(w->calls[2].url, "https://api.mistral.ai/v1/models");
    for (size_t i = 0; i < 3; i++)
        answer(&w->calls[i], STR("{\"data\":[]}"));
    turn(w);
    refresh(w, NULL);
    assert_int_equal(w->n_calls, 4); /* the key is gone */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_are_asked_some_at_a_time),
        CASE(a_long_list_takes_many_turns),
        CASE(what_is_no_list_is_told),
        CASE(each_dialect_has_its_list),
        CASE(a_command_has_time_to_print_its_key),
        CASE(a_key_of_ours_that_rests_is_not_replaced),
        CASE(a_client_may_bring_a_key),
    };
    return cmocka_run_group_tests_name("served", tests, NULL, NULL);
}
