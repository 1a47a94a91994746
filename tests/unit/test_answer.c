/* test_answer.c: what a stream becomes in three formats, and how it is judged. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/answer.h"
#include "cmd/answer_print.h"
#include "cmd/files.h"

#include <cmocka.h>

#define GATEWAY(json) "event: llmgw\ndata: " json "\n\n"
#define START                                                                            \
    GATEWAY("{\"type\":\"start\",\"request_id\":\"01A\",\"route\":\"fast\",\"target\":"  \
            "\"p/m\","                                                                   \
            "\"model\":\"m\"}")
#define TEXT(t)                                                                          \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define THINK(t)                                                                         \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"" t "\"}}]}"    \
    "\n\n"
#define FINISH(f)                                                                        \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" f "\"}]}\n\n"
#define END_JSON                                                                         \
    "\"request_id\":\"01A\",\"route\":\"fast\",\"target\":\"p/"                          \
    "m\",\"model\":\"m-1\",\"attempts\":1,"                                              \
    "\"usage\":{\"prompt_tokens\":1204,\"completion_tokens\":7,\"prompt_tokens_"         \
    "details\":"                                                                         \
    "{\"cached_tokens\":1024}},\"cost_usd\":0.000412,\"cost_source\":\"computed\","      \
    "\"ttft_ms\":310,"                                                                   \
    "\"total_ms\":1204,\"finish\":\"stop\",\"recorded\":\"committed\",\"legs\":1}"
#define END  GATEWAY("{\"type\":\"end\"," END_JSON)
#define DONE "data: [DONE]\n\n"

/* An answer that is written to a file, fed with a stream. */
struct fixture {
    struct cmd_ctx ctx;
    struct answer a;
    char path[64];
    struct buf shown;
    enum errc rc;
    struct err e;
};

static void run(struct fixture *f, const struct answer_options *opt, const char *stream,
                enum errc how)
{
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/test_answer.%ld", (long)getpid());
    f->ctx =
        (struct cmd_ctx){.program = "llmgw", .command = "chat", .clock = &clock_system};
    f->ctx.global.output = f->path;
    f->ctx.global.quiet = true;
    arena_init(&f->ctx.arena, 1 << 20);
    f->shown = (struct buf)BUF_INIT(100000);
    f->e = (struct err)ERR_INIT;
    struct sse sse;
    sse_init(&sse, 10000);
    assert_int_equal(answer_open(&f->a, &f->ctx, opt, &f->e), ERR_OK);
    answer_begin(&f->a);
    f->rc = sse_feed(&sse, str_of(stream), answer_event, &f->a, &f->e);
    if (f->rc == ERR_OK && how != ERR_OK)
        f->rc = err_set(&f->e, how, "as told");
    f->rc = answer_judge(&f->a, f->rc, &f->e);
    f->rc = answer_end(&f->a, f->rc, &f->e);
    sse_release(&sse);
}

static void finish(struct fixture *f)
{
    struct err e = ERR_INIT;
    assert_int_equal(answer_close(&f->a, &e), ERR_OK);
    assert_int_equal(files_read(f->path, &f->shown, &e), ERR_OK);
    unlink(f->path);
}

static void release(struct fixture *f)
{
    buf_release(&f->shown);
    arena_release(&f->ctx.arena);
}

static void text_is_the_answer_and_one_newline(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *want;
    } rows[] = {
        {START THINK("hm") TEXT("Hel") TEXT("lo") FINISH("stop") END DONE, "Hello\n"},
        {TEXT("a\\n") TEXT("\\n") TEXT("b\\n\\n\\n") FINISH("stop") DONE, "a\n\nb\n"},
        {TEXT("\\u001b[31mraw") FINISH("stop") DONE, "\x1B[31mraw\n"},
        {TEXT("\\n\\n") FINISH("stop") DONE, ""},
        {FINISH("stop") DONE, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        run(&f, &(struct answer_options){.format = FORMAT_TEXT}, rows[i].stream, ERR_OK);
        assert_int_equal(f.rc, ERR_OK);
        finish(&f);
        assert_string_equal(buf_str(&f.shown).ptr, rows[i].want);
        release(&f);
    }
}

static void a_stream_is_whole_only_with_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *stream;
        enum errc how, want;
        bool strict;
    } rows[] = {
        {TEXT("a") FINISH("stop") DONE, ERR_OK, ERR_OK, false},
        {TEXT("a") FINISH("stop"), ERR_OK, ERR_OK, false},
        {TEXT("a") DONE, ERR_OK, ERR_OK, false},
        {TEXT("a") END, ERR_OK, ERR_OK, false},
        {TEXT("a"), ERR_OK, ERR_INTERRUPTED, false},
        {"", ERR_OK, ERR_INTERRUPTED, false},
        {TEXT("a"), ERR_BROKER, ERR_INTERRUPTED, false},
        {START, ERR_BROKER, ERR_BROKER, false},
        {TEXT("a"), ERR_TIMEOUT, ERR_TIMEOUT, false},
        {TEXT("a"), ERR_CANCELLED, ERR_CANCELLED, false},
        {TEXT("a") FINISH("length") DONE, ERR_OK, ERR_OK, false},
        {TEXT("a") FINISH("length") DONE, ERR_OK, ERR_UNUSABLE, true},
        {FINISH("content_filter") DONE, ERR_OK, ERR_UNUSABLE, false},
        {"data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n" FINISH("stop") DONE,
         ERR_OK, ERR_UNUSABLE, false},
        {"data: {\"error\":{\"message\":\"x\",\"llmgw\":{\"class\":\"overloaded\"}}}\n\n",
         ERR_OK, ERR_OVERLOADED, false},
        {TEXT("a") "data: "
                   "{\"error\":{\"message\":\"x\",\"llmgw\":{\"class\":\"server_error\"}}"
                   "}\n\n",
         ERR_OK, ERR_INTERRUPTED, false},
        {GATEWAY("{\"type\":\"end\",\"finish\":\"error\",\"error\":\"quota_exhausted\"}"),
         ERR_OK, ERR_QUOTA, false},
        {"data: not json\n\n" TEXT("a") FINISH("stop") DONE, ERR_OK, ERR_OK, false},
        {"data: {\"choices\":[]}\n\n" TEXT("a") FINISH("stop"), ERR_OK, ERR_OK, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        run(&f, &(struct answer_options){.format = FORMAT_TEXT, .strict = rows[i].strict},
            rows[i].stream, rows[i].how);
        if (f.rc != rows[i].want)
            fail_msg("row %zu: %s: %s", i, errc_name(f.rc), f.e.text);
        assert_int_equal(f.e.code, f.rc);
        finish(&f);
        release(&f);
    }
}

static void lines_tell_all_that_happens(void **state)
{
    (void)state;
    struct fixture f;
    run(&f, &(struct answer_options){.format = FORMAT_JSONL, .conversation = "c"},
        START GATEWAY(
            "{\"type\":\"fallback\",\"from\":\"p/m\",\"to\":\"q/n\",\"reason\":\"429\"}")
            TEXT("a") GATEWAY("{\"type\":\"reset\",\"reason\":\"stream_interrupted\"}")
                THINK("h") TEXT("b") FINISH("stop") END DONE,
        ERR_OK);
    assert_int_equal(f.rc, ERR_OK);
    assert_string_equal(buf_str(&f.a.text).ptr, "b");
    finish(&f);
    assert_string_equal(
        buf_str(&f.shown).ptr,
        "{\"type\":\"start\",\"id\":\"01A\",\"conversation\":\"c\",\"route\":\"fast\","
        "\"target\":\"p/m\","
        "\"model\":\"m\"}\n"
        "{\"type\":\"fallback\",\"from\":\"p/m\",\"to\":\"q/n\",\"reason\":\"429\"}\n"
        "{\"type\":\"text\",\"text\":\"a\"}\n"
        "{\"type\":\"reset\",\"reason\":\"stream_interrupted\"}\n"
        "{\"type\":\"reasoning\",\"text\":\"h\"}\n"
        "{\"type\":\"text\",\"text\":\"b\"}\n"
        "{\"type\":\"end\",\"id\":\"01A\",\"conversation\":\"c\",\"route\":\"fast\","
        "\"target\":\"p/m\","
        "\"model\":\"m-1\",\"finish\":\"stop\",\"usage\":{\"prompt_tokens\":1204,"
        "\"completion_tokens\":7,"
        "\"prompt_tokens_details\":{\"cached_tokens\":1024}},\"cost_usd\":0.000412,"
        "\"cost_pusd\":412000000,\"cost_source\":\"computed\",\"ttft_ms\":310,\"total_"
        "ms\":1204,"
        "\"attempts\":1,\"legs\":1,\"recorded\":\"committed\"}\n");
    release(&f);
}

static void lines_end_with_an_error_if_it_ended_so(void **state)
{
    (void)state;
    struct fixture f;
    run(&f, &(struct answer_options){.format = FORMAT_JSONL}, TEXT("a"), ERR_OK);
    finish(&f);
    assert_non_null(
        strstr(buf_str(&f.shown).ptr,
               "\n{\"type\":\"error\",\"class\":\"stream_interrupted\",\"message\":"));
    release(&f);
}

static void one_object_holds_the_answer_or_the_error(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *text, *class;
        bool hide, reasoning;
    } rows[] = {
        {START THINK("h") TEXT("a\\n") FINISH("stop") END DONE, "a\n", "", false, true},
        {START THINK("h") TEXT("a\\n") FINISH("stop") END DONE, "a\n", "", true, false},
        {TEXT("part"), "part", "stream_interrupted", false, false},
        {"", "", "stream_interrupted", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        run(&f,
            &(struct answer_options){.format = FORMAT_JSON,
                                     .hide_reasoning = rows[i].hide},
            rows[i].stream, ERR_OK);
        finish(&f);
        AUTO(jx_put) struct json_object *o = NULL;
        assert_int_equal(jx_parse(buf_str(&f.shown), &o, &f.e), ERR_OK);
        assert_true(str_eqz(jx_str(o, "schema"), "llmgw.chat/1"));
        assert_true(str_eqz(jx_str(o, "text"), rows[i].text));
        assert_true(str_eqz(jx_str(jx_obj(o, "error"), "class"), rows[i].class));
        assert_int_equal(jx_get(o, "reasoning") != NULL, rows[i].reasoning);
        release(&f);
    }
}

static void the_comment_stands_in_for_the_end_event(void **state)
{
    (void)state;
    struct fixture f;
    struct buf line = BUF_INIT(1000);
    run(&f, &(struct answer_options){.format = FORMAT_TEXT},
        TEXT("a") FINISH("stop") ": llmgw {" END_JSON "\n\n" DONE, ERR_OK);
    assert_int_equal(f.rc, ERR_OK);
    answer_usage_line(&f.a, &line);
    assert_string_equal(buf_str(&line).ptr,
                        "fast → p/m · 1,204 in (1,024 cached) + 7 out · "
                        "$0.00041 · 0.3s/1.2s");
    finish(&f);
    buf_release(&line);
    release(&f);
}

static void the_text_goes_to_tee_and_usage_to_its_file(void **state)
{
    (void)state;
    struct fixture f;
    struct buf got = BUF_INIT(10000);
    const char *tee = "/tmp/test_answer.tee", *usage = "/tmp/test_answer.usage";
    run(&f,
        &(struct answer_options){.format = FORMAT_JSON, .tee = tee, .usage_file = usage},
        TEXT("lost") GATEWAY("{\"type\":\"reset\",\"reason\":\"x\"}") TEXT("kept")
            FINISH("stop") END DONE,
        ERR_OK);
    assert_int_equal(f.rc, ERR_OK);
    finish(&f);
    assert_int_equal(files_read(tee, &got, &f.e), ERR_OK);
    assert_string_equal(buf_str(&got).ptr, "kept\n");
    buf_reset(&got);
    assert_int_equal(files_read(usage, &got, &f.e), ERR_OK);
    assert_non_null(
        strstr(buf_str(&got).ptr, "{\"schema\":\"llmgw.usage/1\",\"id\":\"01A\","));
    unlink(tee);
    unlink(usage);
    buf_release(&got);
    release(&f);
}

static void code_is_shown_without_the_text_around_it(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *first, *last;
        enum errc want;
    } rows[] = {
        {TEXT("a\\n```\\nb") TEXT("c\\n``") TEXT("`\\n~~~\\nd\\n~~~") FINISH("stop") DONE,
         "bc\n", "d\n", ERR_OK},
        {TEXT("no code") FINISH("stop") DONE, "", "", ERR_UNUSABLE},
        {TEXT("```\\nlost") GATEWAY("{\"type\":\"reset\",\"reason\":\"x\"}")
             TEXT("```\\nkept") FINISH("stop") DONE,
         "kept\n", "kept\n", ERR_OK},
        {TEXT("```\\ncut\\noff"), "cut\noff\n", "cut\noff\n", ERR_INTERRUPTED},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct fixture f;
        bool is_last = i % 2 == 1;
        const struct answer_options opt = {
            .format = FORMAT_TEXT, .extract = is_last ? EXTRACT_LAST : EXTRACT_FIRST};
        run(&f, &opt, rows[i / 2].stream, ERR_OK);
        assert_int_equal(f.rc, rows[i / 2].want);
        finish(&f);
        assert_string_equal(buf_str(&f.shown).ptr,
                            is_last ? rows[i / 2].last : rows[i / 2].first);
        release(&f);
    }
}

static void an_output_that_cannot_be_written_ends_it(void **state)
{
    (void)state;
    struct fixture f;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    memset(&f, 0, sizeof f);
    f.ctx = (struct cmd_ctx){.program = "llmgw", .clock = &clock_system};
    f.e = (struct err)ERR_INIT;
    arena_init(&f.ctx.arena, 1 << 20);
    assert_int_equal(
        answer_open(&f.a, &f.ctx, &(struct answer_options){.format = FORMAT_TEXT}, &f.e),
        ERR_OK);
    f.a.out_fd = full;
    answer_begin(&f.a);
    struct sse sse;
    sse_init(&sse, 10000);
    assert_int_equal(sse_feed(&sse, STR(TEXT("a")), answer_event, &f.a, &f.e), ERR_IO);
    assert_int_equal(answer_end(&f.a, ERR_IO, &f.e), ERR_IO);
    sse_release(&sse);
    assert_int_equal(answer_close(&f.a, &f.e), ERR_OK);
    close(full);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_answer_and_one_newline),
        cmocka_unit_test(a_stream_is_whole_only_with_its_end),
        cmocka_unit_test(lines_tell_all_that_happens),
        cmocka_unit_test(lines_end_with_an_error_if_it_ended_so),
        cmocka_unit_test(one_object_holds_the_answer_or_the_error),
        cmocka_unit_test(the_comment_stands_in_for_the_end_event),
        cmocka_unit_test(the_text_goes_to_tee_and_usage_to_its_file),
        cmocka_unit_test(code_is_shown_without_the_text_around_it),
        cmocka_unit_test(an_output_that_cannot_be_written_ends_it),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
