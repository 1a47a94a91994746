/* test_prompt.c: files, attachments, standard input and words become one message. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/files.h"
#include "cmd/prompt.h"

#include <cmocka.h>

static char dir[] = "/tmp/test_prompt.XXXXXX";

static const char *put(struct arena *a, const char *name, struct str content)
{
    struct err e = ERR_INIT;
    const char *path = arena_printf(a, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(files_write_fd(fd, path, content, &e), ERR_OK);
    close(fd);
    return path;
}

/* Standard input becomes a file of this content; NULL: /dev/null. */
static void feed_stdin(struct arena *a, const char *content)
{
    const char *path = content == NULL ? "/dev/null" : put(a, "stdin", str_of(content));
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

struct fixture {
    struct cmd_ctx ctx;
    struct opt_list files, attach;
    struct opt_args words;
    struct prompt_source src;
    struct prompt p;
    struct buf json;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->ctx = (struct cmd_ctx){.program = "llmgw", .clock = &clock_system};
    f->ctx.global.quiet = true;
    arena_init(&f->ctx.arena, 1 << 20);
    f->src = (struct prompt_source){
        .files = &f->files, .attach = &f->attach, .words = &f->words};
    f->json = (struct buf)BUF_INIT(1 << 20);
    f->e = (struct err)ERR_INIT;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->ctx.arena);
    buf_release(&f->json);
    free(f);
    return 0;
}

static const char *build(struct fixture *f)
{
    struct jw w;
    if (prompt_build(&f->ctx, &f->src, &f->p, &f->e) != ERR_OK)
        fail_msg("%s", f->e.text);
    buf_reset(&f->json);
    jw_init(&w, &f->json);
    prompt_write(&f->p, &w);
    prompt_release(&f->p);
    return buf_str(&f->json).ptr;
}

static void stable_parts_come_first(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->ctx.arena;
    feed_stdin(a, "from stdin\n\n");
    f->files.items[f->files.n++] = put(a, "b", STR("bee\n"));
    f->files.items[f->files.n++] = put(a, "a\"q", STR("no end"));
    f->words.items[f->words.n++] = "two";
    f->words.items[f->words.n++] = "words";
    const char *want = arena_printf(
        a,
        "{\"role\":\"user\",\"content\":\"<file path=\\\"%s/b\\\">\\nbee\\n</file>\\n\\n"
        "<file path=\\\"%s/a&quot;q\\\">\\nno end\\n</file>\\n\\nfrom stdin\\n\\ntwo "
        "words\"}",
        dir, dir);
    assert_string_equal(build(f), want);
}

static void standard_input_is_read_by_rule(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *content; /* NULL: a device */
        const char *file, *word;
        bool want, never;
        const char *text; /* NULL: nothing to say */
    } rows[] = {
        {"in", NULL, NULL, false, false, "in"},
        {"in", NULL, "w", false, false, "in\\n\\nw"},
        {"in", NULL, "w", false, true, "w"},
        {"in", NULL, NULL, false, true, NULL},
        {"", NULL, "w", false, false, "w"},
        {"", NULL, NULL, false, false, NULL},
        {NULL, NULL, "w", false, false, "w"},
        {NULL, NULL, NULL, false, false, NULL},
        {NULL, NULL, "w", true, false, "w"},
        {"in", "-", "w", false, false, "in\\n\\nw"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        feed_stdin(&f->ctx.arena, rows[i].content);
        f->files.n = f->words.n = 0;
        if (rows[i].file != NULL)
            f->files.items[f->files.n++] = rows[i].file;
        if (rows[i].word != NULL)
            f->words.items[f->words.n++] = rows[i].word;
        f->src.want_stdin = rows[i].want;
        f->src.never_stdin = rows[i].never;
        if (rows[i].text == NULL) {
            assert_int_equal(prompt_build(&f->ctx, &f->src, &f->p, &f->e), ERR_USAGE);
            continue;
        }
        assert_string_equal(build(f),
                            arena_printf(&f->ctx.arena,
                                         "{\"role\":\"user\",\"content\":\"%s\"}",
                                         rows[i].text));
    }
}

static void attachments_are_known_by_their_bytes(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->ctx.arena;
    feed_stdin(a, NULL);
    static const struct {
        const char *name;
        struct str bytes;
        const char *mime; /* "": by magic */
        const char *part; /* NULL: refused */
    } rows[] = {
        {"x.txt",
         {"\x89PNG\r\n\x1a\nz", 9},
         "",
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "png;base64,iVBORw0KGgp6\"}}"},
        {"j",
         {"\xFF\xD8\xFF\xE0", 4},
         "",
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,/9j/"
         "4A==\"}}"},
        {"g",
         {"GIF89a\1", 7},
         "",
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "gif;base64,R0lGODlhAQ==\"}}"},
        {"w",
         {"RIFF\1\2\3\4WEBP", 12},
         "",
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "webp;base64,UklGRgECAwRXRUJQ\"}}"},
        {"d.pdf",
         {"%PDF-1.7", 8},
         "",
         "{\"type\":\"file\",\"file\":{\"filename\":\"d.pdf\",\"file_data\":"
         "\"data:application/pdf;base64,JVBERi0xLjc=\"}}"},
        {"o",
         {"\0\1", 2},
         ":image/png",
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "png;base64,AAE=\"}}"},
        {"bin", {"\0\1", 2}, "", NULL},
        {"wav", {"RIFF", 4}, ":audio/wav", NULL},
    };
    f->words.items[f->words.n++] = "what?";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = put(a, rows[i].name, rows[i].bytes);
        f->attach.n = 1;
        f->attach.items[0] = arena_printf(a, "%s%s", path, rows[i].mime);
        if (rows[i].part == NULL) {
            assert_int_equal(prompt_build(&f->ctx, &f->src, &f->p, &f->e), ERR_USAGE);
            continue;
        }
        assert_string_equal(build(f),
                            arena_printf(a,
                                         "{\"role\":\"user\",\"content\":[%s,"
                                         "{\"type\":\"text\",\"text\":\"what?\"}]}",
                                         rows[i].part));
    }
}

static void a_directory_gives_its_files_in_order(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->ctx.arena;
    feed_stdin(a, NULL);
    assert_int_equal(mkdir(arena_printf(a, "%s/d", dir), 0700), 0);
    assert_int_equal(mkdir(arena_printf(a, "%s/d/sub", dir), 0700), 0);
    put(a, "d/z", STR("last"));
    put(a, "d/.hidden", STR("never"));
    put(a, "d/sub/m", STR("middle"));
    put(a, "d/a", STR("first"));
    put(a, "d/b.bin", STR("bin\0ary"));
    f->files.items[f->files.n++] = arena_printf(a, "%s/d/", dir);
    const char *got = build(f);
    const char *first = strstr(got, "/d/a\\\">\\nfirst"),
               *middle = strstr(got, "/d/sub/m\\\">");
    const char *last = strstr(got, "/d/z\\\">\\nlast");
    assert_true(first != NULL && first < middle && middle < last);
    assert_null(strstr(got, "never"));
    assert_null(strstr(got, "b.bin"));
}

static void what_is_missing_or_binary_is_told(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->ctx.arena;
    feed_stdin(a, NULL);
    f->files.n = 1;
    f->files.items[0] = arena_printf(a, "%s/absent", dir);
    assert_int_equal(prompt_build(&f->ctx, &f->src, &f->p, &f->e), ERR_NOT_FOUND);
    f->files.items[0] = put(a, "bin", STR("a\0b"));
    assert_int_equal(prompt_build(&f->ctx, &f->src, &f->p, &f->e), ERR_USAGE);
}

static void a_system_prompt_may_be_a_file(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->ctx.arena;
    const char *got;
    assert_int_equal(prompt_system(&f->ctx, "text", &got, &f->e), ERR_OK);
    assert_string_equal(got, "text");
    const char *path = put(a, "system", STR("be brief\n"));
    assert_int_equal(prompt_system(&f->ctx, arena_printf(a, "@%s", path), &got, &f->e),
                     ERR_OK);
    assert_string_equal(got, "be brief");
    assert_int_equal(prompt_system(&f->ctx, "@/nonexistent", &got, &f->e), ERR_NOT_FOUND);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stable_parts_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_input_is_read_by_rule, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(attachments_are_known_by_their_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_directory_gives_its_files_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_or_binary_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_system_prompt_may_be_a_file, set_up, tear_down),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    int rc = cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return rc;
}
