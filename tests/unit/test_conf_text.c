/* test_conf_text.c: git-config syntax: reading, editing in place, and git itself as oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/conf.h"

#include <cmocka.h>

/* "SECTION.SUB.KEY=VALUE;" for every setting, or "error: TEXT". "~" stands for no value. */
static void list(const char *text, struct buf *out)
{
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    buf_reset(out);
    if (conf_text_parse(str_of(text), "config", &t, &e) != ERR_OK) {
        assert_int_equal(e.code, ERR_CONFIG);
        buf_printf(out, "error: %s", e.text);
        return;
    }
    size_t n;
    const struct conf_entry *x = conf_text_entries(t, &n);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s%s.%s=%s;", x[i].section, x[i].sub ? "." : "",
                   x[i].sub ? x[i].sub : "", x[i].key, x[i].value ? x[i].value : "~");
    conf_text_free(&t);
}

static const struct {
    const char *text, *want;
} readings[] = {
    {"", ""},
    {"\xEF\xBB\xBF[a]\nb=1", "a.b=1;"},
    {"[core]\n  x = 1\n\ty=2 ; c\n# c\n;c\n[core]z = 3", "core.x=1;core.y=2;core.z=3;"},
    {"[Core \"Sub.Dir\"]\nKeY-9 = V", "core.Sub.Dir.key-9=V;"},
    {"[a \"x\\\"y\\\\z\\q\"]\nk=1", "a.x\"y\\zq.k=1;"},
    {"[A.B.C]\nk=1", "a.b.c.k=1;"},
    {"[a.B \"C\"]\nk=1", "a.b.C.k=1;"},
    {"[a \"\"]\nk=1", "a..k=1;"},
    {"[a] [b] k = 1\n", "b.k=1;"},
    {"[a]\nk\nl=\nm = \"\"\n", "a.k=~;a.l=;a.m=;"},
    {"[a]\nk = one  two   # c\n", "a.k=one  two;"},
    {"[a]\nk = \" x \" y ;c\n", "a.k= x  y;"},
    {"[a]\nk = a\\\n  b\\\nc\n", "a.k=a  bc;"},
    {"[a]\nk = \"a#b;c\" \\t\\n\\b\\\\\\\"\n", "a.k=a#b;c \t\n\b\\\";"},
    {"[a]\r\nk = 1\r\nl = 2 \r\n", "a.k=1;a.l=2;"},
    {"[a]\nk = x\\", "a.k=x;"},
    {"[a]\nk = 1 = 2\n", "a.k=1 = 2;"},
    {"[a]\nk = \xC3\xA9\n", "a.k=\xC3\xA9;"},
    {"k = 1", "error: config:1: setting outside a section"},
    {"[]\nk=1", "error: config:1: section without a name"},
    {"\n[.a]\nk=1", "error: config:2: section without a name"},
    {"[a\nk=1", "error: config:1: section header without its \"]\""},
    {"[a b]\nk=1", "error: config:1: section header: a name in quotes is missing"},
    {"[a \"b]\nk=1", "error: config:1: section header without its end"},
    {"[a \"b\" ]\nk=1", "error: config:1: section header without its \"]\""},
    {"[a]\n\n1k=1", "error: config:3: neither section, setting nor comment"},
    {"[a]\nk #c\n", "error: config:2: setting: \"=\" is missing"},
    {"[a]\nk_l=1\n", "error: config:2: setting: \"=\" is missing"},
    {"[a]\nk=\"x\nl=1", "error: config:2: value: quote without its end"},
    {"[a]\nk=\\x\n", "error: config:2: value: unknown escape after \"\\\""},
};

static void text_is_read_as_git_reads_it(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        list(readings[i].text, &out);
        assert_string_equal(out.data ? out.data : "", readings[i].want);
    }
    buf_release(&out);
}

static void sizes_have_caps(void **state)
{
    (void)state;
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(conf_text_parse(STR("[a]\nk=1\0"), "f", &t, &e), ERR_CONFIG);
    assert_string_equal(e.text, "f: a zero byte in it");
    size_t len = (size_t)LIMIT_CONF_LEN + 1;
    char *big = malloc(len);
    memset(big, '#', len);
    assert_int_equal(conf_text_parse((struct str){big, len}, "f", &t, &e), ERR_CONFIG);
    memcpy(big, "[a]\nk=", 6);
    memset(big + 6, 'x', LIMIT_CONF_LINE + 1);
    assert_int_equal(conf_text_parse((struct str){big, LIMIT_CONF_LINE + 7}, "f", &t, &e),
                     ERR_CONFIG);
    assert_string_equal(e.text, "f:2: a name or value is too long");
    free(big);
    assert_null(t);
}

static void lines_and_the_last_value_are_known(void **state)
{
    (void)state;
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(
        conf_text_parse(STR("[a]\nk=\\\n1\n\n[b \"x.y\"]\nk=2\nK=3\n"), "f", &t, &e),
        ERR_OK);
    assert_int_equal(conf_text_get(t, "a.k")->line, 2);
    assert_int_equal(conf_text_get(t, "B.x.y.k")->line, 7);
    assert_string_equal(conf_text_get(t, "b.x.y.K")->value, "3");
    assert_null(conf_text_get(t, "b.X.y.k"));
    assert_null(conf_text_get(t, "b.k"));
    assert_null(conf_text_get(t, "k"));
    assert_null(conf_text_get(t, ""));
    conf_text_free(&t);
}

static const struct {
    const char *text, *dotted, *value, *want;
    bool add;
} edits[] = {
    /* replaced in place, comments and all else stay */
    {"# top\n[a]\n  k = 1 ; why\n\tl=2\n", "a.k", "9",
     "# top\n[a]\n  k = 9 ; why\n\tl=2\n", 0},
    {"[a]\nk=1", "a.k", "x", "[a]\nk=x", 0},
    {"[a]\nk=\"x\" # c\n", "a.k", "a;b", "[a]\nk=\"a;b\" # c\n", 0},
    {"[a]\nk=", "a.k", "x", "[a]\nk= x", 0},
    {"[a]\nk= # c\n", "a.k", "x", "[a]\nk= x # c\n", 0},
    {"[a]\nk\nl=1\n", "a.k", "no", "[a]\nk = no\nl=1\n", 0},
    {"[a]\nk=x\\\ny\nl=1\n", "a.k", "1", "[a]\nk=1\nl=1\n", 0},
    {"[a] k = 1\n", "a.k", "2", "[a] k = 2\n", 0},
    /* added behind the last of its name or section */
    {"[a]\n\tk=1\n\n[b]\nx=1\n", "a.l", "2", "[a]\n\tk=1\n\tl = 2\n\n[b]\nx=1\n", 0},
    {"[a]\nk=1\nl=1\n", "a.k", "2", "[a]\nk=1\nk = 2\nl=1\n", 1},
    {"[a]\n[b]\nx=1", "a.k", "v", "[a]\n    k = v\n[b]\nx=1", 0},
    {"[a]", "a.k", "v", "[a]\n    k = v\n", 0},
    {"[a] [b] x=1\n", "a.k", "v", "[a] \n    k = v\n[b] x=1\n", 0},
    {"[a \"s\"]\nk=1\n", "a.k", "v", "[a \"s\"]\nk=1\n[a]\n    k = v\n", 0},
    {"", "a.s.t.k", "v", "[a \"s.t\"]\n    k = v\n", 0},
    {"[a]\nk=x\\", "a.l", "v", "[a]\nk=x\\\n\nl = v\n", 0},
    {"[a]\nk=x\\\n", "a.l", "v", "[a]\nk=x\\\n\nl = v\n", 0},
    {"#c", "a.s\"\\.k", "", "#c\n[a \"s\\\"\\\\\"]\n    k = \"\"\n", 0},
    {"[a]\nk=1\n", "a.k", " \t\n\"\\ ", "[a]\nk=\" \\t\\n\\\"\\\\ \"\n", 0},
    /* removed */
    {"[a]\nk=1 # c\n# d\nk=2\nl=1\n", "a.k", NULL, "[a]\n# d\nl=1\n", 0},
    {"[a] k=1\nl=1\n", "a.k", NULL, "[a] \nl=1\n", 0},
    {"[a]\nl=1\n", "a.k", NULL, "[a]\nl=1\n", 0},
};

static void edits_change_one_place(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct conf_text *t = NULL, *again = NULL;
        struct buf out = BUF_INIT(4096);
        assert_int_equal(conf_text_parse(str_of(edits[i].text), "f", &t, &e), ERR_OK);
        assert_int_equal(
            conf_text_set(t, edits[i].dotted, edits[i].value, edits[i].add, &out, &e),
            ERR_OK);
        assert_string_equal(out.data, edits[i].want);
        assert_int_equal(conf_text_parse(buf_str(&out), "f", &again, &e), ERR_OK);
        const struct conf_entry *x = conf_text_get(again, edits[i].dotted);
        if (edits[i].value != NULL)
            assert_string_equal(x->value, edits[i].value);
        else
            assert_null(x);
        conf_text_free(&t);
        conf_text_free(&again);
        buf_release(&out);
    }
}

static void edits_that_cannot_be_meant_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *dotted, *want;
    } rows[] = {
        {"a.k", "a.k has 2 values in f; which one is not clear\nhint: llmgw config edit; "
                "--add adds "
                "one, llmgw config unset drops them all"},
        {"k", "\"k\" is no SECTION.KEY"},
        {"a.", "\"a.\": sections and keys are letters, digits and \"-\""},
        {".k", "\".k\": sections and keys are letters, digits and \"-\""},
        {"a.1", "\"a.1\": sections and keys are letters, digits and \"-\""},
        {"a.k_l", "\"a.k_l\": sections and keys are letters, digits and \"-\""},
        {"a.s\nt.k", "\"a.s\nt.k\": sections and keys are letters, digits and \"-\""},
    };
    struct conf_text *t = NULL;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(4096);
    assert_int_equal(conf_text_parse(STR("[a]\nk=1\nk=2\n"), "f", &t, &e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(conf_text_set(t, rows[i].dotted, "x", false, &out, &e),
                         ERR_USAGE);
        assert_string_equal(e.text, rows[i].want);
    }
    assert_int_equal(out.len, 0);
    conf_text_free(&t);
}

static void a_section_can_be_dropped_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text, *section, *sub, *want;
    } rows[] = {
        {"[a \"x\"]\nk=1\n# c\nl=2\n\n[a]\nm=1\n[a \"x\"] n=1\n", "a", "x",
         "\n[a]\nm=1\n"},
        {"[a] [b] x=1\n", "a", NULL, "[b] x=1\n"},
        {"[a] [a] x=1\n[b]", "a", NULL, "[b]"},
        {"[b]\n", "a", NULL, "[b]\n"},
    };
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf_text *t = NULL;
        struct buf out = BUF_INIT(4096);
        assert_int_equal(conf_text_parse(str_of(rows[i].text), "f", &t, &e), ERR_OK);
        assert_int_equal(conf_text_drop(t, rows[i].section, rows[i].sub, &out, &e),
                         ERR_OK);
        assert_string_equal(out.data, rows[i].want);
        conf_text_free(&t);
        buf_release(&out);
    }
}

/* ---- git as oracle ---- */

static char oracle_path[] = "/tmp/llmgw-conf-XXXXXX";

static bool has_git(void)
{
    FILE *p = popen("git --version 2>/dev/null", "r");
    char line[64] = "";
    bool ok = p != NULL && fgets(line, sizeof line, p) != NULL;
    return pclose(p) == 0 && ok;
}

/* What git makes of the text, in the form of list(); "error" when it refuses. */
static void git_list(const char *text, struct buf *out)
{
    char command[128], got[8192];
    FILE *f = fopen(oracle_path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    snprintf(command, sizeof command, "git config -f %s -z --list 2>/dev/null",
             oracle_path);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(got, 1, sizeof got, p);
    buf_reset(out);
    if (pclose(p) != 0) {
        buf_addz(out, "error");
        return;
    }
    for (size_t at = 0; at < n; at += strlen(got + at) + 1) {
        const char *nl = strchr(got + at, '\n');
        if (nl != NULL)
            buf_printf(out, "%.*s=%s;", (int)(nl - (got + at)), got + at, nl + 1);
        else
            buf_printf(out, "%s=~;", got + at);
    }
}

static void agree(const char *text)
{
    struct buf ours = BUF_INIT(65536), theirs = BUF_INIT(65536);
    list(text, &ours);
    git_list(text, &theirs);
    /* On purpose stricter than git, which takes sections without a name. */
    bool nameless = str_contains(buf_str(&ours), STR("section without a name"));
    if (str_starts(buf_str(&ours), STR("error")))
        buf_truncate(&ours, 5);
    struct str a = buf_str(&ours), b = buf_str(&theirs);
    if (!nameless && !str_eq(a, b))
        print_message("of <<%s>>\nours: %.*s\ngit:  %.*s\n", text, STR_ARG(a),
                      STR_ARG(b));
    assert_true(nameless || str_eq(a, b));
    buf_release(&ours);
    buf_release(&theirs);
}

/* Texts put together at random from the pieces where grammars differ. */
static void git_agrees(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "[a]",   "[a \"s\"]", "[b.c]", "\n", "\n",   "\n",       " ",     "k",
        "key-1", "=",         " = ",   "v",  "1",    "\"",       "\\",    "\\n",
        "\\t",   "\\\n",      "#",     ";",  "x y",  "  ",       "\r\n",  "[",
        "]",     "\"q\"",     "_",     ".",  "\\\"", "[a]k=1\n", "k=1\n", "l = \"x\"\n",
    };
    if (!has_git())
        return;
    int fd = mkstemp(oracle_path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(readings); i++)
        if (strncmp(readings[i].text, "k = 1", 5) != 0)
            agree(readings[i].text);
    for (size_t i = 0; i < ARRAY_LEN(edits); i++)
        agree(edits[i].want);
    uint32_t seed = 20261125;
    for (int i = 0; i < 250; i++) {
        char text[512] = "[a]\n";
        for (int j = 0; j < 14; j++) {
            seed = seed * 1664525U + 1013904223U;
            strcat(text, pieces[(seed >> 16) % ARRAY_LEN(pieces)]);
        }
        agree(text);
    }
    unlink(oracle_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_as_git_reads_it),
        cmocka_unit_test(sizes_have_caps),
        cmocka_unit_test(lines_and_the_last_value_are_known),
        cmocka_unit_test(edits_change_one_place),
        cmocka_unit_test(edits_that_cannot_be_meant_are_refused),
        cmocka_unit_test(a_section_can_be_dropped_whole),
        cmocka_unit_test(git_agrees),
    };
    return cmocka_run_group_tests_name("conf_text", tests, NULL, NULL);
}
