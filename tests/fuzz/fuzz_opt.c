/* fuzz_opt.c: words, one a line, as a command line; then help and man text of the table. */
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
    {'n', "number", OPT_INT, offsetof(struct values, number), .values = "-5..5"},
    {'s', "size", OPT_SIZE, offsetof(struct values, size), .arg = "S", .help = "s"},
    {'d', "dur", OPT_DURATION, offsetof(struct values, us), .arg = "D", .help = "d"},
    {'p', "part", OPT_FRACTION, offsetof(struct values, ppm), .arg = "P", .help = "p"},
    {'m', "money", OPT_MONEY, offsetof(struct values, money), .arg = "M", .help = "m"},
    {'F', "format", OPT_CHOICE, offsetof(struct values, choice), .values = "text|json"},
    {0},
};

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
    const struct option_row *const tables[2] = {options, NULL};
    void *const into[2] = {&v, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, size % 2, args, &used, &e);
    if ((rc == ERR_OK) != (e.code == ERR_OK) || used > argc || v.number < -5 ||
        v.number > 5 || v.money < 0)
        abort();
    free(args);
    free(argv);
    free(text);
    return 0;
}
