/* test_template_file.c: templates are read strictly, and what they name gets its value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/template_file.h"

#include <cmocka.h>

struct fixture {
    struct cmd_ctx ctx;
    struct template_file t;
    struct opt_list params;
    struct chat_options o;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->ctx.arena, 1 << 20);
    f->o = (struct chat_options){.max_cost = PICO_UNKNOWN, .max_tok = -1};
    f->e = (struct err)ERR_INIT;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->ctx.arena);
    free(f);
    return 0;
}

static enum errc parse(struct fixture *f, const char *text)
{
    err_clear(&f->e);
    return template_parse(&f->ctx, "dir/t.md", str_of(text), &f->t, &f->e);
}

static void settings_stand_before_the_text(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "---\n"
                              "# a comment\n"
                              "; another\n"
                              "\n"
                              "model = fast\n"
                              "system = one\n"
                              "    two\n"
                              "\n"
                              "      three\n"
                              "max-tokens=12\n"
                              "max-cost = 0.5\n"
                              "extract = last\n"
                              "option = stop=[\"=\"]\n"
                              "option = top_p=1\n"
                              "tag = a=b\n"
                              "param = lang = English \n"
                              "param = topic\n"
                              "---\n"
                              "\nAbout $topic.\n---\nend\n"),
                     ERR_OK);
    assert_string_equal(f->t.name, "t");
    assert_string_equal(f->t.model, "fast");
    assert_null(f->t.route);
    assert_string_equal(f->t.system, "one\ntwo\n\n  three");
    assert_int_equal(f->t.max_tok, 12);
    assert_int_equal(f->t.max_cost, PICO_PER_USD / 2);
    assert_true(f->t.extract_last && !f->t.extract);
    assert_int_equal(f->t.options.n, 2);
    assert_string_equal(f->t.options.items[0], "stop=[\"=\"]");
    assert_string_equal(f->t.tags.items[0], "a=b");
    assert_int_equal(f->t.n_params, 2);
    assert_string_equal(f->t.params[0].value, "English");
    assert_null(f->t.params[1].value);
    assert_string_equal(f->t.text, "About $topic.\n---\nend");
    assert_false(f->t.takes_input);
    assert_int_equal(strlen(f->t.version), TEMPLATE_VERSION_LEN);
}

static void a_text_needs_no_settings(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "Sum up: ${input}\n"), ERR_OK);
    assert_string_equal(f->t.text, "Sum up: ${input}");
    assert_true(f->t.takes_input);
    assert_int_equal(f->t.n_params, 0);
    char first[TEMPLATE_VERSION_LEN + 1];
    memcpy(first, f->t.version, sizeof first);
    assert_int_equal(parse(f, "Sum up: ${input}!\n"), ERR_OK);
    assert_string_not_equal(f->t.version, first);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"---\nmodel = a\n", "dir/t.md:1: the settings do not end"},
        {"---\nmodle = a\n---\n",
         "dir/t.md:2: unknown key \"modle\" (did you mean \"model\"?)"},
        {"---\nmodel = a\n\nmodel = b\n---\n", "dir/t.md:4: model is set twice"},
        {"---\nsystem = a\n  b\n\n  c\nno setting\n---\n", "dir/t.md:6: not KEY = VALUE"},
        {"---\n  model = a\n---\n", "dir/t.md:2: not KEY = VALUE"},
        {"---\nmax-tokens = many\n---\n", "dir/t.md:2: max-tokens = many: not a number"},
        {"---\nmax-cost = -1\n---\n", "dir/t.md:2: max-cost = -1: not an amount"},
        {"---\ntemperature = warm\n---\n", "dir/t.md:2: temperature = warm: no number"},
        {"---\neffort = silly\n---\n", "dir/t.md:2: effort = silly: none of none|"},
        {"---\nextract = yes\n---\n",
         "dir/t.md:2: extract = yes: neither first nor last"},
        {"---\noption = a\n---\n", "dir/t.md:2: option = a: not KEY=VALUE"},
        {"---\nparam = a-b = c\n---\n", "dir/t.md:2: param = a-b = c: no name"},
        {"---\nparam = input\n---\n", "dir/t.md:2: param = input: no name"},
        {"---\nsystem = @no-such-file\n---\n", "dir/t.md:2: system: dir/no-such-file: "},
        {"---\nsystem = $input\n---\n", "dir/t.md: $input is part of the prompt"},
        {"\xff", "dir/t.md is no text in UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_not_equal(parse(f, rows[i].text), ERR_OK);
        if (strncmp(f->e.text, rows[i].want, strlen(rows[i].want)) != 0)
            fail_msg("%s\n%s", rows[i].want, f->e.text);
    }
}

static void places_are_filled(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *input, *want; /* NULL: ERR_USAGE */
    } rows[] = {
        {"say $a", "", "say 1"},
        {"say ${a}b $ab", "", NULL}, /* "ab" is another parameter */
        {"say ${a}b", "in", "say 1b\n\nin"},
        {"$input, $a", "in", "in, 1"},
        {"$input", "", ""},
        {"", "in", "in"},
        {"cost $$5 or $5, $, ${, ${a, $-a $$a", "", "cost $5 or $5, $, ${, ${a, $-a $a"},
        {"$a$a${a}", "", "111"},
        {"$", "", "$"},
        {"$$", "", "$"},
        {"$$$a", "", "$1"},
        {"$b", "", "$a"}, /* a value is no template */
    };
    f->params = (struct opt_list){{"a=0", "b=$a", "a=1"}, 3};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf text = BUF_INIT(1000);
        AUTO(buf_release) struct buf out = BUF_INIT(1000);
        buf_printf(&text, "---\nparam = a\nparam = b = 2\n---\n%s", rows[i].text);
        assert_int_equal(parse(f, text.data), ERR_OK);
        enum errc rc =
            template_expand(&f->t, &f->params, str_of(rows[i].input), &out, &f->e);
        assert_int_equal(rc, rows[i].want != NULL ? ERR_OK : ERR_USAGE);
        if (rc == ERR_OK && !str_eqz(buf_str(&out), rows[i].want))
            fail_msg("%s: %.*s", rows[i].text, STR_ARG(buf_str(&out)));
    }
}

static void parameters_are_checked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *param, *want;
    } rows[] = {
        {"lang=x", "template t needs its parameter \"topic\"\nhint: -p topic=VALUE"},
        {"tpoic=x", "template t has no parameter \"tpoic\" (did you mean \"topic\"?)"},
        {"topic", "-p topic: not NAME=VALUE"},
        {"=x", "-p =x: not NAME=VALUE"},
    };
    assert_int_equal(parse(f, "---\nparam = lang = en\nsystem = In $lang\n---\n$topic"),
                     ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f->params = (struct opt_list){{rows[i].param}, 1};
        assert_int_equal(template_apply(&f->ctx, &f->t, &f->params, &f->o, &f->e),
                         ERR_USAGE);
        if (strncmp(f->e.text, rows[i].want, strlen(rows[i].want)) != 0)
            fail_msg("%s\n%s", rows[i].want, f->e.text);
    }
}

static void options_overrule_the_template(void **state)
{
    struct fixture *f = *state;
    const char *text = "---\nroute = r\nsystem = s $a\ntemperature = 1\nmax-tokens = 5\n"
                       "extract = first\noption = x=1\nparam = a = b\n---\n";
    assert_int_equal(parse(f, text), ERR_OK);
    assert_int_equal(template_apply(&f->ctx, &f->t, &f->params, &f->o, &f->e), ERR_OK);
    assert_string_equal(f->o.route, "r");
    assert_string_equal(f->o.system, "s b");
    assert_string_equal(f->o.temperature, "1");
    assert_int_equal(f->o.max_tok, 5);
    assert_true(f->o.extract);
    char id[64];
    snprintf(id, sizeof id, "t@%s", f->t.version);
    assert_string_equal(f->o.template_id, id);
    f->o = (struct chat_options){.max_cost = 7,
                                 .max_tok = 9,
                                 .model = "m",
                                 .system = "mine",
                                 .temperature = "0",
                                 .extract_last = true,
                                 .options = {{"x=2"}, 1}};
    assert_int_equal(template_apply(&f->ctx, &f->t, &f->params, &f->o, &f->e), ERR_OK);
    assert_string_equal(f->o.model, "m");
    assert_null(f->o.route);
    assert_string_equal(f->o.system, "mine");
    assert_int_equal(f->o.max_tok, 9);
    assert_false(f->o.extract);
    assert_int_equal(f->o.options.n, 2);
    assert_string_equal(f->o.options.items[1], "x=2"); /* the later one counts */
}

static void what_is_saved_is_read_back(void **state)
{
    struct fixture *f = *state;
    AUTO(buf_release) struct buf text = BUF_INIT(10000);
    f->o = (struct chat_options){.max_cost = PICO_PER_USD / 50,
                                 .max_tok = 9,
                                 .model = "m",
                                 .system = "one\n\n  two\nthree",
                                 .temperature = "0.7",
                                 .seed = "3",
                                 .effort = "low",
                                 .project = "p",
                                 .extract = true,
                                 .options = {{"x=2", "y={\"a\":1}"}, 2},
                                 .tags = {{"k=v"}, 1}};
    template_write(&f->o, STR("About $input"), &text);
    assert_int_equal(parse(f, text.data), ERR_OK);
    struct chat_options back = {.max_cost = PICO_UNKNOWN, .max_tok = -1};
    assert_int_equal(template_apply(&f->ctx, &f->t, &f->params, &back, &f->e), ERR_OK);
    assert_string_equal(f->t.text, "About $input");
    assert_string_equal(back.model, "m");
    assert_string_equal(back.system, f->o.system);
    assert_string_equal(back.temperature, "0.7");
    assert_string_equal(back.seed, "3");
    assert_string_equal(back.effort, "low");
    assert_string_equal(back.project, "p");
    assert_int_equal(back.max_tok, 9);
    assert_int_equal(back.max_cost, PICO_PER_USD / 50);
    assert_true(back.extract);
    assert_int_equal(back.options.n, 2);
    assert_string_equal(back.options.items[1], "y={\"a\":1}");
    assert_string_equal(back.tags.items[0], "k=v");
}

static void names_cannot_leave_their_folder(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", ".x", "../x", "a/b", "a@1"};
    const char *path;
    setenv("XDG_CONFIG_HOME", "/c", 1);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(template_path(&f->ctx, bad[i], &path, &f->e), ERR_USAGE);
    assert_int_equal(template_path(&f->ctx, "a b.c", &path, &f->e), ERR_OK);
    assert_string_equal(path, "/c/llmgw/templates/a b.c.md");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(settings_stand_before_the_text),
        CASE(a_text_needs_no_settings),
        CASE(what_is_wrong_is_told_with_its_line),
        CASE(places_are_filled),
        CASE(parameters_are_checked),
        CASE(options_overrule_the_template),
        CASE(what_is_saved_is_read_back),
        CASE(names_cannot_leave_their_folder),
    };
    return cmocka_run_group_tests_name("template_file", tests, NULL, NULL);
}
