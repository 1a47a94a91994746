/* test_opt.c: the grammar of the command line, help and man page text, "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/money.h"
#include "core/near.h"
#include "core/opt.h"

#include <cmocka.h>

struct values {
    bool stream, quiet;
    int verbose;
    const char *model, *format;
    struct opt_list files;
    int64_t count, size, timeout_us, warn_ppm;
    pico max_cost;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct option_row options[] = {
    {'m', "model", OPT_STRING, AT(model), .arg = "NAME", .group = "where",
     .help = "ask this model, alias or route"},
    {'f', "file", OPT_STRINGS, AT(files), .arg = "FILE", .help = "add a file"},
    {'n', "count", OPT_INT, AT(count), .arg = "N", .values = "1..10", .help = "how many"},
    {0, "size", OPT_SIZE, AT(size), .arg = "BYTES", .help = "a size"},
    {0, "timeout", OPT_DURATION, AT(timeout_us), .arg = "DUR", .help = "a time"},
    {0, "warn-at", OPT_FRACTION, AT(warn_ppm), .arg = "PART", .help = "a part"},
    {0, "max-cost", OPT_MONEY, AT(max_cost), .arg = "USD", .help = "a price"},
    {0, "stream", OPT_FLAG, AT(stream), .negatable = true, .group = "how",
     .help = ".as it comes"},
    {0, "secret", OPT_FLAG, AT(stream), .hidden = true, .help = "not shown"},
    {0},
};

/* Shared with another command: behind one's own. */
static const struct option_row shared[] = {
    {'n', "shadowed", OPT_FLAG, AT(quiet), .help = "its letter is taken"},
    {'t', "tee", OPT_STRING, AT(model), .arg = "FILE", .help = "its own"},
    {0},
};

static const struct option_row global[] = {
    {'v', "verbose", OPT_COUNT, AT(verbose), .help = "say more"},
    {'q', "quiet", OPT_FLAG, AT(quiet), .help = "say less"},
    {'F', "format", OPT_CHOICE, AT(format), .values = "text|json", .help = "output"},
    {0},
};

struct parsed {
    struct values v;
    struct opt_args args;
    int used;
    struct err e;
};

/* Splits the line at blanks and parses it; "_" stands for an empty word. */
static enum errc parse(struct parsed *p, const char *line, bool stop)
{
    static char text[256], program[] = "llmgw", empty[] = "";
    char *argv[32] = {program};
    int argc = 1;
    strcpy(text, line);
    for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "_") == 0 ? empty : w;
    *p = (struct parsed){.e = ERR_INIT, .used = -1};
    const struct option_row *const tables[OPT_TABLES] = {options, shared, global};
    void *const into[OPT_TABLES] = {&p->v, &p->v, &p->v};
    return opt_parse(argc, argv, tables, into, stop, &p->args, &p->used, &p->e);
}

static void the_first_table_that_knows_an_option_has_it(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "-n 3 -t x", false), ERR_OK);
    assert_int_equal(p.v.count, 3);
    assert_false(p.v.quiet);
    assert_string_equal(p.v.model, "x");
    assert_int_equal(parse(&p, "--shadowed", false), ERR_OK);
    assert_true(p.v.quiet);
}

static void options_and_operands_mix(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "a -m x b --file=f1 -ff2 --file f3 - -- -m -q", false),
                     ERR_OK);
    assert_string_equal(p.v.model, "x");
    assert_int_equal(p.v.files.n, 3);
    assert_string_equal(p.v.files.items[0], "f1");
    assert_string_equal(p.v.files.items[1], "f2");
    assert_string_equal(p.v.files.items[2], "f3");
    assert_int_equal(p.args.n, 5);
    assert_string_equal(p.args.items[2], "-");
    assert_string_equal(p.args.items[3], "-m");
    assert_false(p.v.quiet);
}

static void flags_bundle_and_the_last_may_take_a_value(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "-vvqn3 -v -qm name", false), ERR_OK);
    assert_int_equal(p.v.verbose, 3);
    assert_true(p.v.quiet);
    assert_int_equal(p.v.count, 3);
    assert_string_equal(p.v.model, "name");
}

static void every_type_is_read_in_its_unit(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(
        parse(&p,
              "--size 2k --timeout 1.5s --warn-at 80% --max-cost 0.02 -F json "
              "--stream",
              false),
        ERR_OK);
    assert_int_equal(p.v.size, 2048);
    assert_int_equal(p.v.timeout_us, 1500000);
    assert_int_equal(p.v.warn_ppm, 800000);
    assert_int_equal(p.v.max_cost, 20000000000);
    assert_string_equal(p.v.format, "json");
    assert_true(p.v.stream);
    assert_int_equal(parse(&p, "--stream --no-stream", false), ERR_OK);
    assert_false(p.v.stream);
}

static void parsing_can_stop_at_the_command(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "-q -F text chat -m x", true), ERR_OK);
    assert_int_equal(p.used, 4);
    assert_null(p.v.model);
    assert_int_equal(parse(&p, "-q -- -m", true), ERR_OK);
    assert_int_equal(p.used, 3);
    assert_int_equal(parse(&p, "-q", true), ERR_OK);
    assert_int_equal(p.used, 2);
}

static void an_empty_word_is_an_operand(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "_ -m _", false), ERR_OK);
    assert_int_equal(p.args.n, 1);
    assert_string_equal(p.v.model, "");
}

static void mistakes_name_the_option_and_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"--modle x", "unknown option --modle (did you mean --model?)"},
        {"--zzzzzzzzz", "unknown option --zzzzzzzzz"},
        {"--mod x", "unknown option --mod (did you mean --model?)"},
        {"--secrte", "unknown option --secrte"},
        {"-vx", "unknown option -x in \"-vx\""},
        {"-m", "--model needs a value (NAME)"},
        {"-F", "--format needs a value (text|json)"},
        {"--quiet=yes", "--quiet takes no value"},
        {"--no-quiet", "unknown option --no-quiet (did you mean --quiet?)"},
        {"-F jsno", "--format: \"jsno\" is none of text|json (did you mean \"json\"?)"},
        {"-n 11", "--count: 11 is outside 1..10"},
        {"-n x", "--count: \"x\" is not a whole number"},
        {"--size 1q", "--size: \"1q\" is not a size such as 64k or 10M"},
        {"--timeout 5", "--timeout: \"5\" is not a duration such as 1.5s, 10m or 2h"},
        {"--max-cost -1", "--max-cost: \"-1\" is not an amount in dollars such as 0.02"},
        {"--warn-at x", "--warn-at: \"x\" is not a fraction such as 0.8 or 80%"},
    };
    struct parsed p;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(parse(&p, rows[i].line, false), ERR_USAGE);
        assert_string_equal(p.e.text, rows[i].want);
    }
}

static void a_failed_value_leaves_the_field_alone(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "--max-cost 2 -n 3 --max-cost -1", false), ERR_USAGE);
    assert_int_equal(p.v.max_cost, 2 * PICO_PER_USD);
    assert_int_equal(parse(&p, "-n 3 -n 99", false), ERR_USAGE);
    assert_int_equal(p.v.count, 3);
}

static void operands_and_lists_have_an_end(void **state)
{
    (void)state;
    enum { MANY = 4097 };
    static char *argv[MANY + 2], word[] = "x", option[] = "-fx";
    argv[0] = word;
    for (int i = 1; i <= MANY; i++)
        argv[i] = word;
    struct values v = {0};
    struct opt_args *args = calloc(1, sizeof *args);
    struct err e = ERR_INIT;
    const struct option_row *const tables[OPT_TABLES] = {options, NULL};
    void *const into[OPT_TABLES] = {&v, NULL};
    assert_int_equal(opt_parse(MANY + 1, argv, tables, into, false, args, NULL, &e),
                     ERR_USAGE);
    assert_int_equal(args->n, 4096);
    args->n = 0;
    for (int i = 1; i <= OPT_LIST_MAX + 1; i++)
        argv[i] = option;
    assert_int_equal(
        opt_parse(OPT_LIST_MAX + 2, argv, tables, into, false, args, NULL, &e),
        ERR_USAGE);
    assert_int_equal(v.files.n, OPT_LIST_MAX);
    free(args);
}

static void the_options_that_were_given_are_told_once_each(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "-m x a -q --model y -vv --no-stream", false), ERR_OK);
    assert_int_equal(p.args.n_given, 4);
    assert_ptr_equal(p.args.given[0], &options[0]);
    assert_string_equal(p.args.given[1]->name, "quiet");
    assert_string_equal(p.args.given[2]->name, "verbose");
    assert_string_equal(p.args.given[3]->name, "stream");
    assert_int_equal(parse(&p, "a b", false), ERR_OK);
    assert_int_equal(p.args.n_given, 0);
    assert_int_equal(parse(&p, "--size x", false), ERR_USAGE);
    assert_int_equal(p.args.n_given, 0);
}

/* Of a command with words behind it. */
static const struct option_row worded[] = {
    {'g', "grep", OPT_STRING, AT(model), .with = "list rm", .group = "which",
     .help = "only those"},
    {0, "last", OPT_DURATION, AT(timeout_us), .arg = "DUR", .with = "list rm",
     .help = "the last"},
    {0, "yes", OPT_FLAG, AT(quiet), .with = "rm", .group = "other", .help = "do not ask"},
    {'n', "count", OPT_INT, AT(count), .arg = "N", .with = "- list", .help = "how many"},
    {0, "dry", OPT_FLAG, AT(quiet), .with = "-", .help = "do nothing"},
    {0, "all", OPT_FLAG, AT(quiet), .help = "all of them"},
    {0},
};

static void words_that_an_option_goes_with_are_told(void **state)
{
    (void)state;
    static const struct {
        size_t row;
        const char *want;
    } rows[] = {
        {0, "with list and rm: only those"},
        {2, "with rm: do not ask"},
        {3, "how many; also with list"},
        {4, "do nothing"},
        {5, "all of them"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf b = BUF_INIT(4096);
        opt_about(&worded[rows[i].row], &b);
        assert_string_equal(b.data, rows[i].want);
    }
    assert_true(opt_has_word("list rm", STR("rm")));
    assert_false(opt_has_word("list rm", STR("r")));
    assert_false(opt_has_word("list rm", STR(OPT_BARE)));
    assert_true(opt_has_word("- list", STR(OPT_BARE)));
}

static void a_group_says_once_what_its_options_go_with(void **state)
{
    (void)state;
    AUTO(buf_release) struct buf help = BUF_INIT(4096), page = BUF_INIT(4096);
    opt_help(worded, 80, &help);
    assert_string_equal(help.data, "which, with list and rm:\n"
                                   "  -g, --grep              only those\n"
                                   "      --last DUR          the last\n"
                                   "\nother:\n"
                                   "      --yes               with rm: do not ask\n"
                                   "  -n, --count N           how many; also with list\n"
                                   "      --dry               do nothing\n"
                                   "      --all               all of them\n");
    opt_mdoc(worded, &page);
    assert_string_equal(page.data,
                        "Which, with list and rm:\n.Bl -tag -width Ds\n"
                        ".It Fl g , Fl -grep\nOnly those.\n"
                        ".It Fl -last Ar DUR\nThe last.\n"
                        ".El\n.Pp\nOther:\n.Bl -tag -width Ds\n"
                        ".It Fl -yes\nWith rm: do not ask.\n"
                        ".It Fl n , Fl -count Ar N\nHow many; also with list.\n"
                        ".It Fl -dry\nDo nothing.\n"
                        ".It Fl -all\nAll of them.\n.El\n");
}

static void help_wraps_and_hides(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4096);
    opt_help(options, 50, &b);
    assert_non_null(strstr(b.data, "where:\n  -m, --model NAME\n            ask this"));
    assert_non_null(strstr(b.data, "\n\nhow:\n      --[no-]stream\n"));
    assert_null(strstr(b.data, "secret"));
    for (const char *line = b.data; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 50);
    buf_release(&b);
}

static void wrapping_counts_code_points(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a \u2192 b \u00b7 c d", "a \u2192 b \u00b7 c\n  d\n"},
        {"a - b - c d", "a - b - c\n  d\n"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff x", "\xff\xff\xff\xff\xff\xff\xff\xff\n  x\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_release) struct buf b = BUF_INIT(4096);
        opt_wrap(&b, str_of(rows[i].text), 2, 0, 9);
        buf_addc(&b, '\0');
        assert_string_equal(b.data, rows[i].want);
    }
}

static void man_text_cannot_become_a_macro(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4096);
    opt_mdoc(options, &b);
    assert_non_null(strstr(b.data, "Where:\n.Bl -tag -width Ds\n.It Fl m , Fl -model Ar "
                                   "NAME\nAsk this model"));
    assert_non_null(strstr(b.data, ".It Fl -stream , Fl -no-stream\n\\&.as it comes.\n"));
    assert_null(strstr(b.data, "secret"));
    buf_release(&b);
}

static void near_names_are_offered_nearest_first(void **state)
{
    (void)state;
    static const struct {
        const char *wanted, *names, *want;
        size_t max;
    } rows[] = {
        {"haiku3", "opus haiku haikus", " (did you mean \"haiku\" or \"haikus\"?)", 2},
        {"haiku3", "opus haiku", " (did you mean \"haiku\"?)", 3},
        {"haiku", "anthropic/claude-haiku-4-5",
         " (did you mean \"anthropic/claude-haiku-4-5\"?)", 1},
        {"x", "y", "", 1},
        {"qqqq", "opus haiku", "", 3},
        {"cost", "most lost post host", " (did you mean \"most\", \"lost\" or \"post\"?)",
         3},
        {"cots", "most cost cost", " (did you mean \"cost\"?)", 3},
        {"hlep", "help", " (did you mean \"help\"?)", 1},
        {"nope", "top by mode", "", 3},
        {"templtae", "template temper", " (did you mean \"template\"?)", 3},
        {"GPT-6-Luna", "gpt-5-luna gpt-6-luna", " (did you mean \"gpt-6-luna\"?)", 1},
        {"gpt-6", "gpt-4 gpt-5 openai/gpt-6-luna",
         " (did you mean \"openai/gpt-6-luna\", \"gpt-4\" or \"gpt-5\"?)", 3},
        {"gemini-flash", "gemini-3-pro gemini-3.8-flash flash-gemini",
         " (did you mean \"gemini-3.8-flash\"?)", 3},
        {"gemini-", "gopher", "", 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct near n;
        char hint[NEAR_TEXT_LEN];
        struct str rest = str_of(rows[i].names), name;
        near_init(&n, str_of(rows[i].wanted));
        while (str_split(&rest, ' ', &name))
            near_offer(&n, name);
        assert_string_equal(near_hint(&n, rows[i].max, hint), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_table_that_knows_an_option_has_it),
        cmocka_unit_test(options_and_operands_mix),
        cmocka_unit_test(flags_bundle_and_the_last_may_take_a_value),
        cmocka_unit_test(every_type_is_read_in_its_unit),
        cmocka_unit_test(parsing_can_stop_at_the_command),
        cmocka_unit_test(an_empty_word_is_an_operand),
        cmocka_unit_test(mistakes_name_the_option_and_the_nearest),
        cmocka_unit_test(a_failed_value_leaves_the_field_alone),
        cmocka_unit_test(operands_and_lists_have_an_end),
        cmocka_unit_test(the_options_that_were_given_are_told_once_each),
        cmocka_unit_test(words_that_an_option_goes_with_are_told),
        cmocka_unit_test(a_group_says_once_what_its_options_go_with),
        cmocka_unit_test(help_wraps_and_hides),
        cmocka_unit_test(wrapping_counts_code_points),
        cmocka_unit_test(man_text_cannot_become_a_macro),
        cmocka_unit_test(near_names_are_offered_nearest_first),
    };
    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
