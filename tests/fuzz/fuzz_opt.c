/*
 * fuzz_opt.c: words, one a line, as a command line; and the same text wrapped as help and
 * written for a man page, which changes nothing but blanks.
 */
#include <stdlib.h>
#include <string.h>

#include "core/opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
    bool flag;
    int count;
    const char *text, *choice;
    struct opt_list list;
    int64_t number, size, us, ppm, money;
};

static const struct option_row options[] = {
    {'f', "flag", OPT_FLAG, offsetof(struct values, flag), .negatable = true, .help = ""},
    {'c', "count", OPT_COUNT, offsetof(struct values, count), .help = "a b"},
    {'t', "text", OPT_STRING, offsetof(struct values, text), .arg = "T", .help = "t"},
    {'l', "list", OPT_STRINGS, offsetof(struct values, list), .arg = "L", .help = "l"},
    {'n', "number", OPT_INT, offsetof(struct values, number), .values = "-5..5",
     .help = ""},
    {'s', "size", OPT_SIZE, offsetof(struct values, size), .arg = "S", .help = "s"},
    {'d', "dur", OPT_DURATION, offsetof(struct values, us), .arg = "D", .help = "d"},
    {'p', "part", OPT_FRACTION, offsetof(struct values, ppm), .arg = "P", .help = "p"},
    {'m', "money", OPT_MONEY, offsetof(struct values, money), .arg = "M", .help = "m"},
    {'F', "format", OPT_CHOICE, offsetof(struct values, choice), .values = "text|json",
     .help = "x"},
    {0},
};

/* The same but for blanks? */
static bool says_the_same(struct str a, struct str b)
{
    for (;; a = str_sub(a, 1, a.len), b = str_sub(b, 1, b.len)) {
        while (a.len > 0 && strchr(" \n", a.ptr[0]) != NULL && a.ptr[0] != '\0')
            a = str_sub(a, 1, a.len);
        while (b.len > 0 && strchr(" \n", b.ptr[0]) != NULL && b.ptr[0] != '\0')
            b = str_sub(b, 1, b.len);
        if (a.len == 0 || b.len == 0)
            return a.len == b.len;
        if (a.ptr[0] != b.ptr[0])
            return false;
    }
}

static void write_texts(struct str text)
{
    struct buf out = BUF_INIT(1 << 24);
    opt_wrap(&out, text, text.len % 30, text.len % 40, 40 + text.len % 60);
    if (buf_err(&out) != ERR_OK || !says_the_same(text, buf_str(&out)))
        abort();
    buf_reset(&out);
    opt_mdoc_text(&out, text);
    opt_help(options, (int)(text.len % 120), &out);
    opt_mdoc(options, &out);
    if (buf_err(&out) != ERR_OK)
        abort();
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { WORDS = 5000 };
    char *text = malloc(size + 1), **argv = calloc(WORDS + 2, sizeof *argv), *rest = text;
    struct opt_args *args = calloc(1, sizeof *args);
    int argc = 1, used = 0;
    memcpy(text, data, size);
    text[size] = '\0';
    argv[0] = text;
    for (char *word; argc <= WORDS && (word = strsep(&rest, "\n")) != NULL;)
        argv[argc++] = word;
    struct values v = {0};
    struct err e = ERR_INIT;
    const struct option_row *const tables[OPT_TABLES] = {options, NULL};
    void *const into[OPT_TABLES] = {&v, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, size % 2, args, &used, &e);
    if ((rc == ERR_OK) != (e.code == ERR_OK) || used > argc || v.number < -5 ||
        v.number > 5 || v.money < 0)
        abort();
    write_texts((struct str){(const char *)data, size});
    free(args);
    free(argv);
    free(text);
    return 0;
}
