/* test_conf_file.c: files are read whole or refused, and replaced whole or left as they were. */
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf.h"

#include <cmocka.h>

static char top[64];

static const char *test_getenv(const char *name)
{
    return strcmp(name, "HOME") == 0 || strcmp(name, "XDG_STATE_HOME") == 0 ? top : NULL;
}

static const char *in_top(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void check_content(const char *name, const char *want)
{
    AUTO(buf_release) struct buf b = BUF_INIT(LIMIT_CONF_LEN);
    struct err e = ERR_INIT;
    assert_int_equal(conf_read_file(in_top(name), &b, &e), ERR_OK);
    assert_int_equal(b.len, strlen(want));
    assert_memory_equal(b.data, want, b.len);
}

static void write_ok(const char *name, const char *text)
{
    struct err e = ERR_INIT;
    if (conf_write_file(in_top(name), str_of(text), &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static int setup(void **state)
{
    (void)state;
    strcpy(top, "/tmp/test_conf_file.XXXXXX");
    return mkdtemp(top) == NULL;
}

static int remove_entry(const char *path, const struct stat *st, int what, struct FTW *f)
{
    (void)st, (void)what, (void)f;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int count_files(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    AUTO(buf_release) struct buf b = BUF_INIT(100);
    assert_int_equal(conf_read_file(in_top("nothing"), &b, &e), ERR_NOT_FOUND);
    write_ok("file", "x");
    err_clear(&e);
    assert_int_equal(conf_read_file(in_top("file/below"), &b, &e), ERR_NOT_FOUND);
    err_clear(&e);
    assert_int_equal(conf_read_file(top, &b, &e), ERR_IO);
    assert_non_null(strstr(e.text, "Is a directory"));
    err_clear(&e);
    assert_int_equal(conf_read_file("/proc/self/mem", &b, &e), ERR_IO);
    assert_int_equal(b.len, 0);
}

static void a_file_has_a_largest_size(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    static char text[LIMIT_CONF_LEN + 2];
    memset(text, ';', sizeof text - 1);
    write_ok("large", text);
    AUTO(buf_release) struct buf b = BUF_INIT(LIMIT_CONF_LEN);
    assert_int_equal(conf_read_file(in_top("large"), &b, &e), ERR_TOO_LARGE);
    text[LIMIT_CONF_LEN] = '\0'; /* the last byte that is allowed */
    write_ok("large", text);
    check_content("large", text);
}

static void a_new_file_is_for_its_owner_alone(void **state)
{
    (void)state;
    struct stat st;
    write_ok("a/b/c", "one");
    check_content("a/b/c", "one");
    assert_int_equal(stat(in_top("a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_top("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_replaced_file_keeps_its_mode_and_its_links(void **state)
{
    (void)state;
    struct stat st;
    write_ok("dotfiles/config", "old");
    assert_int_equal(chmod(in_top("dotfiles/config"), 0644), 0);
    assert_int_equal(symlink("dotfiles/config", in_top("config")), 0);
    write_ok("config", "new");
    check_content("dotfiles/config", "new");
    assert_int_equal(lstat(in_top("config"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_top("config"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct rlimit saved, small = {4, RLIM_INFINITY};
    char dir[80];
    write_ok("d/config", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    small.rlim_max = saved.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(conf_write_file(in_top("d/config"), STR("longer"), &e), ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    check_content("d/config", "old");
    snprintf(dir, sizeof dir, "%s/d", top);
    assert_int_equal(count_files(dir), 1); /* nothing half written beside it */
}

static void a_place_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    static char longest[PATH_MAX + 16];
    write_ok("file", "x");
    assert_int_equal(conf_write_file(in_top("file/below"), STR("y"), &e), ERR_IO);
    check_content("file", "x");
    err_clear(&e);
    assert_int_equal(conf_write_file(top, STR("y"), &e), ERR_IO); /* a directory */
    struct stat st;
    err_clear(&e);
    assert_int_equal(mkfifo(in_top("pipe"), 0600), 0);
    assert_int_equal(conf_write_file(in_top("pipe"), STR("y"), &e), ERR_IO);
    assert_int_equal(stat(in_top("pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode)); /* as /dev/null stays what it is */
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    err_clear(&e);
    assert_int_equal(conf_write_file(longest, STR("y"), &e), ERR_IO);
}

static void trust_is_of_a_text_in_a_place(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct arena a;
    arena_init(&a, 65536);
    assert_false(conf_is_trusted(&a, test_getenv, "/p/one", STR("text")));
    assert_int_equal(conf_trust(&a, test_getenv, "/p/one", STR("text"), &e), ERR_OK);
    assert_int_equal(conf_trust(&a, test_getenv, "/p/two", STR("two"), &e), ERR_OK);
    assert_true(conf_is_trusted(&a, test_getenv, "/p/one", STR("text")));
    assert_true(conf_is_trusted(&a, test_getenv, "/p/two", STR("two")));
    assert_false(conf_is_trusted(&a, test_getenv, "/p/one", STR("text2")));
    assert_false(conf_is_trusted(&a, test_getenv, "/p/two", STR("text")));
    assert_int_equal(conf_trust(&a, test_getenv, "/p/one", STR("text2"), &e), ERR_OK);
    assert_true(conf_is_trusted(&a, test_getenv, "/p/one", STR("text2")));
    assert_false(conf_is_trusted(&a, test_getenv, "/p/one", STR("text")));
    assert_true(conf_is_trusted(&a, test_getenv, "/p/two", STR("two")));
    arena_release(&a);
}

static void trust_that_cannot_be_kept_is_said(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct arena a;
    arena_init(&a, 65536);
    assert_int_equal(mkdir(in_top("llmgw"), 0700), 0);
    assert_int_equal(mkdir(in_top("llmgw/trusted"), 0700), 0);
    assert_int_equal(conf_trust(&a, test_getenv, "/p/one", STR("text"), &e), ERR_IO);
    assert_false(conf_is_trusted(&a, test_getenv, "/p/one", STR("text")));
    arena_release(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_be_read_is_said),
        TEST(a_file_has_a_largest_size),
        TEST(a_new_file_is_for_its_owner_alone),
        TEST(a_replaced_file_keeps_its_mode_and_its_links),
        TEST(a_write_that_fails_leaves_the_old_file),
        TEST(a_place_that_cannot_be_written_is_said),
        TEST(trust_is_of_a_text_in_a_place),
        TEST(trust_that_cannot_be_kept_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
