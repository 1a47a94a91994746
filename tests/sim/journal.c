/*
 * journal.c: what came in and what went out, a JSON line each, for tests to read. Keys are
 * never written: their header keeps its name and gets a hash, so that two can be compared.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/jscan.h"
#include "core/jsonx.h"

#include "tests/sim/sim.h"

enum { JOURNAL_MAX = 2 * LIMIT_BODY_LEN };

static void write_line(int fd, struct buf *line)
{
    buf_addc(line, '\n');
    if (buf_err(line) == ERR_OK && write(fd, line->data, line->len) < 0)
        return; /* a full disk must not change what is answered */
}

static bool is_secret(struct str name)
{
    static const char *const names[] = {
        "authorization",  "x-api-key",           "api-key",
        "x-goog-api-key", "proxy-authorization", "cookie"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_ieqz(name, names[i]))
            return true;
    return false;
}

/* In lower case, so that a test need not know how the client spells it. */
static void write_name(struct jw *w, struct str name)
{
    char text[128];
    size_t n = MIN(name.len, sizeof text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20
                                                                  : name.ptr[i]);
    jw_key_str(w, (struct str){text, n});
}

static void write_headers(struct jw *w, const struct http1_head *h)
{
    static const uint64_t fixed[2] = {0x6a6f75726e616c, 0x73696d};
    jw_key(w, "headers");
    jw_object(w);
    for (size_t i = 0; i < h->n_headers; i++) {
        struct str value = h->headers[i].value;
        write_name(w, h->headers[i].name);
        if (is_secret(h->headers[i].name)) {
            bool bearer = str_starts(value, STR("Bearer "));
            struct str key = bearer ? str_sub(value, 7, value.len) : value;
            char text[48];
            int n = snprintf(text, sizeof text, "%s#%08" PRIx32, bearer ? "Bearer " : "",
                             (uint32_t)map_hash(fixed, key));
            jw_str(w, (struct str){text, (size_t)n});
        } else {
            jw_str(w, value);
        }
    }
    jw_object_end(w);
}

void journal_request(int fd, const struct journal_request *r)
{
    AUTO(buf_release) struct buf line = BUF_INIT(JOURNAL_MAX);
    struct err e = ERR_INIT;
    struct jw w;
    jw_init(&w, &line);
    jw_object(&w);
    jw_kstrz(&w, "what", "request");
    jw_key(&w, "n");
    jw_u64(&w, r->n);
    jw_key(&w, "time");
    jw_time(&w, r->wall_us);
    jw_kstrz(&w, "listener", r->listener);
    jw_key(&w, "conn");
    jw_u64(&w, r->conn);
    jw_ki64(&w, "on_conn", r->nth_on_conn);
    jw_kstr(&w, "method", r->head->method);
    jw_kstr(&w, "target", r->head->target);
    write_headers(&w, r->head);
    jw_key(&w, "body");
    if (r->body.len == 0)
        jw_null(&w);
    else if (jscan_check(r->body, &e) == ERR_OK && str_find(r->body, '\n') == r->body.len)
        jw_raw(&w, r->body);
    else
        jw_str(&w, r->body);
    jw_object_end(&w);
    write_line(fd, &line);
}

void journal_answer(int fd, const struct journal_answer *a)
{
    AUTO(buf_release) struct buf line = BUF_INIT(JOURNAL_MAX);
    struct jw w;
    jw_init(&w, &line);
    jw_object(&w);
    jw_kstrz(&w, "what", "answer");
    jw_key(&w, "n");
    jw_u64(&w, a->n);
    jw_key(&w, "time");
    jw_time(&w, a->wall_us);
    jw_ki64(&w, "status", a->status);
    jw_ki64(&w, "rule", a->rule);
    jw_ki64(&w, "pieces", a->n_pieces);
    jw_ki64(&w, "bytes", a->n_body);
    jw_ki64(&w, "took_us", a->took_us);
    jw_kstrz(&w, "end", a->end);
    jw_kbool(&w, "client_gone", a->client_gone);
    jw_object_end(&w);
    write_line(fd, &line);
}
