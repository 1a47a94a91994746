/* test_sha256.c: the examples of FIPS 180-4's companion page, and lengths around a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/sha256.h"

#include <cmocka.h>

static void published_examples_hold(void **state)
{
    (void)state;
    /* csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values */
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnop"
         "qklm"
         "nopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    char text[SHA256_HEX_LEN + 1];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sha256_hex(str_of(rows[i].text), text);
        assert_string_equal(text, rows[i].want);
    }
}

static void a_million_letters_are_hashed(void **state)
{
    (void)state;
    static char a[1000000];
    char text[SHA256_HEX_LEN + 1];
    memset(a, 'a', sizeof a);
    sha256_hex((struct str){a, sizeof a}, text);
    assert_string_equal(
        text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void lengths_around_a_block_differ(void **state)
{
    (void)state;
    /* coreutils' sha256sum of so many letters "a": the padding's edges */
    static const struct {
        size_t len;
        const char *want;
    } rows[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
    };
    char a[65], text[SHA256_HEX_LEN + 1];
    memset(a, 'a', sizeof a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sha256_hex((struct str){a, rows[i].len}, text);
        assert_string_equal(text, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_hold),
        cmocka_unit_test(a_million_letters_are_hashed),
        cmocka_unit_test(lengths_around_a_block_differ),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
