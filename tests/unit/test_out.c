/* test_out.c: one report in every format, and tables on narrow and wide screens. */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/zone.h"

#include "cmd/out.h"

#include <cmocka.h>

static int64_t fixed_us(const struct clock *c)
{
    (void)c;
    return 1795575911 * (int64_t)US_PER_S;
}

static const struct clock fixed_clock = {.mono_us = fixed_us, .wall_us = fixed_us};

static const struct out_column columns[] = {
    {.name = "model", .type = OUT_TEXT},
    {.name = "requests", .type = OUT_INT, .priority = 1},
    {.name = "input", .type = OUT_TOKENS, .priority = 3},
    {.name = "cost", .type = OUT_MONEY},
    {.name = "share", .type = OUT_PPM, .priority = 2},
    {.name = "ttft", .type = OUT_DURATION, .hidden = true},
    {.name = "at", .type = OUT_TIME, .hidden = true},
};

static struct out *report(struct cmd_ctx *ctx, enum cmd_format format)
{
    struct out *o = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(
        out_new(ctx, format, "llmgw.test/1", columns, ARRAY_LEN(columns), &o, &e),
        ERR_OK);
    out_meta(o, "since", STR("null"));
    out_textz(o, "a/\xE4\xB8\xAD\xE6\x96\x87");
    out_int(o, 1204);
    out_int(o, 18234567);
    out_money(o, 24100000000001);
    out_int(o, 583300);
    out_int(o, 310500);
    out_int(o, fixed_us(NULL));
    out_row_end(o);
    out_textz(o, "=1+1,\"x\"");
    out_int(o, 3);
    out_null(o);
    out_money(o, PICO_UNKNOWN);
    out_row_end(o);
    out_textz(o, "total");
    out_int(o, 1207);
    out_int(o, 18234567);
    out_money(o, 24100000000001);
    out_totals(o);
    return o;
}

/* What the report prints, through --output. The caller frees. */
static char *printed(enum cmd_format format, const char *width, const char *fields)
{
    char path[] = "/tmp/test_out.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    setenv("LLMGW_COLUMNS", width, 1);
    struct cmd_ctx ctx = {.program = "llmgw", .command = "test", .clock = &fixed_clock};
    ctx.global.output = path;
    ctx.global.fields = fields;
    ctx.global.quiet = true;
    arena_init(&ctx.arena, 1 << 20);
    struct out *o = report(&ctx, format);
    struct err e = ERR_INIT;
    assert_int_equal(out_finish(o, &e), ERR_OK);
    out_free(&o);
    arena_release(&ctx.arena);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = mem_alloc(8192, 1);
    assert_non_null(text);
    assert_true(fread(text, 1, 8191, f) > 0);
    fclose(f);
    unlink(path);
    return text;
}

static void cells_steer_no_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a\033[31mb\tc\nd\177e", "a [31mb c d e"},
        {"a\xC2\x9B"
         "31mb\xC2\x85",
         "a 31mb "},
        {"a\xE2\x80\xAE"
         "b\xE2\x81\xA6"
         "c",
         "a b c"},
        {"a\x9B"
         "b\xE4\xB8",
         "a b  "},
        {"\xE4\xB8\xAD\xC2\xA0x", "\xE4\xB8\xAD\xC2\xA0x"},
    };
    static const struct out_column one[] = {{.name = "x", .type = OUT_TEXT},
                                            {.name = "y", .type = OUT_TEXT}};
    setenv("LLMGW_COLUMNS", "80", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cmd_ctx ctx = {.program = "llmgw", .clock = &fixed_clock};
        AUTO(buf_release) struct buf got = BUF_INIT(4096);
        AUTO(buf_release) struct buf want = BUF_INIT(4096);
        struct err e = ERR_INIT;
        struct out *o = NULL;
        arena_init(&ctx.arena, 1 << 20);
        assert_int_equal(out_new(&ctx, FORMAT_MARKDOWN, "t/1", one, 2, &o, &e), ERR_OK);
        out_textz(o, rows[i].text);
        out_textz(o, "");
        out_row_end(o);
        assert_int_equal(out_render(o, &got, &e), ERR_OK);
        buf_printf(&want, "| x | y |\n| --- | --- |\n| %s |  |\n", rows[i].want);
        assert_string_equal(got.data, want.data);
        out_free(&o);
        arena_release(&ctx.arena);
    }
}

static void machine_formats_are_exact(void **state)
{
    (void)state;
    static const struct {
        enum cmd_format format;
        const char *want;
    } rows[] = {
        {FORMAT_CSV, "model,requests,input,cost_usd,cost_pusd,share,ttft_ms,at\n"
                     "a/"
                     "\xE4\xB8\xAD\xE6\x96\x87,1204,18234567,24.100000000001,"
                     "24100000000001,0.5833,310.5,2026-11-25T03:05:11Z\n"
                     "\"'=1+1,\"\"x\"\"\",3,,,,,,\n"},
        {FORMAT_TSV, "model\trequests\tinput\tcost_usd\tcost_pusd\tshare\tttft_ms\tat\n"
                     "a/"
                     "\xE4\xB8\xAD\xE6\x96\x87\t1204\t18234567\t24."
                     "100000000001\t24100000000001\t0.5833\t310.5\t2026-11-25T03:05:11Z\n"
                     "=1+1,\"x\"\t3\t\t\t\t\t\t\n"},
        {FORMAT_JSONL, "{\"model\":\"a/"
                       "\xE4\xB8\xAD\xE6\x96\x87\",\"requests\":1204,\"input\":18234567,"
                       "\"cost_usd\":24.100000000001,"
                       "\"cost_pusd\":24100000000001,\"share\":0.5833,\"ttft_ms\":310.5,"
                       "\"at\":\"2026-11-25T03:05:11Z\"}\n"
                       "{\"model\":\"=1+1,\\\"x\\\"\",\"requests\":3,\"input\":null,"
                       "\"cost_usd\":null,\"cost_pusd\":null,"
                       "\"share\":null,\"ttft_ms\":null,\"at\":null}\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(mem_freep) char *text = printed(rows[i].format, "40", NULL);
        assert_string_equal(text, rows[i].want);
    }
}

static void the_envelope_is_json(void **state)
{
    (void)state;
    AUTO(mem_freep) char *text = printed(FORMAT_JSON, "80", NULL);
    AUTO(jx_put) struct json_object *root = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(jx_parse(str_of(text), &root, &e), ERR_OK);
    assert_true(str_eqz(jx_str(root, "schema"), "llmgw.test/1"));
    assert_true(str_eqz(jx_str(root, "tz"), "UTC"));
    assert_int_equal(json_object_array_length(jx_arr(root, "rows")), 2);
    int64_t pico_usd;
    assert_true(jx_i64(jx_obj(root, "totals"), "cost_pusd", 0, INT64_MAX, &pico_usd));
    assert_int_equal(pico_usd, 24100000000001);
}

static void tables_drop_columns_before_they_cut_names(void **state)
{
    (void)state;
    static const struct {
        const char *width, *want;
    } rows[] = {
        {"80",
         "model     requests   input    cost  share\n"
         "a/\xE4\xB8\xAD\xE6\x96\x87       1,204  18.2 M  $24.10   58 %\n"
         "=1+1,\"x\"         3       \xE2\x80\x94       \xE2\x80\x94      \xE2\x80\x94\n"
         "total        1,207  18.2 M  $24.10      \xE2\x80\x94\n"},
        {"28", "model     requests    cost\n"
               "a/\xE4\xB8\xAD\xE6\x96\x87       1,204  $24.10\n"
               "=1+1,\"x\"         3       \xE2\x80\x94\n"
               "total        1,207  $24.10\n"},
        {"20", "model       cost\n"
               "a/\xE4\xB8\xAD\xE6\x96\x87    $24.10\n"
               "=1+1,\"x\"       \xE2\x80\x94\n"
               "total     $24.10\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(mem_freep) char *text = printed(FORMAT_TABLE, rows[i].width, NULL);
        assert_string_equal(text, rows[i].want);
    }
}

/* What a report of these columns prints. The caller frees. */
static char *table(const struct out_column *own, size_t n, const char *width,
                   void (*fill)(struct out *o))
{
    AUTO(buf_release) struct buf text = BUF_INIT(8192);
    struct cmd_ctx ctx = {.program = "llmgw", .clock = &fixed_clock};
    struct out *o = NULL;
    struct err e = ERR_INIT;
    setenv("LLMGW_COLUMNS", width, 1);
    assert_int_equal(out_new(&ctx, FORMAT_TABLE, "x/1", own, n, &o, &e), ERR_OK);
    fill(o);
    assert_int_equal(out_render(o, &text, &e), ERR_OK);
    out_free(&o);
    return mem_strdup(text.data);
}

static void fill_changes(struct out *o)
{
    out_textz(o, "a-name-that-is-long");
    out_int(o, 94000);
    out_int(o, 7);
    out_row_end(o);
    out_textz(o, "short");
    out_int(o, -412000);
    out_int(o, 8);
    out_row_end(o);
}

static void long_names_are_cut_a_little_before_columns_go(void **state)
{
    (void)state;
    static const struct out_column own[] = {
        {.name = "name", .type = OUT_TEXT, .soft = 8},
        {.name = "change", .type = OUT_PPM, .priority = 1, .is_change = true},
        {.name = "requests", .type = OUT_INT, .priority = 2},
    };
    static const struct {
        const char *width, *want;
    } rows[] = {
        {"40", "name                 change  requests\n"
               "a-name-that-is-long    +9 %         7\n"
               "short                 \xE2\x88\x92"
               "41 %         8\n"},
        {"30", "name          change  requests\n"
               "a-name-that\xE2\x80\xA6    +9 %         7\n"
               "short          \xE2\x88\x92"
               "41 %         8\n"},
        {"20", "name          change\n"
               "a-name-that\xE2\x80\xA6    +9 %\n"
               "short          \xE2\x88\x92"
               "41 %\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(mem_freep)
        char *text = table(own, ARRAY_LEN(own), rows[i].width, fill_changes);
        assert_string_equal(text, rows[i].want);
    }
}

static void fill_settings(struct out *o)
{
    out_textz(o, "route.fast.target");
    out_textz(o,
              "a target of \xE4\xB8\xAD\xE6\x96\x87 words, anthropic/claude-haiku-5-5");
    out_textz(o, "~/.config/llmgw/config");
    out_row_end(o);
    out_textz(o, "core.record");
    out_textz(o, "full");
    out_textz(o, "~/x");
    out_row_end(o);
}

static void texts_flow_where_they_must_not_be_cut(void **state)
{
    (void)state;
    static const struct out_column own[] = {
        {.name = "key", .type = OUT_TEXT, .keep = 17},
        {.name = "value", .type = OUT_TEXT, .flows = true},
        {.name = "origin", .type = OUT_TEXT},
    };
    AUTO(mem_freep) char *text = table(own, ARRAY_LEN(own), "45", fill_settings);
    assert_string_equal(text, "key                value         origin\n"
                              "route.fast.target  a target of   ~/.config/l\xE2\x80\xA6\n"
                              "                   \xE4\xB8\xAD\xE6\x96\x87 words,\n"
                              "                   anthropic/cl\n"
                              "                   aude-haiku-5\n"
                              "                   -5\n"
                              "core.record        full          ~/x\n");
    AUTO(mem_freep) char *narrow = table(own, ARRAY_LEN(own), "20", fill_settings);
    assert_true(
        str_starts(str_of(narrow), STR("key       val\xE2\x80\xA6  ori\xE2\x80\xA6\n"
                                       "route.f\xE2\x80\xA6  a     ~/.\xE2\x80\xA6\n"
                                       "          targ\n")));
}

static void fill_times(struct out *o)
{
    out_int(o, fixed_us(NULL));
    out_textz(o, "01M88NTJ8F");
    out_row_end(o);
    out_null(o);
    out_textz(o, "01M88NTJ8G");
    out_row_end(o);
}

static void fill_years(struct out *o)
{
    fill_times(o);
    out_int(o, fixed_us(NULL) - 365 * 24 * US_PER_HOUR);
    out_textz(o, "01M88NTJ8H");
    out_row_end(o);
}

static void times_lose_the_year_that_all_have(void **state)
{
    (void)state;
    static const struct out_column own[] = {
        {.name = "start", .type = OUT_TIME, .soft = 1, .priority = 1},
        {.name = "id", .type = OUT_TEXT, .keep = 10},
    };
    AUTO(mem_freep) char *wide = table(own, ARRAY_LEN(own), "31", fill_times);
    assert_string_equal(wide, "start                id\n"
                              "2026-11-25 03:05:11  01M88NTJ8F\n"
                              "\xE2\x80\x94                    01M88NTJ8G\n");
    AUTO(mem_freep) char *narrow = table(own, ARRAY_LEN(own), "30", fill_times);
    assert_string_equal(narrow, "start           id\n"
                                "11-25 03:05:11  01M88NTJ8F\n"
                                "\xE2\x80\x94               01M88NTJ8G\n");
    AUTO(mem_freep) char *years = table(own, ARRAY_LEN(own), "30", fill_years);
    assert_string_equal(years, "id\n01M88NTJ8F\n01M88NTJ8G\n01M88NTJ8H\n");
}

static void fill_both(struct out *o)
{
    out_int(o, fixed_us(NULL));
    out_textz(o, "openai/gpt-6-luna");
    out_row_end(o);
}

static void texts_are_whole_before_times_have_their_year(void **state)
{
    (void)state;
    static const struct out_column own[] = {
        {.name = "start", .type = OUT_TIME, .soft = 1},
        {.name = "model", .type = OUT_TEXT, .soft = 10},
    };
    AUTO(mem_freep) char *text = table(own, ARRAY_LEN(own), "37", fill_both);
    assert_string_equal(text,
                        "start           model\n11-25 03:05:11  openai/gpt-6-luna\n");
    AUTO(mem_freep) char *wide = table(own, ARRAY_LEN(own), "38", fill_both);
    assert_string_equal(
        wide, "start                model\n2026-11-25 03:05:11  openai/gpt-6-luna\n");
}

static void lines_are_broken_under_their_last_column(void **state)
{
    (void)state;
    static const struct {
        const char *width, *line, *want;
    } rows[] = {
        {"30", "short", "short\n"},
        {"30", "", "\n"},
        {"30", "one two three four five six seven eight",
         "one two three four five six\n  seven eight\n"},
        {"30", "error     the stream was cut before its end",
         "error     the stream was cut\n          before its end\n"},
        {"30", "  1 one/x  chosen  healthy, key ok, $0.09",
         "  1 one/x  chosen  healthy,\n           key ok, $0.09\n"},
        {"29",
         "error     \xE4\xB8\xAD\xE6\x96\x87\xE4\xB8\xAD\xE6\x96\x87 "
         "\xE4\xB8\xAD\xE6\x96\x87\xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80",
         "error     \xE4\xB8\xAD\xE6\x96\x87\xE4\xB8\xAD\xE6\x96\x87 "
         "\xE4\xB8\xAD\xE6\x96\x87\xE4\xB8\xAD\xE6\x96\x87\n          "
         "\xF0\x9F\x98\x80\n"},
        {"20", "path      /a/b/c/d/e/f/g/h and", "path\n  /a/b/c/d/e/f/g/h\n  and\n"},
        {"20", "path      /a/b/c/d/e/f/g/h/i/j/k/l/m/n",
         "path\n  /a/b/c/d/e/f/g/h/i/j/k/l/m/n\n"},
        {"20", "a blank at the end  ", "a blank at the end  \n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf line = BUF_INIT(1000), out = BUF_INIT(1000);
        setenv("LLMGW_COLUMNS", rows[i].width, 1);
        buf_printf(&line, "%s\n", rows[i].line);
        out_wrap(&out, &line);
        assert_string_equal(out.data, rows[i].want);
    }
    AUTO(buf_release) struct buf prose = BUF_INIT(1000), wrapped = BUF_INIT(1000);
    setenv("LLMGW_COLUMNS", "20", 1);
    buf_addz(
        &prose,
        "int  \033[31mmain(void) {\033[0m return 0;\n\n\033[1mshort\033[0m line of 20\n"
        "    a-word-that-is-too-long\n    another-one-of-these and more\n");
    out_wrap_prose(&wrapped, &prose);
    assert_string_equal(wrapped.data, "int  \033[31mmain(void) {\033[0m\nreturn 0;\n\n"
                                      "\033[1mshort\033[0m line of 20\n"
                                      "    a-word-that-is-too-long\n"
                                      "    another-one-of-these\nand more\n");
    AUTO(buf_release) struct buf small = BUF_INIT(4), out = BUF_INIT(1000);
    buf_addz(&small, "too long");
    out_wrap(&out, &small);
    assert_int_not_equal(buf_err(&out), ERR_OK);
    unsetenv("LLMGW_COLUMNS");
}

static void fields_choose_and_order(void **state)
{
    (void)state;
    AUTO(mem_freep) char *text = printed(FORMAT_CSV, "80", "requests, model");
    assert_string_equal(
        text, "requests,model\n1204,a/\xE4\xB8\xAD\xE6\x96\x87\n3,\"'=1+1,\"\"x\"\"\"\n");
    AUTO(mem_freep) char *same = printed(FORMAT_CSV, "80", "ttft_ms,cost_usd");
    AUTO(mem_freep) char *plain = printed(FORMAT_CSV, "80", "ttft,cost");
    AUTO(mem_freep) char *exact = printed(FORMAT_CSV, "80", "ttft,cost_pusd");
    assert_string_equal(same, plain);
    assert_string_equal(exact, plain);
    static const char *const wrong[] = {"nonsense", "cost_ms", "model_usd", "cos"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct cmd_ctx ctx = {.clock = &fixed_clock};
        ctx.global.fields = wrong[i];
        struct out *o = NULL;
        struct err e = ERR_INIT;
        assert_int_equal(
            out_new(&ctx, FORMAT_CSV, "x/1", columns, ARRAY_LEN(columns), &o, &e),
            ERR_USAGE);
        assert_null(o);
    }
}

static void widths_count_terminal_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        {"abc", 3},
        {"\xE4\xB8\xAD\xE6\x96\x87", 4},                     /* CJK */
        {"e\xCC\x81", 1},                                    /* combining acute */
        {"\xF0\x9F\x98\x80", 2},                             /* emoji */
        {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", 2}, /* ZWJ sequence */
        {"\xE2\x96\x81", 1},                                 /* block element */
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(out_width(str_of(rows[i].text)), rows[i].width);
    struct buf b = BUF_INIT(100);
    out_fit(&b, STR("\xE4\xB8\xAD\xE6\x96\x87x"), 4);
    assert_string_equal(b.data, "\xE4\xB8\xAD\xE2\x80\xA6");
    buf_release(&b);
}

static void a_pipe_is_as_wide_as_its_table(void **state)
{
    (void)state;
    /* standard output of a test is a file or a pipe */
    unsetenv("LLMGW_COLUMNS");
    setenv("COLUMNS", "40", 1);
    assert_true(out_screen_width() > 10000);
    setenv("LLMGW_COLUMNS", "60", 1);
    assert_int_equal(out_screen_width(), 60);
    setenv("LLMGW_COLUMNS", "wide", 1);
    assert_true(out_screen_width() > 10000);
    unsetenv("LLMGW_COLUMNS");
    unsetenv("COLUMNS");
}

/* Each variable over those behind it; "" is one that is not set. */
static void colour_is_decided_in_order(void **state)
{
    (void)state;
    static const char *const names[] = {"NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR",
                                        "TERM"};
    static const struct {
        const char *option;
        int config; /* -1: not set */
        const char *env[ARRAY_LEN(names)];
        bool on_terminal, in_pipe;
    } rows[] = {
        {NULL, -1, {"", "", "", "xterm"}, true, false},
        {NULL, -1, {"", "", "", "dumb"}, false, false},
        {NULL, -1, {"", "", "", ""}, false, false},
        {"auto", -1, {"", "", "", "xterm"}, true, false},
        {"never", 1, {"", "1", "1", "xterm"}, false, false},
        {"always", 0, {"1", "", "", "dumb"}, true, true},
        {NULL, -1, {"1", "1", "1", "xterm"}, false, false},
        {NULL, 1, {"1", "", "", "xterm"}, false, false},
        {NULL, 0, {"", "1", "1", "xterm"}, false, false},
        {NULL, 1, {"", "", "", "dumb"}, true, true},
        {NULL, -1, {"", "1", "", "dumb"}, true, true},
        {NULL, -1, {"", "", "1", "dumb"}, true, true},
        {NULL, -1, {"", "0", "0", "xterm"}, true, false},
        {NULL, -1, {"", "0", "", "dumb"}, false, false},
    };
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), file = open("/dev/null", O_RDWR);
    assert_true(terminal >= 0 && file >= 0 && isatty(terminal));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf conf = {.core.color = rows[i].config};
        struct cmd_ctx ctx = {.conf = &conf, .global.color = rows[i].option};
        for (size_t v = 0; v < ARRAY_LEN(names); v++)
            if (rows[i].env[v][0] == '\0')
                unsetenv(names[v]);
            else
                setenv(names[v], rows[i].env[v], 1);
        if (out_has_color(&ctx, terminal) != rows[i].on_terminal ||
            out_has_color(&ctx, file) != rows[i].in_pipe)
            fail_msg("row %zu", i);
    }
    close(terminal);
    close(file);
}

int main(void)
{
    struct err e = ERR_INIT;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL || zone_use("UTC", &e) != ERR_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_formats_are_exact),
        cmocka_unit_test(cells_steer_no_terminal),
        cmocka_unit_test(the_envelope_is_json),
        cmocka_unit_test(tables_drop_columns_before_they_cut_names),
        cmocka_unit_test(long_names_are_cut_a_little_before_columns_go),
        cmocka_unit_test(texts_flow_where_they_must_not_be_cut),
        cmocka_unit_test(times_lose_the_year_that_all_have),
        cmocka_unit_test(texts_are_whole_before_times_have_their_year),
        cmocka_unit_test(lines_are_broken_under_their_last_column),
        cmocka_unit_test(fields_choose_and_order),
        cmocka_unit_test(widths_count_terminal_cells),
        cmocka_unit_test(a_pipe_is_as_wide_as_its_table),
        cmocka_unit_test(colour_is_decided_in_order),
    };
    return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
