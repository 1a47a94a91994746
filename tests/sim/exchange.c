/*
 * exchange.c: one request and what becomes of it: the path table, the scenario's word, the
 * dialect's reading, the play. It also holds the scenario in force. No sockets here.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/jscan.h"
#include "core/jsonx.h"
#include "core/mem.h"

#include "tests/sim/sim.h"

enum { EXCHANGE_MAX = 4 * LIMIT_BODY_LEN };

/* ---- the scenario in force ---- */

struct replaced {
    struct list link;
    struct scenario *scenario;
};

enum errc sim_load_text(struct sim *s, struct str text, struct err *e)
{
    struct scenario *fresh;
    enum errc rc = scenario_parse(text, &fresh, e);
    if (rc != ERR_OK)
        return rc;
    struct replaced *old = s->scenario ? MEM_NEW(struct replaced) : NULL;
    if (old != NULL) {
        old->scenario = s->scenario;
        list_add(&s->replaced, &old->link);
    }
    s->scenario = fresh;
    s->loaded_mono_us = clock_mono_us(&clock_system);
    return ERR_OK;
}

enum errc sim_load(struct sim *s, const char *file, struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_CONF_LEN);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "open %s", file);
    ssize_t n = 1;
    while (n > 0) {
        char *at = buf_room(&text, 4096);
        n = at ? read(fd, at, 4096) : -1;
        if (n > 0)
            buf_grown(&text, (size_t)n);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    if (buf_err(&text) != ERR_OK)
        return err_set(e, buf_err(&text), "%s: too large", file);
    if (n < 0)
        return err_errno(e, ERR_IO, "read %s", file);
    if (sim_load_text(s, buf_str(&text), e) != ERR_OK)
        return err_ctx(e, "%s", file);
    return ERR_OK;
}

void sim_release(struct sim *s)
{
    list_for_each_safe (node, &s->replaced) {
        struct replaced *old = container_of(node, struct replaced, link);
        scenario_free(&old->scenario);
        mem_free(old);
    }
    scenario_free(&s->scenario);
    if (s->journal_fd >= 0)
        close(s->journal_fd);
}

/* ---- the path table ---- */

struct call {
    struct sim *sim;
    struct exchange *x;
    const struct http1_head *head;
    struct str body;
    const struct sim_dialect *dialect;
    struct plan_facts facts;
};

struct path {
    const char *method, *end; /* the path ends so: base URLs differ */
    const struct sim_dialect *dialect;
    void (*serve)(struct call *c);
};

static struct str key_of(const struct http1_head *h)
{
    struct str bearer = http1_header(h, "authorization");
    if (str_starts(bearer, STR("Bearer ")))
        return str_sub(bearer, 7, bearer.len);
    struct str key = http1_header(h, "x-api-key");
    return key.len > 0 ? key : http1_header(h, "x-goog-api-key");
}

/* An error of the request itself; the scenario has no part in it. */
static void refuse(struct call *c, const struct fault *f)
{
    plan_init(&c->x->plan);
    play_fault(&c->x->play, f);
}

static void refuse_text(struct call *c, int status, const char *type, const char *text)
{
    struct fault f;
    fault_invalid(&f, type, NULL, NULL, text);
    f.status = status;
    refuse(c, &f);
}

/* The few fields that a bench needs, by scanning: parsing would cost more than answering. */
static bool read_bench(struct call *c)
{
    struct jfield f[] = {{.name = "model"},
                         {.name = "stream"},
                         {.name = "stream_options"},
                         {.name = "max_tokens"}};
    struct ask *ask = &c->x->ask;
    struct err e = ERR_INIT;
    if (jscan_object(c->body, f, ARRAY_LEN(f), &e) != ERR_OK)
        return false;
    ask->model = jscan_inside(c->body, f[0].value);
    ask->stream = f[1].value.kind == J_TRUE;
    ask->want_usage = f[2].value.kind == J_OBJECT;
    ask->max_tok = -1;
    jscan_i64(c->body, f[3].value, 1, INT32_MAX, &ask->max_tok);
    ask->prompt_tok = text_cost(c->body.len);
    ask->n_choices = 1;
    ask->want_reasoning = true;
    return true;
}

static bool read_tree(struct call *c)
{
    struct exchange *x = c->x;
    struct err e = ERR_INIT;
    if (jx_parse(c->body, &x->tree, &e) != ERR_OK ||
        !json_object_is_type(x->tree, json_type_object))
        return false;
    struct json_object *tools = jx_arr(x->tree, "tools");
    x->ask.body = x->tree;
    x->ask.max_tok = -1;
    x->ask.model = jx_str(x->tree, "model");
    x->ask.stream = jx_bool(x->tree, "stream", false);
    c->facts.tools = tools != NULL && json_object_array_length(tools) > 0;
    return true;
}

/* Reads the body and lets the scenario decide; false when the answer is made already. */
static bool prepare(struct call *c)
{
    struct exchange *x = c->x;
    struct err e = ERR_INIT;
    struct fault f;
    x->ask.arena = &x->arena;
    if (!(c->sim->bench ? read_bench(c) : read_tree(c))) {
        refuse_text(c, 400, "invalid_request_error",
                    "We could not parse the JSON body of your request.");
        return false;
    }
    if (c->dialect->place != NULL)
        c->dialect->place(&x->ask, c->head);
    c->facts.model = x->ask.model;
    c->facts.stream = x->ask.stream;
    if (scenario_plan(c->sim->scenario, &c->facts, &x->arena, &x->plan, &x->rule, &e) !=
        ERR_OK) {
        refuse_text(c, 400, "invalid_request_error",
                    arena_strz(&x->arena, str_of(e.text)));
        return false;
    }
    bool (*read)(struct ask *, const struct http1_head *, const struct plan *,
                 struct fault *) =
        x->ask.is_embed ? c->dialect->embed_read : c->dialect->read;
    if (!c->sim->bench && !read(&x->ask, c->head, &x->plan, &f)) {
        refuse(c, &f);
        return false;
    }
    return true;
}

/* The scenario's own error, or none. */
static struct fault planned_fault(const struct call *c)
{
    const struct plan *p = &c->x->plan;
    struct fault f = {0};
    if (p->inband < 0 && (p->error >= 0 || p->status >= 400))
        fault_of_plan(p, c->dialect, &f);
    return f;
}

static void serve_chat(struct call *c)
{
    struct exchange *x = c->x;
    if (!prepare(c))
        return;
    struct fault f = planned_fault(c);
    if (f.status == 200)
        x->plan.inband = 0;
    if (f.status >= 400) {
        play_fault(&x->play, &f);
    } else if (!play_answer(&x->play, &x->ask, c->sim->seed)) {
        refuse_text(c, 500, "server_error", "out of memory");
    }
}

static void serve_embed(struct call *c)
{
    c->x->ask.is_embed = true;
    serve_chat(c);
}

static void serve_count(struct call *c)
{
    struct play *p = &c->x->play;
    c->x->ask.count_only = true;
    if (!prepare(c))
        return;
    struct fault f = planned_fault(c);
    if (f.status >= 400) {
        play_fault(p, &f);
        return;
    }
    int64_t n = c->x->plan.prompt >= 0 ? c->x->plan.prompt : c->x->ask.prompt_tok;
    c->dialect->count(MAX(n, 1), &p->body);
    play_body(p, 200, "application/json");
}

static void serve_models(struct call *c)
{
    c->x->play.dialect->models(&c->x->play.body);
    play_body(&c->x->play, 200, "application/json");
}

static void serve_scenario(struct call *c)
{
    struct err e = ERR_INIT;
    enum errc rc = sim_load_text(c->sim, c->body, &e);
    buf_addz(&c->x->play.body, rc == ERR_OK ? "ok\n" : e.text);
    play_body(&c->x->play, rc == ERR_OK ? 200 : 400, "text/plain");
}

/* A picture of one pixel (a real one), or the beginning of a document. */
static const char png[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\6\0\0\0\x1f\x15\xc4\x89"
    "\0\0\0\rIDATx\x9c"
    "c\xf8\x0f\4\0\t\xfb\3\xfd\xe3U\xf2\x9c\0\0\0\0IEND\xae"
    "B`\x82";

/* To anybody, but not to those who bring what is none of its business. */
static void serve_media(struct call *c)
{
    static const char *const secrets[] = {"authorization", "x-goog-api-key", "x-api-key",
                                          "cookie"};
    struct play *p = &c->x->play;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (http1_header(c->head, secrets[i]).len > 0) {
            play_body(p, 403, "text/plain");
            return;
        }
    if (str_ends(c->head->path, STR("/away"))) {
        c->x->plan.headers = "location: /sim/image.png";
        play_body(p, 302, "text/plain");
    } else if (str_ends(c->head->path, STR("/image.png"))) {
        buf_adds(&p->body, (struct str){png, sizeof png - 1});
        play_body(p, 200, "text/plain"); /* labels lie */
    } else {
        buf_addz(&p->body, "%PDF-1.7\n");
        play_body(p, 200, "application/octet-stream");
    }
}

static void serve_stats(struct call *c)
{
    const struct sim *s = c->sim;
    buf_printf(&c->x->play.body,
               "{\"requests\":%" PRIu64 ",\"connections\":%" PRIu64 ",\"open\":%" PRIu64
               "}\n",
               s->n_requests, s->n_conns, s->n_open);
    play_body(&c->x->play, 200, "application/json");
}

static const struct path paths[] = {
    {"POST", "/chat/completions", &sim_openai, serve_chat},
    {"POST", "/responses", &sim_responses, serve_chat},
    {"POST", "/responses/input_tokens", &sim_responses, serve_count},
    {"POST", "/messages", &sim_anthropic, serve_chat},
    {"POST", "/messages/count_tokens", &sim_anthropic, serve_count},
    {"POST", ":generateContent", &sim_gemini, serve_chat},
    {"POST", ":streamGenerateContent", &sim_gemini, serve_chat},
    {"POST", ":countTokens", &sim_gemini, serve_count},
    {"POST", "/v2/chat", &sim_cohere, serve_chat},
    {"POST", "/converse", &sim_bedrock, serve_chat},
    {"POST", "/converse-stream", &sim_bedrock, serve_chat},
    {"POST", "/count-tokens", &sim_bedrock, serve_count},
    {"POST", "/embeddings", &sim_openai, serve_embed},
    {"POST", ":embedContent", &sim_gemini, serve_embed},
    {"POST", ":batchEmbedContents", &sim_gemini, serve_embed},
    {"POST", ":predict", &sim_gemini, serve_embed},
    {"POST", "/v2/embed", &sim_cohere, serve_embed},
    {"GET", "/models", NULL, serve_models},
    {"PUT", "/sim/scenario", NULL, serve_scenario},
    {"GET", "/sim/stats", NULL, serve_stats},
    {"GET", "/sim/image.png", NULL, serve_media},
    {"GET", "/sim/file.pdf", NULL, serve_media},
    {"GET", "/sim/away", NULL, serve_media},
};

static const struct path *find_path(const struct sim *s, const struct http1_head *h)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct path *p = &paths[i];
        if (str_eqz(h->method, p->method) && str_ends(h->path, str_of(p->end)) &&
            (s->only == NULL || p->dialect == NULL || p->dialect == s->only))
            return p;
    }
    return NULL;
}

/* Whose headers these are. */
static const struct sim_dialect *dialect_of(const struct sim *s,
                                            const struct http1_head *h)
{
    if (s->only != NULL)
        return s->only;
    if (http1_header(h, "anthropic-version").len > 0)
        return &sim_anthropic;
    return http1_header(h, "x-goog-api-key").len > 0 ? &sim_gemini : &sim_openai;
}

static bool is_own(const struct path *p)
{
    return p != NULL && (p->serve == serve_scenario || p->serve == serve_stats ||
                         p->serve == serve_media);
}

/* Requests to the simulator itself are not the provider's: they count nowhere. */
static void note(struct call *c, const struct path *path, uint64_t conn)
{
    struct sim *s = c->sim;
    if (is_own(path))
        return;
    c->x->n = ++s->n_requests;
    if (s->journal_fd < 0)
        return;
    const struct journal_request r = {
        .n = c->x->n,
        .conn = conn,
        .nth_on_conn = c->facts.nth_on_conn,
        .listener = c->facts.listener.ptr,
        .head = c->head,
        .body = c->body,
        .wall_us = s->wall_us,
    };
    journal_request(s->journal_fd, &r);
}

void exchange_begin(struct sim *s, struct exchange *x, const struct http1_head *head,
                    struct str body, uint64_t conn, unsigned nth_on_conn,
                    const char *listener)
{
    const struct path *path = find_path(s, head);
    const struct sim_dialect *d = path ? path->dialect : NULL;
    if (d == NULL)
        d = dialect_of(s, head);
    *x = (struct exchange){.is_open = true, .began_us = s->mono_us};
    arena_init(&x->arena, EXCHANGE_MAX);
    plan_init(&x->plan);
    struct call c = {.sim = s, .x = x, .head = head, .body = body, .dialect = d};
    c.facts = (struct plan_facts){
        .listener = str_of(listener),
        .path = head->path,
        .key = key_of(head),
        .body = body,
        .dialect = d->name,
        .nth_on_conn = nth_on_conn,
        .now_us = s->mono_us - s->loaded_mono_us,
    };
    note(&c, path, conn);
    c.facts.random = text_mix(s->seed ^ x->n);
    play_init(&x->play, d, &x->plan, text_mix(s->seed + x->n), s->wall_us,
              head->keep_alive);
    if (path != NULL)
        path->serve(&c);
    else
        refuse_text(&c, 404,
                    d->shape == SIM_ANTHROPIC ? "not_found_error"
                                              : "invalid_request_error",
                    "Not Found");
}

void exchange_end(struct sim *s, struct exchange *x, bool client_gone)
{
    if (!x->is_open)
        return;
    const struct play *p = &x->play;
    if (s->journal_fd >= 0 && x->n > 0) {
        const struct journal_answer a = {
            .n = x->n,
            .status = p->state <= PS_HEAD ? 0 : p->status,
            .rule = x->rule,
            .n_pieces = p->n_pieces,
            .n_body = p->n_body,
            .took_us = s->mono_us - x->began_us,
            .wall_us = s->wall_us,
            .end = p->end ? p->end : "unfinished",
            .client_gone = client_gone,
        };
        journal_answer(s->journal_fd, &a);
    }
    play_release(&x->play);
    jx_put(&x->tree);
    arena_release(&x->arena);
    *x = (struct exchange){0};
}
