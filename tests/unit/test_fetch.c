/*
 * test_fetch.c: what a request names by URL is fetched for targets that fetch nothing: from whom,
 * how, and what becomes of it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/address.h"
#include "broker/fetch.h"
#include "tests/unit/request_world.h"

#include <cmocka.h>

/* ---- from whom ---- */

static void only_listed_hosts_are_asked(void **state)
{
    (void)state;
    static const char *const hosts[] = {"*.example.com",  "img.test", "cdn.test:8443",
                                        "127.0.0.1:8080", "10.0.0.7", "::bad"};
    static const struct {
        const char *url, *host;
        bool is_literal;
    } rows[] = {
        {"https://a.example.com/x.png", "a.example.com", false},
        {"https://a.b.EXAMPLE.com", "a.b.EXAMPLE.com", false},
        {"https://img.test:443/x?y#z", "img.test", false},
        {"https://cdn.test:8443/", "cdn.test", false},
        {"http://127.0.0.1:8080/x.png", "127.0.0.1", true},
        {"https://10.0.0.7/x.png", "10.0.0.7", true},
        {"https://example.com/", "", false},
        {"https://evilexample.com/", "", false},
        {"https://a.example.com.evil.test/", "", false},
        {"https://a.example.com:444/", "", false},
        {"https://img.test:8443/", "", false},
        {"https://cdn.test/", "", false},
        {"http://img.test/", "", false},
        {"http://10.0.0.7/", "", false},
        {"http://127.0.0.1/", "", false},
        {"https://evil.test@img.test/", "", false},
        {"https://img.test\\@evil.test/", "", false},
        {"https://img.test%2eevil.test/", "", false},
        {"https://img.test /", "", false},
        {"https://img.test\r\nx: y/", "", false},
        {"https://[::1]/", "", false},
        {"https:///x", "", false},
        {"ftp://img.test/", "", false},
        {"file:///etc/passwd", "", false},
        {"HTTPS://img.test/", "", false},
        {"", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool is_literal = false;
        struct str host =
            fetch_host(str_of(rows[i].url), hosts, ARRAY_LEN(hosts), &is_literal);
        if (!str_eqz(host, rows[i].host) || is_literal != rows[i].is_literal)
            fail_msg("%s: %.*s", rows[i].url, STR_ARG(host));
    }
}

static bool is_public(const char *address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)(const void *)&four);
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return address_is_public((const struct sockaddr *)(const void *)&six);
}

static void only_public_addresses_are_gone_to(void **state)
{
    (void)state;
    static const char *const private[] = {"0.0.0.0",
                                          "10.1.2.3",
                                          "100.64.0.1",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.9.9.9",
                                          "169.254.0.1",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.1",
                                          "192.168.1.1",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "224.0.0.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "fc00::1",
                                          "fd12::1",
                                          "fe80::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "::ffff:10.0.0.1",
                                          "64:ff9b::7f00:1",
                                          "2001::1",
                                          "2001:db8::1",
                                          "2002:7f00:1::",
                                          "::ffff:127.0.0.1"};
    static const char *const public[] = {
        "1.1.1.1",     "9.255.255.255",  "100.63.255.255",       "100.128.0.1",
        "172.15.0.1",  "172.32.0.1",     "192.167.0.1",          "198.17.0.1",
        "223.0.0.1",   "::ffff:1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101",
        "2002:101:1::"};
    for (size_t i = 0; i < ARRAY_LEN(private); i++)
        if (is_public(private[i]))
            fail_msg("%s", private[i]);
    for (size_t i = 0; i < ARRAY_LEN(public); i++)
        if (!is_public(public[i]))
            fail_msg("%s", public[i]);
    assert_false(address_is_public(&(struct sockaddr){.sa_family = AF_UNIX}));
}

/* ---- what comes ---- */

#define IMAGE(url) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"
#define SEE(model, parts)                                                                \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":[" parts "]}" \
    "]}"
#define PNG_URL "https://img.example.com/a.png"
#define PNG     STR("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
#define PNG64   "iVBORw0KGgoAAAANSUhEUg=="

static void give(struct world *w, size_t i, struct str rest, size_t step)
{
    send_head(call(w, i), 200, "text/html", NULL, 0); /* labels lie */
    for (; rest.len > 0; rest = str_sub(rest, step, rest.len))
        w->calls[i].fns->on_body(w->calls[i].arg, str_sub(rest, 0, step));
    end(call(w, i));
    pass_time(w, 0);
}

static void what_was_fetched_is_sent_as_data(void **state)
{
    struct world *w = *state;
    for (size_t step = 1; step < 20; step++) {
        w->told = (struct told){0};
        forget_calls(w);
        ask(w, "", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
        assert_int_equal(w->n_calls, 1);
        assert_string_equal(w->calls[0].url, PNG_URL);
        assert_true(w->calls[0].is_foreign && w->calls[0].is_public);
        assert_false(has(&w->calls[0].head, "key")); /* nor any other credentials */
        assert_false(has(&w->calls[0].head, "authorization"));
        assert_int_equal(limiter_n_grants(w->b.limiter),
                         0); /* nothing is held meanwhile */
        give(w, 0, PNG, step);
        assert_int_equal(w->n_calls, 2);
        expect(&w->calls[1].body,
               "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" PNG64 "\"}");
        reject(call(w, 1), 400, NULL, "{\"error\":{\"message\":\"no\"}}");
        assert_int_equal(w->n_ends, 1);
    }
}

/* All at once; a URL that stands there twice is asked for once. */
static void images_and_files_come_together(void **state)
{
    struct world *w = *state;
    ask_in(
        w, &dialect_anthropic, "",
        "{\"model\":\"aws/a\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
        "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
        "\"https://a.example.com/1\"}},{\"type\":\"document\",\"source\":{\"type\":"
        "\"url\",\"url\":\"https://b.example.com/2\"}},{\"type\":\"image\",\"source\":{"
        "\"type\":\"url\",\"url\":\"https://a.example.com/1\"}}]}]}");
    assert_int_equal(w->n_calls, 2);
    give(w, 1, STR("%PDF-1.7"), 100);
    assert_int_equal(w->n_calls, 2); /* one is on its way still */
    give(w, 0, STR("\xFF\xD8\xFF\xE0"), 100);
    assert_int_equal(w->n_calls, 3);
    expect(&w->calls[2].body, "\"format\":\"jpeg\",\"source\":{\"bytes\":\"/9j/4A==\"}");
    expect(&w->calls[2].body, "\"format\":\"pdf\"");
    expect(&w->calls[2].body, "\"bytes\":\"JVBERi0xLjc=\"");
    reject(call(w, 2), 400, NULL, "{\"message\":\"no\"}");
}

static void who_fetches_itself_is_given_the_url(void **state)
{
    struct world *w = *state;
    ask(w, "", SEE("claude/c", IMAGE(PNG_URL)));
    assert_int_equal(w->n_calls, 1);
    expect(&w->calls[0].body, "\"url\":\"" PNG_URL "\"");
    reject(call(w, 0), 400, NULL, "{\"error\":{\"message\":\"no\"}}");
}

/* The next target may fetch it itself; what has come once serves all. */
static void a_failure_is_told_and_the_next_target_asked(void **state)
{
    struct world *w = *state;
    static const struct {
        int status;
        const char *bytes, *why;
    } rows[] = {
        {404, "", "the answer was 404"},
        {302, "", "the answer was 302"},
        {200, "<html>", "it is no PNG, JPEG, GIF, WebP or PDF"},
        {200, "", "it is no PNG, JPEG, GIF, WebP or PDF"},
        {200, "%PDF-1.7", "what its URL leads to is a PDF"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w->told = (struct told){0};
        forget_calls(w);
        ask(w, "", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
        send_head(call(w, 0), rows[i].status, "image/png", NULL, 0);
        say(call(w, 0), rows[i].bytes);
        end(call(w, 0));
        pass_time(w, 0);
        expect_ended(w, 400);
        expect(&w->got, rows[i].why);
        expect(&w->got, "image_url: ");
        assert_int_equal(w->n_calls, 1);
    }
    w->told = (struct told){0};
    forget_calls(w);
    ask(w, "x-llmgw-fallback: claude/c", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
    cut(call(w, 0));
    pass_time(w, 0);
    assert_int_equal(w->n_calls, 2);
    expect(&w->calls[1].body, "\"url\":\"" PNG_URL "\"");
    reject(call(w, 1), 400, NULL, "{\"error\":{\"message\":\"no\"}}");
}

static void what_is_too_large_or_too_slow_is_given_up(void **state)
{
    struct world *w = *state;
    static char much[1024 * 1024];
    ask(w, "", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
    struct upstream_xfer *x = call(w, 0);
    send_head(x, 200, "image/png", NULL, 0);
    for (size_t i = 0; i <= LIMIT_FETCH_LEN / sizeof much && !x->is_cancelled; i++)
        x->fns->on_body(x->arg, (struct str){much, sizeof much});
    assert_true(x->is_cancelled);
    pass_time(w, 0);
    expect_ended(w, 400);
    expect(&w->got, "it is too large");
    w->told = (struct told){0};
    forget_calls(w);
    ask(w, "", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
    pass_time(w, LIMIT_FETCH_S * (int64_t)S);
    pass_time(w, 1);
    expect_ended(w, 400);
    expect(&w->got, "it has not come within 20 s");
    assert_true(w->calls[0].is_cancelled);
    /* the client's own limit counts, too */
    w->told = (struct told){0};
    forget_calls(w);
    ask(w, "x-llmgw-timeout-ms: 1000", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
    pass_time(w, S);
    expect_ended(w, 504);
    assert_true(w->calls[0].is_cancelled);
}

static void a_client_that_goes_ends_it(void **state)
{
    struct world *w = *state;
    ask(w, "", SEE("gem/gemini-3-flash", IMAGE(PNG_URL)));
    w->client_fns->on_gone(w->client_arg);
    assert_true(w->calls[0].is_cancelled);
    assert_int_equal(w->told.outcome, ERR_CANCELLED);
}

static void who_is_not_listed_is_not_asked(void **state)
{
    struct world *w = *state;
    ask(w, "", SEE("gem/gemini-3-flash", IMAGE("https://elsewhere.test/a.png")));
    expect_ended(w, 400);
    expect(&w->got, "over https: broker.fetch-host lists hosts");
    assert_int_equal(w->n_calls, 0);
}

/* More than anybody takes: what is over is refused, and nothing more is asked for. */
static void there_are_only_so_many(void **state)
{
    struct world *w = *state;
    AUTO(buf_release) struct buf body = BUF_INIT(100000);
    buf_addz(&body, "{\"model\":\"gem/gemini-3-flash\",\"messages\":[{\"role\":\"user\","
                    "\"content\":[");
    for (unsigned i = 0; i <= LIMIT_FETCHES; i++)
        buf_printf(&body, "%s" IMAGE("https://img.example.com/%u.png"), i > 0 ? "," : "",
                   i);
    buf_addz(&body, "]}]}");
    ask(w, "", body.data);
    assert_int_equal(w->n_calls, LIMIT_FETCHES);
    for (size_t i = 0; i < LIMIT_FETCHES; i++)
        give(w, i, PNG, 100);
    expect_ended(w, 400);
    assert_int_equal(w->n_calls, LIMIT_FETCHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_listed_hosts_are_asked),
        cmocka_unit_test(only_public_addresses_are_gone_to),
        CASE(what_was_fetched_is_sent_as_data),
        CASE(images_and_files_come_together),
        CASE(who_fetches_itself_is_given_the_url),
        CASE(a_failure_is_told_and_the_next_target_asked),
        CASE(what_is_too_large_or_too_slow_is_given_up),
        CASE(a_client_that_goes_ends_it),
        CASE(who_is_not_listed_is_not_asked),
        CASE(there_are_only_so_many),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
