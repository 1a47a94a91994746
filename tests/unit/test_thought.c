/*
 * test_thought.c: thoughts of compatible servers: between tags in the text, however it is cut, and
 * as details that come back unchanged with their calls. JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/limits.h"

#include "broker/dialect.h"
#include "broker/dialect_openai_thought.h"
#include "broker/signatures.h"
#include "tests/unit/dialect_test.h"

#include <cmocka.h>

/* ---- tags ---- */

struct heard {
    struct buf thought, text;
};

static void on_text(void *arg, bool is_thought, struct str text)
{
    struct heard *h = arg;
    assert_true(text.len > 0);
    buf_adds(is_thought ? &h->thought : &h->text, text);
}

static const struct {
    const char *in, *thought, *text;
} tagged[] = {
    {"<think>Weigh it.</think>Yes.", "Weigh it.", "Yes."},
    {"\n <think>\nWeigh it.\n</think>\n\nYes.\n", "Weigh it.\n", "Yes.\n"},
    {"<think>\n\n</think>\n\nYes.", "", "Yes."},
    {"<think>a < b </th </think</think>Yes.", "a < b </th </think", "Yes."},
    {"<think><</think>", "<", ""},
    {"<think>never ends </thin", "never ends </thin", ""},
    {"Yes, <think> is a tag</think>.", "", "Yes, <think> is a tag</think>."},
    {"<think>a</think>b<think>c</think>", "a", "b<think>c</think>"},
    {"<thin ice>", "", "<thin ice>"},
    {"<think", "", "<think"},
    {"  \n  ", "", "  \n  "},
    {"                                so much white<think>", "",
     "                                so much white<think>"},
    {"", "", ""},
};

static void check_cuts(size_t i, size_t first, size_t step)
{
    struct heard h = {BUF_INIT(4096), BUF_INIT(4096)};
    struct tags k = {.at = TAGS_BEFORE};
    struct str in = str_of(tagged[i].in);
    for (size_t at = 0, n = first; at < in.len; at += n, n = step)
        tags_hear(&k, str_sub(in, at, n), on_text, &h);
    tags_end(&k, on_text, &h);
    assert_string_equal(h.thought.len > 0 ? h.thought.data : "", tagged[i].thought);
    assert_string_equal(h.text.len > 0 ? h.text.data : "", tagged[i].text);
    buf_release(&h.thought);
    buf_release(&h.text);
}

static void tags_are_found_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tagged); i++) {
        size_t len = strlen(tagged[i].in);
        for (size_t first = 1; first <= len; first++)
            for (size_t step = 1; step <= len; step++)
                check_cuts(i, first, step);
    }
}

/* ---- details ---- */

static void details_of_a_stream_become_whole(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"[]", ""},
        {"[{'type':'reasoning.text','text':'a','signature':'s','index':0}]",
         "{'type':'reasoning.text','text':'a','signature':'s','index':0}"},
        {"[{'type':'reasoning.text','text':'a\\n','format':'f','index':0},"
         "{'type':'reasoning.text','text':'\\u00e9','format':'f','index':0},"
         "{'type':'reasoning.text','signature':'s','index':0}]",
         "{'signature':'s','type':'reasoning.text','text':'a\\n\\u00e9','format':'f',"
         "'index':0}"},
        {"[{'signature':null,'type':'reasoning.text','text':'a','index':0},"
         "{'type':'reasoning.text','text':'b','signature':'s','index':0}]",
         "{'signature':'s','type':'reasoning.text','text':'ab','index':0}"},
        {"[{'type':'reasoning.text','text':'a','signature':null,'index':0},"
         "{'type':'reasoning.text','text':'b','signature':'s','index':0}]",
         "{'type':'reasoning.text','text':'ab','signature':'s','index':0}"},
        /* another index, another thought behind a signature, other types: apart */
        {"[{'type':'reasoning.text','text':'a','index':0},"
         "{'type':'reasoning.text','text':'b','index':1}]",
         "{'type':'reasoning.text','text':'a','index':0},"
         "{'type':'reasoning.text','text':'b','index':1}"},
        {"[{'type':'reasoning.text','text':'a','signature':'s','index':0},"
         "{'type':'reasoning.text','text':'b','index':0}]",
         "{'type':'reasoning.text','text':'a','signature':'s','index':0},"
         "{'type':'reasoning.text','text':'b','index':0}"},
        {"[{'type':'reasoning.summary','summary':'a','index':0},"
         "{'type':'reasoning.encrypted','data':'x','id':'c1'},{},7]",
         "{'type':'reasoning.summary','summary':'a','index':0},"
         "{'type':'reasoning.encrypted','data':'x','id':'c1'}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct details d;
        AUTO(buf_release) struct buf want = BUF_INIT(4096);
        details_init(&d);
        struct str t = str_of(json(rows[i].in));
        struct jspan detail;
        size_t it = 0;
        while (jscan_next(t, jscan_root(t), &it, &detail))
            details_add(&d, t, detail);
        buf_addz(&want, json(rows[i].out));
        if (!str_eq(details_take(&d), buf_str(&want)))
            fail_msg("%s became %.*s", rows[i].in, STR_ARG(details_take(&d)));
        details_reset(&d);
        assert_int_equal(details_take(&d).len, 0);
        details_release(&d);
    }
}

/* ---- through the dialect ---- */

static const struct provider_kind *kind_of(const char *name)
{
    const struct provider_kind *k = provider_kind_find(str_of(name));
    assert_non_null(k);
    return k;
}

static void a_text_with_tags_is_a_thought_where_the_row_says_so(void **state)
{
    (void)state;
    static const char whole[] =
        "{'id':'c','model':'m','choices':[{'index':0,'message':{'role':'assistant',"
        "'content':'<think>Weigh it.</think>\\n\\nYes.'},'finish_reason':'stop'}]}";
    static const struct {
        const char *kind, *thought, *text;
    } rows[] = {{"together", "Weigh it.", "Yes."},
                {"sambanova", "Weigh it.", "Yes."},
                {"minimax", "Weigh it.", "Yes."},
                {"openai", NULL, "<think>Weigh it.</think>\n\nYes."}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct msg_reply r;
        struct err e = ERR_INIT;
        arena_init(&a, 1 << 20);
        assert_int_equal(dialect_openai.reply_decode(str_of(json(whole)),
                                                     kind_of(rows[i].kind), &a, &r, &e),
                         ERR_OK);
        size_t n = 0;
        if (rows[i].thought != NULL) {
            assert_int_equal(r.parts[n].kind, MSG_THINKING);
            assert_true(str_eqz(r.parts[n++].text, rows[i].thought));
        }
        assert_int_equal(r.parts[n].kind, MSG_TEXT);
        assert_true(str_eqz(r.parts[n++].text, rows[i].text));
        assert_int_equal(r.n_parts, n);
        arena_release(&a);
    }
}

static const char details_before[] =
    "{'type':'reasoning.text','text':'hm','signature':'s','index':0}";
static const char details_behind[] =
    "{'type':'reasoning.encrypted','data':'x','id':'c2'}";

static enum errc collect(void *arg, const struct msg_delta *d, struct err *e)
{
    return msg_collect_delta(arg, d, e);
}

/* A message with two calls, and details before and behind them. */
static void decode_calls(const char *kind, struct arena *a, struct msg_reply *ret)
{
    struct msg_collect c;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf text = BUF_INIT(4096);
    static const char *const deltas[] = {
        "'reasoning_details':[@]",
        "'tool_calls':[{'index':0,'id':'c1','function':{'name':'f','arguments':'{}'}}]",
        "'tool_calls':[{'index':1,'id':'c2','function':{'name':'g','arguments':'{}'}}]",
        "'reasoning_details':[@]"};
    msg_collect_init(&c, a);
    struct event_decoder *d = dialect_openai.decoder_new(kind_of(kind));
    for (size_t i = 0; i <= ARRAY_LEN(deltas); i++) {
        const char *details = i == 0 ? details_before : details_behind;
        const char *delta = i < ARRAY_LEN(deltas) ? deltas[i] : "";
        const char *at = strchr(delta, '@');
        buf_reset(&text);
        buf_addz(&text, "{'choices':[{'index':0,'delta':{");
        buf_adds(&text, (struct str){delta, at ? (size_t)(at - delta) : strlen(delta)});
        buf_addz(&text, at != NULL ? details : "");
        buf_addz(&text, at != NULL ? at + 1 : "");
        buf_addz(&text,
                 i < ARRAY_LEN(deltas) ? "}}]}" : "},'finish_reason':'tool_calls'}]}");
        const struct sse_event ev = {.data = str_of(json(text.data)), .has_data = true};
        assert_int_equal(dialect_openai.decode_event(d, &ev, collect, &c, &e), ERR_OK);
    }
    dialect_openai.decoder_free(&d);
    *ret = *msg_collect_reply(&c);
    msg_collect_release(&c);
}

static void details_come_back_with_the_calls_they_led_to(void **state)
{
    (void)state;
    struct arena a;
    struct msg_reply r;
    struct signatures *s;
    struct err e = ERR_INIT;
    struct dropped dropped = {.n = 0};
    AUTO(buf_release) struct buf out = BUF_INIT(1 << 16), want = BUF_INIT(4096);
    arena_init(&a, 1 << 20);
    assert_int_equal(signatures_new(&s, &e), ERR_OK);
    decode_calls("openrouter", &a, &r);
    signatures_put_reply(s, STR("o/m"), &r, 1);
    struct msg_part calls[] = {
        {.kind = MSG_TOOL_CALL, .id = STR("c1"), .name = STR("f"), .args = STR("{}")},
        {.kind = MSG_TOOL_CALL, .id = STR("c2"), .name = STR("g"), .args = STR("{}")}};
    struct msg_turn turn = {.role = MSG_ASSISTANT, .parts = calls, .n_parts = 2};
    struct msg_request m = {
        .turns = &turn, .n_turns = 1, .n = 1, .max_output_tok = -1, .parallel_tools = -1};
    signatures_attach(s, STR("o/m"), &m, &a, 2);
    const struct target_caps caps = {.kind = kind_of("openrouter"), .model = STR("m")};
    assert_int_equal(dialect_openai.request_encode(&m, &caps, &out, &dropped, &e),
                     ERR_OK);
    buf_printf(&want, "\"reasoning_details\":[");
    buf_addz(&want, json(details_before));
    buf_addc(&want, ',');
    buf_addz(&want, json(details_behind));
    buf_addz(&want, "],\"tool_calls\":[{\"id\":\"c1\"");
    assert_non_null(strstr(out.data, want.data));

    /* elsewhere they are not kept, nor what is no JSON told */
    decode_calls("openai", &a, &r);
    for (size_t i = 0; i < r.n_parts; i++)
        assert_int_equal(r.parts[i].signature.len, 0);
    struct msg_part odd[] = {{.kind = MSG_THINKING,
                              .id = STR("reasoning_details"),
                              .signature = STR("{}],\"x\":[")},
                             calls[0]};
    turn = (struct msg_turn){.role = MSG_ASSISTANT, .parts = odd, .n_parts = 2};
    m.turns = &turn;
    buf_reset(&out);
    assert_int_equal(dialect_openai.request_encode(&m, &caps, &out, &dropped, &e),
                     ERR_OK);
    assert_null(strstr(out.data, "reasoning_details"));
    signatures_free(&s);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_found_however_they_are_cut),
        cmocka_unit_test(details_of_a_stream_become_whole),
        cmocka_unit_test(a_text_with_tags_is_a_thought_where_the_row_says_so),
        cmocka_unit_test(details_come_back_with_the_calls_they_led_to),
    };
    return cmocka_run_group_tests_name("thought", tests, NULL, NULL);
}
