/*
 * test_conf_memory.c: every allocation of a load fails once: the answer is out_of_memory, never a
 * crash, a leak, a half configuration or an error of the file that the file does not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/conf.h"

#include <cmocka.h>

/* Linked with --wrap: core/mem.c allocates by these two. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long left = -1; /* allocations until one fails; below 0: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static const char text[] =
    "[core]\n default-model = big\n[chat]\n tag = a=b\n tag = c=d\n"
    "[provider \"local\"]\n kind = ollama\n header = A: b\n key-file = ~/k\n"
    "[model \"local/x\"]\n can = tools\n[alias]\n big = local/x\n small = local/y\n"
    "[route \"r\"]\n target = big when tokens > 1\n target = small weight=2\n"
    "[limit \"all\"]\n requests = 1/s\n[budget \"b\"]\n limit = 1/day\n"
    "[price \"local/x\"]\n input = 1\n output = 2\n";

static const char *test_getenv(const char *name)
{
    return strcmp(name, "HOME") == 0             ? "/nonexistent"
           : strcmp(name, "OPENAI_API_KEY") == 0 ? "k"
                                                 : NULL;
}

static enum errc load_failing_at(long n, const char *what, bool lenient, struct err *e)
{
    struct conf_source src = {.file = "f",
                              .edited = "f",
                              .edited_text = str_of(what),
                              .getenv = test_getenv,
                              .lenient = lenient};
    struct conf *c = NULL;
    *e = (struct err)ERR_INIT;
    left = n;
    enum errc rc = conf_load(&src, NULL, &c, NULL, e);
    assert_true((rc == ERR_OK) == (c != NULL));
    conf_free(&c);
    return rc;
}

static void every_failure_is_told_as_what_it_is(void **state)
{
    (void)state;
    struct err e;
    for (int lenient = 0; lenient < 2; lenient++) {
        long n = 0;
        while (load_failing_at(n, text, lenient != 0, &e) == ERR_MEMORY)
            n++;
        assert_int_equal(e.code, ERR_OK);
        assert_true(left >= 0); /* the load that succeeded met no failure */
        assert_true(n > 20);
    }
}

static void edits_fail_whole(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    enum errc rc = ERR_MEMORY;
    for (long n = 0; rc != ERR_OK; n++) {
        struct conf_text *t = NULL;
        struct buf out = BUF_INIT(4096);
        left = n;
        rc = conf_text_parse(str_of(text), "f", &t, &e);
        if (rc == ERR_OK)
            rc = conf_text_set(t, "route.r.patience", "1s", false, &out, &e);
        assert_true(rc == ERR_OK || rc == ERR_MEMORY);
        conf_text_free(&t);
        buf_release(&out);
    }
    left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_is_told_as_what_it_is),
        cmocka_unit_test(edits_fail_whole),
    };
    return cmocka_run_group_tests_name("conf_memory", tests, NULL, NULL);
}
