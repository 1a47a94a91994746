/* test_estimate.c: tokens without a tokenizer: script classes, learning, and the held-out error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/num.h"

#include "broker/estimate.h"

#include <cmocka.h>

static struct estimator *make(void)
{
    struct estimator *s = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(estimator_new(&s, &e), ERR_OK);
    return s;
}

static void scripts_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum script want;
    } rows[] = {
        {"The quick brown fox jumps over the lazy dog.", SCRIPT_LATIN},
        {"Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich", SCRIPT_LATIN},
        {"Tôi có thể ăn thủy tinh mà không hại gì", SCRIPT_LATIN},
        {"for (i = 0; i < n; i++) { sum += a[i] * b[i]; }", SCRIPT_CODE},
        {"Съешь же ещё этих мягких французских булок", SCRIPT_ALPHABETIC},
        {"Μπορώ να φάω σπασμένα γυαλιά", SCRIPT_ALPHABETIC},
        {"मैं काँच खा सकता हूँ", SCRIPT_ALPHABETIC},
        {"我能吞下玻璃而不伤身体。", SCRIPT_CJK},
        {"私はガラスを食べられます。", SCRIPT_CJK},
        {"나는 유리를 먹을 수 있어요", SCRIPT_CJK},
        {"\\u6211\\u80fd\\u541e\\u4e0b\\u73bb\\u7483", SCRIPT_CJK},
        {"\\u0421\\u044a\\u0435\\u0448\\u044c", SCRIPT_ALPHABETIC},
        {"", SCRIPT_LATIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (estimate_script(str_of(rows[i].text)) != rows[i].want)
            fail_msg("%s is taken for %s", rows[i].text,
                     script_name(estimate_script(str_of(rows[i].text))));
}

static void broken_text_is_only_odd(void **state)
{
    (void)state;
    static const char bytes[] = "\xE6\x88\x91\xF0\x9F\\u12\xC3\\uzzzz\x80\x80\xE6";
    for (size_t len = 0; len < sizeof bytes; len++)
        estimate_script((struct str){bytes, len});
}

static void real_usage_moves_it_and_only_its_own_key(void **state)
{
    (void)state;
    struct estimator *s = make();
    struct estimate_key k = {DIALECT_OPENAI, {"p", 1}, {"f", 1}, SCRIPT_LATIN};
    struct estimate_key other = k;
    other.script = SCRIPT_CJK;
    int64_t before = estimate_tok(s, &k, 10000),
            other_before = estimate_tok(s, &other, 10000);
    for (int i = 0; i < 100; i++)
        estimate_learn(s, &k, 10000, 5000);
    assert_in_range(estimate_tok(s, &k, 10000), 4900, 5100);
    assert_true(before < 3000);
    assert_int_equal(estimate_tok(s, &other, 10000), other_before);
    int64_t learned = estimate_tok(s, &k, 10000);
    estimate_learn(s, &k, 10, 10);          /* too short */
    estimate_learn(s, &k, 10000, 1);        /* not of this text */
    estimate_learn(s, &k, 10000, 10000000); /* not of this text */
    estimate_learn(s, &k, 10000, 0);
    assert_int_equal(estimate_tok(s, &k, 10000), learned);
    assert_int_equal(estimate_tok(s, &k, 0), 1);
    assert_true(estimate_tok(s, &k, SIZE_MAX / 4000) > 0);
    estimator_free(&s);
}

/* ---- the published error ---- */

struct row {
    struct estimate_key key;
    size_t len;
    int64_t tok;
};

static enum script script_by_name(const char *name)
{
    unsigned i = 0;
    while (strcmp(script_name((enum script)i), name) != 0)
        assert_true(++i < SCRIPT_N_);
    return (enum script)i;
}

/* Reads the held-out counts of one tokenizer; the language stands in for a model family. */
static size_t load(enum dialect d, struct row *rows, size_t max)
{
    char path[1024], script[32], line[256];
    static char languages[1000][16];
    snprintf(path, sizeof path, "%s/tests/data/token_counts.tsv", getenv("top_srcdir"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = 0;
    while (n < max && fgets(line, sizeof line, f) != NULL) {
        long long counts[2];
        size_t len;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %15s %zu %lld %lld", script, languages[n],
                                &len, &counts[0], &counts[1]),
                         5);
        rows[n] =
            (struct row){{d, {"p", 1}, str_of(languages[n]), script_by_name(script)},
                         len,
                         counts[d == DIALECT_ANTHROPIC]};
        n++;
    }
    fclose(f);
    return n;
}

/* Mean of |estimate − truth| / truth in thousandths. */
static int64_t mean_error(struct estimator *s, const struct row *rows, size_t n,
                          bool learn)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t off = estimate_tok(s, &rows[i].key, rows[i].len) - rows[i].tok;
        sum += 1000 * (off < 0 ? -off : off) / rows[i].tok;
        if (learn)
            estimate_learn(s, &rows[i].key, rows[i].len, rows[i].tok);
    }
    return sum / (int64_t)n;
}

static void the_held_out_error_is_as_published(void **state)
{
    (void)state;
    /* thousandths: as shipped, and while learning from each answer */
    static const struct {
        enum dialect dialect;
        int64_t shipped, learning;
    } rows[] = {{DIALECT_OPENAI, 104, 77}, {DIALECT_ANTHROPIC, 184, 98}};
    static struct row data[1000];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = load(rows[i].dialect, data, ARRAY_LEN(data));
        assert_true(n > 400);
        struct estimator *s = make();
        int64_t shipped = mean_error(s, data, n, false),
                learning = mean_error(s, data, n, true);
        print_message("# %s: %lld ‰ as shipped, %lld ‰ learning\n",
                      dialect_name(rows[i].dialect), (long long)shipped,
                      (long long)learning);
        assert_true(shipped <= rows[i].shipped);
        assert_true(learning <= rows[i].learning);
        estimator_free(&s);
    }
}

/* How many of a thousand lie within the range that people are told. */
static int64_t within(struct estimator *s, const struct row *rows, size_t n, bool learn)
{
    int64_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        struct estimate x;
        estimate_range(s, &rows[i].key, rows[i].len, &x);
        assert_int_equal(x.tok, estimate_tok(s, &rows[i].key, rows[i].len));
        assert_true(1 <= x.low_tok && x.low_tok < x.tok && x.tok < x.high_tok);
        hits += x.low_tok <= rows[i].tok && rows[i].tok <= x.high_tok;
        if (learn)
            estimate_learn(s, &rows[i].key, rows[i].len, rows[i].tok);
    }
    return 1000 * hits / (int64_t)n;
}

static void nine_of_ten_texts_are_in_the_range(void **state)
{
    (void)state;
    static const enum dialect dialects[] = {DIALECT_OPENAI, DIALECT_ANTHROPIC};
    static struct row data[1000];
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
        size_t n = load(dialects[i], data, ARRAY_LEN(data));
        struct estimator *s = make();
        int64_t shipped = within(s, data, n, false), learning = within(s, data, n, true);
        print_message("# %s: %lld ‰ as shipped, %lld ‰ learning\n",
                      dialect_name(dialects[i]), (long long)shipped, (long long)learning);
        assert_in_range(shipped, 890, 920); /* neither too narrow nor too wide */
        assert_in_range(learning, 890, 970);
        estimator_free(&s);
    }
}

static void what_was_learned_tells_from_how_many(void **state)
{
    (void)state;
    struct estimator *s = make();
    const struct estimate_key k = {DIALECT_OPENAI, {"p", 1}, {"f", 1}, SCRIPT_LATIN};
    struct estimate before, after;
    estimate_range(s, &k, 10000, &before);
    assert_int_equal(before.n_learned, 0);
    for (int i = 0; i < 100; i++)
        estimate_learn(s, &k, 10000, before.tok);
    estimate_range(s, &k, 10000, &after);
    assert_int_equal(after.n_learned, 100);
    assert_true(after.high_tok - after.low_tok < before.high_tok - before.low_tok);
    estimate_range(s, &k, 0, &after); /* the frame is in it, at least */
    assert_int_equal(after.low_tok, 1);
    assert_true(after.high_tok > 4);
    estimator_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_told_apart),
        cmocka_unit_test(broken_text_is_only_odd),
        cmocka_unit_test(real_usage_moves_it_and_only_its_own_key),
        cmocka_unit_test(the_held_out_error_is_as_published),
        cmocka_unit_test(nine_of_ten_texts_are_in_the_range),
        cmocka_unit_test(what_was_learned_tells_from_how_many),
    };
    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
